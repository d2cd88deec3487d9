"""Node's OPC UA client, which has nothing in common with the library we serve with, browses, reads,
subscribes, and reads history and events: of SIMOCE, of SCADA, of the head-end's own server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headend.config.opcua import OpcUa, OpcUaSecurity
from headend.opcua.meters import URI
from headend.opcua.served import Bounds
from scenarios.utility import quality_events, scada, simoce
from scenarios.utility.measuring import QUANTITIES
from scenarios.utility.naming import System, feeder_key, substation_key
from scenarios.utility.opcua import Systems, systems
from tests.access.making import RIGHT
from tests.certificates import BEGIN, END, TEST_KEY
from tests.node_soap import home_of
from tests.opcua.hosting import AT, Host, SetClock, host
from tests.opcua.readings import FIRST, METERS, NOON, QUARTER, ROWS, values
from tests.opcua.test_meters import opened
from tests.opcua.utility import HEADS, UTILITY, averages, point

pytestmark = pytest.mark.prove  # npm is no part of `make test`

PACKAGE = "node-opcua-client@2.186.4"
SCRIPT = Path(__file__).parent / "clients" / "read.js"
TIMEOUT_S = 100.0  # ends a client that hangs; none comes near it
FEEDER = UTILITY.feeders[1]
VOLTS = QUANTITIES[3]
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest) -> Path:
    return home_of(request, PACKAGE)


@pytest.fixture(scope="module")
def servers() -> Iterator[Host]:
    with host() as running:
        yield running


@pytest.fixture(scope="module")
def both(servers: Host) -> Iterator[Systems]:
    bounds = Bounds(samples=50)
    with servers.hold(systems(UTILITY, SetClock(), bounds=bounds, scan=None)) as found:
        yield found


def told(home: Path, url: str, namespace: str, path: list[str], **more: Any) -> Any:
    """What node's client finds."""
    asked = {
        "url": url,
        "namespace": namespace,
        "path": path,
        "applicationUri": "urn:test:client",
        "start": AT.isoformat(),
        "end": AT.isoformat(),
        **more,
    }
    made = subprocess.run(
        ["node", str(SCRIPT), json.dumps(asked)],
        cwd=home,
        env={**os.environ, "NODE_PATH": str(home / "node_modules"), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    # The library tells of itself on the same stream.
    (answer,) = (line for line in made.stdout.splitlines() if line.startswith("{"))
    return json.loads(answer)


def iso(at: datetime) -> str:
    """As JavaScript writes times."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_simoce(both: Systems, node: Path) -> None:
    """A day of ten-minute averages in three parts, and a month of events."""
    key = feeder_key(System.SIMOCE, FEEDER)
    above = substation_key(System.SIMOCE, FEEDER.substation)
    path = ["SIMOCE", "Subestaciones", above, "Circuitos", key, point(System.SIMOCE, VOLTS)]
    found = told(
        node, both.simoce.url, simoce.URI, path,
        history=True, start=iso(AT - DAY), end=iso(AT),
    )  # fmt: skip
    expected = averages(FEEDER, VOLTS, AT - DAY, AT)
    assert found["samePath"] and found["parts"] > 1 and found["unit"] == "kV"
    assert [each[0] for each in found["history"]] == [iso(at) for at in expected]
    for (_, quality, value), ours in zip(found["history"], expected.values(), strict=True):
        assert value is None if quality == "bad" else value == ours
    assert found["historyParts"] == 3
    assert found["now"] == found["changed"]
    fields = ["Folio", "Tipo", "Duracion", "Magnitud", "Fases", "Time"]
    found = told(
        node, both.simoce.url, simoce.URI, path,
        start=iso(AT - 31 * DAY), end=iso(AT), source=key, type="EventoCalidadType", fields=fields,
    )  # fmt: skip
    first = int((AT - 31 * DAY).timestamp())
    events = [
        [each.number, each.kind, each.seconds, each.percent, each.phases,
         iso(datetime.fromtimestamp(each.begin, UTC))]
        for day in range(first // 86_400, int(AT.timestamp()) // 86_400 + 1)
        for each in quality_events.events_of(HEADS, FEEDER, day)
        if first <= each.begin < AT.timestamp()
    ]  # fmt: skip
    assert events and found["events"] == events


def test_scada(both: Systems, node: Path) -> None:
    path = [
        "CCD",
        substation_key(System.SCADA, FEEDER.substation),
        feeder_key(System.SCADA, FEEDER),
        point(System.SCADA, VOLTS),
    ]
    found = told(node, both.scada.url, scada.URI, path)
    assert found["now"] == found["changed"]
    at, quality, value = found["now"]
    assert (at, found["unit"], found["samePath"]) == (iso(AT), "kV", True)
    assert quality == "bad" or value == HEADS.at(FEEDER, VOLTS, int(AT.timestamp()))


def test_our_own_meters(servers: Host, node: Path, tmp_path: Path) -> None:
    """Signed and encrypted, as a user who may read."""
    certificate, key = _self_signed(tmp_path, "server", OpcUa().application)
    theirs, their_key = _self_signed(tmp_path, "client", "urn:test:client")
    security = OpcUaSecurity(certificate=certificate, key=key, trusted=theirs)
    opcua = OpcUa(port=0, security=security, samples=40)
    with servers.hold(opened(tmp_path, opcua)) as (server, _):
        found = told(
            node, server.url, URI, ["Meters", METERS[1], "VoltageA"],
            history=True, start=iso(FIRST), end=iso(NOON + QUARTER),
            user="reader", password=RIGHT, folder=str(tmp_path / "node"),
            certificateFile=str(theirs), privateKeyFile=str(their_key),
        )  # fmt: skip
    expected = [
        [iso(FIRST + place * QUARTER), "uncertain" if place == 9 else "good", volts]
        if (volts := values(2, place)["VoltageA"]) is not None
        else [iso(FIRST + place * QUARTER), "bad", None]
        for place in range(ROWS)
    ]
    assert found["history"] == expected
    assert found["historyParts"] == 4
    assert found["now"] == expected[-1]
    assert found["unit"] == "V" and found["samePath"]


def _self_signed(folder: Path, name: str, uri: str) -> tuple[Path, Path]:
    """A certificate as OPC 10000-6, 6.2.2, wants those of applications, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}, {TEST_KEY}")])
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True,
        data_encipherment=True, key_agreement=False, key_cert_sign=True, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    both = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
