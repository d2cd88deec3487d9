"""States that paths of orders are written in, and the simulated clock."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from headend.domain.order import State

SANTIAGO = ZoneInfo("America/Santiago")
QUEUED = State.QUEUED
DISPATCHED = State.DISPATCHED
EXECUTING = State.EXECUTING
TAKEN_IN = [State.RECEIVED, State.VALIDATED, QUEUED]
SENT = [DISPATCHED, EXECUTING]


def seconds() -> float:
    return asyncio.get_running_loop().time()
