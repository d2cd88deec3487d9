"""Disconnect control, class 70 version 0: the only way in which the supply relay moves.

Blue Book 4.5.8, IEC 62056-6-2 clause 4.5.8: three states, transitions a to h, and a control mode
that says which of them are possible.  Nothing else opens or closes the relay; a load that falls, a
limit that is raised, a restart do not.  Mode 7 and transition i of later editions are not built.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from devices.meter.events import Event


class ControlState(enum.IntEnum):
    """Attribute 3, the internal state."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class Trigger(enum.Enum):
    """Who wants the supply changed: the head-end, a person at the meter, or the meter itself."""

    REMOTE_DISCONNECT = "remote_disconnect"
    REMOTE_RECONNECT = "remote_reconnect"
    MANUAL_DISCONNECT = "manual_disconnect"
    MANUAL_RECONNECT = "manual_reconnect"
    LOCAL_DISCONNECT = "local_disconnect"
    LOCAL_RECONNECT = "local_reconnect"


TRANSITIONS: dict[tuple[ControlState, Trigger], dict[str, ControlState]] = {
    (ControlState.DISCONNECTED, Trigger.REMOTE_RECONNECT): {
        "a": ControlState.CONNECTED,
        "d": ControlState.READY_FOR_RECONNECTION,
    },
    (ControlState.CONNECTED, Trigger.REMOTE_DISCONNECT): {"b": ControlState.DISCONNECTED},
    (ControlState.READY_FOR_RECONNECTION, Trigger.REMOTE_DISCONNECT): {
        "c": ControlState.DISCONNECTED
    },
    (ControlState.READY_FOR_RECONNECTION, Trigger.MANUAL_RECONNECT): {"e": ControlState.CONNECTED},
    (ControlState.CONNECTED, Trigger.MANUAL_DISCONNECT): {"f": ControlState.READY_FOR_RECONNECTION},
    (ControlState.CONNECTED, Trigger.LOCAL_DISCONNECT): {"g": ControlState.READY_FOR_RECONNECTION},
    (ControlState.READY_FOR_RECONNECTION, Trigger.LOCAL_RECONNECT): {"h": ControlState.CONNECTED},
}
"""The state diagram: which transitions lead out of a state, by their letters."""

PERMITTED = {
    0: "",  # always connected
    1: "bcfgde",
    2: "bcfgae",
    3: "bcgde",
    4: "bcgae",
    5: "bcfgdeh",
    6: "bcgdeh",
}
"""Attribute 4, the control mode: the transitions that it permits.  b, c, f, g disconnect; a, d, e,
h reconnect.  a and d exclude each other, so at most one transition answers a trigger."""

EVENT_OF = {
    Trigger.REMOTE_DISCONNECT: Event.REMOTE_DISCONNECTION,
    Trigger.REMOTE_RECONNECT: Event.REMOTE_CONNECTION,
    Trigger.MANUAL_DISCONNECT: Event.MANUAL_DISCONNECTION,
    Trigger.MANUAL_RECONNECT: Event.MANUAL_CONNECTION,
    Trigger.LOCAL_DISCONNECT: Event.LOCAL_DISCONNECTION,
    Trigger.LOCAL_RECONNECT: Event.LOCAL_RECONNECTION,
}
"""What the disconnector's log calls a transition."""

LOCKOUT_TRIPS = 3
LOCKOUT_WINDOW_S = 1800.0
"""Three local disconnections within half an hour bar local reconnection (h) until the head-end or a
person has acted.  Ours: the Blue Book leaves it to the meter.  A relay that opens under load every
minute wears out, and so does whatever keeps overloading it."""


class Outcome(enum.Enum):
    """What became of a trigger."""

    MOVED = "moved"
    ALREADY_THERE = "already there"  # the state is the one that the trigger leads to
    NOT_PERMITTED = "not permitted"  # by the control mode, in whatever state
    NOT_NOW = "not now"  # the mode would permit it in another state
    LOCKED_OUT = "locked out"


