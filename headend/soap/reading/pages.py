"""Values of many meters, a page at a time, each page by a transaction of its own.

Meters come by name; the span of each in stretches of at most a month, so that a page never reads
much more than it tells; in a stretch one reading type after the other, by time.  A position is the
last value that was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from headend.collection import series
from headend.collection.series import Rows
from headend.domain.interval import Span
from headend.domain.utility_day import ended_in
from headend.soap.reading.asked import Meant, meant
from headend.store import told_queries as queries
from headend.store.told_queries import Connection
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import ReplyError, meter_id
from protocols.cim.meter_readings import VALUES_MAX, Series, Value
from protocols.cim.questions import ReadingQuestion
from protocols.cim.reading_type_table import DAILY_PROFILE, Quantity
from protocols.concentrator.collecting import Layout

STRETCH = timedelta(days=31)
METERS_AT_ONCE = 200
POSITION_PARTS = 4
"""Meter, stretch, reading type, and time in microseconds since 1970."""
_NOWHERE = ("", 0, 0, 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Position = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question with what it leaves open filled in.

    `quantities` with the code that each is told under; `named` whether the asker said which: only
    then is one that is not there an error.  Without `span` the newest value of registers.
    """

    question: ReadingQuestion
    quantities: tuple[tuple[Quantity, str], ...]
    named: bool
    span: tuple[datetime, datetime] | None
    until: datetime  # intervals that end later are not missing yet
    zone: ZoneInfo
    estimates: bool = True
    values_max: int = VALUES_MAX


@dataclass(slots=True)
class Page:
    """`after` is None at the end."""

    series: list[Series] = field(default_factory=list)
    errors: list[ReplyError] = field(default_factory=list)
    after: tuple[str, ...] | None = None


def position(said: Sequence[str]) -> Position:
    """Raises `ValueError` for what is no position."""
    meter, stretch, place, at = said
    return meter, int(stretch), int(place), int(at)


def page(
    connection: Connection, wanted: Wanted, layouts: Mapping[int, Layout], after: Position | None
) -> Page:
    """The page behind a position, or the first."""
    found = Page()
    of = meant(connection, wanted.question)
    if after is None:
        found.errors += of.errors
    room = wanted.values_max
    for meter, place, at, one in _all(connection, wanted, of, layouts, after or _NOWHERE):
        if room == 0:
            return found
        if isinstance(one, ReplyError):
            found.errors.append(one)
            continue
        told = one.values[:room]
        found.series.append(replace(one, values=told))
        found.after = (meter, str(at), str(place), str(_micros(told[-1].at)))
        if len(told) < len(one.values):
            return found
        room -= len(told)
    found.after = None
    return found


def _all(
    connection: Connection,
    wanted: Wanted,
    of: Meant,
    layouts: Mapping[int, Layout],
    after: Position,
) -> Iterator[tuple[str, int, int, Series | ReplyError]]:
    """Everything behind a position: meter, place of the reading type, stretch, and what is told."""
    stretches = _stretches(wanted.span)
    for meters in _groups(connection, wanted, of, len(stretches), after[0]):
        for number, stretch in enumerate(stretches):
            if len(meters) == 1 and meters[0] == after[0] and number < after[1]:
                continue
            values = _Values(connection, wanted, meters, stretch, layouts)
            for meter in meters:
                behind = (after[2], after[3]) if (meter, number) == after[:2] else (0, 0)
                point = of.points.get(meter)
                for place, one in values.of(meter, behind):
                    if isinstance(one, Series) and point is not None:
                        one = replace(one, usage_point=MeterRef(point))
                    yield meter, place, number, one


def _groups(
    connection: Connection, wanted: Wanted, of: Meant, stretches: int, first: str
) -> Iterator[tuple[str, ...]]:
    """The meters from one on, so many at once as fill a page; of a long span one by one."""
    size = 1 if stretches > 1 else _at_once(wanted)
    if not of.every:
        names = [name for name in of.meters if name >= first]
        for begin in range(0, len(names), size):
            yield tuple(names[begin : begin + size])
        return
    if first:
        yield (first,)
    while names := queries.meters_after(connection, first, size):
        yield tuple(names)
        first = names[-1]


def _at_once(wanted: Wanted) -> int:
    if wanted.span is None:
        return METERS_AT_ONCE
    span_s = (wanted.span[1] - wanted.span[0]).total_seconds()
    each = sum(
        span_s / period if (period := series.period_s(quantity)) else 1
        for quantity, _ in wanted.quantities
    )
    return max(1, min(METERS_AT_ONCE, int(wanted.values_max / max(each, 1)) + 1))


