"""Many meters of one process on real TCP ports: each on its own, or all behind one."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from resource import RLIM_INFINITY as INFINITY
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.clock import wall_clock
from devices.gateway import sockets, street
from devices.gateway.sockets import allow_sockets
from devices.gateway.street import FIRST_LOGICAL_DEVICE, by_logical_device, on_ports
from devices.gateway.tcp import Listener
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from tests.field.live_broker import mosquitto
from tests.fleet.street import call, running
from tools.cli import app
from tools.field.command import _watch

SEED, FIRST = 3, 90_000_001


def meters(count: int) -> list[Meter]:
    return [Meter(Identity(SEED, FIRST + at), ConstantLoad.of(9, 9, 9)) for at in range(count)]


def number(at: int) -> str:
    return Identity(SEED, FIRST + at).number


@pytest.mark.live
async def test_each_meter_answers_at_its_own_port() -> None:
    async with on_ports(meters(12), "127.0.0.1", [0] * 12, now=wall_clock) as ports:
        assert len(set(ports)) == 12
        for at in (0, 5, 11):
            caller = await call(ports[at])
            assert await caller.read(SEED, FIRST + at) == number(at)
            await caller.close()


@pytest.mark.live
async def test_behind_one_port_each_is_a_logical_device_and_counts_by_itself() -> None:
    async with by_logical_device(meters(40), "127.0.0.1", 0, now=wall_clock) as (port, devices):
        assert (devices[0], devices[-1]) == (FIRST_LOGICAL_DEVICE, FIRST_LOGICAL_DEVICE + 39)
        callers = [await call(port) for _ in range(4)]

        async def read_some(lane: int) -> list[str]:
            own = range(lane, 40, 4)  # each meter by one caller, four at once
            return [await callers[lane].read(SEED, FIRST + at, device=devices[at]) for at in own]

        read = await asyncio.gather(*map(read_some, range(4)))
        assert [name for each in read for name in sorted(each)] == [
            number(at) for lane in range(4) for at in range(lane, 40, 4)
        ]
        # The same meter once more, over another connection: its counter has grown.
        assert await callers[1].read(SEED, FIRST, device=devices[0], counter=100) == number(0)
        for caller in callers:
            await caller.close()


@pytest.mark.live
async def test_a_logical_device_that_is_nobodys_is_silent_and_the_others_answer() -> None:
    async with by_logical_device(meters(2), "127.0.0.1", 0, now=wall_clock) as (port, devices):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes.fromhex("0001 0010 0001 0002 6000".replace(" ", "")))  # device 1
        writer.write(bytes.fromhex("0001 0010 0009 0002 6000".replace(" ", "")))
        caller = await call(port)
        assert await caller.read(SEED, FIRST + 1, device=devices[1]) == number(1)
        await caller.close()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")  # no wrapper: the connection is of no use
        assert await reader.read() == b""
        writer.close()


async def test_more_than_a_wport_can_tell_apart_are_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr(street, "LOGICAL_DEVICES_MAX", 3)
    with pytest.raises(ValueError, match="4 logical devices"):
        async with by_logical_device(meters(4), "127.0.0.1", 0, now=wall_clock):
            pass


@pytest.mark.live
async def test_the_command_serves_many_meters_behind_one_port() -> None:
    arguments = ("--meters", "50", "--tcp", "0", "--by-logical-device", "--seed", str(SEED))
    async with running(*arguments) as told:
        first, last = told["logical_devices"]
        assert (told["meters"], last - first + 1) == (50, 50)
        caller = await call(told["port"])
        index = told["first_meter"] + 49
        assert await caller.read(SEED, index, device=last) == Identity(SEED, index).number
        await caller.close()


@pytest.mark.live
async def test_a_street_that_was_killed_goes_on_counting_where_it_was(tmp_path: Path) -> None:
    state, keys = tmp_path / "state", tmp_path / "keys"
    arguments = ("--meters", "3", "--tcp", "0", "--by-logical-device", "--seed", str(SEED))
    options = (*arguments, "--state", str(state), "--keys", str(keys))
    async with running(*options, ends_with=signal.SIGKILL) as told:
        device = told["logical_devices"][0]
        caller = await call(told["port"])
        assert await caller.read(SEED, FIRST, device=device, counter=100) == number(0)
        heard = caller.heard
        await caller.close()
    kept = {"lock", number(0), f"{number(0)}.counters"}  # of the one that was touched
    assert {file.name for file in state.iterdir()} == kept
    told_keys = json.loads((keys / f"{number(2)}.json").read_text())
    assert told_keys["server"] == device + 2 and told_keys["meter"] == number(2)
    async with running(*options) as told:
        caller = await call(told["port"])
        with pytest.raises(AssertionError):  # what was used before is a replay now
            await caller.read(SEED, FIRST, device=device, counter=100)
        await caller.close()
        caller = await call(told["port"])
        # `lowest`: a client that has heard the meter refuses one that counts from 1 again.
        assert await caller.read(SEED, FIRST, device=device, counter=200, lowest=heard) == number(0)
        assert caller.heard > heard
        await caller.close()


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [(1024, 4096, 1564), (20_000, 40_000, None), (1024, 1200, 1200), (1024, INFINITY, 1564)],
)
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int | None
) -> None:
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(sockets.resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(sockets.resource, "setrlimit", lambda which, limit: said.append(limit))
    allow_sockets(1000, wanted=1500)
    assert said == ([] if raised is None else [(raised, hard)])


@pytest.mark.parametrize("way", [["--tcp", "0"], ["--concentrators", "200"]], ids=["tcp", "mqtt"])
def test_too_few_open_files_are_said_before_anything_listens(
    monkeypatch: pytest.MonkeyPatch, way: list[str]
) -> None:
    monkeypatch.setattr(sockets.resource, "getrlimit", lambda which: (256, 300))
    done = CliRunner().invoke(app, ["field", "--meters", "1000", *way])
    assert done.exit_code == 1 and "ulimit -n" in done.stderr, done.output
    assert "open files, and the system lets a process have 300" in done.stderr


async def test_a_port_for_which_there_is_no_socket_is_an_error_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Without:
        sockets = ()

    async def start(*arguments: object) -> Without:  # as asyncio does where no socket can be had
        return Without()

    monkeypatch.setattr(asyncio, "start_server", start)
    with pytest.raises(OSError, match="Too many open files"):
        await Listener(lambda transmit: pytest.fail("nobody calls")).listen("127.0.0.1", 0)


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_the_command_connects_as_many_concentrators_as_wanted(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "broker") as broker:
        mqtt = f"127.0.0.1:{broker.port}"
        many = ("--meters", "10", "--concentrators", "4", "--mqtt", mqtt)
        async with running(*many, "--seed", str(SEED)) as told:
            assert told["concentrators"] == [f"C-{number:03d}" for number in range(1, 5)]
            assert (told["meters"], told["seed"]) == (10, SEED)


async def test_that_the_broker_goes_and_comes_is_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Over(Exception):
        """The test has no more looks."""

    class Field:
        concentrators = ("C-001", "C-002")
        looks = iter([[], ["C-001"], [], ["C-001", "C-002"], ["C-001"], ["C-001"], [], []])

        def without_session(self) -> list[str]:
            try:
                return next(self.looks)
            except StopIteration:
                raise Over from None

        def told(self, waiting: list[str]) -> str:
            return ", ".join(waiting)

    watched: Any = Field()
    with pytest.raises(Over):
        await _watch(watched)
    away, back = capsys.readouterr().err.splitlines()
    assert "away: 1 of 2 concentrators have no session: C-001; they try again" in away
    assert "back: every concentrator" in back


WRONG = {
    "no port": ["--tcp", "meters"],
    "a port that is none": ["--tcp", "70000"],
    "a range that falls": ["--tcp", "20010-20000"],
    "fewer ports than meters": ["--tcp", "20000-20009", "--meters", "11"],
    "ports beyond the last": ["--tcp", "65000", "--meters", "1000"],
    "a range for one port": ["--tcp", "20000-20009", "--by-logical-device"],
    "a file as well": ["the-meter-is-silent", "--tcp", "20000"],
    "keys of a field behind concentrators": ["the-meter-is-silent", "--keys", "keys"],
    "nothing at all": [],
    "logical devices of nothing": ["--by-logical-device", "--meters", "5"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_what_cannot_be_served_is_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["field", *arguments]).exit_code == 2
