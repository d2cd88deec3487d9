"""The OPC UA door of a head-end that serves: what may be configured, and what clients read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import Client
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headend import config as configuration
from headend.app import doors
from headend.app.opcua import served
from headend.app.serving import serving
from headend.config import BadConfig, Config, Soap
from headend.config.opcua import OpcUa, OpcUaSecurity
from headend.opcua.meters import URI
from headend.opcua.trust import Trusted
from headend.soap.door.route import UnsafeBind
from tests import databases
from tests.certificates import END, Authority
from tests.opcua.hosting import SetClock
from tests.opcua.readings import METERS, enter

NOW = datetime(2026, 7, 6, tzinfo=UTC)


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_a_head_end_serves_its_meters(tmp_path: Path) -> None:
    """Its own OPC UA server among its doors; a second server cannot have its port."""
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        opcua=OpcUa(port=0, anonymous=True),
    )
    async with serving(config) as running:
        await running.head_end.store.run(enter)
        assert running.opcua_url is not None
        async with Client(running.opcua_url) as client:
            index = await client.get_namespace_index(URI)
            folder = await client.nodes.objects.get_child(f"{index}:Meters")
            names = [(await each.read_browse_name()).Name for each in await folder.get_children()]
        assert names == [*METERS]
        port = int(running.opcua_url.rsplit(":", 1)[1].split("/")[0])
        store, guard = running.head_end.store, running.head_end.guard
        second = served(Config(opcua=OpcUa(port=port)), store, guard, guard.clock)
        with pytest.raises(OSError):
            await second.start()
        await second.stop()


def _security(authority: Authority) -> OpcUaSecurity:
    certificate, key = authority.issue("hes", "hes")
    return OpcUaSecurity(certificate=certificate, key=key, trusted=authority.path)


def test_what_may_be_configured(tmp_path: Path) -> None:
    """Nothing beyond loopback without security, and nobody without a name there."""
    security = _security(Authority.found(tmp_path / "authority"))
    for opcua in (
        OpcUa(),
        OpcUa(host="0.0.0.0"),  # without a port it does not listen
        OpcUa(port=0),
        OpcUa(port=4840, anonymous=True),
        OpcUa(port=4840, host="0.0.0.0", security=security),
    ):
        doors.check(Config(opcua=opcua), NOW)
    with pytest.raises(UnsafeBind):
        doors.check(Config(opcua=OpcUa(port=4840, host="0.0.0.0")), NOW)
    with pytest.raises(BadConfig, match="anonymous"):
        opcua = OpcUa(port=4840, host="0.0.0.0", security=security, anonymous=True)
        doors.check(Config(opcua=opcua), NOW)
    with pytest.raises(BadConfig, match=r"opcua\.security"):
        doors.check(Config(opcua=OpcUa(port=0, security=security)), END + timedelta(days=1))


def test_paths_start_from_the_files_own_folder(tmp_path: Path) -> None:
    text = """
[opcua]
port = 4840
[opcua.security]
certificate = "hes.pem"
key = "/keys/hes.key"
trusted = "clients.pem"
"""
    (tmp_path / "ami.toml").write_text(text)
    security = configuration.read(tmp_path / "ami.toml").opcua.security
    assert security == OpcUaSecurity(
        certificate=tmp_path / "hes.pem",
        key=Path("/keys/hes.key"),
        trusted=tmp_path / "clients.pem",
    )


def test_which_certificates_are_trusted(tmp_path: Path) -> None:
    """One that is named, and one that a named authority signed, while both last."""
    ours, strange = (Authority.found(tmp_path / each, each) for each in ("ours", "strange"))
    same = Authority.found(tmp_path / "same", "ours")  # the name, and another key
    key = ec.generate_private_key(ec.SECP256R1())
    named, _ = strange.issue("named", "named", key=key)
    clock = SetClock(NOW)
    trusted = Trusted.read(ours.path.read_bytes() + named.read_bytes(), clock)

    def shown(path: Path) -> bytes:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        return found.public_bytes(serialization.Encoding.DER)

    signed, _ = ours.issue("client", "client")
    over, _ = ours.issue("over", "over", until=NOW - timedelta(days=1))
    assert trusted(shown(signed))
    assert trusted(shown(signed) + shown(ours.path))  # with its chain
    assert trusted(shown(named))
    for path in (over, strange.issue("other", "other")[0], same.issue("client", "client")[0]):
        assert not trusted(shown(path))
    # Who is named signs nobody: it is no authority.
    itself = x509.load_pem_x509_certificate(named.read_bytes())
    assert not trusted(shown(Authority(tmp_path, key, itself).issue("x", "x")[0]))
    for octets in (b"", b"0", b"\x30\x82", b"\x30\x82\xff\xff" + bytes(100), shown(signed)[:-1]):
        assert not trusted(octets)
    clock.at = END + timedelta(days=1)
    assert not trusted(shown(signed)) and not trusted(shown(named))
    with pytest.raises(ValueError):
        Trusted.read(b"no certificate", clock)
