"""GetMeterConfig, GetEndDeviceConfig, GetUsagePointConfig and GetMasterDataLinkageConfig.

Objects by mRID or name, or all there are, in the order of their names.  What does not fit into
one answer comes in pages: PARTIAL with 0.1, and Reply/ID of type `Pagina`, which the same question
carries in Request/ID to get the next; the last has 0.2.  Removed meters and retired usage points
are told to who names them, and not among all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from headend.ports import Chance, Clock, StoreUnavailable, Transaction
from headend.soap.desks import Call
from headend.soap.door.admission import OUR_NAME
from headend.soap.reading.asked import mark_of, page_id, page_of, wants_gzip
from headend.soap.reading.later import Later
from headend.soap.registry.finding import Key, Page, page_of_things, records_of
from headend.soap.registry.refusals import refused
from headend.soap.replying import octets
from headend.soap.taking import STORE_AWAY
from protocols.cim import codec, exchange, questions
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Payload
from protocols.cim.errors import Identifier, RequestRefused
from protocols.cim.nouns import (
    END_DEVICE_CONFIG,
    LINKAGE_CONFIG,
    METER_CONFIG,
    USAGE_POINT_CONFIG,
)
from protocols.cim.paging import LAST, MORE
from protocols.cim.questions import Question
from protocols.cim.record import Record
from protocols.cim.replies import Stamp

T = TypeVar("T")

NOUNS: Final = (METER_CONFIG, END_DEVICE_CONFIG, LINKAGE_CONFIG, USAGE_POINT_CONFIG)
OBJECTS: Final = 500  # of one page


class Reading(Protocol):
    """Asks what is committed, beside whoever writes."""

    def __call__(self, query: Callable[[Transaction], T]) -> Awaitable[T]: ...


@dataclass(slots=True)
class AskingDesk:
    """Answers questions about the registry, at once, or later where AsyncReplyFlag wants it so."""

    read: Reading
    clock: Clock
    chance: Chance
    objects: int = OBJECTS
    later: Later | None = None

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`."""
        message = call.message
        gzip = wants_gzip(message)
        if message.header is not None and message.header.async_reply and self.later is not None:
            _read(message)
            return await self.later.promise(call)
        try:
            return octets(await self.page(message), gzip)
        except StoreUnavailable as error:
            raise RequestRefused(STORE_AWAY) from error

    async def page(self, message: Message) -> Message:
        """The page of an answer that its question asks for.  Raises `RequestRefused` and
        `StoreUnavailable`."""
        asked = _read(message)
        mark = mark_of(asked.noun, asked.meters, asked.usage_points)
        after = _after(message, mark)
        # A typed answer has room for one linkage.
        single = asked.noun == LINKAGE_CONFIG and message.typed is not None
        limit = 1 if single else self.objects

        def query(tx: Transaction) -> tuple[Page, list[Record]]:
            found = page_of_things(tx, asked, after, limit)
            return found, records_of(tx, asked.noun, [thing for _, thing in found.things])

        found, records = await self.read(query)
        return self._answer(message, found, records, mark, first=after is None)

    def _answer(
        self, to: Message, found: Page, records: list[Record], mark: str, *, first: bool
    ) -> Message:
        header = to.header
        assert header is not None
        errors, ids = list(found.errors), list[Identifier]()
        if found.more:
            errors.insert(0, MORE)
            ids.append(page_id(mark, found.things[-1][0]))
        elif not first or (errors and records):
            errors.insert(0, LAST)
        result = Result.PARTIAL if errors else Result.OK
        if found.errors and not records and first and not found.more:
            result = Result.FAILED
        message_id = self.chance.uuid()
        stamp = Stamp(
            source=OUR_NAME,
            message_id=message_id,
            at=self.clock.now(),
            correlation_id=header.correlation_id or header.message_id or message_id,
        )
        answer = exchange.answer(to, stamp, result, errors, ids=ids)
        if not records:
            return answer
        return replace(answer, payload=Payload(content=tuple(map(codec.element, records))))


def _read(message: Message) -> Question:
    """What is asked.  Raises `RequestRefused`, also for times: the registry is told as it is."""
    asked = questions.read(message)
    if asked.start is not None or asked.end is not None:
        details = "PLAZO_NO_ADMITIDO: el registro se muestra como está ahora"
        raise refused("1.8", details, xpath="StartTime")
    return asked


def _after(message: Message, mark: str) -> Key | None:
    """Behind which object the page that is asked for begins.  Raises `RequestRefused` (2.15)."""
    after = page_of(message, mark, 2)
    if after is None:
        return None
    kind, name = after
    return kind, name
