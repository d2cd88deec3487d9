"""Read a profile, class 7 (Blue Book 4.3.6): a load profile or an event log, whole or a part of it.

What travels is as little as the meter and the association allow: a selection by range or entry
where both know it, else the whole buffer, of which the wanted rows are then picked here.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from protocols.concentrator.messages import Status
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.capture import CaptureObject, read_capture_objects
from protocols.dlms.objects.profile import (
    PROFILE_CLASS,
    Column,
    Profile,
    Row,
    SortMethod,
    clock_column,
    restored,
    rows_of,
    selected,
)
from protocols.dlms.procedures.reading import VALUE_AND_SCALE, read_attributes, scale_of
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    NotSent,
    Outcome,
    Request,
    get,
    get_each,
    get_told,
    present,
    procedure,
    refusal_of,
    refused_outcome,
)
from protocols.dlms.selective_access import EntryDescriptor, RangeDescriptor
from protocols.dlms.services import (
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    SelectiveAccess,
)
from protocols.dlms.values import Value

LOAD_PROFILE = LogicalName("1.0.99.1.0.255")
STANDARD_EVENT_LOG = LogicalName("0.0.99.98.0.255")
# Answers of meters that know no selective access, or not this one (seen in the field).
_CANNOT_SELECT = frozenset(
    {
        DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
        DataAccessResult.TYPE_UNMATCHED,
        DataAccessResult.READ_WRITE_DENIED,
        DataAccessResult.OTHER_REASON,
    }
)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Rows whose clock shows `first` to `last`, both included."""

    first: DateTime
    last: DateTime


@dataclass(frozen=True, slots=True)
class Entries:
    """Rows by their place in the buffer, from 1; a `last` of 0 is the highest."""

    first: int = 1
    last: int = 0


@procedure
def read_profile(
    name: LogicalName = LOAD_PROFILE,
    part: TimeRange | Entries | None = None,
    *,
    columns: Sequence[CaptureObject] = (),
    with_units: bool = True,
) -> Generator[Request, Answer, Profile]:
    """Rows, with what each column holds and how it counts.

    `columns` chooses some of the captured ones, which only a selection can: where the meter cannot
    select, all of them come.  Raises ValueError for a column that the profile does not capture.
    """
    every, period_s, sort = yield from _captured(name)
    wanted = [_place(every, column) for column in columns]
    answer, chosen, whole = yield from _read_buffer(name, part, every, wanted)
    buffer = present(AttributeDescriptor(PROFILE_CLASS, name, 2), answer.results[0])
    held = tuple(every[at] for at in chosen)
    rows = restored(rows_of(buffer), held, period_s)
    if whole and part is not None:
        rows = _picked(rows, held, part)
    scales: dict[CaptureObject, Column] = {}
    if with_units:
        scales = yield from _scales(held)
    return Profile(
        tuple(scales.get(source, Column(source)) for source in held),
        rows,
        period_s,
        _sort_method(sort),
        whole,
        answer.flaws,
    )


@dataclass(frozen=True, slots=True)
class Captured:
    """What a profile's rows hold.  `period_s` 0 means: captured on an event."""

    columns: tuple[Column, ...]
    period_s: int


@dataclass(frozen=True, slots=True)
class RawBuffer:
    """A buffer as the meter gave it.  `whole`: all of it, because the meter cannot select."""

    captured: Captured
    value: Value
    whole: bool
    flaws: Flaw = Flaw.NONE
    sort_method: SortMethod | None = None


@procedure
def read_buffer(
    name: LogicalName,
    part: TimeRange | Entries | None = None,
    *,
    known: Captured | None = None,
    with_units: bool = True,
    as_octets: bool = False,
) -> Generator[Request, Answer, RawBuffer]:
    """A buffer, not looked into, for whoever carries it on; `as_octets` where an engine can leave
    it so.

    What is captured is asked each time, because nothing in the rows would tell that it has changed.
    `known` is what was found the last time, and spares the questions for scalers and units.
    """
    every, period_s, sort = yield from _captured(name)
    if known is not None and tuple(column.source for column in known.columns) == every:
        held = known.columns
    else:
        scales = (yield from _scales(every)) if with_units else {}
        held = tuple(scales.get(each, Column(each)) for each in every)
    answer, _, whole = yield from _read_buffer(name, part, every, (), as_octets)
    buffer = present(AttributeDescriptor(PROFILE_CLASS, name, 2), answer.results[0])
    return RawBuffer(Captured(held, period_s), buffer, whole, answer.flaws, _sort_method(sort))


def _captured(
    name: LogicalName,
) -> Generator[Request, Answer, tuple[tuple[CaptureObject, ...], int, Value | DataAccessResult]]:
    """capture_objects, capture_period in seconds, and sort_method as it came."""
    captured, period, sort = yield from get_each(
        *(AttributeDescriptor(PROFILE_CLASS, name, index) for index in (3, 4, 5))
    )
    if isinstance(captured, DataAccessResult):
        raise Ended(
            Outcome(
                Status.REFUSED, refusal=refusal_of("get", captured), detail="the capture objects"
            )
        )
    every = read_capture_objects(captured)
    period_s = 0 if isinstance(period, DataAccessResult) else shape.integer(period, "period")
    return every, period_s, sort


