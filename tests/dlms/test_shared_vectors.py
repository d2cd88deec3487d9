"""Vectors that others made: each is decoded and re-encoded octet for octet, or refused with why.

Kinds that need HDLC are unwrapped here by hand, as far as one APDU is in them; the framing itself,
general block transfer and suite 1 have their own tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocols.dlms import axdr, values
from protocols.dlms.acse import AARE, AARQ, RLRE, RLRQ
from protocols.dlms.apdu import Apdu, DataNotification, GeneralCiphered, decode, encode
from protocols.dlms.ciphered import Ciphered
from protocols.dlms.codes import Security
from protocols.dlms.general_block import GeneralBlock, Unconfirmed
from protocols.dlms.security import Cipher, Keys, Protection
from protocols.errors import ProtocolError
from tests.dlms.shared import ABSENT, Vector, vectors

# name -> (offset, part of the cause): what the file holds that is no valid APDU or value.
REFUSED = {
    # Encrypted without authentication; the second frame was spoiled when the keys were replaced,
    # and its own expected values end where that frame begins.
    "9-real meter mbus_kaifa_ma309m": (227, "167 is no data type"),
    "11-real meter raw_egd_example": (18, "is no data type"),  # descriptors without tags
    "13-real meter raw_sagecom_xt211": (18, "is no data type"),  # the same
    "35-global_broadcast_key": (5, "a date-time has 12 octets"),  # a key, not an APDU
    "42-A-XDR test_decode_array_and_structure_with_limit": (23, "trailing"),
    "76-test_get_with_list": (4, "trailing"),  # the head of a request, with an empty list
    "85-test_get_response_with_list": (6, "trailing"),  # a response with data block as with list
    "87-A-XDR test_parse_simple": (2, "trailing"),  # APDUs, not values
    "89-A-XDR test_decode_with_dedicated_key": (5, "trailing"),
    "95-A-XDR test_range_descriptor_to_bytes": (8, "trailing"),  # no selector before it
}


def table(*kinds: str) -> pytest.MarkDecorator:
    found = vectors(*kinds) or [
        pytest.param(None, marks=pytest.mark.skip(reason=ABSENT), id="absent")
    ]
    return pytest.mark.parametrize("vector", found, ids=lambda vector: vector and vector.name)


def check_refused(vector: Vector, error: ProtocolError) -> None:
    offset, cause = REFUSED[vector.name]
    assert (error.offset, cause in error.cause) == (offset, True), error


@table("apdu", "push-raw", "ciphered-apdu", "ciphered-acse")
def test_apdu_is_written_again_as_it_was_read(vector: Vector) -> None:
    try:
        apdu = decode(vector.octets)
    except ProtocolError as error:
        check_refused(vector, error)
        return
    assert vector.name not in REFUSED
    assert encode(apdu) == vector.octets
    if isinstance(apdu, AARQ | AARE | RLRQ | RLRE) and apdu.user_information is not None:
        assert encode(decode(apdu.user_information)) == apdu.user_information


def plain(value: values.Value | tuple) -> object:
    """A value as the vectors' own reader printed it."""
    if isinstance(value, tuple):
        return [plain(element) for element in value]
    if isinstance(value, bytes):
        return value.hex()
    return None if value == values.NULL else value


@table("axdr")
def test_value_is_written_again_as_it_was_read(vector: Vector) -> None:
    try:
        value = axdr.decode(vector.octets)
    except ProtocolError as error:
        check_refused(vector, error)
        return
    assert vector.name not in REFUSED
    assert axdr.encode(value) == vector.octets
    assert plain(value) == vector.expected["value"]


def protection(vector: Vector, title: bytes, suite: int = 0) -> Protection:
    keys = Keys(
        vector.key("encryption_key"),
        vector.key("authentication_key") if "authentication_key" in vector.keys else bytes(16),
    )
    return Protection(
        keys,
        system_title=title,
        peer_system_title=title,
        invocation_counter=vector.keys.get("invocation_counter", 0),
        peer_invocation_counter=0,
        suite=suite,
    )


@table("ciphered-apdu")
def test_ciphered_apdu_opens_and_seals(vector: Vector) -> None:
    apdu = decode(vector.octets)
    assert isinstance(apdu, Ciphered)
    ours = protection(vector, vector.key("system_title"))
    opened = ours.open(apdu)
    assert opened.hex() == vector.expected["plaintext"]
    assert ours.seal(opened, Security(apdu.security_control)) == vector.octets


