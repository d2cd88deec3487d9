"""A thousand meters and a hundred concentrators live on this machine: what they cost and do.

Nothing is decided on the figures but that every meter was read; docs/proofs.md has them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from devices.clock import stopwatch
from devices.meter.identity import Identity
from tests.field.live_broker import mosquitto
from tests.fleet.street import call, running

pytestmark = [pytest.mark.prove, pytest.mark.live]

METERS = 1_000
CALLERS = 32
IDLE_S = 10.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """What a process has worked so far (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    (line,) = [x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in x]
    return int(line.split()[1]) * 1024 / 1e6


async def idle_percent(pid: int) -> float:
    """Of one core, while nobody asks anything."""
    before, elapsed_s = cpu_s(pid), stopwatch()
    await asyncio.sleep(IDLE_S)
    return 100 * (cpu_s(pid) - before) / elapsed_s()


async def read_all(told: dict[str, Any], places: Sequence[tuple[int, int]]) -> str:
    """Every meter once: an association with HLS 5, two registers, a release."""
    before, elapsed_s = cpu_s(told["pid"]), stopwatch()
    waiting = list(enumerate(places))

    async def lane() -> None:
        while waiting:
            at, (port, device) = waiting.pop()
            caller = await call(port)
            index = told["first_meter"] + at
            name = await caller.read(told["seed"], index, device=device)
            assert name == Identity(told["seed"], index).number
            await caller.close()

    await asyncio.gather(*(lane() for _ in range(CALLERS)))
    worked_s = cpu_s(told["pid"]) - before
    per_s = len(places) / elapsed_s()
    return f"{per_s:.0f} sessions/s, {1000 * worked_s / len(places):.2f} ms of CPU each"


@pytest.mark.parametrize("arguments", [["20000-20999"], ["0", "--by-logical-device"]])
async def test_a_thousand_meters_on_tcp_are_all_read(arguments: list[str]) -> None:
    async with running("--meters", str(METERS), "--tcp", *arguments) as told:
        idle = await idle_percent(told["pid"])
        before = rss_mb(told["pid"])
        if "ports" in told:
            places = [(port, 1) for port in told["ports"]]
        else:
            first, last = told["logical_devices"]
            places = [(told["port"], device) for device in range(first, last + 1)]
        assert len(places) == METERS
        read = await read_all(told, places)
        print(
            f"{arguments}: {before:.0f} MB, afterwards {rss_mb(told['pid']):.0f} MB;"
            f" idle {idle:.1f} % of a core; {read}"
        )


async def test_a_hundred_concentrators_over_mosquitto(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "broker") as broker:
        mqtt = f"127.0.0.1:{broker.port}"
        elapsed_s = stopwatch()
        async with running("--meters", "6000", "--concentrators", "100", "--mqtt", mqtt) as told:
            up_s = elapsed_s()
            assert (len(told["concentrators"]), told["meters"]) == (100, 6000)
            idle = await idle_percent(told["pid"])
            print(
                f"100 concentrators, 6,000 meters: connected after {up_s:.1f} s,"
                f" {rss_mb(told['pid']):.0f} MB, idle {idle:.1f} % of a core"
            )
