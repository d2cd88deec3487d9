"""Scripts that the meter itself runs: by its limiter, its monitors and its schedules.

Class 9, Blue Book 4.5.2.  A script of the disconnect table is a local trigger when the meter runs
it, and a remote one when a client does (4.5.8).
"""

from __future__ import annotations

from collections.abc import Callable

from devices.meter import push
from devices.meter.disconnect import Trigger
from devices.meter.image_transfer import ImageTransfer
from devices.meter.limiter import DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT, SCRIPT_RECONNECT
from devices.meter.state import MeterState
from protocols.dlms.logical_name import LogicalName

IMAGE_SCRIPTS = LogicalName("0.0.10.0.107.255")
PUSH_SCRIPTS = LogicalName("0.0.10.0.108.255")

Run = Callable[[MeterState, float, str], None]


def _switch(trigger: Trigger) -> Run:
    def run(meter: MeterState, now: float, cause: str) -> None:
        meter.switch(trigger, now=now, cause=cause)

    return run


def _push(setup: LogicalName) -> Run:
    def run(meter: MeterState, now: float, cause: str) -> None:
        push.trigger(meter, setup, now)

    return run


def _activate_image(meter: MeterState, now: float, cause: str) -> None:
    meter.part(ImageTransfer).activate(now)


SCRIPTS: dict[tuple[LogicalName, int], Run] = {
    (DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT): _switch(Trigger.LOCAL_DISCONNECT),
    (DISCONNECT_SCRIPTS, SCRIPT_RECONNECT): _switch(Trigger.LOCAL_RECONNECT),
    (IMAGE_SCRIPTS, 1): _activate_image,
    **{(PUSH_SCRIPTS, number): _push(setup) for number, setup in enumerate(push.SETUPS, 1)},
}
CALLS: dict[tuple[LogicalName, int], tuple[int, LogicalName, int]] = {
    (IMAGE_SCRIPTS, 1): (18, LogicalName("0.0.44.0.0.255"), 4),
    **{(PUSH_SCRIPTS, number): (40, setup, 1) for number, setup in enumerate(push.SETUPS, 1)},
}
"""Which method of which object each script calls, as its table says: class, object, method."""


def run(meter: MeterState, table: LogicalName, selector: int, *, now: float, cause: str) -> None:
    """Run a script; one that there is not does nothing."""
    found = SCRIPTS.get((table, selector))
    if found is not None:
        found(meter, now, cause)
