"""A profile's buffer by an order of ours: from the last row that is here up to now, in parts.

Each part is kept as soon as it has come, so that a line which breaks loses the part under way and
no more.  The order itself gets a few words on what came; the rows are where everybody's rows are.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from headend.domain.failure import Failure
from headend.domain.reading import WantedObject
from headend.field.direct.conversation import Conversation
from headend.models import Model
from headend.models.schema import BufferAccess
from headend.ports import Clock, Command, ProfileRows, RowsGathered, RowsHeld, RowsKept
from protocols.concentrator.collecting import Layout
from protocols.concentrator.layouts import captured_of, layout_of
from protocols.concentrator.messages import ObjectRead, Refusal, Status
from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.profile import PROFILE_CLASS, clock_column, newest_first
from protocols.dlms.procedures import Captured, Outcome, RawBuffer, Request, TimeRange, read_buffer
from protocols.dlms.procedures.newest import read_newest
from protocols.dlms.procedures.reading import read_attributes
from protocols.dlms.procedures.rows import Layout as RowsLayout
from protocols.dlms.procedures.rows import told_rows
from protocols.dlms.procedures.wanted import words_of
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import EncodedValue, Value
from protocols.errors import ProtocolError

BUFFER = 2
PART_ROWS = 192
"""Of one answer: two days of 15 minutes, some 11 kB."""
BACK_ROWS_MAX = 5952
"""How far back rows are looked for: 62 days of 15 minutes, more than meters keep."""
BACK_FIRST = timedelta(days=1)
BACK_FIRST_SELDOM = timedelta(days=35)
"""How far back the first reading of a profile reaches that no task of collection tells of: of one
that is captured daily, or on events, some more."""
AHEAD = timedelta(days=1)
"""A clock that is ahead, or tells local time as UTC, has rows of a time that has not come yet."""
OVERLAP = timedelta(days=1)
"""Asked for again where a dirty clock leaves open what time the newest row is of."""

_EMPTY = (b"\x01\x00", b"")


def is_buffer(wanted: WantedObject) -> bool:
    """Whether an object is a profile's rows."""
    return wanted.class_id == PROFILE_CLASS and wanted.attribute == BUFFER


