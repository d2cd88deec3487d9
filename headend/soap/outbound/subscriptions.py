"""`created` MeterReadings and EndDeviceEvents: what comes, told to who is configured, once each.

How far a subscriber has come is a position among the changes.  It moves in the transaction that
posts the messages made of them: a crash neither loses nor doubles one.  A subscriber that does not
acknowledge is told no more than a few messages; the rest waits as changes, which are kept for
`[notification] keep_s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.domain.change import Change
from headend.ports import Chance, Clock, OutboundStream, Store, StoreUnavailable, Transaction
from headend.soap.door.admission import OUR_NAME
from headend.soap.outbound.messages import kept
from headend.soap.outbound.news import Interest, News, by_meter, news
from headend.soap.reading.asked import Reading
from headend.soap.reading.events_told import EVENTS_MAX, record
from headend.store import change_queries
from headend.store import told_queries as queries
from protocols.cim import exchange, meter_readings
from protocols.cim.envelope import Message
from protocols.cim.exchange import Style
from protocols.cim.record import Record
from protocols.cim.replies import Stamp
from protocols.concentrator.collecting import Layout

BATCH = 50
SUBSCRIBER = "subscriber"
POLL_S = 60.0
REST_S = 5.0

_log = structlog.get_logger("subscribers")


@dataclass(slots=True)
class Subscriptions:
    """One worker's duty.  `posted` is told when messages were."""

    store: Store
    read: Reading
    clock: Clock
    chance: Chance
    zone: ZoneInfo
    interests: Sequence[Interest]
    posted: Callable[[], None]
    poll_s: float = POLL_S
    errors: list[Exception] = field(default_factory=list)
    _layouts: dict[int, Layout] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Changes were numbered, or a message was acknowledged."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            try:
                while await self.look():
                    pass
            except StoreUnavailable:
                await asyncio.sleep(REST_S)
                continue
            except Exception as error:
                trouble.note(self.errors, _log, "subscribers wait", error)
                await asyncio.sleep(REST_S)
            try:
                async with asyncio.timeout(self.poll_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def look(self) -> bool:
        """Take a batch of changes for each subscriber; whether there may be more."""
        more = False
        for each in self.interests:
            more |= await self._look(each)
        return more

    async def _look(self, of: Interest) -> bool:
        name = f"{SUBSCRIBER}/{of.subscriber.name}"
        head = await self.read(change_queries.head)

        def where(tx: Transaction) -> str | None:
            """How far it has come; None where too much waits for it.  A new one begins here."""
            stream = tx.stream(name)
            if stream is None:
                now = self.clock.now()
                tx.add_stream(OutboundStream(name, SUBSCRIBER, str(head), now))
                return str(head)
            waiting = tx.outbound_waiting(name)
            return stream.cursor if waiting < of.subscriber.waiting_max else None

        cursor = await self.store.run(where)
        if cursor is None:
            return False
        found = await self._news(of, int(cursor))
        if found is None:
            return False
        owed = [kept(each, name, of.subscriber.address) for each in self._messages(of, found)]

        def post(tx: Transaction) -> bool:
            stream = tx.stream(name)
            if stream is None or stream.cursor != cursor:
                return False  # another worker was faster
            for each in owed:
                tx.post_outbound(each)
            tx.move_stream(name, str(found.position))
            return True

        if await self.store.run(post) and owed:
            self.posted()
        return True

    async def _news(self, of: Interest, after: int) -> News | None:
        def query(connection: queries.Connection) -> News | None:
            changes: list[Change] = change_queries.changes(connection, after, BATCH)
            if not changes:
                return None
            if changes[0].position > after + 1:
                _log.error("changes are gone", subscriber=of.subscriber.name, after=after)
            try:
                return news(connection, of, changes, self._layouts, self.zone)
            except KeyError:  # of a layout that came since
                self._layouts = queries.layouts(connection)
                return news(connection, of, changes, self._layouts, self.zone)

        return await self.read(query)

    def _messages(self, of: Interest, found: News) -> Iterator[Message]:
        room = of.subscriber.values_max
        for readings in meter_readings.pages(by_meter(found.series), room):
            yield self._message(of, readings)
        for start in range(0, len(found.events), EVENTS_MAX):
            yield self._message(of, record(found.events[start : start + EVENTS_MAX]))

    def _message(self, of: Interest, content: Record) -> Message:
        message_id = self.chance.uuid()
        stamp = Stamp(
            source=OUR_NAME,
            message_id=message_id,
            at=self.clock.now(),
            correlation_id=message_id,
        )
        style = Style(typed=not of.subscriber.generic, ack_required=of.subscriber.ack)
        return exchange.event("created", content, stamp, style)
