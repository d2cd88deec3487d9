"""A place's losses, told: the energy balance, and the lines that it is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headend.analysis.losses import Balance
from headend.app.registering import read_lines
from headend.domain.line_section import LineSection
from tools.table_file import table_of
from tools.terminal import wrong_usage


def drawing(file: Path | None) -> Sequence[LineSection]:
    """The lines in a file; none without one.  Ends the command where it is wrong."""
    if file is None:
        return ()
    found = table_of(file, read_lines, lambda it: it.flaws, wrong="no losses are worked out")
    if not found.sections:
        wrong_usage(f"{file} has no line section", code="bad-file")
    return found.sections


def losses_as_dict(found: Balance) -> dict[str, Any] | None:
    """None where the head's meter counted nothing."""
    if not found.delivered_kwh:
        return None
    return {
        "delivered_kwh": found.delivered_kwh,
        "sold_kwh": found.sold_kwh,
        "lost_kwh": found.lost_kwh,
        "technical_kwh": found.technical_kwh,
        "rest_kwh": found.rest_kwh,
        "rest_percent": found.rest_percent,
        "coverage": found.coverage,
    }


def losses_in_words(found: Balance) -> str:
    """One line for people."""
    if not found.delivered_kwh:
        return "losses: the meter at the head told no energy"
    share = 100 * found.lost_kwh / found.delivered_kwh
    told = (
        f"delivered {found.delivered_kwh:,.1f} kWh, sold {found.sold_kwh:,.1f}"
        f" ({100 * found.coverage:.0f} % of it known): lost {found.lost_kwh:,.1f} ({share:.1f} %)"
    )
    if math.isnan(found.technical_kwh):
        return f"{told}; which part is technical its lines would tell: --lines"
    return (
        f"{told}, in the lines {found.technical_kwh:,.1f},"
        f" without a cause {found.rest_kwh:,.1f} ({found.rest_percent:.1f} % of what was delivered)"
    )
