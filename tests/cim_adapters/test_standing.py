"""The invented utility up on a real broker, and adapters behind mutual TLS."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from headend.app.cim_adapters import serving_adapters
from headend.clock import WallClock
from headend.config.adapters import read as read_adapters
from headend.config.bus import read as read_bus
from headend.soap.door.server import SoapAnswer
from protocols.cim import get, xml
from protocols.cim.envelope import Message
from protocols.cim.profile import payload, reading
from protocols.cim.soap_octets import wrap
from protocols.cim.xml import Element
from scenarios.utility import ami, databases
from scenarios.utility.making import make
from scenarios.utility.model import Plan
from scenarios.utility.naming import zone_key
from scenarios.utility.standing import standing
from tests.certificates import Authority
from tests.cim_adapters.doors import inside
from tests.cim_adapters.test_serving import PAYLOAD, STAMP, octets, read
from tests.cim_adapters.utilities import AT, UTILITY
from tests.soap.test_route import XML, client
from tools.cli import app

SMALL = Plan(zones=1, areas=1, substations=1, feeders=2, transformers=1, meters=2, vip=3)

METER = make(7, AT, SMALL).meters[0].index


async def _ran(noun: str, at: str, *more: str) -> Any:
    """What `ami cim get` says of a class."""
    words = ["cim", "get", noun, "--at", at, "--json", *more]
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _a_day() -> Message:
    """The energy that a meter has counted, by quarters of an hour, up to now."""
    now = WallClock().now()
    span = {"start": now - timedelta(days=2), "end": now + timedelta(hours=1)}
    key = f"{METER}.EnergyImport"
    return get.associated("Analog", "AnalogValues", [key], STAMP, **span)


def _content(answer: httpx2.Response) -> Element:
    (content,) = xml.child(xml.parse(_message(answer)), "Payload")[:1]
    return content


def _message(answer: httpx2.Response) -> bytes:
    return inside(SoapAnswer(answer.status_code, {}, answer.content))


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_a_utility_stands(tmp_path: Path) -> None:
    """Every adapter is reached directly and through the bus, with the same payload; its settings
    are files that the commands read."""
    async with standing(make(7, AT, SMALL), tmp_path) as up, client() as http:
        assert [*up.adapters] == ["SIAD", "VIP", "Repository", "SIMOCE", "SCADA", "AMI"]
        assert up.bus is not None
        for number, (noun, name) in enumerate(
            {
                "CFE_Zone": "SIAD",
                "CFE_VIPCustomer": "VIP",
                "Name": "Repository",
                "Meter": "SIMOCE",
                "Discrete": "SCADA",
            }.items()
        ):
            body = wrap(octets(get.all_instances(noun, STAMP), number))
            said = []
            for address in (up.adapters[name], up.bus):
                answer = await http.post(address, content=body, headers=XML)
                said.append(PAYLOAD.findall(_message(answer)))
            assert said[0] == said[1] != []
        assert up.broker is not None
        for at in (f"{up.broker}/SIAD", up.broker):
            shown = await _ran("CFE_Zone", at)
            assert [it["mRID"] for it in shown["instances"]] == ["Z01"]
        read_ = await http.post(up.adapters["AMI"], content=wrap(octets(_a_day())), headers=XML)
        values = payload.read(reading.profile("ami"), _content(read_))
        assert len([*values]) == ami.ROWS
        assert read_adapters(tmp_path / "adapters.toml").door is not None
        assert read_bus(tmp_path / "bus.toml").router


@pytest.mark.live
async def test_an_adapter_behind_mutual_tls(tmp_path: Path) -> None:
    """Whoever is permitted asks under its own certificate; a stranger's opens nothing."""
    databases.write(UTILITY, tmp_path)
    authority = Authority.found(tmp_path / "ours")
    stranger = Authority.found(tmp_path / "theirs", "another authority")
    certificate, key = authority.issue("adapters", "adapters")
    path = tmp_path / "adapters.toml"
    path.write_text(
        f"""
[door]
port = 0

[door.tls]
certificate = "{certificate}"
key = "{key}"
client_authority = "{authority.path}"

[[permit]]
source = "TABLERO"

[[adapter]]
profile = "siad"
source = {{ kind = "sql", database = "siad.db" }}
"""
    )
    body = wrap(octets(get.all_instances("CFE_Zone", STAMP)))
    async with serving_adapters(read_adapters(path)) as running:
        address = running.doors["SIAD"]
        assert address.startswith("https://")
        async with client(verify=authority.client_context("TABLERO", "tablero")) as http:
            answer = await http.post(address, content=body, headers=XML)
            reply = read(_message(answer))
            assert reply.payload is not None
            (content,) = reply.payload.content
            keys = {it.attributes["mRID"] for it in payload.read(reading.profile("siad"), content)}
            assert keys == {zone_key(it) for it in UTILITY.zones}
        async with client(verify=stranger.client_context("TABLERO", "t")) as http:
            with pytest.raises(httpx2.TransportError):
                await http.post(address, content=body, headers=XML)
        authority.issue("TABLERO", "TABLERO")
        shown = await _ran(
            "CFE_Zone", address, "--source", "TABLERO", "--tls", str(authority.folder)
        )
        assert {it["mRID"] for it in shown["instances"]} == keys
