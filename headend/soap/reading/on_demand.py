"""Readings asked of the meters themselves: orders to read, and an answer made of their ends.

The orders take their lanes like any other.  Which of them are open, and which have ended and are
not told of yet, stands in the answer's stream; it changes in the transaction that ends an order, so
that none is lost or told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headend.collection.asking import PROFILE, BadRead, Reads
from headend.domain.order import Kind
from headend.domain.reading import WantedObject
from headend.domain.reason import REASONS
from headend.orders.accept import Accepted, Submission, Wish
from headend.orders.inbox import Inbox, Received, Repeated
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, OutboundStream, Transaction
from headend.soap.desks import Call
from headend.soap.door.admission import OUR_NAME
from headend.soap.orders.answers import order_error
from headend.soap.outbound.messages import packed
from headend.soap.reading.asked import Meant, option, refused
from headend.soap.reading.later import correlated, stream_of
from headend.soap.reading.pages import Wanted
from headend.soap.reading.read_ends import ON_DEMAND, READS, Ends
from headend.soap.reading.reads_told import Reporting
from headend.soap.replying import octets
from headend.soap.taking import taken_in
from protocols.cim import exchange, replies
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Message
from protocols.cim.errors import Identifier, ReplyError, RequestRefused, meter_id
from protocols.cim.questions import ReadingQuestion
from protocols.cim.replies import Stamp

METERS_MAX = 1_000
ORIGIN = ("origen", "source")
_METER, _STORE = ("medidor", "meter"), ("sistema", "system")
_MOMENT = 12  # accumulation: instantaneous


def asks_meters(message: Message, asked: ReadingQuestion) -> bool:
    """Whether a question is for the meters, not for the store.

    Reading/source or Option `origen` says so: `medidor` or `sistema`.  Where neither does, values
    of the moment without a span are the meters': nobody stores them for an asker.  Raises
    `RequestRefused` (1.8) for another word.
    """
    said = option(message, *ORIGIN) or (asked.source or "").strip().lower()
    if said in _METER:
        return True
    if said in _STORE:
        return False
    if said:
        raise refused("1.8", f"ORIGEN_NO_ADMITIDO: {said[:40]}; medidor o sistema", "source")
    moment = all(each.reading_type.accumulation == _MOMENT for each in asked.quantities)
    return bool(asked.quantities) and moment and asked.start is None and asked.end is None


@dataclass(slots=True)
class OnDemand:
    """Takes such questions; `reporting` tells what came of them."""

    inbox: Inbox
    reads: Reads
    settling: Settling
    clock: Clock
    chance: Chance
    sync_wait_s: float
    reporting: Reporting

    def submission(
        self, tx: Transaction, call: Call, wanted: Wanted, of: Meant
    ) -> tuple[Submission, list[ReplyError]]:
        """The orders of a question, and errors about meters that cannot be read so."""
        header = call.message.header
        assert header is not None
        wishes: list[Wish] = []
        errors = list(of.errors)
        for name in of.meters:
            try:
                objects = self._objects(tx, name, wanted)
            except BadRead as error:
                details = f"LECTURA_NO_ADMITIDA: {str(error)[:200]}"
                errors.append(ReplyError("5.6", details, id=meter_id(name)))
                continue
            wishes.append(Wish(name, Kind.READ, objects=objects))
        return Submission(
            header.source or "unknown",
            tuple(wishes),
            message_id=header.message_id,
            correlation_id=header.correlation_id,
            reply_address=header.reply_address,
            noun=ON_DEMAND,
            generic=call.message.typed is None,
        ), errors

    def _objects(self, tx: Transaction, meter: str, wanted: Wanted) -> tuple[WantedObject, ...]:
        names = dict.fromkeys(each.name for each, _ in wanted.quantities if not each.profile)
        profiles = dict.fromkeys(each.profile for each, _ in wanted.quantities if each.profile)
        objects: tuple[WantedObject, ...] = ()
        if names:
            objects = self.reads.wanted(tx.meter(meter), list(names))
        if wanted.span is not None:
            objects += tuple(WantedObject(PROFILE, each, 2, "", *wanted.span) for each in profiles)
        return objects

    async def answer(self, call: Call, wanted: Wanted, of: Meant) -> bytes:
        """Place the orders; the acknowledgement, or what came of them where AsyncReplyFlag is false
        and all have ended in time.  Raises `RequestRefused`."""
        header = call.message.header
        assert header is not None
        if not wanted.named:
            raise refused(
                "5.8", "TIPO_DE_LECTURA_FALTA: a un medidor se le pide algo", "ReadingType"
            )
        if of.every:
            raise refused("5.8", "MEDIDOR_FALTA: se pide a medidores nombrados", "EndDevice")
        if len(of.meters) > METERS_MAX:
            raise refused("3.1", f"DEMASIADOS_MEDIDORES: se admiten {METERS_MAX}", "EndDevice")
        if not of.meters:
            raise RequestRefused(*of.errors)
        now = self.clock.now()
        received = Received(header.source or "unknown", header.message_id, call.digest, call.octets)
        waits = not header.async_reply

        def effect(tx: Transaction, transaction_id: str) -> tuple[Accepted, bytes]:
            submission, errors = self.submission(tx, call, wanted, of)
            accepted = self.reads.acceptance.accept(tx, submission, transaction_id, at=now)
            errors += [
                order_error(order, REASONS[order.reason].cim, REASONS[order.reason].details)
                for order in accepted.orders
                if order.final and order.reason is not None
            ]
            numbers = tuple(order.number for order in accepted.orders if not order.final)
            if numbers:
                held = Ends(numbers, (), now if waits else None)
                tx.add_stream(
                    OutboundStream(
                        stream_of(transaction_id), READS, held.written(), now,
                        packed(call.octets), header.reply_address,
                    )
                )  # fmt: skip
            return accepted, self._told(call.message, transaction_id, errors, bool(numbers))

        taken = await taken_in(self.inbox, received, effect)
        if isinstance(taken, Repeated):
            return taken.answer
        self.reads.acceptance.announce(taken.effect)
        numbers = [order.number for order in taken.effect.orders if not order.final]
        if waits and numbers:
            await self.settling.wait_for_end(numbers, self.sync_wait_s)
            found = await self.reporting.at_once(call.message, taken.transaction_id)
            if found is not None:
                return found
        return taken.answer

    def _told(
        self, to: Message, transaction_id: str, errors: Sequence[ReplyError], some: bool
    ) -> bytes:
        header = to.header
        assert header is not None
        stamp = Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=correlated(header, transaction_id).correlation_id,
        )
        ids = (Identifier(transaction_id, "transaction"),)
        result, told = Result.OK, [replies.ACKNOWLEDGEMENT]
        if errors and some:
            result, told = Result.PARTIAL, [ReplyError("0.1", level=Level.WARNING), *errors]
        elif errors:
            result, told = Result.FAILED, [*errors]
        return octets(exchange.answer(to, stamp, result, told, ids=ids))
