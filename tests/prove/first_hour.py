"""The README's first hour of an operator, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADING = "## An operator's first hour"
HUNDRED = "METERS=100\n"


def first_hour(meters: int = 100) -> str:
    """The block of commands, with so many meters."""
    section = (ROOT / "README.md").read_text().split(HEADING, 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block.startswith(HUNDRED)
    return f"METERS={meters}\n{block.removeprefix(HUNDRED)}"
