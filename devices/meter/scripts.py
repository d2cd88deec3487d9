"""Scripts that the meter itself runs: by its limiter, its monitors and its schedules.

Class 9, Blue Book 4.5.2.  A script of the disconnect table is a local trigger when the meter runs
it, and a remote one when a client does (4.5.8).
"""

from __future__ import annotations

from collections.abc import Callable

from devices.meter.disconnect import Trigger
from devices.meter.limiter import DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT, SCRIPT_RECONNECT
from devices.meter.state import MeterState
from protocols.dlms.logical_name import LogicalName

Run = Callable[[MeterState, float, str], None]


def _switch(trigger: Trigger) -> Run:
    def run(meter: MeterState, now: float, cause: str) -> None:
        meter.switch(trigger, now=now, cause=cause)

    return run


SCRIPTS: dict[tuple[LogicalName, int], Run] = {
    (DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT): _switch(Trigger.LOCAL_DISCONNECT),
    (DISCONNECT_SCRIPTS, SCRIPT_RECONNECT): _switch(Trigger.LOCAL_RECONNECT),
}


def run(meter: MeterState, table: LogicalName, selector: int, *, now: float, cause: str) -> None:
    """Run a script; one that there is not does nothing."""
    found = SCRIPTS.get((table, selector))
    if found is not None:
        found(meter, now, cause)