@dataclass(slots=True)
class ProfileReading:
    """Reads the profiles of one order in an open conversation.  `zone` is where the meter hangs."""

    rows: ProfileRows
    clock: Clock
    zone: ZoneInfo
    conversation: Conversation
    command: Command
    model: Model
    refusal: Refusal | None = None  # the first
    _parts: int = 0
    _flaws: Flaw = Flaw.NONE
    _counts: list[RowsKept] = field(default_factory=list)

    async def read(
        self, wanted: WantedObject, back: timedelta | None = None
    ) -> ObjectRead | Outcome | Failure:
        """What came of one profile, in words, or why it could not be asked; `back` is how far the
        first reading of it reaches."""
        held = await self.rows.held(self.command.meter, wanted.name)
        name = LogicalName(wanted.name)
        self._counts, self._flaws = [], Flaw.NONE
        period_s = held.layout.period_s if held.layout is not None else None
        if period_s is None:
            found = await self._period_s(name)
            if isinstance(found, Failure):
                return found
            period_s = found
        begin = self._begin(held, period_s, back)
        if wanted.after is not None:
            begin = wanted.after + timedelta(seconds=1)
        if self.model.quirks.buffers is BufferAccess.RANGE:
            trouble = await self._by_range(name, begin, wanted.until, period_s, held)
        else:
            trouble = await self._newest(name, begin, period_s, held)
        if isinstance(trouble, Outcome) and trouble.refusal is not None:
            self.refusal = self.refusal or trouble.refusal
            return _told(wanted, error=trouble.refusal.name)
        if trouble is not None:
            return trouble
        return self._told(wanted, begin)

    # --- what is asked ---------------------------------------------------------------------------

    async def _period_s(self, name: LogicalName) -> int | Failure:
        """The capture period; 0 where the meter does not tell, or captures on events."""
        found = await self.conversation.perform(
            read_attributes([AttributeDescriptor(PROFILE_CLASS, name, 4)])
        )
        if isinstance(found, Failure):
            return found
        if isinstance(found, Outcome) or isinstance(found[0], DataAccessResult):
            return 0
        try:
            return shape.integer(found[0], "capture_period")
        except shape.Misshapen:
            return 0

    def _begin(self, held: RowsHeld, period_s: int, back: timedelta | None) -> datetime:
        """From when on rows are wanted."""
        now = self.clock.now()
        often = 0 < period_s < BACK_FIRST.total_seconds()
        if held.newest is None:
            return now - (back or (BACK_FIRST if often else BACK_FIRST_SELDOM))
        begin = held.newest - OVERLAP if held.doubtful else held.newest
        if period_s:
            begin += timedelta(seconds=1)  # events may share a second, intervals do not
            begin = max(begin, now - timedelta(seconds=BACK_ROWS_MAX * period_s))
        return begin

    async def _by_range(
        self,
        name: LogicalName,
        begin: datetime,
        until: datetime | None,
        period_s: int,
        held: RowsHeld,
    ) -> Outcome | Failure | None:
        end = until or self.clock.now()
        ahead = AHEAD if until is None else timedelta()
        span = timedelta(seconds=PART_ROWS * period_s) if period_s else None
        layout, first = held.layout, begin
        while True:
            last = end if span is None else min(first + span, end)
            final = last >= end
            part = TimeRange(self._moment(first), self._moment(last + ahead if final else last))
            found = await self._ask(
                read_buffer(name, part, known=_captured(layout), as_octets=bool(period_s))
            )
            if not isinstance(found, RawBuffer):
                return found
            layout = await self._keep(name, found)
            if final or found.whole:
                return None
            first = last + timedelta(seconds=1)

    async def _newest(
        self, name: LogicalName, begin: datetime, period_s: int, held: RowsHeld
    ) -> Outcome | Failure | None:
        """By entry, or whole: rows that are here already come again, and change nothing."""
        behind_s = (self.clock.now() - begin).total_seconds()
        rows = max(1, int(behind_s // period_s) + 1) if period_s else None
        by_entry = self.model.quirks.buffers is BufferAccess.ENTRY
        found = await self._ask(
            read_newest(
                name,
                rows,
                by_entry=by_entry,
                known=_captured(held.layout),
                as_octets=bool(period_s),
            )
        )
        if not isinstance(found, RawBuffer):
            return found
        await self._keep(name, found)
        return None

    async def _ask(
        self, procedure: Generator[Request, Any, RawBuffer | Outcome]
    ) -> RawBuffer | Outcome | Failure:
        return await self.conversation.perform(procedure)

    def _moment(self, at: datetime) -> DateTime:
        """In the zone's time, with its deviation: right for meters that compare either."""
        return DateTime.from_datetime(at.astimezone(self.zone))

    # --- what came -------------------------------------------------------------------------------

    async def _keep(self, name: LogicalName, raw: RawBuffer) -> Layout:
        """Hand a part to whoever keeps rows."""
        layout = layout_of(str(name), raw.captured)
        octets, value = _octets(raw)
        if octets in _EMPTY:
            return layout
        self._flaws |= raw.flaws | self._odd(raw, value)
        self._parts += 1
        kept = await self.rows.take(
            RowsGathered(
                source=self.command.concentrator,
                meter=self.command.meter,
                order=self.command.order,
                number=self._parts,
                read_at=self.clock.now(),
                layout=layout,
                octets=octets,
            )
        )
        self._counts.append(kept)
        return layout

    def _odd(self, raw: RawBuffer, value: Value | None) -> Flaw:
        """What is odd about the times of the rows, as people are told it."""
        captured = raw.captured
        clock = clock_column([column.source for column in captured.columns])
        form = RowsLayout(clock, captured.period_s, newest_first(raw.sort_method))
        told = None
        if value is not None:
            told = told_rows(value, form, near=self.clock.now(), zone=self.zone)
        return Flaw.NONE if told is None else told.flaws

    def _told(self, wanted: WantedObject, begin: datetime) -> ObjectRead:
        counts = self._counts
        trouble = next((each.trouble for each in counts if each.trouble), "")
        if trouble:
            text = f"rows that are kept as they came, and cannot be decoded: {trouble}"
            return _told(wanted, text, quality=(*words_of(self._flaws), "undecodable"))
        firsts = [each.first for each in counts if each.first is not None]
        lasts = [each.last for each in counts if each.last is not None]
        if not firsts or not lasts:
            since = begin.astimezone(self.zone).replace(microsecond=0)
            return _told(wanted, f"no rows since {since.isoformat()}")
        count = sum(each.count for each in counts)
        text = f"{count} rows, {min(firsts).isoformat()} to {max(lasts).isoformat()}"
        return _told(wanted, text, quality=words_of(self._flaws))


def joined(
    wanted: Sequence[WantedObject],
    found: Sequence[ObjectRead],
    others: Sequence[ObjectRead],
    refusal: Refusal | None,
) -> Outcome:
    """Readings in the order in which they were asked for; refused where the meter gives none."""
    rows, values = iter(found), iter(others)
    readings = tuple(next(rows) if is_buffer(each) else next(values) for each in wanted)
    if any(each.error is None for each in readings):
        return Outcome(Status.DONE, readings=readings)
    return Outcome(Status.REFUSED, refusal=refusal, readings=readings)


def _told(
    wanted: WantedObject,
    value: str | None = None,
    error: str | None = None,
    quality: tuple[str, ...] = (),
) -> ObjectRead:
    return ObjectRead(
        wanted.class_id, wanted.name, wanted.attribute, value, error=error, quality=quality
    )


def _captured(layout: Layout | None) -> Captured | None:
    try:
        return None if layout is None else captured_of(layout)
    except ValueError:
        return None


def _octets(raw: RawBuffer) -> tuple[bytes, Value | None]:
    """The buffer alone, for some meters send more behind it; and what it says, if it says so."""
    value = raw.value
    if not isinstance(value, EncodedValue):
        return axdr.encode(value), value
    reader = axdr.Reader(value.octets)
    try:
        decoded = reader.value()
    except ProtocolError:
        return value.octets, None  # kept as it came
    return value.octets[: reader.offset], decoded
