"""What the meter watches: register monitors (class 21) and the voltage of each phase.

Blue Book 4.5.6; limits of the voltage: EN 50160 and IEC 61000-4-30 (dip, swell, interruption).  A
meter looks when something reaches it, or when its load changes while a monitor is set.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from devices.meter.events import Event
from devices.meter.limiter import ActionItem
from devices.meter.load import NOMINAL_DV
from devices.meter.state import MeterState

SAG_DV = NOMINAL_DV * 90 // 100
SWELL_DV = NOMINAL_DV * 110 // 100
MISSING_DV = NOMINAL_DV * 10 // 100
"""0.1 V: below 90 % undervoltage, above 110 % overvoltage, below 10 % none."""


class Level(enum.IntEnum):
    """Where a voltage stands; the order is that of the event codes."""

    UNDER = 0
    OVER = 1
    MISSING = 2
    NORMAL = 3


def level(voltage_dv: int) -> Level:
    """Where a voltage stands."""
    if voltage_dv < MISSING_DV:
        return Level.MISSING
    if voltage_dv < SAG_DV:
        return Level.UNDER
    return Level.OVER if voltage_dv > SWELL_DV else Level.NORMAL


@dataclass(slots=True)
class VoltageWatch:
    """The levels that were seen last; in being only once one was not normal."""

    levels: list[Level]

    @classmethod
    def of(cls, meter: MeterState) -> VoltageWatch:
        return cls([Level.NORMAL] * meter.type.phases)

    def next_deadline(self, meter: MeterState) -> float | None:
        return None

    def advance(self, meter: MeterState, now: float) -> None:
        for phase, there in enumerate(meter.phases(now)[: meter.type.phases]):
            seen = level(there.voltage_dv)
            if seen is not self.levels[phase]:
                self.levels[phase] = seen
                meter.happened(Event(Event.UNDERVOLTAGE_L1 + 3 * seen + phase), now)


def watch_voltage(meter: MeterState, now: float) -> None:
    """Begin to watch when a voltage is not normal."""
    if meter.existing(VoltageWatch) is None and any(
        level(phase.voltage_dv) is not Level.NORMAL for phase in meter.phases(now)
    ):
        meter.part(VoltageWatch).advance(meter, now)


@dataclass(slots=True)
class RegisterMonitor:
    """The monitor of active power: thresholds, and a script for each way across one."""

    thresholds: tuple[int, ...] = ()
    actions: tuple[tuple[ActionItem, ActionItem], ...] = ()
    over: list[bool] = field(default_factory=list)
    seen: float = 0.0

    @classmethod
    def of(cls, meter: MeterState) -> RegisterMonitor:
        return cls()

    def set_thresholds(self, thresholds: tuple[int, ...], meter: MeterState, now: float) -> None:
        """Other thresholds; where the value stands now crosses none of them."""
        value = meter.active_power(now)
        self.thresholds, self.over = thresholds, [value > each for each in thresholds]
        self.seen = now

    def next_deadline(self, meter: MeterState) -> float | None:
        if not self.thresholds or not meter.output_on:
            return None
        return meter.metering.load.next_change(self.seen)

    def advance(self, meter: MeterState, now: float) -> None:
        self.seen = now
        value = meter.active_power(now)
        for place, threshold in enumerate(self.thresholds):
            over = value > threshold
            if over is self.over[place]:
                continue
            self.over[place] = over
            if place < len(self.actions):
                up, down = self.actions[place]
                item = up if over else down
                if item.selector:
                    meter.execute(item.table, item.selector, now=now, cause="register monitor")
