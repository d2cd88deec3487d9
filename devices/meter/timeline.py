"""The meter's time against the world's: which clock ran when, and when there was power.

A meter that nobody set and that never lost power has one piece for ever, shared by all its type.
Setting the clock, a drift, an interruption of power and new rules for local time each cut a piece.
What a profile captured then still follows from it, so nothing has to be stored row by row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from devices.meter.meter_clock import TimeRules
from protocols.dlms.objects.row_status import RowStatus

STEPS_PER_S = 128
"""Offsets are kept in 1/128 s, so that sums with times keep every digit of a float; a clock that is
set may be off by less than that."""

PIECES_MAX = 200
"""Cuts that a meter remembers; profiles show nothing from before the oldest one."""

SHIFT_LIMIT_S = 9
"""A clock moved by less is synchronised and not set: rows stay regular and unflagged.  The object
1.0.0.9.11.255 shows it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """From `begin` on, by the world's time, the clock ran like this."""

    rules: TimeRules
    begin: float = 0.0
    offset_steps: int = 0
    drift_ppm: int = 0
    powered: bool = True
    valid: bool = True
    """Whether the meter itself trusts the clock."""
    cause: RowStatus = RowStatus.OK
    """What marks the first row after the cut."""

    def meter_time(self, world: float) -> float:
        """What the clock shows at a moment of this piece."""
        steps = self.offset_steps
        if self.drift_ppm:
            steps += math.floor((world - self.begin) * self.drift_ppm * STEPS_PER_S / 1e6)
        return world + steps / STEPS_PER_S

    def world_time(self, meter_time: float) -> float:
        """When the clock shows this."""
        world = meter_time - self.offset_steps / STEPS_PER_S
        if self.drift_ppm:
            world = self.begin + (world - self.begin) / (1 + self.drift_ppm / 1e6)
        return world


@dataclass(frozen=True, slots=True)
class Timeline:
    """The pieces, oldest first."""

    pieces: tuple[Piece, ...]

    @classmethod
    def undisturbed(cls, rules: TimeRules) -> Timeline:
        """A clock that shows the world's time."""
        return cls((Piece(rules),))

    @property
    def latest(self) -> Piece:
        return self.pieces[-1]

    def at(self, world: float) -> Piece:
        """The piece that holds, or held, at a moment."""
        for piece in reversed(self.pieces):
            if piece.begin <= world:
                return piece
        return self.pieces[0]

    def when(self, meter_time: float, before: float) -> float:
        """When, at or before a moment of the world, the clock last came to show this; where it
        was set past it, when that was done."""
        for place in range(len(self.pieces) - 1, -1, -1):
            piece = self.pieces[place]
            if piece.begin > before:
                continue
            world = min(piece.world_time(meter_time), before)
            if world >= piece.begin:
                return world
            if place and self.pieces[place - 1].meter_time(piece.begin) < meter_time:
                return piece.begin
        return self.pieces[0].begin

    def cut(self, now: float, cause: RowStatus = RowStatus.OK, **changes: Any) -> Timeline:
        """From now on something is different."""
        latest = self.latest
        offset = round((latest.meter_time(now) - now) * STEPS_PER_S)
        piece = replace(latest, **{"begin": now, "offset_steps": offset, "cause": cause, **changes})
        kept = self.pieces[:-1] if latest.begin == now else self.pieces
        if latest.begin == now:
            piece = replace(piece, cause=cause | latest.cause)
        return Timeline((*kept, piece)[-PIECES_MAX:])

    def clock_set(self, meter_time: float, now: float) -> Timeline:
        """The clock is set; moved by little it is only synchronised."""
        steps = math.ceil((meter_time - now) * STEPS_PER_S)  # never the second before
        shift_s = abs(meter_time - self.latest.meter_time(now))
        if steps == self.latest.offset_steps and not self.latest.drift_ppm and self.latest.valid:
            return self
        moved = shift_s > SHIFT_LIMIT_S or not self.latest.valid
        cause = RowStatus.CLOCK_ADJUSTED if moved else RowStatus.OK
        return self.cut(now, cause, offset_steps=steps, valid=True)

    def stretches(self, after: float, until: float) -> Iterator[Stretch]:
        """The pieces between two moments of the world, newest first."""
        end, newest = until, True
        for place in range(len(self.pieces) - 1, -1, -1):
            piece = self.pieces[place]
            if piece.begin <= end:
                before = self.pieces[place - 1] if place else None
                yield Stretch(piece, max(piece.begin, after), end, before, newest)
                newest = False
            if piece.begin <= after:
                return
            end = min(end, piece.begin)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a piece, from `begin` until `end` by the world's time."""

    piece: Piece
    begin: float
    end: float
    before: Piece | None
    """The piece before, where there was one."""
    last: bool
    """Whether `end` belongs to it; of the others it belongs to the next."""

    @property
    def follows_on(self) -> bool:
        """Whether the clock only was synchronised at its begin, so that rows go on regularly."""
        return (
            self.before is not None
            and self.before.powered
            and not self.piece.cause
            and self.begin == self.piece.begin
        )

    @property
    def meter_begin(self) -> float:
        """What the clock showed at the begin: before it was synchronised, if that is all."""
        if self.follows_on:
            assert self.before is not None
            return self.before.meter_time(self.begin)
        return self.piece.meter_time(self.begin)

    @property
    def meter_end(self) -> float:
        return self.piece.meter_time(self.end)

    def world_time(self, meter_time: float) -> float:
        """When a row with this time was captured."""
        return min(max(self.piece.world_time(meter_time), self.begin), self.end)
