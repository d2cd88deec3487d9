"""`ami order read`: an order in the database of a head-end that runs, and its values."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.clock import wall_clock
from devices.gateway.meter_line import LiveMeter
from devices.gateway.tcp import MeterListener
from headend.config import DirectPolicy
from tests import databases
from tests.collection.dial_in import LOCAL, head_end, policy, register
from tests.direct.bench import meter
from tests.house.source import ROOT


@dataclass(frozen=True, slots=True)
class Told:
    exit_code: int
    stdout: str
    stderr: str


async def ami(*arguments: str) -> Told:
    """The command as its users have it: another process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from tools.cli import main; main()"),
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Told(process.returncode, out.decode(), err.decode())


@pytest.mark.live
async def test_a_meter_that_the_head_end_dials_is_read_from_the_command_line(
    tmp_path: Path,
) -> None:
    device = meter()
    database = databases.at(tmp_path / "ami.db")
    direct: DirectPolicy = policy()
    async with (
        LiveMeter(device, now=wall_clock) as live,
        MeterListener(live) as listener,
        head_end(tmp_path, direct) as bench,
    ):
        host, port = await listener.listen(LOCAL, 0)
        name = await register(bench, device, address=f"tcp://{host}:{port}")
        # A busy machine may need longer than the minute that the command waits by itself.
        where = ("--meter", name, "--database", database, "--wait", "300")
        told = await ami(
            "order", "read", *where, "active-power", "clock", "1.0.99.9.0.255", "--json"
        )
        assert told.exit_code == 0, told.stderr
        found = json.loads(told.stdout)
        power, clock, absent = found["readings"]
        assert (power["object"], power["value"], power["unit"]) == ("active-power", "2000", "W")
        assert clock["value"].startswith("20") and absent["error"] == "object-undefined"
        explained = await ami("explain", "order", str(found["order"]), "--database", database)
        assert "1.0.1.7.0.255: 2000 W" in explained.stdout
        assert "session ended with done: 2 of 3 objects read" in explained.stdout

        told = await ami("order", "read", *where, "1.0.99.1.0.255")
        assert told.exit_code == 0 and " rows, 20" in told.stdout, told.stderr

        wrong = await ami("order", "read", *where, "flux")
        assert wrong.exit_code == 2 and "Known: clock" in wrong.stderr
        unknown = await ami("order", "read", "--meter", "no", "--database", database, "clock")
        assert unknown.exit_code == 2 and "no such meter" in unknown.stderr


@pytest.mark.live
async def test_a_meter_is_entered_with_its_keys_and_read(tmp_path: Path) -> None:
    device = meter()
    number, keys = device.identity.number, device.identity.keys(1)
    database = ("--database", databases.at(tmp_path / "ami.db"))
    key = f"1:{keys.encryption.hex()}:{keys.authentication.hex()}"
    async with (
        LiveMeter(device, now=wall_clock) as live,
        MeterListener(live) as listener,
        head_end(tmp_path, policy()),
    ):
        host, port = await listener.listen(LOCAL, 0)
        add = ("meter", "add", number, "--address", f"tcp://{host}:{port}", "--model", "sim-3p")
        add += (*database, "--envelope", str(tmp_path / "envelope"))
        title = ("--title", device.identity.system_title.hex())
        told = await ami(*add, *title, "--key", key)
        assert told.exit_code == 0, told.stderr
        assert keys.encryption.hex() not in told.stdout + told.stderr
        read = await ami("order", "read", "--meter", number, *database, "active-power")
        assert read.exit_code == 0 and "2000 W" in read.stdout, read.stderr


WRONG = {
    # name: (options, what is told)
    "no address": (["--address", "10.1.2.3"], "Try: /dev/ttyUSB0, tcp://"),
    "no model": (["--address", "tcp://10.1.2.3", "--model", "x"], "no meter model 'x'"),
    "a short title": (["--address", "dials-in", "--title", "AB"], "16 hexadecimal digits"),
    "half a key": (["--address", "dials-in", "--key", "1:AB"], "CLIENT:ENCRYPTION"),
    "nothing to seal by": (
        ["--address", "dials-in", "--key", f"1:{'0a' * 16}:{'0b' * 16}"],
        "envelope",
    ),
}


@pytest.mark.live
@pytest.mark.parametrize("name", WRONG)
async def test_a_meter_that_cannot_be_entered(name: str, tmp_path: Path) -> None:
    options, told = WRONG[name]
    found = await ami(
        "meter", "add", "4711", "--database", databases.at(tmp_path / "ami.db"), *options
    )
    assert found.exit_code == 2 and told in found.stderr
    assert "0a0a" not in found.stderr


@pytest.mark.live
async def test_without_a_database_there_is_nothing_to_order_in(tmp_path: Path) -> None:
    place = str(tmp_path / "none.db")
    told = await ami("order", "read", "--meter", "1", "--database", place, "clock")
    assert told.exit_code == 2 and "no database at" in told.stderr
