"""What is broken in a meter, as state, and the table of everything that can be asked for by name.

A fault is set and cleared while the simulation runs.  `FAULTS` names them all, for scenarios, for
`ami meter listen --fault NAME` and for the quirks of a model; what meters in the field do is
collected in it from public issue trackers and companion specifications.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName

AttributeKey = tuple[LogicalName, int]
Where = Literal["meter", "data", "association", "push", "line"]


@dataclass(slots=True)
class Faults:
    """The faults of one meter.  As constructed, none."""

    silent: bool = False
    """Answers nothing.  Its state goes on living: a silent meter's limiter still trips."""

    relay_stuck: bool = False
    """The relay does not move; the control state does, and the history says so."""

    load_relay_stuck: bool = False
    """The load relay does not move; its control state does."""

    wrong_keys: bool = False
    """Other keys than the registry has, as after a botched key change."""

    counter_rolled_back: bool = False
    """After each restart of an association the meter counts from 0 again, as with a dead back-up
    battery: a client that remembers must take its answers for replays."""

    battery_empty: bool = False
    """The clock does not survive an interruption of power."""

    refused_sets: dict[AttributeKey, DataAccessResult] = field(default_factory=dict)
    """Attributes that refuse to be written, each with the result that it gives."""

    ignored_sets: set[AttributeKey] = field(default_factory=set)
    """Attributes that accept a value, answer success, and keep the old one."""

    dirt: set[str] = field(default_factory=set)
    """Names of further faults in `FAULTS`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that can be asked for."""

    text: str
    where: Where
    """Which part of a meter it is in: "line" is for whoever gives the meter its line."""
    flag: str = ""
    """The field of `Faults` that it sets; without one it is dirt."""
    drift_ppm: int = 0


FAULTS: dict[str, Fault] = {
    # The meter itself.
    "silent": Fault("answers nothing", "meter", "silent"),
    "relay-stuck": Fault("its relay does not move", "meter", "relay_stuck"),
    "load-relay-stuck": Fault("its load relay does not move", "meter", "load_relay_stuck"),
    "wrong-key": Fault("has other keys than the registry", "meter", "wrong_keys"),
    "counter-rolled-back": Fault(
        "counts its messages from the start again in each association",
        "meter",
        "counter_rolled_back",
    ),
    "battery-empty": Fault("loses the time with the power", "meter", "battery_empty"),
    "clock-drifts": Fault("its clock gains 17 s a day", "meter", drift_ppm=200),
    # What it says.
    "clock-twice": Fault("encodes a clock twice: octets trail the answer", "data"),
    "deviation-ignored": Fault("writes local time and a deviation of 0", "data"),
    "deviation-sign": Fault("writes its deviation with the wrong sign", "data"),
    "hundredths-as-ms": Fault("writes milliseconds where hundredths belong", "data"),
    "invalid-dates": Fault(
        "some rows of its profiles and its pushes have dates of no calendar", "data"
    ),
    "rows-twice": Fault("some rows of its profiles come twice", "data"),
    "rows-shuffled": Fault("some rows of its profiles stand before the row before them", "data"),
    "nul-in-strings": Fault("fills its strings up with NUL characters", "data"),
    "firmware-unreadable": Fault("its firmware's name is no text", "data"),
    # How it converses.
    "release-refused": Fault("answers a release by an exception response", "association"),
    "last-block-unflagged": Fault("never says that a block of a GET is the last", "association"),
    "image-slow": Fault(
        "answers a temporary failure to image verify and activate for a minute and more",
        "association",
    ),
    # What it pushes.
    "push-twice": Fault("sends each push twice", "push"),
    "push-late": Fault("sends each push half an hour late", "push"),
    "invoke-id-high": Fault("counts its pushes from 2^31 on", "push"),
    # Its line.
    "echo": Fault("its line gives back what is sent", "line"),
    "identification-plain": Fault(
        "its mode E identification lacks \\2, yet it speaks HDLC", "line"
    ),
    "pauses": Fault("waits 3 s between two frames", "line"),
}
