"""Suites 1 and 2, and every mechanism of high level security: examples, conversations, refusals."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import elliptic
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import Associated, AssociationRefused, Refused, Released, Violation
from protocols.dlms.general import (
    AgreedKey,
    GeneralCiphering,
    GeneralHeader,
    GeneralSigning,
    IdentifiedKey,
    KeyId,
    KeyKind,
    KeyScheme,
    WrappedKey,
)
from protocols.dlms.keys import KeyPairs
from protocols.dlms.services import GetRequest, GetResponse, ReleaseRequest
from protocols.dlms.settings import CHALLENGE_SIZES, HLS
from protocols.dlms.suite import CURVES, SecuritySuite
from protocols.dlms.values import DoubleLongUnsigned, OctetString
from tests.dlms.pair import CLIENT_TITLE, CLOCK, ENERGY, SERVER_TITLE, Pair
from tests.dlms.shared import ABSENT, vectors
from tests.dlms_security import annex_i
from tests.dlms_security.parties import (
    BOTH,
    CURVED,
    SUITES,
    client,
    keys,
    pairs,
    private,
    server,
)

M = AuthenticationMechanism
ONE = SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256
LONG = OctetString(bytes(range(256)) * 12)
READ = GetResponse.of(DoubleLongUnsigned(1517))


# --- the curve -----------------------------------------------------------------------------------


def exact(scalar: bytes):
    """The very scalar: `private_key` moves what it gets into the range, by one."""
    return elliptic.private_key(ONE, (int.from_bytes(scalar, "big") - 1).to_bytes(32, "big"))


def test_public_keys_of_the_standards_example() -> None:
    for scalar, point in (
        (annex_i.CLIENT_SIGNING, annex_i.CLIENT_SIGNING_PUBLIC),
        (annex_i.SERVER_SIGNING, annex_i.SERVER_SIGNING_PUBLIC),
        (annex_i.CLIENT_EPHEMERAL, annex_i.CLIENT_EPHEMERAL_PUBLIC),
        (annex_i.SERVER_EPHEMERAL, annex_i.SERVER_EPHEMERAL_PUBLIC),
    ):
        assert elliptic.public_octets(exact(scalar).public_key()) == point
        assert elliptic.public_octets(elliptic.public_key(ONE, point)) == point


def test_signatures_of_the_standards_example() -> None:
    key = elliptic.public_key(ONE, annex_i.CLIENT_SIGNING_PUBLIC)
    point, signature = annex_i.ONE_PASS_KEY_DATA[:64], annex_i.ONE_PASS_KEY_DATA[64:]
    assert elliptic.verify(ONE, key, point, signature)
    for at in range(64):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert not elliptic.verify(ONE, key, point, bytes(changed))
    # A key that is agreed on by the security setup is signed with its number.
    offer = b"\x00" + annex_i.CLIENT_EPHEMERAL_PUBLIC
    assert elliptic.verify(ONE, key, offer, annex_i.CLIENT_SIGNATURE)


def test_agreed_key_of_the_standards_example() -> None:
    for ours, theirs in (
        (annex_i.CLIENT_EPHEMERAL, annex_i.SERVER_EPHEMERAL_PUBLIC),
        (annex_i.SERVER_EPHEMERAL, annex_i.CLIENT_EPHEMERAL_PUBLIC),
    ):
        key = elliptic.agreed_key(
            ONE,
            exact(ours),
            elliptic.public_key(ONE, theirs),
            annex_i.CLIENT_TITLE,
            annex_i.SERVER_TITLE,
        )
        assert key == annex_i.AGREED_UNICAST_KEY


SHARED = vectors("ecdh-p256")


@pytest.mark.skipif(not SHARED, reason=ABSENT)
def test_shared_secret_of_the_shared_vectors() -> None:
    for vector in SHARED:
        scalar = int(vector.keys["server_ephemeral_private"], 16).to_bytes(32, "big")
        theirs = elliptic.public_key(ONE, vector.octets)
        key = elliptic.agreed_key(ONE, exact(scalar), theirs, CLIENT_TITLE, SERVER_TITLE)
        secret = bytes.fromhex(vector.expected["Z"])
        hashed = b"\x00\x00\x00\x01" + secret + CURVES[ONE].algorithm + CLIENT_TITLE + SERVER_TITLE
        assert key == hashlib.sha256(hashed).digest()[:16]


@pytest.mark.parametrize("suite", CURVED)
def test_signing_is_repeatable_and_each_octet_counts(suite: SecuritySuite) -> None:
    key, size = private(suite, "signer"), CURVES[suite].size
    signature = elliptic.sign(suite, key, b"message")
    assert signature == elliptic.sign(suite, key, b"message") and len(signature) == 2 * size
    public = key.public_key()
    assert elliptic.verify(suite, public, b"message", signature)
    assert not elliptic.verify(suite, public, b"Message", signature)
    assert not elliptic.verify(suite, public, b"message", signature[:-1])
    assert not elliptic.verify(suite, private(suite, "other").public_key(), b"message", signature)
    other = next(each for each in CURVED if each != suite)
    assert not elliptic.verify(other, public, b"message", signature)


BAD = {
    "no curve in suite 0": lambda: elliptic.private_key(0, bytes(32)),
    "scalar too short": lambda: elliptic.private_key(ONE, bytes(31)),
    "point too short": lambda: elliptic.public_key(ONE, bytes(63)),
    "no point of the curve": lambda: elliptic.public_key(ONE, bytes(63) + b"\x01"),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_is_no_key(make) -> None:
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32], ids=["zero", "above the order"])
def test_any_scalar_lands_in_the_range(scalar: bytes) -> None:
    elliptic.public_octets(elliptic.private_key(ONE, scalar).public_key())


# --- conversations -------------------------------------------------------------------------------


def fitting() -> list[tuple[SecuritySuite, AuthenticationMechanism]]:
    return [
        (suite, mechanism)
        for suite, mechanism in product(SUITES, sorted(HLS | {M.NONE, M.LOW}))
        if mechanism is not M.HIGH_ECDSA or suite in CURVED
    ]


def converse(pair: Pair) -> None:
    """Short and long values, and a release."""
    assert any(isinstance(event, Associated) for event in pair.associate())
    pair.objects.attributes = {ENERGY: DoubleLongUnsigned(1517), CLOCK: LONG}
    assert pair.ask(GetRequest.of(ENERGY)) == [READ]
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]
    assert pair.ask(ReleaseRequest()) == [Released()]


@pytest.mark.parametrize(
    "security", [Security.NONE, Security.AUTHENTICATED, Security.ENCRYPTED, BOTH]
)
@pytest.mark.parametrize(("suite", "mechanism"), fitting())
def test_each_mechanism_in_each_suite(
    suite: SecuritySuite, mechanism: AuthenticationMechanism, security: Security
) -> None:
    changes = {"security": security}
    if not security and mechanism is M.HIGH_MD5:
        changes["system_title"] = b""  # without ciphering only some mechanisms name titles
    pair = Pair(
        client(suite, mechanism, max_pdu_size=500, **changes), server(suite, mechanism, **changes)
    )
    converse(pair)
    assert pair.longest_up <= 500


SHAPES = [
    (suite, kind, signed)
    for suite, kind, signed in product(SUITES, (None, *KeyKind), (False, True))
    if suite in CURVED or kind in (None, KeyKind.IDENTIFIED, KeyKind.WRAPPED) and not signed
    if kind or signed
]


@pytest.mark.parametrize(("suite", "kind", "signed"), SHAPES)
def test_keys_made_for_the_message(suite: SecuritySuite, kind: KeyKind, signed: bool) -> None:
    pair = Pair(
        client(suite, key_kind=kind, signed=signed, max_pdu_size=700),
        server(suite, signed=signed, max_pdu_size=700),
    )
    wires: list[bytes] = []
    pair.up = lambda wire: wires.append(wire) or [wire]
    converse(pair)
    assert pair.longest_up <= 700
    tags = {wire[0] for wire in wires} - {0x61, 0x63}
    assert tags == ({0xDF} if signed else {0xDD})  # the server answers as it was asked


def test_a_header_left_out_is_understood() -> None:
    """As Gurux.DLMS.Net authenticates; the server's own answers hold the header."""
    pair = Pair(client(ONE, key_kind=KeyKind.STATIC, header_authenticated=False), server(ONE))
    converse(pair)


