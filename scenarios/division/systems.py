"""The utility's other systems, live: a process with databases, OPC UA servers, adapters and a
bus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from scenarios.division.process import Say
from scenarios.utility.model import Utility
from scenarios.utility.standing import standing


@dataclass(frozen=True, slots=True)
class Asked:
    """A division, the folder of its systems, and the head-end's database for the AMI adapter."""

    utility: Utility
    folder: Path
    database: str


async def run(asked: Asked, say: Say, stop: asyncio.Event) -> None:
    """Say where everything is reached (`Standing`), once it is; until the event is set."""
    async with standing(asked.utility, asked.folder, meters=asked.database) as up:
        say(up)
        await stop.wait()
