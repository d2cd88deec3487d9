"""Certificates in a meter's security setup; OpenSSL is independent reader and authority."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from devices.meter.certificates import anchor, authority
from devices.meter.identity import Identity
from protocols.concentrator.messages import Status
from protocols.dlms import axdr
from protocols.dlms.certificates import (
    Authority,
    BadCertificate,
    ByEntity,
    BySerial,
    Entity,
    Usage,
    certificate_info,
    identification_data,
    read_certificate,
    read_identification,
)
from protocols.dlms.codes import ActionResult, AuthenticationMechanism
from protocols.dlms.elliptic import private_key
from protocols.dlms.keys import KeyPairs
from protocols.dlms.procedures.certificates import (
    export_certificate,
    generate_key_pair,
    import_certificate,
    remove_certificate,
    request_certificate,
)
from protocols.dlms.procedures.security_setup import prove_keys
from protocols.dlms.suite import CURVES, SecuritySuite, curve_of
from protocols.dlms.values import Array, Enum, OctetString, Structure, Unsigned, Value
from tests.dlms_security.test_security_setup import TITLE, Bench, call

ECDSA = AuthenticationMechanism.HIGH_ECDSA
ONE, TWO = CURVES
SEED = Identity(7, 4).seed
BEGIN, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)
USAGES = (Usage.SIGNATURE, Usage.AGREEMENT)
METER = Identity(7, 4).system_title

pytestmark = pytest.mark.filterwarnings("error")


def bench(suite: SecuritySuite = ONE) -> Bench:
    it = Bench(suite, ECDSA)
    it.now = datetime(2026, 7, 6, tzinfo=UTC).timestamp()
    return it


def openssl(*arguments: str | Path, given: bytes = b"") -> str:
    program = shutil.which("openssl")
    assert program is not None, "OpenSSL is the independent reader here"
    ran = subprocess.run(
        [program, *map(str, arguments)], input=given, capture_output=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return (ran.stdout + ran.stderr).decode()


def test_what_a_meter_has_as_delivered() -> None:
    it = bench()
    (listed,) = it.read(6)
    assert isinstance(listed, Array)
    told = [tuple(map(int, (each[0], each[1]))) for each in listed]  # type: ignore[index]
    assert told == [
        (Entity.AUTHORITY, Usage.OTHER),
        (Entity.SERVER, Usage.SIGNATURE),
        (Entity.SERVER, Usage.AGREEMENT),
    ]
    trusted = anchor(SEED, ONE)
    for usage, element in zip(USAGES, listed[1:], strict=True):
        der = it.hold(export_certificate(ByEntity(Entity.SERVER, usage, METER)))
        found = read_certificate(ONE, der)
        assert (found.title, found.usage) == (METER, usage) and found.issued_by(trusted)
        _, _, serial, issuer, subject, alternative = element  # type: ignore[misc]
        assert it.hold(export_certificate(BySerial(bytes(serial), bytes(issuer)))) == der
        assert bytes(subject) == found.x509.subject.public_bytes() and bytes(alternative) == b""
    public = read_certificate(ONE, it.hold(export_certificate(ByEntity(0, 0, METER)))).key
    assert public == it.pairs.peer_signing


@pytest.mark.parametrize("suite", CURVES)
@pytest.mark.parametrize("usage", USAGES)
def test_a_new_pair_with_a_certificate_that_openssl_issues(
    suite: SecuritySuite, usage: Usage, tmp_path: Path
) -> None:
    it = bench(suite)
    assert it.hold(generate_key_pair(usage)).status is Status.DONE
    asked = it.hold(request_certificate(usage))
    again = bench(suite)
    again.hold(generate_key_pair(usage))
    assert again.hold(request_certificate(usage)) == asked, "the same pair, the same octets"
    assert it.hold(prove_keys()).status is Status.DONE, "without a certificate nothing changes"

    told = openssl("req", "-inform", "DER", "-verify", "-text", "-noout", given=asked)
    bits = curve_of(suite).group.key_size
    for words in (
        "verify OK",
        f"CN = {METER.hex().upper()}",
        f"({bits} bit)",
        f"ecdsa-with-SHA{bits}",
        "Digital Signature" if usage is Usage.SIGNATURE else "Key Agreement",
    ):
        assert words in told, told
    issued = by_openssl(suite, asked, tmp_path)
    begun = read_certificate(suite, issued).x509.not_valid_before_utc  # by this machine's clock
    it.now = begun.timestamp() + 60
    assert it.hold(import_certificate(issued)).status is Status.DONE

    # From the next association on the meter proves itself by the new pair, and by no other.
    ours, certified = it.pairs, read_certificate(suite, issued).key
    if usage is Usage.SIGNATURE:
        assert it.hold(prove_keys()).status is Status.KEY_REJECTED
        ours = replace(ours, peer_signing=certified)
    which = ByEntity(Entity.SERVER, usage, METER)
    assert it.hold(export_certificate(which), pairs=ours) == issued
    (tmp_path / "meter.der").write_bytes(issued)
    assert "OK" in openssl("verify", "-CAfile", tmp_path / "ca.pem", tmp_path / "meter.der")
    assert len(again.read(6)[0]) == 3, "nothing was imported there"  # type: ignore[arg-type]


def by_openssl(suite: SecuritySuite, asked: bytes, folder: Path) -> bytes:
    """Issued by the authority that meters of the seed trust."""
    issuer = authority(SEED, suite)
    (folder / "ca.key").write_bytes(
        issuer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "ca.pem").write_bytes(anchor(SEED, suite).x509.public_bytes(Encoding.PEM))
    openssl(
        "x509", "-req", "-inform", "DER", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
        "-copy_extensions", "copyall", "-days", "3650", "-set_serial", "4711",
        "-outform", "DER", "-out", folder / "issued.der", given=asked,
    )  # fmt: skip
    return (folder / "issued.der").read_bytes()


def test_a_client_s_certificate_replaces_its_public_key() -> None:
    it = bench()
    key = private_key(ONE, b"\x11" * 32)
    issued = authority(SEED, ONE).issue(TITLE, key.public_key(), Usage.SIGNATURE, 5, BEGIN, END)
    assert it.hold(import_certificate(issued.octets)).status is Status.DONE
    assert it.hold(prove_keys()).status is Status.KEY_REJECTED
    new = KeyPairs(key, it.pairs.agreement, it.pairs.peer_signing, it.pairs.peer_agreement)
    assert it.hold(prove_keys(), pairs=new).status is Status.DONE


def test_an_authority_under_the_trust_anchor_issues_too_until_it_is_removed() -> None:
    it = bench()
    below = Authority(ONE, "REGION SOUTH", private_key(ONE, b"\x22" * 32))
    root, key = authority(SEED, ONE), it.meter.identity.key_pairs(1, ONE).signing
    assert key is not None
    signed = below.issue(METER, key.public_key(), Usage.SIGNATURE, 9, BEGIN, END)
    assert it.hold(import_certificate(signed.octets)).status is Status.REFUSED
    itself = root._issue(below.name, below.key.public_key(), None, 8, BEGIN, END)
    assert it.hold(import_certificate(itself.octets)).status is Status.DONE
    assert it.hold(import_certificate(signed.octets)).status is Status.DONE
    which = ByEntity(Entity.AUTHORITY, Usage.OTHER, b"REGION SOUTH")
    assert it.hold(export_certificate(which)) == itself.octets
    assert it.hold(remove_certificate(which)).status is Status.DONE
    assert it.hold(remove_certificate(which)).status is Status.REFUSED
    anchored = BySerial(anchor(SEED, ONE).serial, anchor(SEED, ONE).issuer)
    assert it.hold(remove_certificate(anchored)).status is Status.REFUSED, "placed by hand alone"


STRANGE = Authority(ONE, "TEST AUTHORITY 7", private_key(ONE, b"\x33" * 32))
OURS = authority(SEED, ONE)
KEYS = Identity(7, 4).key_pairs(1, ONE)
assert KEYS.signing is not None
OWN, OTHER = KEYS.signing.public_key(), private_key(ONE, b"\x44" * 32).public_key()
REFUSED = {
    "of an authority that only has the name": STRANGE.issue(METER, OWN, Usage(0), 1, BEGIN, END),
    "of a key that the meter has not": OURS.issue(METER, OTHER, Usage(0), 1, BEGIN, END),
    "for another usage": OURS.issue(METER, OWN, Usage(1), 1, BEGIN, END),
    "for TLS, which the meter does not speak": OURS.issue(METER, OWN, Usage.TLS, 1, BEGIN, END),
    "over": OURS.issue(METER, OWN, Usage(0), 1, BEGIN, BEGIN + timedelta(days=1)),
    "not begun": OURS.issue(METER, OWN, Usage(0), 1, END - timedelta(days=1), END),
    "of another client": OURS.issue(b"HES\0\0\0\0\x02", OTHER, Usage(0), 1, BEGIN, END),
    "of somebody without a system title": OURS._issue("Juan", OTHER, Usage(0), 1, BEGIN, END),
    "signed by itself": STRANGE.itself(1, BEGIN, END),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_that_is_not_believed_changes_nothing(name: str) -> None:
    it = bench()
    before = it.read(6)
    assert it.hold(call(6, OctetString(REFUSED[name].octets))) is ActionResult.OTHER_REASON
    assert it.read(6) == before and it.hold(prove_keys()).status is Status.DONE


def test_a_flipped_bit_is_found_wherever_it_is() -> None:
    good = OURS.issue(METER, OWN, Usage.SIGNATURE, 1, BEGIN, END)
    it = bench()
    assert it.hold(import_certificate(good.octets)).status is Status.DONE
    for place in range(0, len(good.octets), 37):
        bad = bytearray(good.octets)
        bad[place] ^= 1
        assert it.hold(call(6, OctetString(bytes(bad)))) is ActionResult.OTHER_REASON, place


SHAPES: dict[str, tuple[int, Value | None, ActionResult]] = {
    "no usage": (4, None, ActionResult.TYPE_UNMATCHED),
    "a usage of another type": (4, Unsigned(0), ActionResult.TYPE_UNMATCHED),
    "a pair for TLS": (4, Enum(2), ActionResult.OTHER_REASON),
    "a request for nothing": (5, Enum(9), ActionResult.OTHER_REASON),
    "no certificate": (6, OctetString(b"\x30\x00"), ActionResult.OTHER_REASON),
    "a certificate as text": (6, Unsigned(1), ActionResult.TYPE_UNMATCHED),
    "no identification": (7, None, ActionResult.TYPE_UNMATCHED),
    "an identification of a third kind": (
        7,
        Structure((Enum(2), Structure((OctetString(b""), OctetString(b""))))),
        ActionResult.TYPE_UNMATCHED,
    ),
    "one that is not there": (
        7,
        identification_data(ByEntity(Entity.CLIENT, 0, TITLE)),
        ActionResult.OBJECT_UNAVAILABLE,
    ),
    "one to remove that is not there": (
        8,
        identification_data(BySerial(b"\x01", b"")),
        ActionResult.OBJECT_UNAVAILABLE,
    ),
}


@pytest.mark.parametrize(("method", "value", "result"), SHAPES.values(), ids=SHAPES)
def test_what_is_misshapen(method: int, value: Value | None, result: ActionResult) -> None:
    it = bench()
    assert it.hold(call(method, value)) is result
    assert len(it.read(6)[0]) == 3  # type: ignore[arg-type]


def test_suite_0_has_none() -> None:
    it = Bench()
    assert it.read(6) == [Array()]
    assert it.hold(call(4, Enum(0))) is ActionResult.READ_WRITE_DENIED


@pytest.mark.parametrize("which", [ByEntity(0, 1, METER), BySerial(b"\x01\x02", b"\x30\x00")])
def test_an_identification_as_it_travels(which: Any) -> None:
    data = identification_data(which)
    assert read_identification(data) == which
    kind = 0 if isinstance(which, ByEntity) else 1
    assert axdr.encode(data).hex().startswith(f"02021600{kind:02x}"[:4] + f"16{kind:02x}02")


def test_a_certificate_of_the_other_suite_is_none() -> None:
    der = anchor(SEED, TWO).octets
    with pytest.raises(BadCertificate, match="another curve"):
        read_certificate(ONE, der)


def test_no_octet_of_a_certificate_breaks_its_reader() -> None:
    """A curve that nobody knows, a version, a time, an extension: refused, in its words."""
    der = anchor(SEED, ONE).octets
    for place in range(len(der)):
        for flip in (0x01, 0x02, 0x04, 0x10, 0x80):
            changed = der[:place] + bytes((der[place] ^ flip,)) + der[place + 1 :]
            try:
                certificate_info(read_certificate(ONE, changed), METER)
            except BadCertificate:
                continue
