"""A place's losses, told: the energy balance, and the lines that it is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headend.analysis.losses import Balance
from headend.app.registering import BadFile, Flaw, read_lines
from headend.domain.line_section import LineSection
from tools.terminal import complain, wrong_usage

FLAWS_SHOWN = 20


def drawing(file: Path | None) -> Sequence[LineSection]:
    """The lines in a file; none without one.  Ends the command where it is wrong."""
    if file is None:
        return ()
    try:
        with file.open("rb") as opened:
            found = read_lines(opened)
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")
    except BadFile as error:
        _refuse(file, [error.flaw])
    if found.flaws:
        _refuse(file, found.flaws)
    if not found.sections:
        wrong_usage(f"{file} has no line section", code="bad-file")
    return found.sections


def _refuse(file: Path, flaws: Sequence[Flaw]) -> None:
    for each in flaws[:FLAWS_SHOWN]:
        complain(f"{file}, {each}. To do: {each.next_step}")
    wrong_usage(f"{len(flaws)} lines of {file} are wrong", code="bad-file")


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
