"""What a meter is, without its links: identity, time, metering, supply, logs, and its parts.

`device.Meter` adds links, associations and the table of objects.  Objects read and write this
state; the state knows none of them, and runs scripts through two methods that `Meter` fills in.

`now` is POSIX seconds UTC, the world's time, and never goes back.  A meter that nobody wrote to
keeps an identity, a load and nothing else.
"""

from __future__ import annotations

from collections import deque

from devices.meter import meter_clock
from devices.meter.accounts import Accounts
from devices.meter.clients import Client
from devices.meter.disconnect import DisconnectControl, Move, Outcome, Trigger
from devices.meter.events import Entry, Event, Journal
from devices.meter.faults import Faults
from devices.meter.history import HISTORY_MAX, Deed, Happened
from devices.meter.identity import Identity
from devices.meter.limiter import UNLIMITED, Limiter
from devices.meter.load import Load, PhaseLoad
from devices.meter.meter_clock import TimeRules
from devices.meter.meter_type import MeterType, clients_by_sap, undisturbed
from devices.meter.metering import Metering
from devices.meter.timeline import Timeline
from protocols.dlms.date_time import ClockStatus
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.values import Value

STANDARD = MeterType()

LONG_FAILURE_S = 180
"""An interruption of power that goes into its own log, EN 50160: longer than three minutes.  The
object 0.0.96.7.20.255 shows it."""


