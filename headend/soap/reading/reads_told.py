"""What meters said when they were asked, told as their orders end.

Orders that have ended since are told of in one message: PARTIAL with 0.1 while others are open, 0.2
with the last.  What could not be read has its reason, an Error for each meter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import msgspec
import structlog

from headend import trouble
from headend.collection import series
from headend.domain.order import Order, State
from headend.domain.reason import REASONS
from headend.ports import Chance, Clock, OutboundStream, Store, StoreUnavailable, Transaction
from headend.soap.door.admission import OUR_NAME
from headend.soap.orders.answers import order_error
from headend.soap.outbound.messages import kept
from headend.soap.reading.asked import wants_gzip
from headend.soap.reading.later import AHEAD, correlated, question_in, stream_of, told_later
from headend.soap.reading.pages import Page, Position, Wanted, position
from headend.soap.reading.read_ends import READS, Ends, ends_in
from headend.soap.replying import octets
from protocols.cim import compression, exchange, meter_readings
from protocols.cim.codes import Level, Result
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, meter_id
from protocols.cim.meter_readings import Series
from protocols.cim.replies import Stamp

ORDERS_AT_ONCE = 50
OPEN_POLL_S = 5.0  # while some are open: their orders may end in another process
POLL_S = 60.0
REST_S = 5.0
HELD = timedelta(minutes=5)
"""After it nobody waits at the door any more, whatever became of who did."""

_log = structlog.get_logger("reads")


class Stored(Protocol):
    """What a question asks of the store."""

    def wanted(self, message: Message) -> tuple[Wanted, str]: ...
    async def values(self, wanted: Wanted, after: Position | None) -> Page: ...


@dataclass(slots=True)
class Reporting:
    """One worker's duty, but for who waits at the door.  `posted` is told when messages were."""

    store: Store
    stored: Stored
    clock: Clock
    chance: Chance
    posted: Callable[[], None]
    poll_s: float = POLL_S
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """An order has ended, or a message was acknowledged."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            wait_s = self.poll_s
            try:
                if await self.look():
                    wait_s = OPEN_POLL_S
            except StoreUnavailable:
                wait_s = REST_S
            except Exception as error:
                trouble.note(self.errors, _log, "reads wait to be told", error)
                wait_s = REST_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def look(self) -> bool:
        """Tell of what has ended; whether anything is open."""
        now = self.clock.now()

        def work(tx: Transaction) -> tuple[list[OutboundStream], bool]:
            every = tx.streams(READS)
            some = [
                each
                for each in every
                if (ends := ends_in(each)).ended
                and (ends.held is None or now - ends.held > HELD)
                and tx.outbound_waiting(each.name) < AHEAD
            ]
            return some, bool(every)

        streams, any_open = await self.store.run(work)
        for stream in streams:
            await self._tell(stream)
        return any_open

    async def at_once(self, question: Message, transaction_id: str) -> bytes | None:
        """The whole answer, where every order has ended; otherwise it comes later, and this is
        None.  What is told at once is kept as the first answer to the message."""
        name = stream_of(transaction_id)

        def ended(tx: Transaction) -> OutboundStream | None:
            stream = tx.stream(name)
            if stream is None:
                return None
            ends = ends_in(stream)
            if ends.open:
                tx.move_stream(name, msgspec.structs.replace(ends, held=None).written())
                return None
            return stream

        stream = await self.store.run(ended)
        if stream is None:
            self.wake()
            return None
        header = question.header
        assert header is not None
        asked = replace(question, header=correlated(header, transaction_id))
        orders = await self._orders(ends_in(stream).ended)
        found, errors = await self._found(asked, orders)
        message = self._message(asked, found, errors, last=True, first=True)
        answer = octets(message, wants_gzip(asked))

        def settle(tx: Transaction) -> bool:
            now = tx.stream(name)
            if now is None or now.cursor != stream.cursor:
                return False
            tx.end_stream(name)
            tx.set_answer(transaction_id, answer)
            return True

        return answer if await self.store.run(settle) else None

    async def _tell(self, stream: OutboundStream) -> None:
        question = question_in(stream)
        ends = ends_in(stream)
        told, rest = ends.ended[:ORDERS_AT_ONCE], ends.ended[ORDERS_AT_ONCE:]
        last = not ends.open and not rest
        found, errors = await self._found(question, await self._orders(told))
        message = self._message(question, found, errors, last=last, first=False)
        message = told_later(message, stream.name.rpartition("/")[2])
        if wants_gzip(question) and message.payload is not None:
            message = compression.compressed(message)
        owed = kept(message, stream.name, stream.address)

        def work(tx: Transaction) -> bool:
            now = tx.stream(stream.name)
            if now is None:
                return False
            known = ends_in(now)
            if known.ended[: len(told)] != told:
                return False  # another worker was faster
            if last and known.open:
                return False
            tx.post_outbound(owed)
            if last:
                tx.end_stream(stream.name)
            else:
                left = Ends(known.open, known.ended[len(told) :])
                tx.move_stream(stream.name, left.written())
            return True

        if await self.store.run(work):
            self.posted()
            if rest:
                self.wake()

    async def _orders(self, numbers: Sequence[int]) -> list[Order]:
        def work(tx: Transaction) -> list[Order]:
            return [order for number in numbers if (order := tx.order(number)) is not None]

        return await self.store.run(work)

    async def _found(
        self, question: Message, orders: Sequence[Order]
    ) -> tuple[list[Series], list[ReplyError]]:
        wanted, _ = self.stored.wanted(question)
        found: list[Series] = []
        errors: list[ReplyError] = []
        for order in orders:
            if order.state is not State.DONE:
                errors.append(_why(order))
                continue
            told = _registers(order, wanted) + await self._rows(order, wanted)
            found += told
            here = {one.reading_type for one in told}
            errors += (
                ReplyError("5.7", f"LECTURA_SIN_VALOR: {code}", id=meter_id(order.meter))
                for _, code in wanted.quantities
                if code not in here
            )
        return found, errors

    async def _rows(self, order: Order, wanted: Wanted) -> list[Series]:
        """The rows that the order brought are in the store by now, beside those from before."""
        profiles = tuple(each for each in wanted.quantities if each[0].profile)
        if not profiles:
            return []
        question = replace(
            wanted.question, meters=(MeterRef(order.meter),), usage_points=(), groups=()
        )
        of = replace(wanted, question=question, quantities=profiles, estimates=False)
        found: list[Series] = []
        after: Position | None = None
        while True:
            page = await self.stored.values(of, after)
            found += page.series
            if page.after is None:
                return found
            after = position(page.after)

    def _message(
        self,
        to: Message,
        found: list[Series],
        errors: Sequence[ReplyError],
        *,
        last: bool,
        first: bool,
    ) -> Message:
        header = to.header
        assert header is not None
        stamp = Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=header.correlation_id,
        )
        record = meter_readings.write(found) if found else None
        if not last:
            told = [ReplyError("0.1", level=Level.INFORM), *errors]
            return exchange.answer(to, stamp, Result.PARTIAL, told, record)
        if first and not errors:
            return exchange.answer(to, stamp, Result.OK, (), record)
        if first and record is None:
            return exchange.answer(to, stamp, Result.FAILED, errors)
        told = [ReplyError("0.2", level=Level.INFORM), *errors]
        return exchange.answer(to, stamp, Result.PARTIAL, told, record)


def _registers(order: Order, wanted: Wanted) -> list[Series]:
    found = []
    for quantity, code in wanted.quantities:
        values = [] if quantity.profile else series.of_registers(quantity, order.readings)
        if values:
            found.append(
                Series(reading_type=code, values=tuple(values), meter=MeterRef(order.meter))
            )
    return found


def _why(order: Order) -> ReplyError:
    if order.reason is None:
        return order_error(order, "5.3", f"LECTURA_NO_HECHA: la orden terminó {order.state}")
    row = REASONS[order.reason]
    return order_error(order, row.cim, row.details)
