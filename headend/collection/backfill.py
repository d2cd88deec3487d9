"""Asks again for what the ledger misses, until the service level's end: the duty and its pace.

Concentrators are asked in waves; a meter that the head-end reads by itself gets an order for just
the gaps.  Who was asked rests, longer each time, so that a dead meter is left alone, until it, or
its concentrator, comes back.  What is known lives in the store: a restart, or another worker that
takes the duty over, goes on with it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.asking import Reads
from headend.collection.decoding import Undecodable, rows_of
from headend.collection.groups import groups_by_profile
from headend.collection.waves import Due, begin_wave, chosen_of, count_direct
from headend.config import CollectionPolicy
from headend.domain.backfill import Ask, Lacking, LookedAt, over, proven_absent, worth_asking
from headend.domain.interval import CollectedBlock
from headend.domain.ledger import Gap
from headend.domain.order import SCHEDULED, State
from headend.orders.accept import Overloaded
from headend.ports import Clock, Store, Transaction
from protocols.concentrator.messages import LinkChanged, Online

SOURCE = "backfill"
AT_ONCE = 200
"""Meters that one transaction looks at: orders wait for no longer."""
SPANS_MAX = 16
"""Gaps that one order asks for; the earliest ones come first."""
DIRECT = ""
"""The lane of all meters that the head-end reads by itself, where its asks are counted."""

TOGETHER_S = 60.0
"""After one has come back: where a network does, many come, and one look is for all of them."""

_log = structlog.get_logger("collection")


@dataclass(slots=True)
class Backfill:
    """See the module.  `profiles` are those that are collected, with their capture periods;
    `renew` has a concentrator's table of tasks made anew, and `present` tells who is on line."""

    store: Store
    clock: Clock
    reads: Reads
    policy: CollectionPolicy
    zone: ZoneInfo
    profiles: dict[str, int]
    renew: Callable[[str], Awaitable[None]]
    present: Callable[[], Iterable[str]]
    errors: list[Exception] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until cancelled."""
        while self.profiles and self.policy.backfill.enabled:
            self._news.clear()
            try:
                await self.look()
            except Exception as error:
                trouble.note(self.errors, _log, "no back-fill", error)
            try:
                async with asyncio.timeout(self.policy.backfill.look_s):
                    await self._news.wait()
                    await asyncio.sleep(TOGETHER_S)
            except TimeoutError:
                pass

    # --- who comes back --------------------------------------------------------------------------

    async def online(self, concentrator: str, word: Online) -> bool:
        """A concentrator is back: who of it rests need not rest any longer."""
        if await self._hasten(concentrator):
            self._news.set()
        return False

    async def link_changed(self, concentrator: str, word: LinkChanged) -> bool:
        """A meter of it is back: the next look asks it."""
        if word.link.registered:
            await self._hasten(concentrator, word.link.meter)
        return False

    async def _hasten(self, concentrator: str, meter: str | None = None) -> bool:
        now = self.clock.now()
        rested = now - timedelta(seconds=self.policy.backfill.rest_first_s)

        def work(tx: Transaction) -> bool:
            return tx.hasten_asks(now, rested_since=rested, lane=concentrator, meter=meter)

        return await self.store.run(work)

    # --- a look through the ledger ---------------------------------------------------------------

    async def look(self) -> None:
        """Give up what is over, and ask for the rest as far as it is its turn."""
        due: dict[str, list[Due]] = defaultdict(list)
        for profile, period_s in self.profiles.items():
            at, after = self.looked_at(profile, period_s), ""
            while True:
                found, looked = await self.store.run(_parting(self._part, at, after))
                if not looked:
                    break
                after = looked[-1]
                for each in found:
                    due[each.lacking.lane or DIRECT].append(each)
        await self._ask_directly(due.pop(DIRECT, []))
        there = set(self.present())
        waves = await self.store.run(lambda tx: tx.waves())
        running = {wave.lane for wave in waves if wave.tasks}
        for lane in sorted((set(due) & there) | running):
            if await self.store.run(self._wave(lane, due.get(lane, ()))) and lane in there:
                await self.renew(lane)

    def looked_at(self, profile: str, period_s: int) -> LookedAt:
        """The days that ended long enough ago, within the service level, and two before it."""
        now = self.clock.now()
        ripe = now - timedelta(seconds=self.policy.backfill.after_s)
        last = ripe.astimezone(self.zone).date() - timedelta(days=1)
        back = timedelta(seconds=self.policy.asked_for_s) + timedelta(days=2)
        first = (now - back).astimezone(self.zone).date()
        return LookedAt(profile, period_s, min(first, last), last, self.zone, now)

    def _part(self, tx: Transaction, at: LookedAt, after: str) -> tuple[list[Due], list[str]]:
        """Some meters of a look: what of them is due, and who they were."""
        found, looked = tx.lacking(at, after=after, limit=AT_ONCE)
        if not looked:
            return [], []
        found = self._collected(tx, at.profile, found)
        given_up = tx.given_up_of(looked, at.profile, at.first, at.last)
        asks = tx.asks_of(looked, at.profile)
        due = []
        for each in found:
            ask = asks.pop(each.meter, None)
            gone = {day.day for day in given_up.get(each.meter, ())}
            proven = [] if ask is None else self._proven(tx, each, ask)
            ended = over(each, gone, ask, proven, now=at.now, sla_s=self.policy.asked_for_s)
            tx.give_up(ended)
            gone |= {day.day for day in ended}
            gaps = worth_asking(each, gone, now=at.now.timestamp(), sla_s=self.policy.asked_for_s)
            gaps = tuple(gap for gap in gaps if gap not in proven)
            if gaps and (ask is None or ask.next_at <= at.now):
                due.append(Due(each, gaps, 0 if ask is None else ask.asked))
        if asks:
            tx.forget_asks(list(asks), at.profile)  # they lack nothing any more
        return due, looked

    def _collected(self, tx: Transaction, profile: str, found: list[Lacking]) -> list[Lacking]:
        """Those of whom the profile is collected: a task may be for a group alone."""
        groups = groups_by_profile(self.policy.task, self.reads.shelf).get(profile, [])
        if not groups or any(group.everyone for group in groups):
            return found
        names = [each.meter for each in found]
        wanted = {meter.name for group in groups for meter in tx.group_members(group, among=names)}
        return [each for each in found if each.meter in wanted]

    def _proven(self, tx: Transaction, lacking: Lacking, ask: Ask) -> list[Gap]:
        """What the meter is known not to hold, by what the last asking brought."""
        if ask.lane is None:
            return proven_absent(lacking, ask.since, _read_by_order(tx, ask))
        blocks = tx.blocks_of_task(lacking.meter, ask.task)
        return proven_absent(lacking, ask.since, _read_by_task(tx, blocks, self.zone))

    # --- asking ----------------------------------------------------------------------------------

    def _wave(self, lane: str, due: Sequence[Due]) -> Callable[[Transaction], bool]:
        now, policy = self.clock.now(), self.policy.backfill
        return lambda tx: begin_wave(tx, lane, due, now=now, zone=self.zone, policy=policy)

    async def _ask_directly(self, due: Sequence[Due]) -> None:
        now, policy = self.clock.now(), self.policy.backfill
        known = await self.store.run(lambda tx: tx.wave_of(DIRECT))
        asked = []
        for each in chosen_of(known, due, now=now, zone=self.zone, policy=policy):
            gaps = each.gaps[:SPANS_MAX]
            key = f"{SOURCE}/{each.lacking.profile}/{each.lacking.meter}/{now:%Y%m%dT%H%M%SZ}"
            try:
                await self.reads.place_rows(
                    each.lacking.meter,
                    each.lacking.profile,
                    [(_moment(gap.begin), _moment(gap.end)) for gap in gaps],
                    source=SOURCE,
                    deadline=now + timedelta(seconds=policy.look_s),
                    priority=SCHEDULED + 1,
                    correlation_id=key,
                )
            except Overloaded:
                _log.warning("too many orders wait; back-fill is left to the next look")
                break
            asked.append(each.ask(key, each.since, now, policy))
        if asked:
            await self.store.run(lambda tx: self._note_asked(tx, asked, now))

    def _note_asked(self, tx: Transaction, asked: Sequence[Ask], now: datetime) -> None:
        for ask in asked:
            tx.put_ask(ask)
        policy = self.policy.backfill
        count_direct(tx, DIRECT, len(asked), now=now, zone=self.zone, policy=policy)


def _parting(
    part: Callable[[Transaction, LookedAt, str], tuple[list[Due], list[str]]],
    at: LookedAt,
    after: str,
) -> Callable[[Transaction], tuple[list[Due], list[str]]]:
    return lambda tx: part(tx, at, after)


def _read_by_order(tx: Transaction, ask: Ask) -> int | None:
    """Up to when an order that is done has read."""
    orders = [each for each in tx.orders_of(correlation_id=ask.task) if each.state is State.DONE]
    ends = [wanted.until for order in orders for wanted in order.objects if wanted.until]
    return round(max(ends).timestamp()) + 1 if ends else None


def _read_by_task(tx: Transaction, blocks: Sequence[CollectedBlock], zone: ZoneInfo) -> int | None:
    """The newest row that a task has brought of a meter; None where a part of it was lost on the
    way, or cannot be read: the gap may be there."""
    newest: int | None = None
    for place, block in enumerate(blocks, 1):
        if block.number != place or block.layout is None or block.trouble:
            return None
        try:
            rows = rows_of(
                block.octets,
                tx.layout(block.layout),
                number=block.layout,
                now=block.received_at,
                late_after_s=float("inf"),
                read_at=block.read_at,
                zone=zone,
            )
        except Undecodable:
            return None
        newest = max((row.at for row in rows), default=newest)
    return newest


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
