"""`[[fault]]`: what goes wrong, where, from when until when, and how badly.

A fault hits one device, all devices of an area or of the field, or a share of them.  Which devices
a share hits is drawn for each by itself (`scenarios.aim`): a greater share hits the same and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from devices.meter.faults import FAULTS
from scenarios.mistakes import Path
from scenarios.parts import Duration, Part, Share, seconds

DIRT = tuple(name for name, fault in FAULTS.items() if fault.where != "line")
"""What a meter can have that no line needs to show."""

ALL = "all"
"""The target that is every device of the kind."""

Level = Annotated[float, msgspec.Meta(ge=-200, le=200)]
"""A level or a change of one in dB or dBm, far beyond what any link has."""

Step = Annotated[int, msgspec.Meta(ge=-315_360_000, le=315_360_000)]
"""Seconds that a clock jumps: ten years at most, so that every calendar has the date."""

Drift = Annotated[int, msgspec.Meta(ge=-100_000, le=100_000)]
"""Parts in a million: a tenth at most, so that no clock stands or runs backwards."""

Where = Literal["meter", "concentrator", "link", "router", "cell", "surroundings"]
"""What a kind hits: meters, concentrators, links of either, routers of either, cells of the mobile
network, or what the head-end leans on."""


class FaultSpec(Part, frozen=True):
    """Something that goes wrong, from `at` until `until` (or for good)."""

    kind: Literal[
        "meter-silent",
        "meter-refuses",
        "meter-ignores",
        "meter-emergency",
        "meter-wrong-key",
        "meter-counter",
        "meter-clock",
        "meter-stuck-relay",
        "meter-stuck-load-relay",
        "meter-phase-loss",
        "meter-dirty",
        "meter-power-cut",
        "meter-unreachable",
        "packet-loss",
        "noise",
        "modem",
        "sim",
        "apn",
        "network",
        "silence",
        "power-cut",
        "reboot",
        "busy",
        "clock",
        "line-cut",
        "jamming",
        "cell-outage",
        "router-power-cut",
        "router-port-cut",
        "router-modem",
        "router-sim",
        "callback-down",
        "callback-slow",
        "callback-error",
        "broker-down",
        "broker-restart",
        "database-locked",
        "database-full",
        "database-slow",
    ]
    target: str = ""  # a device, an area, a concentrator for its meters, or "all"
    at: Duration = "0s"
    until: Duration | None = None
    share_of: Share | None = None  # of the target's devices: so many are hit
    code: int | None = None  # DataAccessResult, +CME ERROR, PDP cause or HTTP, as the kind has it
    share: Share | None = None  # packet-loss: frames lost
    link: Literal["plc", "rf"] | None = None  # meter-unreachable, packet-loss: of this module alone
    snr_change_db: Level | None = None  # noise: by how much the ratio changes
    power_dbm: Level | None = None  # jamming: as strong at the receiver
    step_s: Step = 0  # clock, meter-clock: how far it jumps
    drift_ppm: Drift = 0  # clock, meter-clock: how fast it runs too fast
    phase: Literal[1, 2, 3] | None = None  # meter-phase-loss: which one
    delay: Duration | None = None  # callback-slow, database-slow: how much longer each takes
    dirt: str | None = None  # meter-dirty: which of the meter's faults


_KEYS: dict[str, frozenset[str]] = {
    "dirt": frozenset({"meter-dirty"}),
    "snr_change_db": frozenset({"noise"}),
    "power_dbm": frozenset({"jamming"}),
    "phase": frozenset({"meter-phase-loss"}),
    "delay": frozenset({"callback-slow", "database-slow"}),
}
"""Keys that their kinds need, and that no other takes."""

OF_ONE_MODULE = frozenset({"meter-unreachable", "packet-loss"})
"""Kinds that may hit one of a meter's modules and spare the other."""

CLOCKS = frozenset({"clock", "meter-clock"})

SURROUNDINGS = {
    "callback": "the commercial system",
    "broker": "the broker",
    "database": "the database",
}
"""What the head-end leans on, by the begin of the kinds that hit it."""


def where(kind: str) -> Where:
    """What a kind hits."""
    if kind.startswith(("meter-", "line-")):
        return "meter"
    if kind.partition("-")[0] in SURROUNDINGS:
        return "surroundings"
    if kind.startswith("router-"):
        return "router"
    if kind == "cell-outage":
        return "cell"
    return "link" if kind in ("packet-loss", "noise", "jamming") else "concentrator"


def contradictions(faults: tuple[FaultSpec, ...]) -> Iterator[tuple[Path, str]]:
    """What the types cannot say: where, and what is wrong there."""
    for number, fault in enumerate(faults):
        here = ("fault", number)
        if fault.until is not None and seconds(fault.until) <= seconds(fault.at):
            yield (*here, "until"), "does not come after at"
        if bool(fault.step_s or fault.drift_ppm) != (fault.kind in CLOCKS):
            yield here, "has a step_s or a drift_ppm if it is of a clock, and only then"
        for key, kinds in _KEYS.items():
            if (getattr(fault, key) is not None) != (fault.kind in kinds):
                yield here, f"has a {key} if it is {' or '.join(sorted(kinds))}, and only then"
        if fault.link is not None and fault.kind not in OF_ONE_MODULE:
            yield (*here, "link"), f"is of {' and '.join(sorted(OF_ONE_MODULE))}"
        if fault.dirt is not None and fault.dirt not in DIRT:
            yield (*here, "dirt"), f"is one of: {', '.join(DIRT)}"
        if fault.kind == "callback-error" and fault.code is not None and fault.code < 400:
            yield (*here, "code"), "is a status of HTTP that tells of an error, from 400"
        around = where(fault.kind) == "surroundings"
        if not fault.target and not around:
            yield (*here, "target"), "is missing; it takes a device, an area or all"
        if fault.target and around:
            yield (*here, "target"), "is of faults in the field"
        if fault.share_of is not None and around:
            yield (*here, "share_of"), "is of devices in the field"