@dataclass(frozen=True, slots=True)
class Move:
    """The answer to a trigger; `transition` is its letter when the state changed."""

    outcome: Outcome
    transition: str = ""
    relay_followed: bool = True


def transition(
    mode: int, state: ControlState, trigger: Trigger
) -> tuple[str, ControlState] | Outcome:
    """The transition that answers `trigger`, with the state after it, or why there is none."""
    for letter, after in TRANSITIONS.get((state, trigger), {}).items():
        if letter in PERMITTED[mode]:
            return letter, after
    targets = {
        after
        for (_, by), ways in TRANSITIONS.items()
        if by is trigger
        for letter, after in ways.items()
        if letter in PERMITTED[mode]
    }
    if not targets:
        return Outcome.NOT_PERMITTED
    further = trigger is Trigger.REMOTE_RECONNECT and state is ControlState.CONNECTED
    return Outcome.ALREADY_THERE if state in targets or further else Outcome.NOT_NOW


@dataclass(slots=True)
class DisconnectControl:
    """One supply relay and its state machine."""

    mode: int = 4
    """Remote disconnection and remote reconnection (a), and a button to reconnect after a trip."""
    state: ControlState = ControlState.CONNECTED
    output_on: bool = True
    """Attribute 2: where the relay physically is.  Differs from `state` when the relay is stuck."""
    trips: list[float] = field(default_factory=list)
    """Times of the local disconnections that count towards the lock-out."""

    def apply(self, trigger: Trigger, *, now: float, relay_stuck: bool = False) -> Move:
        """Move as the control mode permits.  A relay that is stuck stays where it is."""
        found = transition(self.mode, self.state, trigger)
        if trigger in (Trigger.REMOTE_RECONNECT, Trigger.MANUAL_RECONNECT) and (
            found is not Outcome.NOT_PERMITTED
        ):
            self.trips.clear()  # the head-end or a person has acted: the lock-out is over
        if isinstance(found, Outcome):
            if found is Outcome.ALREADY_THERE:
                self._drive(relay_stuck)  # a relay that was stuck gets another pulse
            return Move(found, relay_followed=self._follows)
        letter, after = found
        if letter == "h" and self.locked_out(now):
            return Move(Outcome.LOCKED_OUT)
        if letter == "g":
            self.trips = [at for at in self.trips if now - at < LOCKOUT_WINDOW_S][-LOCKOUT_TRIPS:]
            self.trips.append(now)
        self.state = after
        self._drive(relay_stuck)
        return Move(Outcome.MOVED, letter, relay_followed=self._follows)

    def _drive(self, relay_stuck: bool) -> None:
        if not relay_stuck:
            self.output_on = self.state is ControlState.CONNECTED

    def events(self, trigger: Trigger, move: Move) -> Iterator[Event]:
        """What the disconnector's log says of a trigger that has been applied."""
        if move.outcome is Outcome.MOVED:
            if self.state is ControlState.READY_FOR_RECONNECTION and move.transition == "d":
                yield Event.READY_FOR_RECONNECTION
            else:
                yield EVENT_OF[trigger]
        if not move.relay_followed:
            yield Event.SWITCH_FAILURE

    @property
    def _follows(self) -> bool:
        return self.output_on is (self.state is ControlState.CONNECTED)

    def locked_out(self, now: float) -> bool:
        """Whether repeated trips bar local reconnection.

        It does not end by itself: the trips that caused it stay until somebody acts.
        """
        if len(self.trips) < LOCKOUT_TRIPS:
            return False
        return self.trips[-1] - self.trips[-LOCKOUT_TRIPS] < LOCKOUT_WINDOW_S

    def set_mode(self, mode: int) -> bool:
        """Write attribute 4.  False when the number is unknown, or when 0, 'always connected',
        would have to close an open relay: a parameter never switches a supply on."""
        if mode not in PERMITTED:
            return False
        if mode == 0 and not (self.state is ControlState.CONNECTED and self.output_on):
            return False
        self.mode = mode
        return True
