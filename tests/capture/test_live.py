"""Captures of what runs live: a meter on a port, and head-end and field as two processes."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from devices.clock import wall_clock
from devices.gateway.meter_line import LiveMeter
from devices.gateway.tcp import MeterListener
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT
from protocols.capture.recorder import Recorder
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism
from protocols.dlms.events import Associated, Released
from protocols.dlms.services import AssociationRequest, GetRequest, GetResponse, ReleaseRequest
from tests.demo.commands import ami, running
from tests.meter.conversation import client_settings
from tests.meter.test_tcp import OBJECTS, POWER, connected, meter
from tools.cli import app

SEED = 7  # of the meter in those tests
DEDICATED = bytes(range(0x50, 0x60))


def told(path: Path, *options: str) -> list[dict[str, Any]]:
    ran = CliRunner().invoke(app, ["capture", "decode", str(path), "--json", *options])
    assert ran.exit_code == 0, ran.output
    return [json.loads(line) for line in ran.stdout.splitlines()]


async def converse(device: Meter, path: Path, *, dedicated: bytes | None = None) -> None:
    """Associate, read, release, with a capture of it."""
    with path.open("wb") as file:
        recorder = Recorder(file.write)
        async with (
            LiveMeter(device, now=wall_clock, recorder=recorder) as live,
            MeterListener(live) as listener,
        ):
            host, port = await listener.listen("127.0.0.1", 0)
            async with connected(device, MANAGEMENT_CLIENT, host, port) as talk:
                if dedicated is not None:
                    settings = client_settings(
                        device,
                        device.clients[MANAGEMENT_CLIENT],
                        counter=device.counters(MANAGEMENT_CLIENT)[1],
                    )
                    talk.connection = ClientConnection(replace(settings, dedicated_key=dedicated))
                assert isinstance(await talk.say(AssociationRequest()), Associated)
                for wanted in (POWER, OBJECTS):
                    assert isinstance(await talk.say(GetRequest.of(wanted)), GetResponse)
                assert isinstance(await talk.say(ReleaseRequest()), Released)
        recorder.close()


def apdus(packets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [apdu for packet in packets for apdu in packet.get("apdus", ())]


def plain(found: list[dict[str, Any]]) -> list[str]:
    """The innermost name of each APDU, as far as it was opened."""
    return [
        (apdu["opened"][0] if "opened" in apdu else apdu)["apdu"]["choice"][0] for apdu in found
    ]


@pytest.mark.live
async def test_a_password_that_travels_in_the_clear_is_not_in_the_capture(tmp_path: Path) -> None:
    device, path = meter(AuthenticationMechanism.LOW), tmp_path / "lls.pcapng"
    await converse(device, path)
    assert device.identity.password(MANAGEMENT_CLIENT) not in path.read_bytes()
    found = plain(apdus(told(path)))
    assert found[:4] == ["aarq", "aare", "get-request", "get-response"]
    assert found[-2:] == ["rlrq", "rlre"]


@pytest.mark.live
async def test_dedicated_keys_open_what_follows_and_are_never_told(tmp_path: Path) -> None:
    device, path = meter(), tmp_path / "ded.pcapng"
    await converse(device, path, dedicated=DEDICATED)
    closed = apdus(told(path))
    assert {apdu["apdu"]["choice"][0] for apdu in closed} >= {"ded-get-request", "ded-get-response"}
    opened = apdus(told(path, "--seed", str(SEED)))
    ciphered = [apdu for apdu in opened if apdu["apdu"]["choice"][0].startswith(("glo-", "ded-"))]
    assert len(ciphered) >= 6
    assert all(apdu["opened"][0]["tag"] == "verified" for apdu in ciphered)
    (asked,) = [apdu for apdu in opened if apdu["apdu"]["class"] == "AARQ"]
    assert asked["opened"][0]["apdu"]["fields"]["dedicated-key"] == "2a" * 16
    assert DEDICATED.hex() not in json.dumps(opened)
    assert DEDICATED not in path.read_bytes()
    for options, not_opened in (([], True), (["--seed", str(SEED)], False)):
        people = CliRunner().invoke(app, ["capture", "decode", str(path), *options])
        assert ("not opened" in people.output) is not_opened


def test_meter_listen_with_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "listen.pcapng"
    with running(
        tmp_path, "meter", "listen", "--tcp=127.0.0.1:0", f"--capture={path}", "--json"
    ) as listening:
        what = listening.first_word()
        octets = bytes.fromhex("0001001000010005C001C10003")  # breaks off: nobody answers it
        with socket.create_connection((what["host"], what["port"])) as line:
            line.sendall(octets)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(1000) is not None
        assert listening.terminate() == 0
    found = json.loads(
        CliRunner().invoke(app, ["capture", "decode", str(path), "--json"]).stdout.splitlines()[3]
    )
    assert found["wrapper_source"] == 16
    assert found["apdus"][0]["error"]["cause"]


@pytest.mark.requires("mosquitto")
def test_head_end_and_field_write_down_the_same_messages(tmp_path: Path) -> None:
    story = "a-limit-is-set-and-read-back"
    mine, theirs = tmp_path / "serve.pcapng", tmp_path / "field.pcapng"
    database = f"--database={tmp_path / 'ami.db'}"
    with running(
        tmp_path, "serve", "--port=0", database, f"--registry={story}", f"--capture={mine}"
    ) as serve:
        head_end = serve.first_word()
        with running(
            tmp_path, "field", story, f"--mqtt={head_end['mqtt']}", f"--capture={theirs}"
        ) as field:
            field.first_word()
            sent = ami(
                "order", "send", "--meter=90000001", "--limit=3300W", "--any-day", "--wait",
                f"--url={head_end['soap']}",
            )  # fmt: skip
            assert sent.stdout.startswith("OK 0.0"), sent.stderr
            assert field.terminate() == 0
        assert serve.terminate() == 0
    ours = {(each["id"], each["type"]) for each in told(mine) if "type" in each}
    in_field = told(theirs, "--seed", "1")
    there = {(each["id"], each["type"]) for each in in_field if "type" in each}
    # What travelled as one of them ended may be in one of the two only.
    both = ours & there
    assert {kind for _, kind in both} >= {"online", "execute", "accepted", "receipt", "result"}
    found = plain(apdus(in_field))
    assert "set-request" in found and "glo-set-request" not in found
