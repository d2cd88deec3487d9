"""`get` EndDeviceEvents: what devices noticed, by meter, type and time, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headend.domain.event import Event
from headend.ports import Chance, Clock, StoreUnavailable
from headend.soap.desks import Call
from headend.soap.door.admission import OUR_NAME
from headend.soap.reading.asked import (
    Meant,
    Reading,
    mark_of,
    meant,
    page_id,
    page_of,
    refused,
    wants_gzip,
)
from headend.soap.reading.events_told import EVENTS_MAX, names_of, record
from headend.soap.reading.later import Later
from headend.soap.replying import octets
from headend.soap.taking import STORE_AWAY
from headend.store import told_queries as queries
from protocols.cim import exchange, horizon, questions
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.questions import EventQuestion
from protocols.cim.replies import Stamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_PARTS = 2  # of a position: time in microseconds, and the event's number
After = tuple[datetime, int]


@dataclass(slots=True)
class EventDesk:
    """Answers at once, or later where AsyncReplyFlag wants it so."""

    read: Reading
    clock: Clock
    chance: Chance
    events_max: int = EVENTS_MAX
    later: Later | None = None

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`."""
        message = call.message
        gzip = wants_gzip(message)
        if message.header is not None and message.header.async_reply and self.later is not None:
            questions.read(message, groups=True)
            return await self.later.promise(call)
        try:
            return octets(await self.page(message), gzip)
        except StoreUnavailable as error:
            raise RequestRefused(STORE_AWAY) from error

    async def page(self, message: Message) -> Message:
        """The page of an answer that its question asks for.  Raises `RequestRefused` and
        `StoreUnavailable`."""
        asked = questions.read(message, groups=True)
        assert isinstance(asked, EventQuestion)
        names, unknown = names_of(asked.types)
        errors = [
            ReplyError(
                "2.10", f"TIPO_DE_EVENTO_DESCONOCIDO: {text[:60]!r}", xpath="EndDeviceEventType"
            )
            for text in unknown
        ]
        if errors and not names:
            raise RequestRefused(*errors)
        now = self.clock.now()
        span = (
            horizon.within(asked.start, now, "StartTime"),
            horizon.within(asked.end, now, "EndTime"),
        )
        mark = mark_of(
            asked.meters, asked.usage_points, asked.groups, asked.types, asked.start, asked.end
        )
        after = _after(page_of(message, mark, _PARTS))

        def query(connection: queries.Connection) -> tuple[Meant, list[Event]]:
            of = meant(connection, asked)
            if not of.every and not of.meters:
                return of, []
            meters = None if of.every else of.meters
            found = queries.events_told(
                connection, meters, names or None, *span, after, self.events_max + 1
            )
            return of, found

        of, found = await self.read(query)
        if after is None:
            errors += of.errors
        elif errors:
            errors = []
        return self._reply(message, found, mark, errors, after)

    def _reply(
        self, to: Message, found: list[Event], mark: str, errors: list[ReplyError],
        after: After | None,
    ) -> Message:  # fmt: skip
        header = to.header
        assert header is not None
        stamp = Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=header.correlation_id or header.message_id or self.chance.uuid(),
        )
        page, more = found[: self.events_max], len(found) > self.events_max
        if not page and errors:
            return exchange.answer(to, stamp, Result.FAILED, errors)
        content = record(page)
        if more:
            last = page[-1]
            position = (str((last.at - _EPOCH) // _MICRO), str(last.number))
            told = [ReplyError("0.1", level=Level.INFORM), *errors]
            ids = (page_id(mark, position),)
            return exchange.answer(to, stamp, Result.PARTIAL, told, content, ids=ids)
        if errors or after is not None:
            told = [ReplyError("0.2", level=Level.INFORM), *errors]
            return exchange.answer(to, stamp, Result.PARTIAL, told, content)
        return exchange.answer(to, stamp, Result.OK, (), content)


def _after(said: tuple[str, ...] | None) -> After | None:
    if said is None:
        return None
    try:
        return _EPOCH + int(said[0]) * _MICRO, int(said[1])
    except (ValueError, OverflowError) as error:
        raise refused("2.15", "PAGINA_INVALIDA: no es una posición", "ID") from error
