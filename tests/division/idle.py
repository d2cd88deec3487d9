"""Work for a process of the division's that does nothing but be there."""

from __future__ import annotations

import asyncio
import os

from scenarios.division.process import Say


async def run(asked: None, say: Say, stop: asyncio.Event) -> None:
    """Say which process it is."""
    say(os.getpid())
    await stop.wait()