@pytest.mark.parametrize("mechanism", sorted(HLS))
@pytest.mark.parametrize("edge", [0, 1])
def test_challenges_of_every_allowed_length(mechanism, edge) -> None:
    size = CHALLENGE_SIZES[mechanism][edge]
    pair = Pair(
        client(ONE, mechanism, challenge=b"C" * size),
        server(ONE, mechanism, challenge=lambda: b"S" * size),
    )
    converse(pair)
    too_far = size + (1 if edge else -1)
    with pytest.raises(ValueError, match="a challenge has"):
        client(ONE, mechanism, challenge=b"C" * too_far)


# What must not associate: the one change that makes client and server differ.
SECRETS = {
    "wrong secret": (M.HIGH_SHA256, {"password": b"another"}),
    "wrong secret, MD5": (M.HIGH_MD5, {"password": b"another"}),
    "wrong secret, SHA-1": (M.HIGH_SHA1, {"password": b"another"}),
    "another signer": (M.HIGH_ECDSA, {"pairs": pairs(ONE, "thief", "server")}),
    "another server expected": (M.HIGH_ECDSA, {"pairs": pairs(ONE, "client", "thief")}),
}


@pytest.mark.parametrize(("mechanism", "changes"), SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("security", [Security.NONE, BOTH])
def test_who_does_not_know_the_secret(mechanism, changes, security) -> None:
    pair = Pair(
        client(ONE, mechanism, security=security, **changes),
        server(ONE, mechanism, security=security),
    )
    (event,) = pair.associate()
    assert isinstance(event, AssociationRefused)


@pytest.mark.parametrize("mechanism", sorted(HLS - {M.HIGH_GMAC}))
def test_each_bit_of_a_proof_counts(mechanism) -> None:
    """In the clear, where nothing but the proof protects itself."""

    def run(bit: int | None, way: str) -> list:
        pair = Pair(
            client(ONE, mechanism, security=Security.NONE),
            server(ONE, mechanism, security=Security.NONE),
        )

        def change(wire: bytes) -> list[bytes]:
            if wire[0] not in (0xC3, 0xC7) or bit is None:
                return [wire]
            changed = bytearray(wire)
            changed[len(wire) - 1 - bit // 8] ^= 1 << bit % 8
            return [bytes(changed)]

        setattr(pair, way, change)
        return pair.associate()

    assert isinstance(run(None, "up")[0], Associated)
    for way in ("down", "up"):
        for bit in range(0, 8 * 16, 7):
            assert not any(isinstance(event, Associated) for event in run(bit, way))


# --- what must be refused ------------------------------------------------------------------------


@pytest.mark.parametrize(("suite", "kind", "signed"), SHAPES)
def test_each_octet_counts_and_none_counts_twice(suite, kind, signed) -> None:
    pair = Pair(client(suite, key_kind=kind, signed=signed), server(suite, signed=signed))
    pair.associate()
    pair.objects.attributes = {ENERGY: DoubleLongUnsigned(1517)}
    wire = pair.client.send(GetRequest.of(ENERGY), now=0.0)
    step = 1 if kind is KeyKind.STATIC and suite is ONE else 5
    for at in range(0, len(wire), step):
        changed = bytearray(wire)
        changed[at] ^= 0x04
        pair.serve(bytes(changed))
        assert not [e for e in pair.server_events if isinstance(e, GetRequest)], at
    (reply,) = pair.serve(wire)
    assert [e for e in pair.server_events if isinstance(e, GetRequest)]
    for at in range(0, len(reply), step):
        changed = bytearray(reply)
        changed[at] ^= 0x04
        assert pair.carry([]) == [] and not heard(pair, bytes(changed)), at
    assert heard(pair, reply) == [READ]
    (again,) = pair.serve(wire)
    assert encode(decode(again))[0] == 0xD8  # the replayed request: the counter that is due
    assert not heard(pair, reply)


def heard(pair: Pair, wire: bytes) -> list:
    pair.client.receive_data(wire, now=0.0)
    events = []
    while (event := pair.client.next_event()) is not None and not str(event).startswith("NeedData"):
        if isinstance(event, GetResponse):
            events.append(event)
    return events


@pytest.mark.parametrize("signed", [False, True])
def test_an_unsigned_message_where_signatures_are_due(signed: bool) -> None:
    pair = Pair(client(ONE, signed=signed), server(ONE, signed=True))
    events = pair.associate()
    assert any(isinstance(event, Associated) for event in events) is signed


def test_settings_without_the_keys() -> None:
    for wrong in (
        lambda: client(SecuritySuite.AES_GCM_128, M.HIGH_ECDSA),
        lambda: client(ONE, M.HIGH_ECDSA, pairs=KeyPairs()),
        lambda: client(ONE, signed=True, security=Security.NONE),
        lambda: client(ONE, keys=keys(2)),
        lambda: client(2, keys=keys(1)),
        lambda: client(ONE, key_kind=KeyKind.STATIC, dedicated_key=bytes(16)),
        lambda: client(2, dedicated_key=bytes(16)),
        lambda: client(ONE, M.HIGH_SHA256, security=Security.NONE, system_title=b""),
    ):
        with pytest.raises(ValueError):
            wrong()


# --- octets --------------------------------------------------------------------------------------

HEADER = GeneralHeader(b"12345678", CLIENT_TITLE, SERVER_TITLE, b"", b"xy")
OCTETS = {
    # Written by hand from the ASN.1 of IEC 62056-5-3 clause 8.5.
    "identified": (
        "DD08313233343536373808414D493030303031 084D54523030303031 00 027879 010000 063000000007AA",
        GeneralCiphering(HEADER, IdentifiedKey(KeyId.GLOBAL_UNICAST_ENCRYPTION), 0x30, 7, b"\xaa"),
    ),
    "wrapped": (
        "DD 00 00 00 00 00 01 01 00 03 010203 05 31 00000000",
        GeneralCiphering(GeneralHeader(), WrappedKey(b"\x01\x02\x03"), 0x31, 0, b""),
    ),
    "agreed": (
        "DD 00 00 00 00 00 01 02 01 01 02 0102 05 31 00000000",
        GeneralCiphering(GeneralHeader(), AgreedKey(KeyScheme.ONE_PASS, b"\x01\x02"), 0x31, 0, b""),
    ),
    "static": (
        "DD 00 00 00 00 00 01 02 01 02 00 05 31 00000000",
        GeneralCiphering(GeneralHeader(), AgreedKey(KeyScheme.STATIC), 0x31, 0, b""),
    ),
    "no key info": (
        "DD 00 00 00 00 00 00 05 31 00000000",
        GeneralCiphering(GeneralHeader(), None, 0x31, 0, b""),
    ),
    "signed": (
        "DF 00 00 00 00 00 02 C001 03 010203",
        GeneralSigning(GeneralHeader(), b"\xc0\x01", b"\x01\x02\x03"),
    ),
}


@pytest.mark.parametrize(("wire", "apdu"), OCTETS.values(), ids=OCTETS)
def test_octets(wire: str, apdu) -> None:
    octets = bytes.fromhex(wire)
    assert decode(octets) == apdu
    assert encode(apdu) == octets


@given(
    st.lists(st.binary(max_size=200), min_size=5, max_size=5),
    st.one_of(
        st.none(),
        st.sampled_from(KeyId).map(IdentifiedKey),
        st.binary(max_size=60).map(WrappedKey),
        st.builds(AgreedKey, st.sampled_from(KeyScheme), st.binary(max_size=300)),
    ),
    st.binary(max_size=300),
)
def test_written_as_read(fields, info, payload) -> None:
    apdu = GeneralCiphering(GeneralHeader(*fields), info, 0x31, 99, payload)
    assert decode(encode(apdu)) == apdu
    signed = GeneralSigning(GeneralHeader(*fields), payload, payload[:64])
    assert decode(encode(signed)) == signed


def test_wrapped_key_is_in_no_repr() -> None:
    assert "414243" not in repr(WrappedKey(b"ABC")) and "ABC" not in repr(WrappedKey(b"ABC"))


@pytest.mark.parametrize("suite", SUITES)
def test_sizes_are_foreseen(suite: SecuritySuite) -> None:
    """Blocks are cut by them: too small a guess would break the PDU size agreed on."""
    pair = Pair(client(suite), server(suite))
    pair.associate()
    establishment = pair.client._establishment
    establishment.transaction = bytes(8)
    for kind, size in product(KeyKind, (1, 100, 200, 5000)):
        if suite not in CURVED and kind in (KeyKind.ONE_PASS, KeyKind.STATIC):
            continue
        wire = establishment.seal(b"\xc0" + bytes(size - 1), BOTH, kind)
        foreseen = establishment.sealed_size(size, BOTH, kind)
        assert len(wire) <= foreseen <= len(wire) + 2
        if suite in CURVED:
            assert len(establishment.sign(wire)) == establishment.signed_size(len(wire))


def test_a_key_of_another_size_under_the_master_key() -> None:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    pair = Pair(client(ONE), server(ONE))
    pair.associate()
    protection = pair.server._protection
    master = keys(ONE).master
    for octets in (aes_key_wrap(master, bytes(32)), aes_key_wrap(bytes(16), bytes(16)), b"short"):
        header = GeneralHeader(b"", CLIENT_TITLE, SERVER_TITLE)
        counter = protection.peer_invocation_counter
        apdu = GeneralCiphering(header, WrappedKey(octets), 0x31, counter, bytes(20))
        with pytest.raises(Refused) as refused:
            pair.server._establishment.open(apdu)
        assert refused.value.violation is Violation.NOT_AUTHENTIC
        assert protection.peer_invocation_counter == counter


@given(
    st.sampled_from([(SERVER_TITLE, CLIENT_TITLE), (b"", b""), (b"ANOTHER1", b"")]),
    st.binary(max_size=12),
    st.one_of(
        st.none(),
        st.sampled_from(KeyId).map(IdentifiedKey),
        st.binary(max_size=60).map(WrappedKey),
        st.builds(AgreedKey, st.sampled_from(KeyScheme), st.binary(max_size=300)),
    ),
    st.integers(0, 255),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=60),
    st.booleans(),
)
def test_made_up_messages_have_no_effect(titles, other, info, control, counter, payload, signed):
    """Whoever has no key can say what he likes: both sides refuse, go on, and never raise."""
    pair = TALKING[0]
    if pair is None:
        pair = TALKING[0] = Pair(client(ONE), server(ONE))
        pair.associate()
    header = GeneralHeader(b"", *titles, b"", other)
    wire = encode(GeneralCiphering(header, info, control, counter, payload))
    if signed:
        wire = encode(GeneralSigning(header, wire, payload))
    before = pair.client.peer_invocation_counter, pair.server.peer_invocation_counter
    assert not heard(pair, wire)
    pair.serve(wire)
    assert not [e for e in pair.server_events if isinstance(e, GetRequest)]
    if control & 0x10:  # without authentication anybody can move a counter, as with suite 0
        after = pair.client.peer_invocation_counter, pair.server.peer_invocation_counter
        assert after == before


TALKING: list[Pair | None] = [None]