@table("ciphered-acse")
def test_ciphered_user_information_opens_and_seals(vector: Vector) -> None:
    apdu = decode(vector.octets)
    assert isinstance(apdu, RLRQ | RLRE) and apdu.user_information is not None
    nested = decode(apdu.user_information)
    assert isinstance(nested, Ciphered)
    ours = protection(vector, vector.key("system_title"))
    opened = ours.open(nested)
    assert opened.hex() == vector.expected["initiate_plaintext"]
    assert ours.seal(opened, Security(nested.security_control)) == apdu.user_information


@table("gmac")
def test_proof(vector: Vector) -> None:
    cipher = Cipher(vector.key("encryption_key"), vector.key("authentication_key"))
    title, counter = vector.key("system_title"), vector.keys["invocation_counter"]
    assert cipher.prove(title, counter, vector.octets).hex() == vector.expected["result"]


def hdlc_information(octets: bytes) -> Iterator[bytes]:
    """The information field of each frame, by the frames' own length."""
    start = 0
    while start < len(octets):
        length = int.from_bytes(octets[start + 1 : start + 3], "big") & 0x7FF
        frame = octets[start + 1 : start + 1 + length]
        at = 2
        for _ in range(2):  # two addresses, each ending in an odd octet
            while not frame[at] & 1:
                at += 1
            at += 1
        yield frame[at + 3 : -2]  # behind control and header check, before the frame check
        start += length + (
            1 if octets[start + 1 + length : start + 3 + length] == b"\x7e\xa0" else 2
        )


def mbus_data(octets: bytes) -> Iterator[bytes]:
    """The user data of each long frame, behind C, A, CI and the two service access points."""
    start = 0
    while start < len(octets):
        length = octets[start + 1]
        yield octets[start + 9 : start + 4 + length]
        start += length + 6


def pushed(vector: Vector) -> bytes:
    """The APDU in the frames; one in general blocks has a block in each frame."""
    if vector.kind == "push-mbus":
        return b"".join(mbus_data(vector.octets))
    first, *others = hdlc_information(vector.octets)
    assert first[:3] == b"\xe6\xe7\x00"
    if first[3] != 0xE0:
        return first[3:] + b"".join(others)
    transfer = Unconfirmed(size_max=1 << 16)
    *parts, whole = map(transfer.take, general_blocks(vector))
    assert parts == [None] * len(others) and whole is not None
    return whole


def general_blocks(vector: Vector) -> Iterator[GeneralBlock]:
    first, *others = hdlc_information(vector.octets)
    for octets in (first[3:], *others):
        block = decode(octets)
        assert isinstance(block, GeneralBlock) and block.encode() == octets
        yield block


def flat(value: values.Value) -> Iterator[values.Value]:
    if isinstance(value, values.Array | values.Structure):
        for element in value:
            yield from flat(element)
    else:
        yield value


def told(apdu: Apdu) -> set[object]:
    """Every number and text that a push says."""
    assert isinstance(apdu, DataNotification)
    found: set[object] = set()
    for value in flat(apdu.body):
        if isinstance(value, bytes):
            found |= {value.rstrip(b"\x00").decode("latin-1"), value.hex()}
        elif isinstance(value, int):
            found.add(int(value))
        elif isinstance(value, str):
            found.add(str(value))
    return found


@table("push-hdlc", "push-mbus")
def test_push_of_a_real_meter(vector: Vector) -> None:
    octets = pushed(vector)
    apdu = decode(octets)
    assert encode(apdu) == octets
    if isinstance(apdu, GeneralCiphered):
        ours = protection(vector, apdu.system_title, apdu.security_control & 0x0F)
        ours.invocation_counter = apdu.invocation_counter
        security = Security(apdu.security_control) & Security.AUTHENTICATED_ENCRYPTED
        opened = ours.open(apdu)
        assert ours.seal(opened, security, general=True) == octets
        if vector.name in REFUSED:
            with pytest.raises(ProtocolError) as refused:
                decode(opened)
            check_refused(vector, refused.value)
            return
        apdu = decode(opened)
        assert encode(apdu) == opened
    said = told(apdu)
    for record in vector.expected["records"]:
        value = record["value"]
        if isinstance(value, int) or (isinstance(value, str) and value.isalnum()):
            assert value in said, record
