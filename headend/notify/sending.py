"""Delivers notices, each at least once: every worker takes what no other is just taking.

A try is counted, and its next one set, before it leaves: a worker that is killed delays a notice
and loses none.  What could not be delivered after all tries, or never can, is a dead letter, which
`ami notify dead` shows and `ami notify retry` sends again under the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from headend import trouble
from headend.config.notify import Notification
from headend.domain.event import Event, Incident, Subject
from headend.domain.notice import Notice, NoticeState, NoticeStep
from headend.notify.message import Said, said
from headend.ports import Chance, Clock, Store, Transaction

BATCH = 50
AT_ONCE = 8
LIVE_POLL_S = 5.0  # how soon a notice is noticed that another process made
REST_S = 5.0
LEASE_S = 180.0  # longer than any try
WAIT_FOR_FIRST_S = 5.0  # an end whose beginning is still on its way

_log = structlog.get_logger("notices")


class NotSent(Exception):
    """The other side was not reached, or had a passing trouble; tried again."""


class NeverSent(NotSent):
    """The other side refused it, or it may not go there: another try would come to nothing."""


class Way(Protocol):
    """One channel."""

    async def send(self, notice: Notice, what: Said) -> None:
        """Hand a notice over; return once it is taken.  Raises `NotSent` or `NeverSent`."""
        ...


@dataclass(frozen=True, slots=True)
class _Taken:
    notice: Notice
    what: Said


@dataclass(slots=True)
class Sending:
    """Delivers what is due, until cancelled."""

    store: Store
    clock: Clock
    chance: Chance
    policy: Notification
    ways: Mapping[str, Way]
    poll_s: float = LIVE_POLL_S
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Notices were made."""
        self._bell.set()

    async def run(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                try:
                    taken = await self._take()
                    for one in taken:
                        await slots.acquire()
                        task = group.create_task(self._deliver(one))
                        task.add_done_callback(lambda _: slots.release())
                    if not taken:
                        await self._wait()
                except Exception as error:
                    trouble.note(self.errors, _log, "notices rest", error)
                    await asyncio.sleep(REST_S)

    async def send_due(self) -> int:
        """Deliver what is due now; how many tries were made."""
        taken = await self._take()
        for one in taken:
            await self._deliver(one)
        return len(taken)

    async def _take(self) -> list[_Taken]:
        now = self.clock.now()
        lease = now + timedelta(seconds=LEASE_S)

        def work(tx: Transaction) -> list[_Taken]:
            taken: list[_Taken] = []
            for notice in tx.due_notices(now, BATCH):
                of = _subject(tx, notice)
                settled = _settled(tx, notice, of, now)
                if settled is not None:
                    tx.save_notice(settled)
                    continue
                counted = replace(notice, tries=notice.tries + 1, due_at=lease)
                tx.save_notice(counted)
                taken.append(_Taken(counted, said(notice, of)))
            return taken

        return await self.store.run(work)

    async def _deliver(self, taken: _Taken) -> None:
        notice = taken.notice
        try:
            way = self.ways.get(notice.channel)
            if way is None:
                raise NeverSent("there is no channel of this name in the configuration")
            async with asyncio.timeout(LEASE_S / 2):
                await way.send(notice, taken.what)
        except NeverSent as error:
            await self._settle(notice, str(error), never=True)
        except (NotSent, TimeoutError) as error:
            await self._settle(notice, str(error) or "no answer in time")
        except Exception as error:
            trouble.note(self.errors, _log, "a notice broke", error, channel=notice.channel)
            await self._settle(notice, trouble.in_a_line(error))
        else:
            await self._settle(notice, None)

    async def _settle(self, notice: Notice, why: str | None, *, never: bool = False) -> None:
        now = self.clock.now()
        if why is None:
            fresh = notice.sent(now)
        elif never or notice.tries >= self.policy.tries_max:
            fresh = notice.dead(why, now)
            _log.error("a notice is dead", channel=notice.channel, line=notice.line, why=why)
        else:
            fresh = replace(notice, due_at=now + self._rest(notice), trouble=why)
            _log.warning("a notice was not sent", channel=notice.channel, why=why)

        def work(tx: Transaction) -> None:
            known = tx.notice(notice.line)
            if known is not None and known.state is NoticeState.WAITING:
                tx.save_notice(fresh)

        try:
            await self.store.run(work)
        except Exception as error:  # it stays leased, and is sent once more
            trouble.note(self.errors, _log, "not noted what became of a notice", error)

    def _rest(self, notice: Notice) -> timedelta:
        policy = self.policy
        seconds = min(policy.retry_first_s * 2 ** min(notice.tries - 1, 16), policy.retry_max_s)
        jitter = self.chance.uniform(f"notice/{notice.channel}", 0.75, 1.25)
        return timedelta(seconds=seconds * jitter)

    async def _wait(self) -> None:
        due = await self.store.run(lambda tx: tx.next_notice_due())
        timeout = self.poll_s
        if due is not None:
            left = (due - self.clock.now()).total_seconds()
            timeout = min(timeout, max(0.05, left))
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            pass


def _subject(tx: Transaction, notice: Notice) -> Event | Incident | None:
    if notice.number is None:
        return None
    if notice.subject is Subject.EVENT:
        return tx.event(notice.number)
    return tx.incident(notice.number)


def _settled(
    tx: Transaction, notice: Notice, of: Event | Incident | None, now: datetime
) -> Notice | None:
    """What becomes of a notice that is not to leave now; None where it is."""
    if notice.step is NoticeStep.TEST:
        return None
    if of is None:
        return notice.dropped("it was another one, as came out meanwhile", now)
    if notice.step is NoticeStep.OVER:
        return _of_end(tx, notice, now)
    assert notice.subject is not None and notice.number is not None
    seen = tx.acknowledgement(notice.subject, notice.number)
    if seen is not None and notice.tries == 0:
        return notice.dropped(f"acknowledged by {seen.who}", now)
    if isinstance(of, Event) and of.incident is not None:
        return notice.dropped(f"part of incident {of.incident}", now)
    if isinstance(of, Incident) and of.merged_into is not None:
        return notice.dropped(f"part of incident {of.merged_into}", now)
    if isinstance(of, Incident) and notice.held and notice.tries == 0 and of.ended_at is not None:
        return notice.dropped("over before the quiet time was", now)
    return None


def _of_end(tx: Transaction, notice: Notice, now: datetime) -> Notice | None:
    """Of an end is told where the beginning was, and after it."""
    begun = tx.notices_of(notice, NoticeStep.NEW)
    if any(each.state is NoticeState.WAITING for each in begun):
        return replace(notice, due_at=now + timedelta(seconds=WAIT_FOR_FIRST_S))
    if not any(each.state is NoticeState.SENT for each in begun):
        return notice.dropped("its beginning was not told", now)
    return None
