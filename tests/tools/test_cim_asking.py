"""`ami cim` against adapters that are up: each kind of get, in each form, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headend.app.cim_adapters import serving_adapters
from headend.config.adapters import read as read_adapters
from headend.store.store import SqlStore
from protocols.cim import examples
from protocols.cim.soap_octets import wrap
from scenarios.utility import databases
from scenarios.utility.making import make
from scenarios.utility.model import Plan
from tests.cim_adapters.utilities import AT, UTILITY
from tests.opcua.readings import METERS, enter
from tests.soap.desk import RememberingDesk, server_around
from tests.soap.door import open_door
from tools.cli import app

SETTINGS = """
page = 50

[door]
port = 0

[[adapter]]
profile = "siad"
source = { kind = "sql", database = "siad.db" }

[[adapter]]
profile = "vip"
source = { kind = "sql", database = "away/vip.db" }

[[adapter]]
profile = "ami"
source = { kind = "head-end", database = "ami.db", system = "AMI-1" }

[[adapter]]
profile = "ami"
name = "AMI-2"
source = { kind = "head-end", database = "away/ami.db" }
"""

ASKED = {
    # name: the words, exit code, a part of stdout, a part of stderr
    "all instances": ("get CFE_Zone", 0, "Z01", ""),
    "a filter": ("get Substation --where aliasName=VEN", 0, "S.E. Ventanas", ""),
    "a filter that nothing passes": ("get Substation --where aliasName=ZZZ", 0, "none", ""),
    "an association": ("get Substation --association Feeders --of VEN", 0, "VEN-4010", ""),
    "in its own messages": ("get CFE_Zone --typed SIAD --xml", 0, "<SIADResponseMessage", ""),
    "an unknown class": ("get Coffee", 1, "", "CLASE_DESCONOCIDA"),
    "an unknown key": (
        "get Substation --association Feeders --of VEN --of X", 0, "VEN-4010", "2.15",
    ),
    "another adapter's messages": ("get CFE_Zone --typed VIP", 1, "", "OPERACION_NO_OFRECIDA"),
}  # fmt: skip


def ran(words: str) -> Result:
    return CliRunner().invoke(app, ["cim", *shlex.split(words)])


@pytest.mark.live
async def test_asking_adapters(tmp_path: Path) -> None:
    """All of it at one running process: to start one for each would take the time."""
    plan = Plan(requests=110)
    databases.write(make(7, AT, plan), tmp_path)
    (tmp_path / "adapters.toml").write_text(SETTINGS)
    store = SqlStore(f"sqlite:///{tmp_path}/ami.db", live=False)
    await store.run(enter)
    await store.close()
    async with serving_adapters(read_adapters(tmp_path / "adapters.toml")) as running:
        siad, vip = running.doors["SIAD"], running.doors["VIP"]

        async def said(words: str, at: str = siad) -> Result:
            return await asyncio.to_thread(ran, f"{words} --at {at}")

        for name, (words, code, shown, complained) in ASKED.items():
            result = await said(words)
            assert result.exit_code == code, (name, result.output)
            assert shown in result.stdout and complained in result.stderr, (name, result.output)
        told = json.loads((await said("get CFE_Circuit --json")).stdout)
        assert (told["result"], len(told["instances"])) == ("OK", len(UTILITY.feeders))
        assert {type(it["length"]) for it in told["instances"]} == {float}
        several = json.loads((await said("get CFE_ServiceRequest --json")).stdout)
        assert (several["result"], len(several["instances"])) == ("PARTIAL", 110)
        first = json.loads((await said("get CFE_ServiceRequest --pages 1 --json")).stdout)
        assert len(first["instances"]) == 50 and first["ids"]
        meters = json.loads((await said("get Meter --json", running.doors["AMI"])).stdout)
        assert {it["mRID"] for it in meters["instances"]} == {*METERS}
        assert {it["amrSystem"] for it in meters["instances"]} == {"AMI-1"}
        for noun, at in (("CFE_VIPCustomer", vip), ("Meter", running.doors["AMI-2"])):
            down = await said(f"get {noun} --json", at)
            assert down.exit_code == 1
            (error,) = json.loads(down.stdout)["errors"]
            assert (error["code"], error["key"]) == ("5.3", "FUENTE_CAIDA") and error["next_step"]
        wrong = await said("get CFE_Zone", siad + "/nothing")
        assert wrong.exit_code == 1 and "no-adapter" not in wrong.stdout


SENT = {
    # name: the example, how it is changed, exit code, a part of stdout, a part of stderr
    "a question": ("adapter-SIAD/filter-typed", ("", ""), 0, "SIADResponseMessage: OK", ""),
    "a class that is not there": (
        "adapter-SIAD/filter", ("GeographicalRegion", "Coffee"), 1, "ResponseMessage: FAILED",
        "CLASE_DESCONOCIDA",
    ),
    "an order": ("EndDeviceControls/create", ("", ""), 1, "SOAP fault", "OPERACION_NO_OFRECIDA"),
    "an event": ("MeterReadings/event-typed", ("", ""), 1, "SOAP fault", "OPERACION_NO_OFRECIDA"),
}  # fmt: skip


@pytest.mark.live
async def test_sending_files(tmp_path: Path) -> None:
    """To an adapter; and an order to a head-end's desk, which takes it."""
    databases.write(UTILITY, tmp_path)
    (tmp_path / "adapters.toml").write_text(SETTINGS)
    texts = {each.name: each.octets for each in examples.every()}
    file = tmp_path / "message.xml"

    async def sent(octets: bytes, at: str, more: str = "") -> Result:
        file.write_bytes(octets)
        return await asyncio.to_thread(ran, f"send {file} --at {at} {more}")

    async with serving_adapters(read_adapters(tmp_path / "adapters.toml")) as running:
        for name, (example, (old, new), code, shown, complained) in SENT.items():
            octets = texts[example].replace(old.encode() or b"\0", new.encode())
            for around in (octets, wrap(octets)):
                result = await sent(around, running.doors["SIAD"])
                assert result.exit_code == code, (name, result.output)
                assert shown in result.stdout and complained in result.stderr, name
        as_json = await sent(texts["adapter-SIAD/all-instances"], running.doors["SIAD"], "--json")
        assert json.loads(as_json.stdout)["instances"][0]["class"] == "GeographicalRegion"
    desk = RememberingDesk()
    async with open_door(server_around(desk)) as base:
        order = texts["EndDeviceControls/create"]
        taken = await sent(order, f"{base}/soap", "--fresh")
        assert taken.exit_code == 0 and "transaction: t-1" in taken.stdout
        assert "ami order list" in taken.stderr
        assert (await sent(order, f"{base}/soap")).exit_code == 0
    (first, _), (second, _) = desk.taken
    assert first.message_id != second.message_id
    assert second.message_id and second.message_id.encode() in order


def test_nobody_is_there() -> None:
    result = ran("get Feeder --at http://127.0.0.1:1/soap/cim/SIAD --json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "no-answer"