def _stretches(
    span: tuple[datetime, datetime] | None,
) -> list[tuple[datetime, datetime] | None]:
    if span is None:
        return [None]
    found: list[tuple[datetime, datetime] | None] = []
    begin, end = span
    while begin < end:
        found.append((begin, min(end, begin + STRETCH)))
        begin += STRETCH
    return found


class _Values:
    """What some meters have of a stretch."""

    def __init__(
        self,
        connection: Connection,
        wanted: Wanted,
        meters: Sequence[str],
        stretch: tuple[datetime, datetime] | None,
        layouts: Mapping[int, Layout],
    ) -> None:
        self._wanted, self._stretch, self._layouts = wanted, stretch, layouts
        registers = {each.name for each, _ in wanted.quantities if not each.profile}
        start, end = stretch or (None, None)
        self._readings = queries.registers_of(connection, meters, registers, start, end)
        self._days: queries.Days = {}
        self._looks: queries.Looks = {}
        if start is not None and end is not None:
            profiles = {each.profile or DAILY_PROFILE for each, _ in wanted.quantities}
            day = timedelta(days=1)
            # The row before the first: energy is a difference.  A day is the utility's.
            first = (start - day).astimezone(wanted.zone).date() - day
            last = end.astimezone(wanted.zone).date()
            self._days, self._looks = queries.days_of(connection, meters, profiles, first, last)

    def of(self, meter: str, behind: tuple[int, int]) -> Iterator[tuple[int, Series | ReplyError]]:
        """A meter's series with the place of each, and what of it is missing."""
        nothing = True
        for place, (quantity, code) in enumerate(self._wanted.quantities):
            if place < behind[0]:
                nothing = False
                continue
            values = self._values(meter, quantity)
            goes_on = place == behind[0] and behind[1] > 0
            if not goes_on and self._wanted.named:
                error = self._missing(meter, quantity, code, values)
                if error is not None:
                    yield place, error
            rest = values or []
            if goes_on:
                nothing = False
                rest = [value for value in rest if _micros(value.at) > behind[1]]
            if rest:
                nothing = False
                yield place, Series(reading_type=code, values=tuple(rest), meter=MeterRef(meter))
        if nothing and not self._wanted.named:
            details = "SIN_DATOS: no hay valores de este medidor"
            yield 0, ReplyError("5.7", details, id=meter_id(meter))

    def _values(self, meter: str, quantity: Quantity) -> list[Value] | None:
        if quantity.profile:
            return self._of_profile(meter, quantity, quantity.profile)
        read = series.of_registers(quantity, self._readings.get(meter, ()))
        if self._stretch is None:
            return read
        # What a register showed at each midnight stands in the daily profile.
        times = {value.at for value in read}
        shown = self._of_profile(meter, quantity, DAILY_PROFILE) or []
        return sorted(
            [*read, *(value for value in shown if value.at not in times)],
            key=lambda value: value.at,
        )

    def _of_profile(self, meter: str, quantity: Quantity, profile: str) -> list[Value] | None:
        if self._stretch is None:
            return []
        days = self._days.get((meter, profile), [])
        looks = self._looks.get((meter, profile), [])
        rows = Rows(days, looks, self._layouts, self._wanted.estimates)
        start, end = (round(each.timestamp()) for each in self._stretch)
        return series.of_profile(quantity, rows, start, end)

    def _missing(
        self, meter: str, quantity: Quantity, code: str, values: list[Value] | None
    ) -> ReplyError | None:
        """Of a reading type that was asked for by name: what of it is not here."""
        if values is None or (not values and not series.period_s(quantity)):
            details = f"TIPO_DE_LECTURA_SIN_DATOS: {code}"
            return ReplyError("5.6", details, id=meter_id(meter))
        period = series.period_s(quantity)
        if not period or self._stretch is None:
            return None
        start, end = self._stretch
        end = min(end, self._wanted.until)
        span = Span(round(start.timestamp()), round(end.timestamp()))
        expected = ended_in(span, period, self._wanted.zone)
        here = sum(value.at <= end for value in values)
        if here >= expected:
            return None
        details = f"DATOS_INCOMPLETOS: faltan {expected - here} de {expected} valores de {code}"
        return ReplyError("5.7", details, id=meter_id(meter))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
