"""A meter's memory over the end of its process: what was written, and no counter twice."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from devices.gateway.meter_memory import BLOCK, MeterMemory, Unusable
from devices.meter import firmware
from devices.meter.accounts import Accounts, Counts
from devices.meter.certificates import generate, newest_key
from devices.meter.clients import Client, on_the_bench
from devices.meter.demand import Maxima
from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.events import Event
from devices.meter.identity import MANAGEMENT_CLIENT, Identity
from devices.meter.keyring import Keyring, keys_of
from devices.meter.load import DailyLoad
from devices.meter.meter_type import MeterType
from devices.meter.objects import table
from devices.meter.overlay import MEMBERS, PARTS
from devices.meter.parts import Assembly, Passive
from devices.meter.plain_form import Damaged, plain, restored
from devices.meter.state import MeterState
from protocols import wrapper
from protocols.dlms.acse import AARE
from protocols.dlms.apdu import decode
from protocols.dlms.certificates import Usage
from protocols.dlms.ciphered import Ciphered
from protocols.dlms.codes import (
    ActionResult,
    AuthenticationMechanism,
    DataAccessResult,
    ServiceError,
)
from protocols.dlms.date_time import Date, Time
from protocols.dlms.events import Associated
from protocols.dlms.key_wrap import TransferId, transfer_data
from protocols.dlms.services import ExceptionResponse
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    OctetString,
    Structure,
)
from tests.meter.asking import Asking
from tests.meter.conversation import NOW, Talk
from tools.meter.command import app

FACTS = {"meter": "SIM0000000004"}
LIMITER, PUSH, IMAGE = "0.0.17.0.0.255", "0.0.25.9.0.255", "0.0.44.0.0.255"
HOURLY = Structure((OctetString(Time(None, 0, 0, 0).octets), OctetString(Date().octets)))


def meter(suite: SecuritySuite = SecuritySuite.AES_GCM_128) -> Meter:
    mechanism = AuthenticationMechanism.HIGH_ECDSA if suite else AuthenticationMechanism.HIGH_GMAC
    kind = MeterType(clients=on_the_bench(mechanism, suite), security_setup_version=1)
    return Meter(Identity(7, 4), DailyLoad((8,) * 3, (2,) * 3), kind)


def management(device: Meter) -> Client:
    return device.clients[MANAGEMENT_CLIENT]


# What can be done to a meter, each of it remembered.


def limit(here: Asking) -> None:
    assert here.put(71, LIMITER, 4, DoubleLongUnsigned(3500)) is DataAccessResult.SUCCESS


def supply(here: Asking) -> None:
    here.meter.switch(Trigger.REMOTE_DISCONNECT, now=here.now, cause="test")
    here.now += 3600
    here.meter.switch(Trigger.REMOTE_RECONNECT, now=here.now, cause="test")


def events(here: Asking) -> None:
    for event in (Event.METER_COVER_REMOVED, Event.TERMINAL_COVER_CLOSED, Event.REPLAY_ATTACK):
        here.meter.sense(event, now=here.now)


def clock(here: Asking) -> None:
    here.meter.set_clock(here.now + 100, now=here.now)
    here.meter.power_off(now=here.now + 10)
    here.now += 400
    here.meter.power_on(now=here.now)


def new_keys(here: Asking) -> None:
    master = keys_of(here.meter, management(here.meter)).master
    assert master is not None
    size = len(master)
    moved = {
        TransferId.GLOBAL_UNICAST_ENCRYPTION: b"E" * size,
        TransferId.AUTHENTICATION: b"A" * size,
    }
    setup = f"0.0.43.0.{management(here.meter).security_instance}.255"
    assert here.act(64, setup, 2, transfer_data(master, moved)) is ActionResult.SUCCESS


def password(here: Asking) -> None:
    here.meter.set_password(2, b"other")


def image_half(here: Asking) -> None:
    octets = firmware.image("SIM-3P", "ami-sim-2", 1000)
    named = Structure((OctetString(b"fw-2"), DoubleLongUnsigned(len(octets))))
    assert here.act(18, IMAGE, 1, named) is ActionResult.SUCCESS
    second = Structure((DoubleLongUnsigned(1), OctetString(octets[256:512])))
    assert here.act(18, IMAGE, 2, second) is ActionResult.SUCCESS


def push(here: Asking) -> None:
    where = Structure((Enum(0), OctetString(b"127.0.0.1:1"), Enum(0)))
    assert here.put(40, PUSH, 3, where) is DataAccessResult.SUCCESS
    assert here.put(22, "0.0.15.0.4.255", 4, Array([HOURLY])) is DataAccessResult.SUCCESS
    assert here.act(40, PUSH, 1, Integer(0)) is ActionResult.SUCCESS


def profile(here: Asking) -> None:
    assert here.put(7, "1.0.99.1.0.255", 4, DoubleLongUnsigned(1800)) is DataAccessResult.SUCCESS


def monitor(here: Asking) -> None:
    thresholds = Array([DoubleLongUnsigned(500)])
    assert here.put(21, "0.0.16.0.1.255", 2, thresholds) is DataAccessResult.SUCCESS


def calendar(here: Asking) -> None:
    assert here.put(20, "0.0.13.0.0.255", 6, OctetString(b"summer")) is DataAccessResult.SUCCESS
    assert here.act(20, "0.0.13.0.0.255", 1, Integer(0)) is ActionResult.SUCCESS


def key_pair(here: Asking) -> None:
    generate(here.meter, management(here.meter), Usage.SIGNATURE)


DEEDS: dict[str, Callable[[Asking], None]] = {
    each.__name__: each
    for each in (
        limit, supply, events, clock, new_keys, password, image_half, push, profile, monitor,
        calendar,
    )
}  # fmt: skip
ALL = tuple(DEEDS.values())

LOGS = {f"0.0.99.98.{log}.255" for log in (0, 1, 2, 4, 5)} | {"1.0.99.97.0.255"}


def shown(device: Meter, now: float) -> dict[tuple[str, int], Any]:
    """Every attribute of every object, as the management client sees it; of profiles that go on
    for months, how long they are."""
    here = Asking(device, now)
    return {
        (str(name), index): here.get(each.class_id, str(name), index)
        for name, each in table(device.type).items()
        for index in each.attributes
        if (each.class_id, index) != (7, 2) or str(name) in LOGS
    }


def again(path: Path, now: float, kind: SecuritySuite = SecuritySuite.AES_GCM_128) -> Meter:
    """The meter of another process."""
    device = meter(kind)
    MeterMemory.open(path, device, FACTS, now=now, boot="one").close()
    return device


@pytest.mark.parametrize("deeds", [*[(deed,) for deed in ALL], ALL], ids=[*DEEDS, "all"])
def test_what_was_done_is_remembered(
    tmp_path: Path, deeds: tuple[Callable[[Asking], None], ...]
) -> None:
    path, device = tmp_path / "m", meter()
    memory = MeterMemory.open(path, device, FACTS, now=NOW, boot="one")
    here = Asking(device, NOW)
    for deed in deeds:
        deed(here)
    device.collect_pushes(here.now)
    memory.keep()
    memory.close()
    later = here.now + 5000
    other = again(path, here.now)
    assert shown(other, later) == shown(device, later)
    assert other.changed_password(2) == device.changed_password(2)
    assert keys_of(other, management(other)) == keys_of(device, management(device))


@pytest.mark.parametrize("suite", [SecuritySuite(1), SecuritySuite(2)])
def test_key_pairs_are_remembered(tmp_path: Path, suite: SecuritySuite) -> None:
    path, device = tmp_path / "m", meter(suite)
    memory = MeterMemory.open(path, device, FACTS, now=NOW, boot="one")
    generate(device, management(device), Usage.SIGNATURE)
    memory.keep()
    memory.close()
    numbers = [
        key.private_numbers()
        for each in (device, again(path, NOW, suite))
        if (key := newest_key(each, management(each), Usage.SIGNATURE)) is not None
    ]
    assert len(numbers) == 2
    assert numbers[0] == numbers[1]
    asked = Asking(device, NOW), Asking(again(path, NOW, suite), NOW)
    setup = f"0.0.43.0.{management(device).security_instance}.255"
    assert asked[0].get(64, setup, 6) == asked[1].get(64, setup, 6)


def test_a_firmware_goes_on_where_it_was(tmp_path: Path) -> None:
    octets = firmware.image("SIM-3P", "ami-sim-2", 1000)
    path, here = tmp_path / "m", Asking(meter(), NOW)
    memory = MeterMemory.open(path, here.meter, FACTS, now=NOW, boot="one")
    image_half(here)
    memory.keep()
    memory.close()
    here = Asking(again(path, NOW), NOW)
    for number in range(-(-len(octets) // 256)):
        if number != 1:
            content = OctetString(octets[256 * number : 256 * number + 256])
            block = Structure((DoubleLongUnsigned(number), content))
            assert here.act(18, IMAGE, 2, block) is ActionResult.SUCCESS
    here.act(18, IMAGE, 3, Integer(0))
    here.now += 60
    assert here.act(18, IMAGE, 3, Integer(0)) is ActionResult.SUCCESS


# Nothing is forgotten to be remembered.

LEFT_OUT = {
    "identity", "type",  # given
    "metering",  # its spans are kept
    "_parts",  # by PARTS
    "_counters", "_associations",  # by Counts
    "_ciphered", "_links", "_module",  # end with the process
    "_faults", "_history", "_settled_at",  # of the simulation
}  # fmt: skip


def test_every_member_of_a_meter_is_kept_or_left_out_on_purpose() -> None:
    members = {slot for kind in (Assembly, Accounts, MeterState, Meter) for slot in kind.__slots__}
    assert members == LEFT_OUT | set(MEMBERS)


def test_every_part_is_kept_but_what_is_found_again() -> None:
    acting = {kind for kind in PARTS if not issubclass(kind, Passive)}
    assert {*Passive.__subclasses__()} == {*PARTS} - acting | {Maxima}
    names = {"ActionSchedules", "ImageTransfer", "PushDesk"}
    assert {kind.__name__ for kind in acting} == names | {
        "RegisterMonitor",
        "Tariffs",
        "VoltageWatch",
    }


DAMAGED: dict[str, Any] = {
    "no such kind": ["os.system", "true"],
    "a value too high": ["values.Unsigned", 256],
    "a member too many": ["limiter.ActionItem", {"table": b"", "nothing": 1}],
    "no pair": ["list"],
    "no list": ["list", 7],
    "no number of the kind": ["disconnect.ControlState", 9],
    "no curve": ["private key", [0, b"1"]],
    "no certificate": ["certificate", [1, b"1"]],
}


@pytest.mark.parametrize("form", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_told(form: Any) -> None:
    with pytest.raises(Damaged):
        restored(form)


def test_what_has_no_place_is_told() -> None:
    with pytest.raises(TypeError, match="Path"):
        plain(Path())


# Counters.


def talk(device: Meter, memory: MeterMemory, counter: int, lowest: int = 0) -> Talk:
    def receive(frame: bytes) -> list[bytes]:
        answers = device.receive(frame, now=NOW)
        memory.keep()
        return answers

    return Talk(device, MANAGEMENT_CLIENT, receive=receive, counter=counter, lowest=lowest)


@pytest.mark.parametrize("boot", ["one", "two"])
def test_counters_go_on_after_a_kill_and_after_a_fall_of_the_machine(
    tmp_path: Path, boot: str
) -> None:
    path, first = tmp_path / "m", meter()
    memory = MeterMemory.open(path, first, FACTS, now=NOW, boot="one")
    said = talk(first, memory, 1)
    assert isinstance(said.associate(), Associated)
    for _ in range(20):
        said.get(8, "0.0.1.0.0.255", 2)
    memory.close()
    counted = first.counts

    second = meter()
    memory = MeterMemory.open(path, second, FACTS, now=NOW, boot=boot)
    own, peer = second.counters(MANAGEMENT_CLIENT)
    if boot == "one":
        assert second.counts == counted
    else:  # behind all that may have been used without a trace
        assert own >= counted.counters[1][0] and peer >= counted.counters[1][1]
        assert second.counts.associations > counted.associations
    for frame in said.exchanged[::2]:  # all that the client ever said
        assert all(
            not isinstance(apdu := decode(answer[8:]), AARE) or apdu.result
            for answer in second.receive(frame, now=NOW)
        )
    memory.keep()
    later = talk(second, memory, max(peer, 1), lowest=said.connection.peer_invocation_counter)
    assert isinstance(later.associate(), Associated)
    memory.close()


def test_few_messages_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    device = meter()
    memory = MeterMemory.open(tmp_path / "m", device, FACTS, now=NOW, boot="one")
    said = talk(device, memory, 1)
    said.associate()
    for _ in range(3 * BLOCK):
        said.get(8, "0.0.1.0.0.255", 2)
    memory.close()
    assert 2 * 3 <= len(waited) <= 2 * 6  # file and folder; at the begin and for each block


def test_a_new_key_counts_anew_and_so_does_its_memory(tmp_path: Path) -> None:
    path, device = tmp_path / "m", meter()
    memory = MeterMemory.open(path, device, FACTS, now=NOW, boot="one")
    said = talk(device, memory, 5000)
    said.associate()
    new_keys(Asking(device, NOW))
    memory.keep()
    memory.close()
    other = again(path, NOW)
    assert other.counters(MANAGEMENT_CLIENT) == (1, 0)
    assert (ring := other.existing(Keyring)) is not None and ring.generation(MANAGEMENT_CLIENT)


def test_what_cannot_be_written_leaves_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    device = meter()
    memory = MeterMemory.open(folder / "m", device, FACTS, now=NOW, boot="one")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    limit(Asking(device, NOW))
    with pytest.raises(OSError):
        memory.keep()
    memory.close()


def test_the_counters_file_may_be_damaged(tmp_path: Path) -> None:
    path, device = tmp_path / "m", meter()
    memory = MeterMemory.open(path, device, FACTS, now=NOW, boot="one")
    said = talk(device, memory, 1)
    said.associate()
    said.get(8, "0.0.1.0.0.255", 2)
    memory.close()
    file = path.with_name("m.counters")
    octets = bytearray(file.read_bytes())
    octets[-1] ^= 1
    file.write_bytes(octets)
    after = again(path, NOW).counts
    assert device.counts.within(after) and after != device.counts


def test_who_may_read_it_and_who_may_have_it(tmp_path: Path) -> None:
    path, device = tmp_path / "m", meter()
    memory = MeterMemory.open(path, device, FACTS, now=NOW)
    image_half(Asking(device, NOW))
    memory.keep()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert b"TEST KEYS" in path.read_bytes()
    with pytest.raises(Unusable, match="another process"):
        MeterMemory.open(path, meter(), FACTS, now=NOW)
    memory.close()
    with pytest.raises(Unusable, match="another meter: meter SIM0000000004, not X"):
        MeterMemory.open(path, meter(), {"meter": "X"}, now=NOW)


@pytest.mark.parametrize("octets", [b"", b"\xc1", msgspec.msgpack.encode({"format": "x"})])
def test_what_is_no_memory_is_not_written_over(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "m"
    path.write_bytes(octets)
    with pytest.raises(Unusable):
        MeterMemory.open(path, meter(), FACTS, now=NOW)
    assert path.read_bytes() == octets


def test_counts_end_where_four_octets_do() -> None:
    ahead = Counts(1, {1: (0xFFFF_FFF0, 5)}).ahead(BLOCK)
    assert ahead == Counts(1 + BLOCK, {1: (1 << 32, 5 + BLOCK)})


# A process that is killed.


@contextlib.contextmanager
def listening(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`ami meter listen`, killed at the end if it is not before."""
    root = Path(__file__).parents[2]
    command = "-m tools meter listen --tcp 127.0.0.1:0 --seed 7 --index 4 --json --state"
    process = subprocess.Popen(
        [sys.executable, *command.split(), str(path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.communicate()


def counters_of(frame: bytes) -> list[int]:
    """The invocation counters that stand in an answer."""
    apdu = decode(frame[wrapper.HEADER_SIZE :])
    if isinstance(apdu, AARE):
        apdu = decode(apdu.user_information or b"")
    return [apdu.invocation_counter] if isinstance(apdu, Ciphered) else []


def over(connection: socket.socket, heard: list[bytes]) -> Callable[[bytes], list[bytes]]:
    decoder = wrapper.Decoder()

    def receive(frame: bytes) -> list[bytes]:
        connection.sendall(frame)
        while not (found := decoder.feed(connection.recv(4096))):
            pass
        answers = [wrapper.encode(each.source, each.destination, each.apdu) for each in found]
        heard.extend(answers)
        return answers

    return receive


@pytest.mark.live
def test_a_meter_that_is_killed_uses_and_takes_no_counter_twice(tmp_path: Path) -> None:
    path, heard, counter, lowest, limits = tmp_path / "m", list[bytes](), 1, 0, [9000]
    association = b""
    for life in range(3):
        with listening(path) as (process, port):
            if association:
                with socket.create_connection(("127.0.0.1", port), 60) as connection:
                    (answer,) = over(connection, heard)(association)
                    refused = decode(answer[wrapper.HEADER_SIZE :])
                    assert isinstance(refused, ExceptionResponse), "taken twice"
                    assert refused.service_error is ServiceError.INVOCATION_COUNTER_ERROR
            with socket.create_connection(("127.0.0.1", port), 60) as connection:
                said = Talk(
                    meter(), MANAGEMENT_CLIENT, receive=over(connection, heard),
                    counter=counter, lowest=lowest,
                )  # fmt: skip
                assert isinstance(said.associate(), Associated)
                association = said.exchanged[0]
                if life:
                    assert said.get(71, LIMITER, 4) == DoubleLongUnsigned(limits[-1])
                for _ in range(10):
                    said.get(8, "0.0.1.0.0.255", 2)
                limits.append(3000 + life)
                said.set(71, LIMITER, 4, DoubleLongUnsigned(limits[-1]))
                process.kill()  # at once: what was answered is remembered
            counter = said.connection.invocation_counter
            lowest = said.connection.peer_invocation_counter
    used = [number for frame in heard for number in counters_of(frame)]
    assert len(used) == len({*used}) >= 3 * 13


def test_another_meters_memory_ends_the_command(tmp_path: Path) -> None:
    path = tmp_path / "m"
    MeterMemory.open(path, meter(), FACTS, now=NOW).close()
    result = CliRunner().invoke(app, ["listen", "--tcp", "127.0.0.1:0", "--state", str(path)])
    assert result.exit_code == 1
    nowhere = ["listen", "--tcp", "127.0.0.1:0", "--state", str(tmp_path / "no" / "m")]
    assert CliRunner().invoke(app, nowhere).exit_code == 1