class MeterState(Accounts):
    """The meter's state.  Its relay moves only through `switch`, the state machine's only door."""

    __slots__ = (
        "_faults",
        "_history",
        "_journal",
        "_limiter",
        "_supply",
        "_timeline",
        "identity",
        "metering",
        "type",
    )

    identity: Identity
    type: MeterType
    metering: Metering

    def __init__(self, identity: Identity, load: Load, meter_type: MeterType = STANDARD) -> None:
        super().__init__()
        self.identity = identity
        self.type = meter_type
        self.metering = Metering(load)
        self._timeline = undisturbed(meter_type)
        self._faults: Faults | None = None
        self._supply: DisconnectControl | None = None
        self._limiter: Limiter | None = None
        self._history: deque[Happened] | None = None
        self._journal: Journal | None = None

    # Parts that come into being when somebody asks for them.

    @property
    def faults(self) -> Faults:
        """What is broken; set its fields."""
        if self._faults is None:
            self._faults = Faults()
        return self._faults

    def dirty(self, name: str) -> bool:
        """Whether the meter, or its model, has this fault of `faults.FAULTS`."""
        return name in self.type.quirks or (self._faults is not None and name in self._faults.dirt)

    @property
    def spoils(self) -> bool:
        """Whether there may be anything dirty about it."""
        return bool(self.type.quirks) or (self._faults is not None and bool(self._faults.dirt))

    @property
    def supply(self) -> DisconnectControl:
        """The disconnect control, to look at.  `switch` moves it."""
        if self._supply is None:
            self._supply = DisconnectControl(self.type.control_mode)
        return self._supply

    @property
    def limiter(self) -> Limiter:
        """The limiter."""
        if self._limiter is None:
            self._limiter = Limiter(
                min_over_s=self.type.min_over_s, min_under_s=self.type.min_under_s
            )
        return self._limiter

    @property
    def journal(self) -> Journal:
        """Logs and status words."""
        if self._journal is None:
            self._journal = Journal()
        return self._journal

    # History: the simulation's truth.

    @property
    def history(self) -> tuple[Happened, ...]:
        """What the meter really did, oldest first."""
        return tuple(self._history or ())

    def record(
        self, at: float, deed: Deed, cause: str, detail: str = "", value: int | None = None
    ) -> None:
        """Add to the history."""
        if self._history is None:
            self._history = deque(maxlen=HISTORY_MAX)
        self._history.append(Happened(at, deed, cause, detail, value))

    def happened(self, event: Event, now: float, extra: int = 0) -> None:
        """Write an event into the meter's own logs and status words."""
        self.journal.write(event, self.time(now), self.clock_octets(now), extra)

    @property
    def clients(self) -> dict[int, Client]:
        """Whom the meter knows, by client address."""
        return clients_by_sap(self.type)

    # Clock.

    @property
    def timeline(self) -> Timeline:
        """Which clock ran when."""
        return self._timeline

    @property
    def rules(self) -> TimeRules:
        """How local time is made now."""
        return self._timeline.latest.rules

    def time(self, now: float) -> float:
        """What the meter's own clock shows, or showed, POSIX seconds."""
        return self._timeline.at(now).meter_time(now)

    def world_time(self, meter_time: float) -> float:
        """When the clock will show this, if nobody sets it."""
        return self._timeline.latest.world_time(meter_time)

    def clock_octets(self, now: float) -> bytes:
        """The clock's date-time at a moment, 12 octets."""
        piece = self._timeline.at(now)
        status = ClockStatus.OK if piece.valid else ClockStatus.INVALID
        return meter_clock.octets(piece.meter_time(now), piece.rules, status)

    def set_clock(self, meter_time: float, *, now: float) -> None:
        """Set the meter's own clock, to 1/128 s."""
        old = self._timeline.latest
        new = self._timeline.clock_set(meter_time, now)
        if new is self._timeline:
            return
        adjusted = bool(new.latest.cause & RowStatus.CLOCK_ADJUSTED)
        if adjusted:
            self.happened(Event.CLOCK_ADJUSTED_OLD, now)
        self._timeline = new
        if adjusted:
            self.happened(Event.CLOCK_ADJUSTED_NEW, now)
        if not old.valid and self._journal is not None:
            self._journal.alarms[0] &= ~1  # the clock is valid again

    def drift(self, ppm: int, *, now: float) -> None:
        """From now on the clock runs fast, or slow if below 0, by so many parts in a million."""
        if ppm != self._timeline.latest.drift_ppm:
            self._timeline = self._timeline.cut(now, drift_ppm=ppm)

    def set_rules(self, rules: TimeRules, *, now: float) -> None:
        """Local time is made differently from now on."""
        if rules != self.rules:
            self._timeline = self._timeline.cut(now, rules=rules)

    def lose_clock(self, *, now: float) -> None:
        """The battery was empty when the power failed: the clock starts anew, and knows it."""
        steps = round((meter_clock.EPOCH - now) * 128)
        self._timeline = self._timeline.cut(
            now, RowStatus.CLOCK_ADJUSTED, offset_steps=steps, valid=False
        )
        self.happened(Event.CLOCK_INVALID, now)

    # Registers.

    @property
    def powered(self) -> bool:
        """Whether the grid gives the meter power."""
        return self._timeline.latest.powered

    @property
    def output_on(self) -> bool:
        """Whether the relay is closed."""
        return self._supply is None or self._supply.output_on

    def phases(self, now: float) -> tuple[PhaseLoad, ...]:
        """What is, or was, measured on each phase."""
        if not self._timeline.at(now).powered:
            return (PhaseLoad(0, 0, 0),) * self.type.phases
        return self.metering.phases(now)

    def active_power(self, now: float) -> int:
        """The register 1.0.1.7.0.255, +P of all phases, in its own resolution."""
        watts = sum(max(phase.active_w, 0) for phase in self.phases(now))
        return int(watts // 10**self.type.power_scaler)

    # Supply.

    def threshold_active(self, now: float) -> int:
        """The limiter's active threshold."""
        if self._limiter is None:
            return UNLIMITED
        return self._limiter.threshold_active(self.time(now))

    def switch(self, trigger: Trigger, *, now: float, cause: str) -> Move:
        """Put a trigger to the state machine, and write down what came of it."""
        supply = self.supply
        was_on, was_locked = supply.output_on, supply.locked_out(now)
        move = supply.apply(trigger, now=now, relay_stuck=self.faults.relay_stuck)
        if supply.output_on is not was_on:
            self.metering.supply_changed(supply.output_on and self.powered, now=now)
        detail = f"{trigger.value} {move.transition}".rstrip()
        self.record(now, _deed(move, was_on, supply.output_on), cause, detail)
        for event in supply.events(trigger, move):
            self.happened(event, now, self.threshold_active(now))
        if was_locked and not supply.locked_out(now):
            self.limiter.rearm(now)  # the script that the lock-out barred may run again
        return move

    def note_interruption(self, duration_s: int, now: float) -> None:
        """Count an interruption of power that is over; a long one goes into its log."""
        journal = self.journal
        journal.failures_counted += 1
        if duration_s >= LONG_FAILURE_S:
            line = Entry(self.time(now), self.clock_octets(now), 0, duration_s)
            journal.power_failures.append(line)

    # What links and the table of objects do for the parts.

    def open_to(self, client_sap: int) -> bool:
        """Whether an association with this client is open."""
        raise NotImplementedError

    def drop_links(self) -> None:
        """End every association without a word, as a start of the meter does."""
        raise NotImplementedError

    def execute(self, script_table: LogicalName, selector: int, *, now: float, cause: str) -> None:
        """Run a script as the meter itself.  A script that there is not does nothing."""
        raise NotImplementedError

    def value_of(self, class_id: int, name: LogicalName, attribute: int, now: float) -> Value:
        """An attribute's value, as the meter itself sees it; null-data where there is none."""
        raise NotImplementedError


def _deed(move: Move, was_on: bool, is_on: bool) -> Deed:
    if is_on is not was_on:
        return Deed.RELAY_CLOSED if is_on else Deed.RELAY_OPENED
    if move.outcome is Outcome.LOCKED_OUT:
        return Deed.LOCKED_OUT
    if move.outcome in (Outcome.NOT_PERMITTED, Outcome.NOT_NOW):
        return Deed.SUPPLY_REFUSED
    if not move.relay_followed:
        return Deed.RELAY_STUCK
    return Deed.STATE_MOVED if move.outcome is Outcome.MOVED else Deed.SUPPLY_UNCHANGED
