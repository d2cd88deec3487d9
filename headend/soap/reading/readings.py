"""`get` MeterReadings: values from the store, in pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from headend.collection import series
from headend.ports import Chance, Clock, StoreUnavailable
from headend.soap.desks import Call
from headend.soap.door.admission import OUR_NAME
from headend.soap.reading import pages as reading_pages
from headend.soap.reading.asked import (
    Reading,
    mark_of,
    meant,
    option,
    page_id,
    page_of,
    refused,
    wants_gzip,
)
from headend.soap.reading.later import Later
from headend.soap.reading.on_demand import OnDemand, asks_meters
from headend.soap.reading.pages import POSITION_PARTS, Page, Wanted
from headend.soap.replying import octets
from headend.soap.taking import STORE_AWAY
from headend.store import told_queries as queries
from protocols.cim import exchange, horizon, meter_readings, questions
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.meter_readings import VALUES_MAX
from protocols.cim.questions import ReadingQuestion
from protocols.cim.reading_type_table import QUANTITIES
from protocols.cim.reading_types import parse
from protocols.cim.replies import Stamp
from protocols.concentrator.collecting import Layout

SPAN_MAX = timedelta(days=1100)  # three years, and what a leap year and a late reading add
VALUES = ("valores", "values")
RAW, CHECKED = ("crudos", "raw"), ("validados", "validated")


@dataclass(slots=True)
class ReadingDesk:
    """Answers at once, or later where AsyncReplyFlag wants it so.

    `zone` is the utility's, whose days the days of readings are.
    """

    read: Reading
    clock: Clock
    chance: Chance
    zone: ZoneInfo
    values_max: int = VALUES_MAX
    later: Later | None = None
    on_demand: OnDemand | None = None
    _layouts: dict[int, Layout] = field(default_factory=dict)

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`."""
        message = call.message
        wanted, _ = self.wanted(message)
        wants_gzip(message)
        try:
            if self.on_demand is not None and asks_meters(message, wanted.question):
                of = await self.read(lambda connection: meant(connection, wanted.question))
                return await self.on_demand.answer(call, wanted, of)
            if message.header is not None and message.header.async_reply and self.later is not None:
                return await self.later.promise(call)
            return octets(await self.page(message), wants_gzip(message))
        except StoreUnavailable as error:
            raise RequestRefused(STORE_AWAY) from error

    async def page(self, message: Message) -> Message:
        """The page of an answer that its question asks for.  Raises `RequestRefused` and
        `StoreUnavailable`."""
        wanted, mark = self.wanted(message)
        said = page_of(message, mark, POSITION_PARTS)
        try:
            after = None if said is None else reading_pages.position(said)
        except ValueError as error:
            raise refused("2.15", "PAGINA_INVALIDA: no es una posición", "ID") from error
        found = await self.values(wanted, after)
        return self.reply(message, found, mark, first=after is None)

    async def values(self, wanted: Wanted, after: reading_pages.Position | None) -> Page:
        """Raises `StoreUnavailable`."""
        layouts = self._layouts

        def query(connection: queries.Connection) -> Page:
            known = layouts if layouts else queries.layouts(connection)
            try:
                return reading_pages.page(connection, wanted, known, after)
            except KeyError:  # of a layout that came since
                known = queries.layouts(connection)
                return reading_pages.page(connection, wanted, known, after)
            finally:
                layouts.update(known)

        return await self.read(query)

    def wanted(self, message: Message) -> tuple[Wanted, str]:
        """What a question asks, and its mark.  Raises `RequestRefused`."""
        asked = questions.read(message, groups=True)
        assert isinstance(asked, ReadingQuestion)
        now = self.clock.now()
        said = option(message, *VALUES)
        if said not in (None, "", *RAW, *CHECKED):
            raise refused("1.8", "VALORES_NO_ADMITIDOS: crudos o validados", "Option")
        estimates = said not in RAW
        span = _span(asked, now)
        if asked.quantities:
            codes = (str(parse(text)) for text in asked.asked)
            quantities = tuple(zip(asked.quantities, codes, strict=True))
        else:
            quantities = tuple(
                (each, each.code)
                for each in QUANTITIES.values()
                if span is not None or not series.period_s(each)
            )
        wanted = Wanted(
            question=asked,
            quantities=quantities,
            named=bool(asked.quantities),
            span=span,
            until=now,
            zone=self.zone,
            estimates=estimates,
            values_max=self.values_max,
        )
        codes_asked = tuple(code for _, code in quantities)
        mark = mark_of(
            asked.meters, asked.usage_points, asked.groups, asked.start, asked.end, codes_asked,
            estimates,
        )  # fmt: skip
        return wanted, mark

    def reply(self, to: Message, page: Page, mark: str, *, first: bool) -> Message:
        """A page as a reply in the style of its question."""
        header = to.header
        assert header is not None
        correlation_id = header.correlation_id or header.message_id
        stamp = Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=correlation_id or self.chance.uuid(),
        )
        record = meter_readings.write(page.series) if page.series else None
        if page.after is not None:
            errors = [ReplyError("0.1", level=Level.INFORM), *page.errors]
            ids = (page_id(mark, page.after),)
            return exchange.answer(to, stamp, Result.PARTIAL, errors, record, ids=ids)
        if record is None and first:
            result = Result.FAILED if page.errors else Result.OK
            return exchange.answer(to, stamp, result, page.errors)
        if first and not page.errors:
            return exchange.answer(to, stamp, Result.OK, (), record)
        errors = [ReplyError("0.2", level=Level.INFORM), *page.errors]
        return exchange.answer(to, stamp, Result.PARTIAL, errors, record)


def _span(asked: ReadingQuestion, now: datetime) -> tuple[datetime, datetime] | None:
    """The span in UTC; None where none is told and none is needed."""
    start = horizon.within(asked.start, now, "StartTime")
    end = horizon.within(asked.end, now, "EndTime")
    if start is None:
        if end is not None or any(series.period_s(each) for each in asked.quantities):
            details = "PERIODO_FALTA: los valores por intervalos necesitan StartTime"
            raise refused("1.6", details, "StartTime")
        return None
    end = now if end is None else end
    if end <= start:
        raise refused("1.8", "PERIODO_INVALIDO: empieza en el futuro", "StartTime")
    if end - start > SPAN_MAX:
        raise refused("3.1", f"DEMASIADOS_DATOS: se admiten {SPAN_MAX.days} días", "EndTime")
    return start, end