@procedure
def read_event_log(
    name: LogicalName = STANDARD_EVENT_LOG, part: TimeRange | Entries | None = None
) -> Generator[Request, Answer, Profile | Outcome]:
    """An event log: a profile whose rows are events, with codes and no units."""
    return (yield from read_profile(name, part, with_units=False))


@procedure
def count_entries(name: LogicalName = LOAD_PROFILE) -> Generator[Request, Answer, tuple[int, int]]:
    """How many rows the buffer holds, and how many it can."""
    used, most = yield from get(
        *(AttributeDescriptor(PROFILE_CLASS, name, index) for index in (7, 8))
    )
    return shape.integer(used, "entries_in_use"), shape.integer(most, "profile_entries")


def _place(every: Sequence[CaptureObject], column: CaptureObject) -> int:
    if column not in every:
        raise ValueError(f"the profile does not capture {column.instance} {column.attribute}")
    return list(every).index(column)


def _read_buffer(
    name: LogicalName,
    part: TimeRange | Entries | None,
    every: Sequence[CaptureObject],
    wanted: Sequence[int],
    as_octets: bool = False,
) -> Generator[Request, Answer, tuple[GetResponse, Sequence[int], bool]]:
    """The answer with the buffer, which columns it holds, and whether it is whole because the meter
    cannot select.

    By entry a run of columns can be had, so it is asked from the first wanted to the last.
    """
    everything = range(len(every))
    selection: SelectiveAccess | None = None
    chosen: Sequence[int] = everything
    clock = clock_column(every)
    if isinstance(part, TimeRange) and clock is not None:
        chosen = sorted(wanted) or everything
        some = tuple(every[at] for at in sorted(wanted))
        selection = RangeDescriptor.of_time(part.first, part.last, some, every[clock]).selection()
    elif isinstance(part, Entries) or (part is None and wanted):
        first, last = (part.first, part.last) if isinstance(part, Entries) else (1, 0)
        chosen = range(min(wanted), max(wanted) + 1) if wanted else everything
        columns = (chosen[0] + 1, chosen[-1] + 1) if wanted else (1, 0)
        selection = EntryDescriptor(first, last, *columns).selection()
    if selection is not None:
        found = yield from _try_selected(name, selection, as_octets)
        if found is None and isinstance(part, TimeRange) and wanted:
            # Meters that select rows but no columns are more than those that select neither.
            chosen = everything
            assert clock is not None
            rows_only = RangeDescriptor.of_time(part.first, part.last, (), every[clock])
            found = yield from _try_selected(name, rows_only.selection())
        if found is not None:
            return found, chosen, False
    (buffer,) = yield from get_told(AttributeDescriptor(PROFILE_CLASS, name, 2))
    return buffer, everything, selection is not None or part is not None


def _try_selected(
    name: LogicalName, selection: SelectiveAccess, as_octets: bool = False
) -> Generator[Request, Answer, GetResponse | None]:
    """The answer, or None where the meter or the association does not know such a selection."""
    wanted = AttributeDescriptor(PROFILE_CLASS, name, 2, selection)
    answer = yield GetRequest((wanted,), as_octets)
    if isinstance(answer, NotSent):
        return None
    if isinstance(answer, ExceptionResponse):
        refused = refused_outcome("get", answer)
        if refused is not None and refused.status is Status.KEY_REJECTED:
            raise Ended(refused)
        return None
    if not isinstance(answer, GetResponse) or len(answer.results) != 1:
        return None
    (result,) = answer.results
    if not isinstance(result, DataAccessResult):
        return answer
    if result in _CANNOT_SELECT:
        return None
    raise Ended(
        Outcome(Status.REFUSED, refusal=refusal_of("get", result), detail="a part of the buffer")
    )


def _picked(
    rows: tuple[Row, ...], columns: Sequence[CaptureObject], part: TimeRange | Entries
) -> tuple[Row, ...]:
    if isinstance(part, TimeRange):
        return selected(rows, columns, part.first, part.last)
    return rows[part.first - 1 : part.last or None]


def _scales(
    columns: Sequence[CaptureObject],
) -> Generator[Request, Answer, dict[CaptureObject, Column]]:
    """Scaler and unit of the columns that have them: values of registers."""
    sources = [
        column
        for column in columns
        if column.class_id in VALUE_AND_SCALE
        and VALUE_AND_SCALE[column.class_id][1] is not None
        and column.attribute in (2, 3)
        and column.attribute != VALUE_AND_SCALE[column.class_id][1]
    ]
    attributes = [
        AttributeDescriptor(column.class_id, column.instance, index)
        for column in sources
        if (index := VALUE_AND_SCALE[column.class_id][1]) is not None
    ]
    if not attributes:
        return {}
    results = yield from read_attributes(attributes)
    if isinstance(results, Outcome):
        return {}  # the rows are read; their units are not worth losing them
    return {
        source: Column(source, scale_of(result))
        for source, result in zip(sources, results, strict=True)
    }


def _sort_method(result: Value | DataAccessResult) -> SortMethod | None:
    if isinstance(result, DataAccessResult):
        return None
    number = shape.integer(result, "sort_method")
    return SortMethod(number) if number in set(SortMethod) else None
