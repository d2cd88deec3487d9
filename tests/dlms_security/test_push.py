"""Pushes without an association: of real meters with published keys, and of our own making."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocols.dlms.apdu import decode, encode
from protocols.dlms.axdr import Reader
from protocols.dlms.ciphered import GeneralCiphered
from protocols.dlms.codes import Security
from protocols.dlms.events import Refused, Violation
from protocols.dlms.general import KeyKind
from protocols.dlms.keys import CounterLease, Keys
from protocols.dlms.notification import DataNotification
from protocols.dlms.push import PushSealer, Sender, open_push
from protocols.dlms.security import CountersUsedUp
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import DoubleLongUnsigned
from protocols.errors import LocalProtocolError, ProtocolError
from tests.dlms.pair import CLIENT_TITLE, SERVER_TITLE
from tests.dlms.shared import ABSENT, Vector, vectors
from tests.dlms.test_shared_vectors import REFUSED as INVALID
from tests.dlms.test_shared_vectors import hdlc_information, mbus_data
from tests.dlms_security.parties import CURVED, SUITES, Drawn, keys, pairs

BOTH = Security.AUTHENTICATED_ENCRYPTED
PUSH = DataNotification(7, b"", DoubleLongUnsigned(1517))


def sealer(suite: int = 0, **changes: Any) -> PushSealer:
    settings: dict[str, Any] = {
        "suite": SecuritySuite(suite),
        "broadcast": CounterLease(1, 100),
        "recipient": CLIENT_TITLE,
        "pairs": pairs(suite, "server", "client"),
        "secrets": Drawn(b"meter"),
    }
    return PushSealer(keys(suite), SERVER_TITLE, CounterLease(40, 60), **{**settings, **changes})


def known(suite: int = 0, **changes: Any) -> Sender:
    settings: dict[str, Any] = {
        "keys": keys(suite),
        "suite": SecuritySuite(suite),
        "pairs": pairs(suite),
    }
    return Sender(**{**settings, **changes})


def opened(wire: bytes, sender: Sender | None) -> Any:
    return open_push(
        wire,
        lambda title: sender if title in (SERVER_TITLE, b"") else None,
        system_title=CLIENT_TITLE,
    )


WAYS: list[tuple[int, dict[str, Any]]] = [
    *((int(suite), {}) for suite in SUITES),
    *((int(suite), {"broadcast": True}) for suite in SUITES),
    *((int(suite), {"kind": KeyKind.WRAPPED}) for suite in SUITES),
    *((int(suite), {"kind": kind}) for suite in CURVED for kind in KeyKind),
    *((int(suite), {"signed": True}) for suite in CURVED),
    *((int(suite), {"signed": True, "kind": KeyKind.STATIC}) for suite in CURVED),
]


@pytest.mark.parametrize(("suite", "how"), WAYS, ids=str)
def test_each_way_to_protect_a_push(suite: int, how: dict[str, Any]) -> None:
    ours = sealer(suite)
    sender = known(suite, signed=how.get("signed", False))
    wire = ours.seal(PUSH, **how)
    got = opened(wire, sender)
    assert (got.notification, got.system_title, got.security) == (PUSH, SERVER_TITLE, BOTH)
    later = replace(sender, lowest=got.lowest, lowest_broadcast=got.lowest_broadcast)
    with pytest.raises(Refused) as refused:
        opened(wire, later)
    assert refused.value.violation is Violation.REPLAYED
    assert opened(ours.seal(PUSH, **how), later).notification == PUSH
    for at in range(0, len(wire), 1 if not how else 7):
        changed = bytearray(wire)
        changed[at] ^= 0x08
        with pytest.raises(ProtocolError):
            opened(bytes(changed), sender)


def test_a_plain_push_only_where_that_is_enough() -> None:
    plain = encode(PUSH)
    assert opened(plain, Sender(required=Security.NONE)).notification == PUSH
    for sender in (known(), Sender()):
        with pytest.raises(Refused) as refused:
            opened(plain, sender)
        assert refused.value.violation is Violation.NOT_PROTECTED


REFUSED: dict[str, tuple[Sender | None, dict[str, Any], Violation]] = {
    "stranger": (None, {}, Violation.NOT_AUTHENTIC),
    "other keys": (known(keys=keys(0, of=1)), {}, Violation.NOT_AUTHENTIC),
    "no keys": (known(keys=None), {}, Violation.UNEXPECTED),
    "encrypted alone": (known(), {"security": Security.ENCRYPTED}, Violation.NOT_PROTECTED),
    "authenticated alone": (
        known(required=BOTH),
        {"security": Security.AUTHENTICATED},
        Violation.NOT_PROTECTED,
    ),
    "no broadcast key": (
        known(keys=Keys(bytes(16), bytes(16))),
        {"broadcast": True},
        Violation.NOT_AUTHENTIC,
    ),
    "encrypted alone, broadcast": (
        known(),
        {"security": Security.ENCRYPTED, "broadcast": True},
        Violation.NOT_PROTECTED,
    ),
    "not signed": (known(signed=True), {}, Violation.NOT_PROTECTED),
}


@pytest.mark.parametrize(("sender", "how", "violation"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(sender: Sender | None, how: dict[str, Any], violation: Violation) -> None:
    with pytest.raises(Refused) as refused:
        opened(sealer().seal(PUSH, **how), sender)
    assert refused.value.violation is violation


def test_a_meter_that_only_encrypts() -> None:
    wire = sealer().seal(PUSH, Security.ENCRYPTED)
    got = opened(wire, known(required=Security.ENCRYPTED))
    assert (got.notification, got.security) == (PUSH, Security.ENCRYPTED)


def test_another_service_in_the_envelope_is_no_push() -> None:
    ours = sealer()
    wire = ours._protection.seal(bytes.fromhex("C001C100080000010000FF0200"), BOTH, general=True)
    with pytest.raises(Refused, match="is no push"):
        opened(wire, known())
    with pytest.raises(Refused, match="is no push"):
        opened(bytes.fromhex("C001C100080000010000FF0200"), known())


def test_keys_and_counters_that_are_not_there() -> None:
    with pytest.raises(CountersUsedUp):
        sealer(broadcast=None).seal(PUSH, broadcast=True)
    bare = PushSealer(Keys(bytes(16), bytes(16)), SERVER_TITLE, CounterLease(1, 2))
    with pytest.raises(LocalProtocolError, match="no broadcast key"):
        bare.seal(PUSH, broadcast=True)
    bare.seal(PUSH)
    with pytest.raises(CountersUsedUp):
        bare.seal(PUSH)


def test_the_broadcast_key_counts_by_itself() -> None:
    ours = sealer()
    first = opened(ours.seal(PUSH), known())
    group = opened(ours.seal(PUSH, broadcast=True), replace(known(), lowest=first.lowest))
    assert (first.lowest, first.lowest_broadcast) == (41, 0)
    assert (group.lowest, group.lowest_broadcast) == (41, 2)


CIPHERED = tuple(v for v in vectors("push-hdlc", "push-mbus") if "encryption_key" in v.keys)


def joined(octets: bytes) -> bytes:
    """The APDU in general blocks, each E0, control, number, number acknowledged, length, octets."""
    reader, whole = Reader(octets), b""
    while reader.offset < len(octets):
        assert reader.u8() == 0xE0
        reader.take(5)
        whole += reader.octet_string()
    return whole


@pytest.mark.skipif(not CIPHERED, reason=ABSENT)
@pytest.mark.parametrize("vector", CIPHERED, ids=lambda vector: vector.name)
def test_pushes_of_real_meters(vector: Vector) -> None:
    if vector.kind == "push-mbus":
        octets = b"".join(mbus_data(vector.octets))
    else:
        octets = b"".join(hdlc_information(vector.octets))[3:]
    octets = joined(octets) if octets[0] == 0xE0 else octets
    outer = decode(octets)
    assert isinstance(outer, GeneralCiphered)
    authenticated = bool(outer.security_control & Security.AUTHENTICATED)
    size = len(vector.key("encryption_key"))
    if authenticated and "authentication_key" not in vector.keys:
        # Published without the key that its tag needs: nothing shows that it is the meter's.
        with pytest.raises(Refused, match="does not verify"):
            open_push(octets, lambda title: Sender(Keys(vector.key("encryption_key"), bytes(size))))
        return
    authentication = vector.key("authentication_key") if authenticated else bytes(size)
    sender = Sender(
        Keys(vector.key("encryption_key"), authentication),
        SecuritySuite(outer.security_control & 0x0F),
        required=Security.AUTHENTICATED if authenticated else Security.ENCRYPTED,
    )
    try:
        got = open_push(octets, lambda title: sender)
    except ProtocolError as error:
        assert not isinstance(error, Refused)  # deciphered, and no valid APDU: told, and named
        assert vector.name in INVALID, error
        return
    assert len(got.system_title) == 8
    assert got.security == (BOTH if authenticated else Security.ENCRYPTED)
    with pytest.raises(Refused, match="invocation counter"):
        open_push(octets, lambda title: replace(sender, lowest=got.lowest))
