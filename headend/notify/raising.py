"""From changes to notices: each rule opens one case for an event or incident, and tells it once.

The place up to which changes were looked at moves in the transaction that adds the notices, so
that a crash neither loses nor doubles one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.config.notify import NotifyRule
from headend.domain.change import Change, ChangeKind
from headend.domain.event import Event, Incident, Subject
from headend.domain.notice import Case, Notice, NoticeStep
from headend.notify.rules import Happening, concerns, loudest, severity_of
from headend.ports import Chance, Clock, Store, Transaction

BATCH = 200
MARK = "notified"
REST_S = 5.0
STALE_S = 86_400.0
POLL_S = 60.0
_SUBJECTS = {ChangeKind.EVENT: Subject.EVENT, ChangeKind.INCIDENT: Subject.INCIDENT}

_log = structlog.get_logger("notices")

Places = Callable[[Transaction, Event | Incident], frozenset[str]]
"""The codes of the places in which something happened."""


@dataclass(slots=True)
class Raising:
    """One worker's duty.  `joining_s`: how long an event may wait for its incident."""

    store: Store
    clock: Clock
    chance: Chance
    rules: Sequence[NotifyRule]
    zone: ZoneInfo
    joining_s: float
    places: Places
    made: Callable[[], None] = lambda: None
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Changes were numbered."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            try:
                while await self.look():
                    pass
                due = await self.again()
                await self._wait(due)
            except Exception as error:
                trouble.note(self.errors, _log, "notices wait", error)
                await asyncio.sleep(REST_S)

    async def look(self) -> bool:
        """Take a batch of changes; whether there may be more."""
        now = self.clock.now()

        def work(tx: Transaction) -> int:
            found = tx.changes(tx.change_mark(MARK), BATCH)
            for change in found:
                self._take(tx, change, now)
            if found:
                tx.set_change_mark(MARK, found[-1].position)
            return len(found)

        count = await self.store.run(work)
        if count:
            self.made()
        return count == BATCH

    async def again(self) -> datetime | None:
        """Tell again what nobody has acknowledged; when that is due next."""
        now = self.clock.now()

        def work(tx: Transaction) -> tuple[int, datetime | None]:
            cases = tx.cases_to_tell_again(now, BATCH)
            for case in cases:
                self._again(tx, case, now)
            return len(cases), tx.next_case_due()

        count, due = await self.store.run(work)
        if count:
            self.made()
        return due

    # --- one change ------------------------------------------------------------------------------

    def _take(self, tx: Transaction, change: Change, now: datetime) -> None:
        subject = _SUBJECTS.get(change.kind)
        if subject is None or change.number is None:
            return
        if (now - change.at).total_seconds() > STALE_S:
            return  # of a time when no rule was there, or nobody looked
        if change.what == "acknowledged":
            for seen in tx.cases_of(subject, change.number):
                tx.put_case(replace(seen, next_at=None))
            return
        of: Event | Incident | None
        of = tx.event(change.number) if subject is Subject.EVENT else tx.incident(change.number)
        if of is None:
            return  # it was another one, as came out meanwhile
        happening = Happening(of, lambda: self.places(tx, of))
        for rule in self.rules:
            case = tx.case(rule.name, subject, of.number)
            if case is None:
                if not _over(of) and concerns(rule, happening):
                    self._open(tx, rule, of, change.at, now)
            elif isinstance(of, Incident):
                self._go_on(tx, rule, case, of, now)

    def _open(
        self,
        tx: Transaction,
        rule: NotifyRule,
        of: Event | Incident,
        since: datetime,
        now: datetime,
    ) -> None:
        subject = Subject.EVENT if isinstance(of, Event) else Subject.INCIDENT
        if tx.acknowledgement(subject, of.number) is not None:
            return
        case = Case(rule.name, subject, of.number, severity_of(of), now)
        wait_s = rule.wait_s
        if isinstance(of, Event) and of.kind is not None:
            wait_s = max(wait_s, self.joining_s)
        self._begin(tx, rule, case, now, max(now, since + timedelta(seconds=wait_s)))

    def _begin(
        self, tx: Transaction, rule: NotifyRule, case: Case, now: datetime, at: datetime
    ) -> None:
        if rule.again_after_s is not None:
            case = replace(case, next_at=at + timedelta(seconds=rule.again_after_s))
        tx.put_case(case)
        self._tell(tx, rule, rule.channels, case, NoticeStep.NEW, now, at)

    def _go_on(
        self, tx: Transaction, rule: NotifyRule, case: Case, of: Incident, now: datetime
    ) -> None:
        if case.over_at is None and _over(of):
            tx.put_case(replace(case, over_at=now, next_at=None))
            if rule.over and of.merged_into is None and of.members:
                self._tell(tx, rule, rule.channels, case, NoticeStep.OVER, now, now)
        elif case.over_at is not None and not _over(of):
            fresh = replace(case, over_at=None, round=case.round + 1, told_again=0)
            self._begin(tx, rule, fresh, now, now + timedelta(seconds=rule.wait_s))

    # --- notices ---------------------------------------------------------------------------------

    def _again(self, tx: Transaction, case: Case, now: datetime) -> None:
        rule = next((each for each in self.rules if each.name == case.rule), None)
        seen = tx.acknowledgement(case.subject, case.number) is not None
        if rule is None or rule.again_after_s is None or seen or case.over_at is not None:
            tx.put_case(replace(case, next_at=None))
            return
        told = case.told_again + 1
        more = told < rule.again_times
        next_at = now + timedelta(seconds=rule.again_after_s) if more else None
        tx.put_case(replace(case, told_again=told, next_at=next_at))
        channels = rule.again_channels or rule.channels
        self._tell(tx, rule, channels, case, NoticeStep.AGAIN, now, now)

    def _tell(
        self,
        tx: Transaction,
        rule: NotifyRule,
        channels: Sequence[str],
        case: Case,
        step: NoticeStep,
        now: datetime,
        at: datetime,
    ) -> None:
        due = loudest(rule.quiet, case.severity, at, self.zone)
        for channel in channels:
            notice = Notice(
                self.chance.uuid(), rule.name, channel, step, case.subject, case.number,
                case.severity, now, due, case.round, held=due > at,
            )  # fmt: skip
            tx.add_notice(self._within(tx, rule, notice, now))

    def _within(self, tx: Transaction, rule: NotifyRule, notice: Notice, now: datetime) -> Notice:
        """The notice, dropped where its rule has made too many within the hour."""
        if notice.step is NoticeStep.OVER:
            return notice
        if tx.notices_made_since(rule.name, now - timedelta(hours=1)) < rule.per_hour_max:
            return notice
        why = f"more than {rule.per_hour_max} of this rule within an hour"
        return notice.dropped(why, now)

    async def _wait(self, due: datetime | None) -> None:
        timeout = POLL_S
        if due is not None:
            timeout = min(POLL_S, max(0.05, (due - self.clock.now()).total_seconds()))
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            pass


def _over(of: Event | Incident) -> bool:
    if isinstance(of, Event):
        return False
    return of.ended_at is not None or of.merged_into is not None or not of.members
