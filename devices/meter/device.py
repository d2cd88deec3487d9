"""A simulated meter: plain state, and what it does with time and frames.

    meter = Meter(Identity(seed=7, index=4), ConstantLoad.of(800, 300, 450))
    answers = meter.receive(frame, now=now)     # wrapper frames, any client
    meter.next_deadline()                       # when it will act by itself, or None
    meter.advance(now)                          # let it

`now` is POSIX seconds UTC and never goes back.  A meter that nobody wrote to keeps an identity, a
load and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from devices.meter import meter_clock
from devices.meter.clients import Client
from devices.meter.disconnect import DisconnectControl, Move, Outcome, Trigger
from devices.meter.faults import Faults
from devices.meter.history import HISTORY_MAX, Deed, Happened
from devices.meter.identity import Identity
from devices.meter.limiter import SCRIPT_DISCONNECT, SCRIPT_RECONNECT, ActionItem, Limiter
from devices.meter.load import Load, PhaseLoad
from devices.meter.meter_type import MeterType, clients_by_sap
from devices.meter.metering import Metering
from devices.meter.server import Association, Endpoint
from protocols import wrapper
from protocols.errors import ProtocolError

STANDARD = MeterType()

LOCAL_SCRIPTS = {
    SCRIPT_DISCONNECT: Trigger.LOCAL_DISCONNECT,
    SCRIPT_RECONNECT: Trigger.LOCAL_RECONNECT,
}
"""What a script of the disconnect table means when the limiter runs it."""


class Meter:
    """One meter.  Its relay moves only through `switch`, which is the state machine's only door."""

    __slots__ = (
        "_associations",
        "_ciphered",
        "_clock_offset_s",
        "_counters",
        "_faults",
        "_history",
        "_limiter",
        "_links",
        "_module",
        "_settled_at",
        "_supply",
        "identity",
        "metering",
        "type",
    )

    identity: Identity
    type: MeterType
    metering: Metering

    def __init__(self, identity: Identity, load: Load, meter_type: MeterType = STANDARD) -> None:
        self.identity = identity
        self.type = meter_type
        self.metering = Metering(load)
        self._faults: Faults | None = None
        self._supply: DisconnectControl | None = None
        self._limiter: Limiter | None = None
        self._history: deque[Happened] | None = None
        self._counters: dict[int, tuple[int, int]] | None = None
        self._ciphered: dict[int, Association] | None = None
        self._associations = 0
        self._links: tuple[Endpoint, ...] = ()
        self._module: Endpoint | None = None
        self._clock_offset_s = 0.0
        self._settled_at = 0.0

    # Parts that come into being when somebody asks for them.

    @property
    def faults(self) -> Faults:
        """What is broken; set its fields."""
        if self._faults is None:
            self._faults = Faults()
        return self._faults

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

    @property
    def clients(self) -> dict[int, Client]:
        """Whom the meter knows, by client address."""
        return clients_by_sap(self.type)

    # Clock and registers.

    def time(self, now: float) -> float:
        """What the meter's own clock shows, POSIX seconds."""
        return now + self._clock_offset_s

    def set_clock(self, meter_time: float, *, now: float) -> None:
        """Set the meter's own clock, to 1/128 s."""
        self._clock_offset_s = meter_clock.offset(meter_time, now)

    @property
    def output_on(self) -> bool:
        """Whether the relay is closed."""
        return self._supply is None or self._supply.output_on

    def phases(self, now: float) -> tuple[PhaseLoad, ...]:
        """What is measured on each phase."""
        return self.metering.phases(now, on=self.output_on)

    def active_power(self, now: float) -> int:
        """The register 1.0.1.7.0.255, +P of all phases, in its own resolution."""
        watts = sum(max(phase.active_w, 0) for phase in self.phases(now))
        return int(watts // 10**self.type.power_scaler)

    def replace_load(self, load: Load, *, now: float) -> None:
        """The installation behind the meter draws something else from now on."""
        self.advance(now)
        self.metering.replace_load(load, on=self.output_on, now=now)
        self.settle(now)

    # Supply.

    def press(self, trigger: Trigger, *, now: float) -> Move:
        """A person at the meter: MANUAL_DISCONNECT or MANUAL_RECONNECT."""
        if trigger not in (Trigger.MANUAL_DISCONNECT, Trigger.MANUAL_RECONNECT):
            raise ValueError(f"{trigger.value} is no button")
        self.advance(now)
        move = self.switch(trigger, now=now, cause="button")
        self.settle(now)
        return move

    def switch(self, trigger: Trigger, *, now: float, cause: str) -> Move:
        """Put a trigger to the state machine, and write down what came of it."""
        supply = self.supply
        was_on, was_locked = supply.output_on, supply.locked_out(now)
        move = supply.apply(trigger, now=now, relay_stuck=self.faults.relay_stuck)
        if supply.output_on is not was_on:
            self.metering.supply_changed(supply.output_on, now=now)
        detail = f"{trigger.value} {move.transition}".rstrip()
        self.record(now, _deed(move, was_on, supply.output_on), cause, detail)
        if was_locked and not supply.locked_out(now):
            self.limiter.rearm(now)  # the script that the lock-out barred may run again
        return move

    # Time.

    def next_deadline(self) -> float | None:
        """When the meter will do something by itself, or None while only others can move it."""
        deadlines = [*self._limiter_deadlines()]
        for link in self._links:
            deadlines += link.deadlines()
        return min(deadlines, default=None)

    def advance(self, now: float) -> None:
        """Do everything that is due up to now, each thing at its own time."""
        while (due := self.next_deadline()) is not None and due <= now:
            for link in self._links:
                link.advance(due)
            self.settle(due)
        self._settled_at = max(self._settled_at, now)

    def settle(self, now: float) -> None:
        """Look at the monitored value, and run what has fallen due."""
        self._settled_at = now
        limiter = self._limiter
        if limiter is None:
            return
        while True:
            limiter.observe(self.active_power(now), now=now, meter_time=self.time(now))
            action = limiter.due(now)
            if action is None:
                return
            limiter.done()
            self._run(action, now)

    def _limiter_deadlines(self) -> Iterable[float]:
        limiter = self._limiter
        if limiter is None:
            return
        if (due := limiter.next_deadline()) is not None:
            yield due
        if (boundary := limiter.next_boundary(self.time(self._settled_at))) is not None:
            yield boundary - self._clock_offset_s
        if self.output_on and not limiter.idle():
            change = self.metering.load.next_change(self._settled_at)
            if change is not None:
                yield change

    def _run(self, action: ActionItem, now: float) -> None:
        """Run the script of a limiter's action: a local trigger."""
        trigger = LOCAL_SCRIPTS.get(action.selector)
        if trigger is None:
            return
        over = self.limiter.side.value
        deed = Deed.LIMITER_OVER if over == "over" else Deed.LIMITER_UNDER
        self.record(now, deed, "limiter", f"script {action.selector}", self.active_power(now))
        self.switch(trigger, now=now, cause="limiter")

    # Communication.

    def open_link(self) -> Endpoint:
        """One more link to the meter, with associations of its own, such as a TCP connection."""
        link = Endpoint(self)
        self._links = (*self._links, link)
        return link

    def close_link(self, link: Endpoint) -> None:
        """The link is gone."""
        link.close()
        self._links = tuple(each for each in self._links if each is not link)

    def receive(self, frame: bytes, *, now: float) -> list[bytes]:
        """Answer one whole wrapper frame that came over the meter's PLC or RF module.

        Silence is the answer to what is no frame, and of a meter that is broken.
        """
        try:
            frames = wrapper.Decoder().feed(frame)
        except ProtocolError:
            frames = []
        if self._module is None:
            self._module = self.open_link()
        return [a for each in frames for a in self.take(each, self._module, now=now)]

    def take(self, frame: wrapper.Frame, link: Endpoint, *, now: float) -> list[bytes]:
        """Answer one frame that came over this link."""
        self.advance(now)
        if self._faults is not None and self._faults.silent:
            return []
        answers = link.take(frame, now=now)
        self.settle(now)
        return answers

    def restart(self) -> None:
        """Power comes back after an interruption: associations are gone, everything else is kept.

        Relay, control state, limits and counters live in memory that needs no power; a limiter
        that had begun to count goes on counting.
        """
        for link in self._links:
            link.close()

    # Invocation counters, which outlive every association.

    def counters(self, client_sap: int) -> tuple[int, int]:
        """For this client's keys: the next counter of ours, and the lowest we accept."""
        return (self._counters or {}).get(client_sap, (1, 0))

    def note_counters(self, client_sap: int, *, own: int, peer: int) -> None:
        """Remember how far the counters of this client's keys have been used."""
        if self._counters is None:
            self._counters = {}
        known_own, known_peer = self.counters(client_sap)
        self._counters[client_sap] = (max(own, known_own), max(peer, known_peer))

    def counter_received(self, client_sap: int) -> int:
        """The highest counter received from this client, as the objects 0.0.43.1.x.255 show it."""
        return max(self.counters(client_sap)[1] - 1, 0)

    def supersede(self, association: Association) -> None:
        """This association is the one of its client now; an older one ends without a word."""
        if self._ciphered is None:
            self._ciphered = {}
        older = self._ciphered.get(association.client.sap)
        if older is not None:
            older.connection.disconnect()
        self._ciphered[association.client.sap] = association

    def forget(self, association: Association) -> None:
        """This association has ended."""
        if self._ciphered and self._ciphered.get(association.client.sap) is association:
            del self._ciphered[association.client.sap]

    def count_association(self) -> int:
        """The number of this association, so that no challenge comes twice."""
        self._associations += 1
        return self._associations


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
