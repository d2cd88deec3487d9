"""What arrived of a meter says happened: codes of pushes, rows of event logs, status words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from headend.domain import event_table
from headend.domain.event import Source, StatusWord
from headend.domain.event_table import EventType
from headend.domain.interval import Row
from headend.domain.reading import Reading
from protocols.concentrator.collecting import Layout
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.event_codes import is_event_code, is_event_log

WORD_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Sighting:
    """One telling of an event."""

    device: str
    type: EventType
    at: datetime
    source: Source
    register: str = ""  # of a status word: its logical name


def of_push(readings: Iterable[Reading]) -> Iterator[Sighting]:
    """Event codes among a push's values: what has just happened, by the push's own time."""
    for reading in readings:
        if reading.attribute == 2 and is_event_code(LogicalName(reading.name)):
            code = _number(reading)
            if code:  # 0: nothing has happened yet
                yield Sighting(reading.meter, event_table.of_code(code), reading.at, Source.PUSH)


def of_log(meter: str, layout: Layout, rows: Iterable[Row]) -> Iterator[Sighting]:
    """Rows of an event log; nothing of another profile."""
    if not is_event_log(LogicalName(layout.profile)):
        return
    names = (LogicalName(column.name) for column in layout.columns)
    place = next((n for n, name in enumerate(names) if is_event_code(name)), None)
    if place is None:  # a log of power failures holds durations
        return
    for row in rows:
        code = row.cells[place]
        if isinstance(code, int) and code:
            at = datetime.fromtimestamp(row.at, UTC)
            yield Sighting(meter, event_table.of_code(code), at, Source.LOG)


def words_of(readings: Iterable[Reading], registers: Iterable[str]) -> Iterator[StatusWord]:
    """Status words among values that were read or pushed, of those registers that a model has."""
    known = frozenset(registers)
    for reading in readings:
        if reading.attribute == 2 and reading.name in known:
            value = _number(reading)
            if value is not None:
                yield StatusWord(reading.meter, reading.name, reading.at, value)


def _number(reading: Reading) -> int | None:
    text = reading.value or ""
    if not (text.isascii() and text.isdecimal()):
        return None
    value = int(text)
    return value if value <= WORD_MAX else None
