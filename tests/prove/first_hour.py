"""The README's first hours of an operator, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = "\n## An operator's first hour\n"
REST = "\n### The same hour by REST\n"
HUNDRED = "METERS=100\n"


def first_hour(meters: int = 100, heading: str = COMMANDS) -> str:
    """The block of commands under a heading, with so many meters."""
    section = (ROOT / "README.md").read_text().split(heading, 1)[1]
    section = re.split(r"\n##+ ", section, maxsplit=1)[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block.startswith(HUNDRED)
    return f"METERS={meters}\n{block.removeprefix(HUNDRED)}"
