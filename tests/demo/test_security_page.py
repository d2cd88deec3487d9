"""docs/security.md works as it stands: its commands make the certificates, its configuration a
head-end that the right ones reach."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from headend.app import doors
from headend.app.serving import serving
from headend.app.sessions import Address
from headend.certificates import to_servers
from headend.config import Config, Tls, parse
from headend.config.soap import Replay
from headend.field.admission import Admission
from headend.field.mqtt import MqttBroker
from headend.soap.door.admission import OUR_NAME, WRONG_MAX
from headend.soap.door.freshness import NONCES_MAX
from protocols.commercial import messages as commercial
from protocols.concentrator import topics
from tests import databases
from tests.demo.tls_site import send_order
from tests.field.live_broker import SOON_S
from tests.house.source import ROOT
from tools.cli import app

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first of its kind: the complete example."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0])


def example(directory: Path) -> Config:
    """The page's commands run here, and its configuration with this folder for its own."""
    script = block("bash").replace("10.20.0.5", "127.0.0.1")
    made = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return parse(block("toml").replace("/etc/ami/tls", str(directory)))


def of(directory: Path, authority: str, name: str) -> Tls:
    return Tls(
        certificate=directory / f"{name}.pem",
        key=directory / f"{name}.key",
        client_authority=directory / f"{authority}-authority.pem",
    )


def test_who_is_admitted_can_be_read() -> None:
    _, admitted = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    soap = parse(admitted).soap
    assert (len(soap.permit), len(soap.user)) == (1, 1) and soap.replay == Replay()
    assert all(permit.destinations == (OUR_NAME,) for permit in soap.permit)
    assert f"after {WRONG_MAX} from one address" in PAGE
    assert f"{NONCES_MAX:,} of them at most" in PAGE


@pytest.mark.live
@pytest.mark.requires("openssl", "mosquitto")
async def test_the_example_serves(tmp_path: Path) -> None:
    config = example(tmp_path)
    doors.check(config, datetime.now(UTC))
    assert (config.soap.host, config.mqtt.listen) == ("0.0.0.0", "0.0.0.0")
    config = msgspec.structs.replace(
        config,
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=msgspec.structs.replace(config.soap, host="127.0.0.1", port=0),
        mqtt=msgspec.structs.replace(config.mqtt, listen="127.0.0.1", port=0),
    )
    async with serving(config) as running:
        office = of(tmp_path, "office", "COMERCIAL")
        answer = await asyncio.to_thread(
            send_order,
            running.soap_url,
            office.client_authority,
            (office.certificate, office.key),
            message_id="1",
        )
        assert answer.Reply.Error[0].code == "2.4"  # let in; the meter is not known
        assert isinstance(running.broker, Address)
        for name in ("C-001", "INTEGRACION"):
            tls = to_servers(of(tmp_path, "field", name))
            address = Address("127.0.0.1", running.broker.port, tls=tls)
            client = MqttBroker(address, client_id=name)
            await client.start()
            await client.until_connected(SOON_S)
            await client.stop()
    ran = CliRunner().invoke(app, ["cim", "explain", "1", "--database", config.database, "--json"])
    (line,) = json.loads(ran.stdout)["doors"]  # each message at the door has left its line
    told = line["certificate"], line["source"], line["result"], line["code"], line["address"]
    assert told == ("COMERCIAL", "COMERCIAL", "FAILED", "2.4", "127.0.0.1")


def test_the_table_of_permissions_is_what_the_broker_is_given() -> None:
    admission = Admission(Path("c"), Path("k"), Path("a"), head_end="hes", queue_readers=("crm",))
    granted = set(
        re.findall(r"^(?:topic|pattern) (read|write) (\S+)$", admission.permissions(), re.M)
    )
    section = PAGE.split("## Who may do what at the broker")[1].split("\n## ")[0]
    rows = re.findall(r"^\| .+ \| (`.*`) \| (`.*`) \|$", section, re.M)
    assert len(rows) == 3
    told = set()
    for read, write in rows:
        for verb, cell in (("read", read), ("write", write)):
            topics_told = re.findall(r"`([^`]+)`", cell)
            for topic in topics_told:
                full = topic.replace("<root>", commercial.ROOT).replace("<id>", "%u")
                told.add((verb, full.replace("…", topics.ROOT)))
    assert told == granted


def test_a_utility_s_own_broker_is_set_up_as_ours() -> None:
    (theirs,) = re.findall(r"```\n(listener.*?)```", PAGE, re.DOTALL)
    admission = Admission(Path("c"), Path("k"), Path("a"), head_end="hes")
    ours = admission.listener(Path("p"))
    keys = [line.split()[0] for line in ours.splitlines()]
    assert [line.split()[0] for line in theirs.splitlines()] == ["listener", *keys]
    for line in ours.splitlines():
        if line.endswith((" true", " false")):
            assert line in theirs
