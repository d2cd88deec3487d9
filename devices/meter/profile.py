"""Profiles, class 7: rows that are computed when asked for, and say what the registers said then.

A row stands at each moment of the profile's schedule by the meter's own clock.  Every column is an
attribute read as of that moment, so rows and registers always agree; an interruption of power
leaves a gap, and the row after it is flagged.  Blue Book 4.3.6: sorted fifo, and a change of what
is captured, or how often, empties the buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from devices.meter import buffer
from devices.meter.buffer import BY_ENTRY, BY_RANGE
from devices.meter.clients import NOBODY, OPERATORS, READERS, Right
from devices.meter.columns import array_of, undisturbed
from devices.meter.cosem import (
    CLOCK,
    PROFILE_GENERIC,
    Attribute,
    Context,
    CosemObject,
    Method,
    capture,
    constant,
)
from devices.meter.events import Event
from devices.meter.parts import Passive
from devices.meter.schedule import Every, Never, Schedule, Segment, segments
from devices.meter.state import MeterState
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

CLOCK_NAME = LogicalName("0.0.1.0.0.255")
CLOCK_COLUMN = capture(CLOCK, CLOCK_NAME, 2)
FIRST_ROW = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
"""Meters were installed at this moment, and have no rows before it."""

SORT_FIFO = 1
COLUMNS_MAX = 32

Lookup = Mapping[LogicalName, CosemObject]
Resets = Callable[[MeterState, float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Design:
    """A profile as it is delivered."""

    name: LogicalName
    schedule: Schedule
    columns: tuple[Structure, ...]
    entries: int
    readers: Right = READERS
    writers: Right = OPERATORS
    """Who may change what is captured, empty the buffer, or capture a row by hand."""
    besides: Resets | None = None
    """Further moments of the world at which a row is captured, such as billing resets by hand."""

    @property
    def period_s(self) -> int:
        """Attribute 4; 0 where no fixed period captures."""
        return self.schedule.period_s if isinstance(self.schedule, Every) else 0


@dataclass(slots=True)
class Recording:
    """What was changed about one profile."""

    schedule: Schedule
    columns: tuple[Structure, ...]
    entries: int
    since: float = FIRST_ROW
    by_hand: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Recordings(Passive):
    """The profiles of a meter that somebody changed."""

    changed: dict[LogicalName, Recording] = field(default_factory=dict)

    def of_design(self, design: Design) -> Recording:
        """One of them, to be changed."""
        if design.name not in self.changed:
            self.changed[design.name] = Recording(design.schedule, design.columns, design.entries)
        return self.changed[design.name]


@dataclass(slots=True)
class Captured:
    """The rows of one profile at one moment."""

    context: Context
    columns: tuple[Structure, ...]
    segments: list[Segment]
    sources: list[Attribute]

    def __len__(self) -> int:
        return sum(len(segment.times) for segment in self.segments)

    def between(self, first: float, last: float) -> Iterable[int]:
        if len(self.segments) == 1:
            return self.segments[0].places(first, last)
        return self._between(first, last)

    def array(self, places: Iterable[int], columns: Sequence[int]) -> Value:
        """Some columns of some rows: all at once where nothing disturbed them, else row by row."""
        context = self.context
        if len(self.segments) == 1 and isinstance(places, range) and not context.meter.spoils:
            rows = undisturbed(context.meter, self.segments[0], places)
            reads = [self.sources[column].read_column for column in columns]
            known = [read for read in reads if read is not None]
            if rows is not None and len(known) == len(reads):
                return array_of(rows, known)
        return Array(self.rows(places, columns))

    def _between(self, first: float, last: float) -> Iterator[int]:
        before = 0
        for segment in self.segments:
            yield from (before + place for place in segment.places(first, last))
            before += len(segment.times)

    def rows(self, places: Iterable[int], columns: Sequence[int]) -> Iterator[Structure]:
        reads = [self.sources[column].read for column in columns]
        rest, before = iter(self.segments), 0
        segment: Segment | None = next(rest, None)
        for place in places:
            while segment is not None and place >= before + len(segment.times):
                before += len(segment.times)
                segment = next(rest, None)
            assert segment is not None, "places come from this buffer"
            there = self._then(segment, place - before)
            yield Structure([read(there) for read in reads])

    def _then(self, segment: Segment, place: int) -> Context:
        meter_time = segment.times[place]
        return self.context.then(
            segment.stretch.world_time(meter_time),
            meter_time,
            segment.stretch.piece,
            segment.status(place),
        )


def captured(context: Context, design: Design, lookup: Lookup) -> Captured:
    """The buffer as it is now."""
    meter, now = context.meter, context.now
    recordings = meter.existing(Recordings)
    changed = None if recordings is None else recordings.changed.get(design.name)
    at = changed or Recording(design.schedule, design.columns, design.entries)
    besides = list(at.by_hand)
    if design.besides is not None:
        besides += (each for each in design.besides(meter, now) if each > at.since)
    found = segments(
        meter.timeline,
        at.schedule,
        after=at.since,
        until=now,
        most=at.entries,
        besides=besides,
    )
    sources = [_source(lookup, column) for column in at.columns]
    return Captured(context, at.columns, found, sources)


def _source(lookup: Lookup, column: Structure) -> Attribute:
    _, name, attribute, _ = column
    assert isinstance(name, bytes)
    assert isinstance(attribute, int)
    return lookup[LogicalName(name)].attributes[int(attribute)]


def profile(design: Design, lookup: Lookup) -> CosemObject:
    """The object of a profile."""

    def now(context: Context) -> Captured:
        return captured(context, design, lookup)

    def recording(context: Context) -> Recording:
        return context.meter.part(Recordings).of_design(design)

    def read(context: Context) -> Recording | Design:
        recordings = context.meter.existing(Recordings)
        return design if recordings is None else recordings.changed.get(design.name, design)

    def empty(context: Context) -> None:
        at = recording(context)
        at.since, at.by_hand = context.now, []
        context.meter.happened(Event.LOAD_PROFILE_CLEARED, context.now)

    def write_columns(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not Array or not 1 <= len(value) <= COLUMNS_MAX:
            return DataAccessResult.TYPE_UNMATCHED
        for column in value:
            if (refused := _refused(column, lookup)) is not None:
                return refused
        recording(context).columns = tuple(value)  # type: ignore[arg-type]
        empty(context)
        context.written(f"{design.name} captures {len(value)} columns")
        return DataAccessResult.SUCCESS

    def write_period(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not DoubleLongUnsigned:
            return DataAccessResult.TYPE_UNMATCHED
        period_s = int(value)
        if period_s and (not 60 <= period_s <= 86_400 or 86_400 % period_s):
            return DataAccessResult.OTHER_REASON
        recording(context).schedule = Every(period_s) if period_s else Never()
        empty(context)
        context.written(f"{design.name} every {period_s} s")
        return DataAccessResult.SUCCESS

    def write_entries(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not DoubleLongUnsigned:
            return DataAccessResult.TYPE_UNMATCHED
        if not 1 <= value <= design.entries:
            return DataAccessResult.OTHER_REASON
        recording(context).entries = int(value)
        empty(context)
        context.written(f"{design.name} has {int(value)} entries")
        return DataAccessResult.SUCCESS

    def period(context: Context) -> Value:
        at = read(context).schedule
        return DoubleLongUnsigned(at.period_s if isinstance(at, Every) else 0)

    def reset(context: Context, parameter: Value | None) -> ActionResult:
        if parameter is not None and type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        empty(context)
        return ActionResult.SUCCESS

    def by_hand(context: Context, parameter: Value | None) -> ActionResult:
        if parameter is not None and type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        at = recording(context)
        at.by_hand = [*at.by_hand, context.now][-at.entries :]
        return ActionResult.SUCCESS

    periodic = isinstance(design.schedule, Every)
    readers, writers = design.readers, design.writers
    return CosemObject(
        PROFILE_GENERIC,
        1,
        design.name,
        {
            2: Attribute(
                lambda context: buffer.whole(now(context)),
                readers,
                read_part=lambda context, asked: buffer.part(
                    now(context), asked, CLOCK_COLUMN, context.meter.rules
                ),
                selectors=(BY_RANGE, BY_ENTRY),
            ),
            3: Attribute(
                lambda context: Array(read(context).columns), readers, write_columns, writers
            ),
            4: Attribute(period, readers, write_period, writers)
            if periodic
            else Attribute(period, readers),
            5: Attribute(constant(Enum(SORT_FIFO)), readers),
            6: Attribute(constant(CLOCK_COLUMN), readers),
            7: Attribute(lambda context: DoubleLongUnsigned(len(now(context))), readers),
            8: Attribute(
                lambda context: DoubleLongUnsigned(read(context).entries),
                readers,
                write_entries,
                writers,
            ),
        },
        {1: Method(writers, reset), 2: Method(writers if periodic else NOBODY, by_hand)},
        visible=readers,
    )


def _refused(column: Value, lookup: Lookup) -> DataAccessResult | None:
    """Why this cannot be captured, or None when it can."""
    kinds = [LongUnsigned, OctetString, Integer, LongUnsigned]
    if type(column) is not Structure or [type(each) for each in column] != kinds:
        return DataAccessResult.TYPE_UNMATCHED
    class_id, name, attribute, index = column
    assert isinstance(name, bytes)
    assert isinstance(attribute, int)
    found = lookup.get(LogicalName(name)) if len(name) == 6 else None
    if found is None or found.class_id != class_id:
        return DataAccessResult.OBJECT_UNDEFINED
    there = found.attributes.get(int(attribute))
    if there is None or not there.historic or index != 0:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    return None
