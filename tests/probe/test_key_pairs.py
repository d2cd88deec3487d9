"""Meters of the suites 1 and 2: key pairs from files, and a keyring that keeps what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from devices.meter.certificates import held_by
from devices.meter.clients import on_the_bench
from devices.meter.identity import Identity
from devices.meter.keyring import keys_of
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from headend.store.kit import keyring
from protocols.dlms.codes import AuthenticationMechanism
from protocols.dlms.suite import CURVES, SecuritySuite
from tests.probe.bench import LOAD_W, Bench, Probe, Watched, bench, tcp, values
from tools.authentication import Auth
from tools.meter.command import description

ECDSA = AuthenticationMechanism.HIGH_ECDSA
GMAC = AuthenticationMechanism.HIGH_GMAC
PHRASE = {"AMI_PROBE_PASSPHRASE": "correct horse"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "SCRYPT_N", 1 << 4)


def made(suite: SecuritySuite, mechanism: AuthenticationMechanism = ECDSA) -> Watched:
    clients = on_the_bench(mechanism, suite)
    return Watched(
        Identity(11, 4),
        ConstantLoad.of(*LOAD_W),
        MeterType(clients=clients, security_setup_version=1),
    )


@pytest.fixture
def signing() -> Iterator[Bench]:
    with bench(tcp(), meter=made(min(CURVES))) as shown:
        yield shown


class Files:
    """What a technician has of one meter and its management client."""

    def __init__(self, folder: Path, meter: Watched) -> None:
        self.meter, self.client = meter, meter.clients[1]
        pairs = meter.identity.client_key_pairs(1, self.client.suite)
        assert pairs.signing is not None and pairs.peer_signing is not None
        self.signing, self.public = folder / "signing.pem", folder / "meter.pem"
        self.certificate, self.sealed = folder / "meter.der", folder / "sealed.pem"
        pem, pkcs8 = Encoding.PEM, PrivateFormat.PKCS8
        self.signing.write_bytes(pairs.signing.private_bytes(pem, pkcs8, NoEncryption()))
        self.sealed.write_bytes(
            pairs.signing.private_bytes(pem, pkcs8, BestAvailableEncryption(b"x"))
        )
        spki = PublicFormat.SubjectPublicKeyInfo
        self.public.write_bytes(pairs.peer_signing.public_bytes(pem, spki))
        self.certificate.write_bytes(held_by(meter, self.client)[1].octets)

    def secrets(self) -> dict[str, str]:
        keys = keys_of(self.meter, self.client)
        return {
            "AMI_PROBE_KEY": keys.encryption.hex(),
            "AMI_PROBE_AUTH_KEY": keys.authentication.hex(),
        }


@pytest.mark.parametrize("suite", CURVES)
def test_hls_7_by_files_of_keys(suite: SecuritySuite, probe: Probe, tmp_path: Path) -> None:
    meter = made(suite)
    files = Files(tmp_path, meter)
    with bench(tcp(), meter=meter) as it:
        ours = ("--auth", "ecdsa", "--signing-key", files.signing, "--port", it.port)
        for theirs in (files.public, files.certificate):
            told = probe.json(
                "limit", "--set", "4kW", *ours, "--meter-key", theirs, env=files.secrets()
            )
            assert told["done"] is True, told
        told = probe.json(
            "read", "1.7.0", "--role", "management", *ours, "--meter-key", files.certificate,
            env=files.secrets(),
        )  # fmt: skip
        assert list(values(told).values()) == [2000]
        assert it.logins[1] == 3
    private = files.signing.read_text()
    assert private not in probe.everything().decode("latin-1")


@pytest.mark.parametrize("suite", CURVES)
def test_gmac_in_a_suite_that_has_curves(suite: SecuritySuite, probe: Probe) -> None:
    with bench(tcp(), meter=made(suite, GMAC)) as it:
        keys = keys_of(it.meter, it.meter.clients[1])
        env = {
            "AMI_PROBE_KEY": keys.encryption.hex(),
            "AMI_PROBE_AUTH_KEY": keys.authentication.hex(),
        }
        words = ("limit", "--remove", "--suite", int(suite), "--port", it.port)
        assert probe.json(*words, env=env)["done"] is True


def told_by(meter: Watched, folder: Path) -> Path:
    """The file that `ami meter listen --json` would have written."""

    class Line:
        def described(self) -> dict[str, Any]:
            return {}

    path = folder / "keys.json"
    path.write_text(json.dumps(description(meter, Auth.ECDSA, [Line()])))  # type: ignore[list-item]
    path.chmod(0o600)
    return path


def test_one_file_of_everything(probe: Probe, signing: Bench, tmp_path: Path) -> None:
    path = told_by(signing.meter, tmp_path)
    words = ("limit", "--set", "5kW", "--auth", "ecdsa", "--port", signing.port)
    assert probe.json(*words, "--key-file", path)["done"] is True


def test_doctor_logs_in_by_it(probe: Probe, signing: Bench, tmp_path: Path) -> None:
    path = told_by(signing.meter, tmp_path)
    told = probe.json(
        "doctor", "--role", "management", "--auth", "ecdsa", "--port", signing.port,
        "--key-file", path,
    )  # fmt: skip
    assert "high-ecdsa" in json.dumps(told) and signing.logins[1] == 1


def test_what_is_missing_is_named(probe: Probe, signing: Bench, tmp_path: Path) -> None:
    files = Files(tmp_path, signing.meter)
    words = ("limit", "--set", "1kW", "--auth", "ecdsa", "--port", signing.port)
    told = probe.json(*words, env=files.secrets(), code=1)
    assert told["reason"] == "key-not-known"
    assert "AMI_PROBE_SIGNING_KEY and AMI_PROBE_METER_KEY" in told["next_step"] + told["why"]
    assert not signing.logins


def test_another_s_key_is_refused_once(probe: Probe, signing: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    files = Files(tmp_path, signing.meter)
    stranger = Watched(Identity(12, 4), ConstantLoad.of(*LOAD_W), signing.meter.type)
    words = ("limit", "--set", "1kW", "--auth", "ecdsa", "--port", signing.port)
    told = probe.json(
        *words, "--signing-key", Files(other, stranger).signing, "--meter-key", files.public,
        env=files.secrets(), code=1,
    )  # fmt: skip
    assert told["reason"] == "wrong-key-or-counter" and signing.logins[1] == 1


BAD: dict[str, tuple[str, str]] = {
    "a key that is sealed": ("sealed.pem", "without a pass phrase"),
    "a certificate in its place": ("meter.der", "no private key"),
    "nothing": ("none.pem", "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_signing_key(name: str, probe: Probe, signing: Bench, tmp_path: Path) -> None:
    Files(tmp_path, signing.meter)
    file, text = BAD[name]
    result = probe("limit", "--auth", "ecdsa", "--port", signing.port,
                   "--signing-key", tmp_path / file)  # fmt: skip
    assert result.exit_code == 2 and text in " ".join(result.stderr.split()), result.output


# --- the keyring ----------------------------------------------------------------------------------


def test_a_meter_of_the_keyring(probe: Probe, signing: Bench, tmp_path: Path) -> None:
    path = told_by(signing.meter, tmp_path)
    kept = probe("keys", "keep", "4711", "--auth", "ecdsa", "--key-file", path, env=PHRASE)
    assert kept.exit_code == 0, kept.output
    path.unlink()
    rows = probe.json("keys", "list", env=PHRASE)["keys"]
    assert {(row["meter"], row["client"]) for row in rows} >= {("4711", 1)}
    assert "key pair" in next(row["kept"] for row in rows if row["client"] == 1)
    words = ("limit", "--set", "6kW", "--auth", "ecdsa", "--port", signing.port)
    assert probe.json(*words, "--meter", "4711", env=PHRASE)["done"] is True
    keys = keys_of(signing.meter, signing.meter.clients[1])
    for secret in (keys.encryption, keys.authentication):
        assert secret not in probe.everything()
        assert secret.hex().encode() not in probe.everything().lower()

    wrong = probe(*words, "--meter", "4711", env={"AMI_PROBE_PASSPHRASE": "guess"})
    assert wrong.exit_code == 2 and "does not open" in " ".join(wrong.stderr.split())
    none = probe(*words, "--meter", "4712", env=PHRASE)
    assert none.exit_code == 2 and "Known: 4711" in " ".join(none.stderr.split())
    assert probe("keys", "forget", "4711", env=PHRASE).exit_code == 0
    assert probe.json("keys", "list", env=PHRASE)["keys"] == []
    assert probe("keys", "forget", "4711", env=PHRASE).exit_code == 2


def test_what_was_said_goes_before_what_is_kept(probe: Probe, meter: Bench) -> None:
    kept = probe("keys", "keep", "M", env={**PHRASE, "AMI_PROBE_PASSWORD": "guess"})
    assert kept.exit_code == 0, kept.output
    words = ("read", "1.7.0", "--port", meter.port, "--meter", "M")
    assert probe.json(*words, env=PHRASE, code=1)["reason"] == "wrong-key-or-counter"
    told = probe.json(*words, env={**PHRASE, **meter.password()})
    assert list(values(told).values()) == [2000]


def test_nothing_to_keep(probe: Probe) -> None:
    result = probe("keys", "keep", "4711", env=PHRASE)
    assert result.exit_code == 2 and "no password and no key" in " ".join(result.stderr.split())
