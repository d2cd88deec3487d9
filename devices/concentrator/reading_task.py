"""What one task reads in one session of one meter, and what of it is new.

A profile is read from where the last reading ended, a few days at a time, so that a meter that was
away for long does not hold the line for hours.  Where the reading ended stands by the meter's own
clock: the times of its rows.  Where only spans are wanted, nothing before, between and behind them
is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime

from devices.concentrator.flash import Kept, Progress
from devices.concentrator.rows_read import Rows
from devices.concentrator.task_times import last_midnight
from protocols.concentrator.collecting import Block, Kind, Layout, Task
from protocols.concentrator.layouts import layout_of
from protocols.concentrator.messages import ObjectRead, Status
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import (
    Answer,
    Outcome,
    Procedure,
    RawBuffer,
    Request,
    TimeRange,
    read_buffer,
)
from protocols.dlms.procedures.wanted import read_objects

SPAN_S = 2 * 86_400.0  # of rows in one session; 192 rows of 15 minutes, some 11 kB
ABSENT_S = 86_400.0  # a meter without a row for so long has none there: go on behind it


@dataclass(slots=True)
class ReadingTask:
    """One session's reading.  `now` is what the concentrator's clock shows, POSIX seconds.

    What is read goes into flash by `keep` in the same step in which the progress does: a loss of
    power finds both or neither.
    """

    task: Task
    meter: str
    progress: Progress
    now: float
    keep: Callable[[Kept, Task], None]
    complete: bool = False  # nothing more is to be had for now

    def procedure(self) -> Procedure:
        """What is asked of the meter; what it brings is kept."""
        if self.task.kind is Kind.REGISTERS:
            return self._registers()
        return self._spans() if self.task.spans else self._rows()

    @property
    def until(self) -> float:
        """Up to when rows are wanted."""
        return last_midnight(self.task, self.now) if self.task.whole_days else self.now

    # --- registers -------------------------------------------------------------------------------

    def _registers(self) -> Generator[Request, Answer, Outcome]:
        outcome: Outcome = yield from read_objects(self.task.objects)
        if outcome.status is Status.DONE or outcome.readings:
            self._store(readings=outcome.readings)
            self.complete = True
        return outcome

    # --- rows ------------------------------------------------------------------------------------

    def _rows(self) -> Generator[Request, Answer, Outcome]:
        progress, wanted = self.progress, self.task.objects[0]
        first = progress.next_from
        if first is None:
            first = self.now - self.task.back_s
        last = min(self.until, first + SPAN_S)
        if first > last:  # the day that is wanted was read before
            self.complete = True
            return Outcome(Status.DONE)
        raw = yield from read_buffer(
            LogicalName(wanted.name),
            TimeRange(_moment(first), _moment(last)),
            known=progress.captured,
            with_units=self.task.kind is Kind.PROFILE,
            as_octets=self.task.kind is Kind.PROFILE,
        )
        if isinstance(raw, Outcome):
            return raw
        self._take_rows(raw, first, last)
        return Outcome(Status.DONE)

    def _spans(self) -> Generator[Request, Answer, Outcome]:
        """The next part of what is wanted: of one span, and no more than a session takes."""
        progress, wanted = self.progress, self.task.objects[0]
        after = -math.inf if progress.next_from is None else progress.next_from
        left = [each for each in self.task.spans if each.end.timestamp() >= after]
        if not left:
            self.complete = True
            return Outcome(Status.DONE)
        end = left[0].end.timestamp()
        first = max(after, left[0].begin.timestamp() + 1)
        last = min(end, first + SPAN_S)
        raw = yield from read_buffer(
            LogicalName(wanted.name),
            TimeRange(_moment(first), _moment(last)),
            known=progress.captured,
            with_units=True,
            as_octets=True,
        )
        if isinstance(raw, Outcome):
            return raw
        progress.captured, progress.next_from = raw.captured, last + 1
        self.complete = raw.whole or (last >= end and len(left) == 1)
        found = Rows.of(raw)
        if found.count:
            layout = layout_of(wanted.name, raw.captured)
            self._store(layout, buffer=found.octets, rows=found.count)
        return Outcome(Status.DONE)

    def _take_rows(self, raw: RawBuffer, first: float, last: float) -> None:
        progress, captured = self.progress, raw.captured
        progress.captured = captured
        found = Rows.of(raw)
        newest = found.newest
        self.complete = raw.whole or last >= self.until
        if newest is None:
            if not self.complete and last <= self.now - ABSENT_S:
                progress.next_from = last
            else:
                self.complete = True
            if not found.count:
                return
        elif self.task.kind is Kind.EVENTS:
            # Another event of the newest second may come: its rows are asked for again.
            progress.next_from = newest
            at_newest = found.at(newest)
            seen, progress.last_rows = progress.last_rows, axdr.encode(at_newest)
            if len(at_newest) == found.count and seen == progress.last_rows:
                return
        else:
            # A meter that calls its local time UTC may claim rows of the future.
            progress.next_from = max(min(newest + 1, self.now), progress.next_from or 0.0)
        self._store(
            layout_of(self.task.objects[0].name, captured),
            buffer=found.octets,
            rows=found.count,
        )

    def _store(
        self,
        layout: Layout | None = None,
        *,
        buffer: bytes = b"",
        rows: int = 0,
        readings: tuple[ObjectRead, ...] = (),
    ) -> None:
        self.progress.blocks += 1
        block = Block(
            meter=self.meter,
            task=self.task.name,
            number=self.progress.blocks,
            read_at=datetime.fromtimestamp(self.now, UTC),
            buffer=buffer,
            rows=rows,
            readings=readings,
        )
        self.keep(Kept(block, layout), self.task)


def _moment(posix_s: float) -> DateTime:
    return DateTime.from_datetime(datetime.fromtimestamp(posix_s, UTC))
