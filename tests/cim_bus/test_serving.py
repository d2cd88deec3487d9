"""The bus as a process: its settings, its doors, and the commands that look at dead letters."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headend.app.cim_bus import serving_bus
from headend.config import BadConfig
from headend.config.bus import read
from headend.integration.bus.dead_letters import DeadLettersInFolder
from headend.soap.door.raw_soap import body_of
from headend.soap.door.route import UnsafeBind
from protocols.cim import xml
from protocols.cim.bus.effects import Why
from protocols.cim.soap_octets import unwrap, wrap
from protocols.mqtt import Packet
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import codes, get
from tests.cim_bus.test_dead_letters import LETTER
from tests.field.live_broker import SOON_S, mosquitto
from tests.soap.desk import RememberingDesk, server_around
from tests.soap.door import open_door
from tests.soap.test_route import ORDERS, XML, client
from tools.cli import app

SETTINGS = """
[broker]
port = {port}

[[route]]
noun = "EndDeviceControls"
destination = "AMI"
timeout_s = {timeout_s}

[[permit]]
source = "COMERCIAL"

[[speaker]]
name = "PUERTA"
speaks_for = ["COMERCIAL"]

[[door]]
name = "PUERTA"
port = 0
timeout_s = 90
"""
AMI = '[[system]]\nname = "AMI"\naddress = "{address}"\nidempotent = true\n'


def settings(folder: Path, port: int, more: str = "", timeout_s: float = 80) -> Path:
    path = folder / "bus.toml"
    path.write_text(SETTINGS.format(port=port, timeout_s=timeout_s) + more)
    return path


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_a_process_of_the_bus(tmp_path: Path) -> None:
    """An order by SOAP through door, router and proxy; one whose system was away is dead, and sent
    again by a word from another process."""
    desk = RememberingDesk()
    message = wrap(a.typed())
    async with mosquitto(tmp_path) as broker, open_door(server_around(desk)) as base:
        with_system = AMI.format(address=base + ORDERS)
        alone = read(settings(tmp_path, broker.port, timeout_s=0.2))
        async with client() as http:
            async with serving_bus(alone) as running:
                answer = await http.post(running.doors["PUERTA"], content=message, headers=XML)
                assert codes(unwrap(answer.content, body_of(xml.parse(answer.content)))) == ("4.1",)
            (name,) = running.letters.names()
            assert running.letters.get(name).why is Why.TIMED_OUT
            assert desk.taken == []
            path = settings(tmp_path, broker.port, with_system)
            async with serving_bus(read(path)) as running:
                ran = await asyncio.to_thread(
                    CliRunner().invoke, app, ["bus", "again", name, str(path), "--json"]
                )
                assert (ran.exit_code, json.loads(ran.stdout)["asked"]) == (0, True)
                async with asyncio.timeout(SOON_S):
                    while not desk.taken:
                        await asyncio.sleep(0.02)
                assert name not in running.letters.names()
                other = a.typed(head=a.header(ids="<m:MessageID>m-2</m:MessageID>"))
                answer = await http.post(
                    running.doors["PUERTA"] + "/EndDeviceControls", content=wrap(other), headers=XML
                )
                assert codes(unwrap(answer.content, body_of(xml.parse(answer.content)))) == ("0.3",)
                ran = await asyncio.to_thread(
                    CliRunner().invoke, app, ["bus", "trace", "m-2", str(path), "--json"]
                )
                nodes = [each["node"] for each in json.loads(ran.stdout)]
                assert nodes[0] == nodes[-1] == "PUERTA" and {"ROUTER", "AMI"} < set(nodes)
    assert len(desk.taken) == 2


REFUSED = {
    # name: what is added to the settings, what is said
    "a misspelt key": ("[[door]]\nnom = 'x'", "nom"),
    "a door's name twice": ("[[door]]\nname = 'PUERTA'", "a name of its own"),
    "a name that is none": ("[[system]]\nname = 'a/b'\naddress = 'http://x'", "name"),
    "an address that is none": ("[[system]]\nname = 'A'\naddress = 'x'", "address"),
    "a root with a wildcard": ("root = 'cim/#'", "root"),
}


@pytest.mark.parametrize(("more", "said"), REFUSED.values(), ids=REFUSED)
def test_settings_that_cannot_be_read(tmp_path: Path, more: str, said: str) -> None:
    path = tmp_path / "bus.toml"
    own = more if more.startswith("root") else ""
    path.write_text(own + SETTINGS.format(port=1883, timeout_s=1) + ("" if own else more))
    with pytest.raises(BadConfig, match=said):
        read(path)


UNSAFE = {
    "a broker elsewhere": ('[broker]\nhost = "10.0.0.1"', BadConfig, "needs .broker.tls"),
    "nothing to run": ("router = false", BadConfig, "nothing to run"),
    "a password that is not there": (
        '[broker]\npassword_file = "none"', BadConfig, "password_file",
    ),
    "a door open to the network": (
        '[[door]]\nname = "P"\nhost = "0.0.0.0"', UnsafeBind, "mutual TLS",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "error", "said"), UNSAFE.values(), ids=UNSAFE)
async def test_settings_that_are_not_served(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "bus.toml"
    path.write_text(text)
    with pytest.raises(error, match=said):
        async with serving_bus(read(path)):
            pass


def test_dead_letters_lie_beside_the_settings(tmp_path: Path) -> None:
    assert read(settings(tmp_path, 1883)).dead_letters == tmp_path / "dead-letters"


def test_commands_look_at_dead_letters(tmp_path: Path) -> None:
    path = str(settings(tmp_path, 1883))
    letters = DeadLettersInFolder(tmp_path / "dead-letters")
    name = letters.add(LETTER)
    reply = letters.add(
        type(LETTER)(
            at=LETTER.at, node="ROUTER", why=Why.NOT_AWAITED, details="from SIAD",
            packet=Packet("cim/v1/replies/ROUTER/SIAD", get("Line")), message_id="r-1",
        )
    )  # fmt: skip

    def ran(*words: str) -> tuple[int, object]:
        result = CliRunner().invoke(app, ["bus", *words, path, "--json"])
        return result.exit_code, json.loads(result.stdout)

    code, listed = ran("dead")
    assert code == 0 and isinstance(listed, list)
    assert {(each["letter"], each["why"]) for each in listed} == {
        (name, "timed-out"), (reply, "not-awaited"),
    }  # fmt: skip
    code, shown = ran("show", name)
    assert isinstance(shown, dict)
    assert (code, shown["message"].encode()) == (0, LETTER.packet.payload)
    assert ran("again", name)[0] == 0 and letters.asked_again() == [name]
    assert letters.asked_again() == []
    code, refused = ran("again", reply)
    assert isinstance(refused, dict)
    assert (code, refused["error"]["code"]) == (1, "not-sent-again")
    plain = CliRunner().invoke(app, ["bus", "show", name, path])
    assert plain.exit_code == 0 and "why: timed-out" in plain.stdout and "Ñuñoa" in plain.stdout
    table = CliRunner().invoke(app, ["bus", "dead", path])
    assert table.exit_code == 0 and "timed-out" in table.stdout
