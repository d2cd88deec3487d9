"""Security suite 0: the standard's examples, and everything that must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from protocols.dlms.acse import AARQ
from protocols.dlms.apdu import decode, encode
from protocols.dlms.ciphered import Ciphered, GeneralCiphered
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import Refused, Violation
from protocols.dlms.general import WrappedKey
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.security import COUNTER_MAX, Cipher, Keys, Protection
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.errors import LocalProtocolError

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
TITLE = bytes.fromhex("4D4D4D0000BC614E")
COUNTER = 0x01234567
GET = bytes.fromhex("C0010000080000010000FF0200")
BOTH = Security.AUTHENTICATED_ENCRYPTED


def protection(
    *, counter: int = COUNTER, lowest: int = 0, title: bytes = TITLE, peer: bytes = TITLE
) -> Protection:
    return Protection(
        KEYS,
        system_title=title,
        peer_system_title=peer,
        invocation_counter=counter,
        peer_invocation_counter=lowest,
    )


GREEN_BOOK = {
    Security.AUTHENTICATED: "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516",
    Security.ENCRYPTED: "C8122001234567411312FF935A47566827C467BC",
    BOTH: "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
}


@pytest.mark.parametrize(("security", "octets"), GREEN_BOOK.items())
def test_get_of_the_green_book(security: Security, octets: str) -> None:
    wire = bytes.fromhex(octets)
    assert protection().seal(GET, security) == wire
    assert protection().sealed_size(len(GET), security, general=False) == len(wire)
    assert protection().open(decode(wire)) == GET


PROOFS = {
    "f(StoC)": ("4D4D4D0000000001", 1, "503677524A323146", "10000000011A52FE7DD3E72748973C1E28"),
    "f(CtoS)": (
        "4D4D4D0000BC614E", COUNTER, "4B35366956616759", "1001234567FE1466AFB3DBCD4F9389E2B7",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("title", "counter", "challenge", "proof"), PROOFS.values(), ids=PROOFS)
def test_proof_of_the_green_book(title: str, counter: int, challenge: str, proof: str) -> None:
    ours = protection(counter=counter, title=bytes.fromhex(title))
    assert ours.prove(bytes.fromhex(challenge)) == bytes.fromhex(proof)
    assert ours.invocation_counter == counter + 1
    theirs = protection(peer=bytes.fromhex(title))
    assert theirs.check_proof(bytes.fromhex(proof), bytes.fromhex(challenge), lowest=counter)
    assert theirs.peer_invocation_counter == counter + 1


def test_each_octet_of_a_proof_counts() -> None:
    challenge, proof = bytes.fromhex(PROOFS["f(CtoS)"][2]), bytes.fromhex(PROOFS["f(CtoS)"][3])
    for at in range(len(proof)):
        changed = bytearray(proof)
        changed[at] ^= 1
        assert not protection().check_proof(bytes(changed), challenge, lowest=0)
    assert not protection().check_proof(proof, challenge, lowest=COUNTER + 1)
    assert not protection().check_proof(proof, challenge + b"\x00", lowest=0)
    assert not protection().check_proof(proof[:-1], challenge, lowest=0)


@pytest.mark.parametrize("security", [Security.AUTHENTICATED, BOTH])
@pytest.mark.parametrize("general", [False, True])
def test_each_octet_of_a_ciphered_apdu_counts(security: Security, general: bool) -> None:
    wire = protection().seal(GET, security, general=general)
    apdu = decode(wire)
    assert isinstance(apdu, Ciphered | GeneralCiphered)
    assert protection().open(apdu) == GET
    body = encode(apdu)
    first = 2 + (9 if general else 0)
    for at in range(first, len(body)):
        for bit in range(8):
            changed = bytearray(body)
            changed[at] ^= 1 << bit
            ours = protection()
            with pytest.raises(Refused) as refused:
                ours.open(decode(bytes(changed)), required=security)
            assert refused.value.violation in (Violation.NOT_AUTHENTIC, Violation.NOT_PROTECTED)
            assert ours.peer_invocation_counter == 0  # a forged counter moves nothing


@given(
    st.binary(max_size=100),
    st.sampled_from([Security.AUTHENTICATED, Security.ENCRYPTED, BOTH]),
    st.integers(0, COUNTER_MAX),
    st.booleans(),
    st.booleans(),
)
def test_what_is_sealed_opens(
    rest: bytes, security: Security, counter: int, dedicated: bool, general: bool
) -> None:
    plain = b"\xc4" + rest
    sender, receiver = protection(counter=counter), protection()
    if dedicated:
        sender.use_dedicated_key(b"D" * 16)
        receiver.use_dedicated_key(b"D" * 16)
    wire = sender.seal(plain, security, dedicated=dedicated, general=general)
    assert len(wire) == sender.sealed_size(len(plain), security, general=general)
    apdu = decode(wire)
    assert isinstance(apdu, Ciphered | GeneralCiphered)
    assert receiver.open(apdu) == plain
    with pytest.raises(Refused) as refused:
        receiver.open(apdu)
    assert refused.value.violation is Violation.REPLAYED


def test_counters_only_grow() -> None:
    sender, receiver = protection(counter=7), protection()
    first, second, third = (decode(sender.seal(GET, BOTH)) for _ in range(3))
    assert receiver.open(first) == GET
    assert receiver.open(third) == GET  # a gap is no fault: what was between may be lost
    with pytest.raises(Refused, match="invocation counter 8, not 10 or more"):
        receiver.open(second)


def test_the_last_counter_is_the_last() -> None:
    sender = protection(counter=COUNTER_MAX)
    sender.seal(GET, BOTH)
    for again in (lambda: sender.seal(GET, BOTH), lambda: sender.prove(b"challenge")):
        with pytest.raises(LocalProtocolError, match="used up"):
            again()


REFUSED = {
    "suite 1": ("C81E31", Violation.NOT_AUTHENTIC),
    "broadcast key": ("C81E70", Violation.NOT_AUTHENTIC),
    "compressed": ("C81EB0", Violation.NOT_AUTHENTIC),
    "no protection": ("C81E00", Violation.NOT_PROTECTED),
    "dedicated, and no such key": ("D01E30", Violation.UNEXPECTED),
}


@pytest.mark.parametrize(("head", "violation"), REFUSED.values(), ids=REFUSED)
def test_what_suite_0_does_not_know(head: str, violation: Violation) -> None:
    wire = bytes.fromhex(head) + bytes.fromhex(GREEN_BOOK[BOTH])[3:]
    with pytest.raises(Refused) as refused:
        protection().open(decode(wire))
    assert refused.value.violation is violation


def test_a_payload_shorter_than_its_tag() -> None:
    with pytest.raises(Refused, match="does not verify"):
        protection().open(decode(bytes.fromhex("C8063001234567AA")))


def test_another_system_title() -> None:
    wire = protection(title=b"ANOTHER1").seal(GET, BOTH, general=True)
    with pytest.raises(Refused, match="another system title"):
        protection().open(decode(wire))
    assert protection(peer=b"").open(decode(wire)) == GET  # not known yet: a push names it
    service_specific = protection().seal(GET, BOTH)
    with pytest.raises(Refused, match="not known"):
        protection(peer=b"").open(decode(service_specific))


def test_no_key_shows() -> None:
    secret = b"SIXTEEN.SECRETS."
    records = (
        Keys(secret, secret),
        ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            keys=Keys(secret, secret),
            system_title=TITLE,
            security=BOTH,
            password=secret,
            challenge=secret,
            dedicated_key=secret,
        ),
        ServerSettings(password=secret, keys=Keys(secret, secret)),
        InitiateRequest(CONFORMANCE, 0, secret),
        Cipher(secret, secret),
        AARQ(1, authentication_value=secret),
        WrappedKey(secret),
    )
    shown = repr(records) + pretty_repr(records)  # rich asks structs for their fields itself
    assert "SIXTEEN" not in shown and secret.hex() not in shown


SETTINGS = {
    "key of 15 octets": lambda: Keys(bytes(15), bytes(16)),
    "GMAC without keys": lambda: ClientSettings(authentication=AuthenticationMechanism.HIGH_GMAC),
    "mechanism unknown here": lambda: ClientSettings(
        authentication=AuthenticationMechanism.HIGH_MD5
    ),
    "ciphering without title": lambda: ClientSettings(keys=KEYS, security=BOTH),
    "short challenge": lambda: ClientSettings(
        authentication=AuthenticationMechanism.HIGH_GMAC,
        keys=KEYS,
        system_title=TITLE,
        challenge=bytes(7),
    ),
    "dedicated key in the clear": lambda: ClientSettings(
        keys=KEYS,
        system_title=TITLE,
        security=Security.AUTHENTICATED,
        dedicated_key=bytes(16),
    ),
    "server without challenges": lambda: ServerSettings(
        authentication=AuthenticationMechanism.HIGH_GMAC, keys=KEYS, system_title=TITLE
    ),
    "title of the peer too short": lambda: ClientSettings(peer_system_title=b"SHORT"),
    "counter beyond 32 bits": lambda: ClientSettings(invocation_counter=COUNTER_MAX + 2),
    "PDU size too small": lambda: ClientSettings(max_pdu_size=11),
    "suite in the security": lambda: ClientSettings(
        keys=KEYS, system_title=TITLE, security=Security(0x31)
    ),
}


@pytest.mark.parametrize("make", SETTINGS.values(), ids=SETTINGS)
def test_settings_that_cannot_work(make: type) -> None:
    with pytest.raises(ValueError):
        make()
