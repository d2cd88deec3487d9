"""Answers that come later: all pages of one, each with the CorrelationID of its question.

The question is kept with its acknowledgement.  One worker makes the pages: it reads one, and posts
it in the transaction that moves the stream on, so that a crash neither loses nor doubles a page.
No more than a few wait for their consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from headend import trouble
from headend.orders.inbox import Inbox, Received, Repeated
from headend.ports import Chance, Clock, OutboundStream, Store, StoreUnavailable, Transaction
from headend.soap.desks import Call
from headend.soap.door.admission import OUR_NAME
from headend.soap.door.raw_soap import body_of
from headend.soap.outbound.messages import kept, packed, unpacked
from headend.soap.reading.asked import wants_gzip
from headend.soap.replying import octets
from headend.soap.taking import taken_in
from protocols.cim import compression, envelope, exchange, extensions, replies, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Header, Message, Request
from protocols.cim.errors import Identifier, RequestRefused
from protocols.cim.get import PAGE, following, next_page
from protocols.cim.nouns import subject
from protocols.cim.replies import Stamp

AHEAD = 2
"""Pages of one answer that wait for their consumer; the next is made when one was acknowledged."""
PAGES = "pages"
POLL_S = 60.0
REST_S = 5.0

_log = structlog.get_logger("answers")


class Asked(Protocol):
    """Answers questions of a noun, a page at a time."""

    async def page(self, message: Message) -> Message:
        """The page that a question asks for.  Raises `RequestRefused` and `StoreUnavailable`."""
        ...


def stream_of(transaction_id: str) -> str:
    """What an answer's messages are called together."""
    return f"answer/{transaction_id}"


def question_in(stream: OutboundStream) -> Message:
    """The question that a stream answers, under the CorrelationID of all its messages."""
    body = body_of(xml.parse(unpacked(stream.request)))
    extensions.set_aside(body)
    message = compression.opened(envelope.read(body))
    assert message.header is not None
    transaction_id = stream.name.rpartition("/")[2]
    return replace(message, header=correlated(message.header, transaction_id))


def correlated(header: Header, transaction_id: str) -> Header:
    """A question's header with the CorrelationID that its answers have."""
    correlation_id = header.correlation_id or header.message_id or transaction_id
    return replace(header, correlation_id=correlation_id)


def told_later(message: Message, transaction_id: str) -> Message:
    """A reply as it is sent: in the noun's own namespace, as its Reply WSDL has it, and naming the
    transaction instead of a further page."""
    assert message.reply is not None
    typed = None if message.typed is None else subject(message.typed)
    ids = (Identifier(transaction_id, "transaction"),)
    return replace(message, typed=typed, reply=replace(message.reply, ids=ids))


@dataclass(slots=True)
class Later:
    """Keeps questions whose answers come later.  `woken` is told of each."""

    inbox: Inbox
    clock: Clock
    chance: Chance
    woken: Callable[[], None]

    async def promise(self, call: Call) -> bytes:
        """Keep a question; the acknowledgement.  Raises `RequestRefused`."""
        header = call.message.header
        assert header is not None
        now = self.clock.now()
        message = Received(header.source or "unknown", header.message_id, call.digest, call.octets)

        def effect(tx: Transaction, transaction_id: str) -> tuple[None, bytes]:
            tx.add_stream(
                OutboundStream(
                    stream_of(transaction_id), PAGES, "", now, packed(call.octets),
                    header.reply_address,
                )
            )  # fmt: skip
            stamp = Stamp(
                source=OUR_NAME,
                message_id=self.chance.uuid(),
                at=now,
                correlation_id=correlated(header, transaction_id).correlation_id,
            )
            ids = (Identifier(transaction_id, "transaction"),)
            errors = (replies.ACKNOWLEDGEMENT,)
            return None, octets(exchange.answer(call.message, stamp, Result.OK, errors, ids=ids))

        taken = await taken_in(self.inbox, message, effect)
        if not isinstance(taken, Repeated):
            self.woken()
        return taken.answer


@dataclass(slots=True)
class Answering:
    """One worker's duty.  `desks` by noun; `posted` is told when messages were."""

    store: Store
    clock: Clock
    chance: Chance
    desks: Mapping[str, Asked]
    posted: Callable[[], None]
    poll_s: float = POLL_S
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """A question came, or a page was acknowledged."""
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
                trouble.note(self.errors, _log, "answers wait", error)
                await asyncio.sleep(REST_S)
            try:
                async with asyncio.timeout(self.poll_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def look(self) -> bool:
        """Make one page of each answer that is owed; whether any was made."""

        def work(tx: Transaction) -> list[OutboundStream]:
            return [each for each in tx.streams(PAGES) if tx.outbound_waiting(each.name) < AHEAD]

        made = False
        for stream in await self.store.run(work):
            made |= await self._page(stream)
        if made:
            self.posted()
        return made

    async def _page(self, stream: OutboundStream) -> bool:
        question = question_in(stream)
        transaction_id = stream.name.rpartition("/")[2]
        asked = question
        if stream.cursor:
            asked = following(question, Identifier(stream.cursor, "other", PAGE))
        page = await self._answered(asked)
        after = next_page(page)
        message = told_later(page, transaction_id)
        if wants_gzip(question) and message.payload is not None:
            message = compression.compressed(message)
        owed = kept(message, stream.name, stream.address)

        def work(tx: Transaction) -> bool:
            now = tx.stream(stream.name)
            if now is None or now.cursor != stream.cursor:
                return False  # another worker was faster
            tx.post_outbound(owed)
            if after is None:
                tx.end_stream(stream.name)
            else:
                tx.move_stream(stream.name, after.value)
            return True

        return await self.store.run(work)

    async def _answered(self, question: Message) -> Message:
        header = question.header
        assert header is not None
        try:
            return await self.desks[subject(header.noun)].page(question)
        except RequestRefused as refused:  # it was readable when it came
            stamp = Stamp(
                source=OUR_NAME,
                message_id=self.chance.uuid(),
                at=self.clock.now(),
                correlation_id=header.correlation_id,
            )
            bare = replace(question, request=Request())
            return exchange.answer(bare, stamp, Result.FAILED, refused.errors)
