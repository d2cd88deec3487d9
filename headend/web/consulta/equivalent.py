"""A feeder as an OpenDSS script: its head as a stiff source, and what each phase draws by hours.

SIMOCE measures at the head, so this is the load as the substation sees it; the lines are the
utility's own model, whose head bus these loads can be moved to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from headend.analysis.quantity import PHASES
from headend.domain.feeder import FeederHour

OVERVOLTAGE, UNDERVOLTAGE = 1.2, 0.8
"""Per unit: within, the loads keep their power."""


def opendss(name: str, kilovolts: float, hours: Sequence[FeederHour]) -> str:
    """The script; an hour that nothing is known of draws nothing, and a comment says how many."""
    title = "".join(each if each.isalnum() else "_" for each in name)
    missing = sum(each.mean("p_a") is None for each in hours)
    count = f"{len(hours)} hours from {hours[0].day} to {hours[-1].day}, {missing} without a value"
    lines = [
        f"// Feeder {name}: {count}",
        "Clear",
        f"New Circuit.{title} basekv={kilovolts:g} pu=1.0 phases=3 bus1=head MVAsc3=10000",
    ]
    for phase in PHASES:
        channels = (f"p_{phase.lower()}", f"q_{phase.lower()}")
        shapes = [_numbers(hours, channel) for channel in channels]
        lines.append(
            f"New LoadShape.{title}_{phase} npts={len(hours)} interval=1 useactual=yes"
            f" mult=({shapes[0]}) qmult=({shapes[1]})"
        )
        node, volts = PHASES.index(phase) + 1, kilovolts / math.sqrt(3)
        average = [_average(hours, channel) for channel in channels]
        lines.append(
            f"New Load.{title}_{phase} bus1=head.{node} phases=1 conn=wye model=1"
            f" kV={volts:.4f} kW={average[0]:.3f} kvar={average[1]:.3f}"
            f" vminpu={UNDERVOLTAGE} vmaxpu={OVERVOLTAGE} yearly={title}_{phase}"
        )
    lines += [f"Set VoltageBases=[{kilovolts:g}]", "CalcVoltageBases", "Solve", ""]
    return "\n".join(lines)


def _numbers(hours: Sequence[FeederHour], channel: str) -> str:
    return " ".join(f"{each.mean(channel) or 0.0:.3f}" for each in hours)


def _average(hours: Sequence[FeederHour], channel: str) -> float:
    known = [value for each in hours if (value := each.mean(channel)) is not None]
    return math.fsum(known) / len(known) if known else 0.0
