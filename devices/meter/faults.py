"""What is broken in a meter, as state.  A fault is set and cleared while the simulation runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName

AttributeKey = tuple[LogicalName, int]


@dataclass(slots=True)
class Faults:
    """The faults of one meter.  As constructed, none."""

    silent: bool = False
    """Answers nothing.  Its state goes on living: a silent meter's limiter still trips."""

    relay_stuck: bool = False
    """The relay does not move; the control state does, and the history says so."""

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
