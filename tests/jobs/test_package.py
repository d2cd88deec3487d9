"""Packages open for one device, whole and unchanged, and for nobody else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.jobs import package as package_
from protocols.jobs import sealing
from protocols.jobs.cards import (
    DeviceCard,
    HeadEndCard,
    decode_card,
    encode_card,
    key_id,
)
from protocols.jobs.errors import JobRefused, Refused
from protocols.jobs.sealing import HEADER_SIZE, header_of, seal, unseal
from tests.jobs.parties import (
    AUTHENTICATION,
    CARD,
    DEVICE,
    ENCRYPTION,
    HEAD_END,
    OTHER,
    STRANGER,
    package,
)

CONTENT = package_.encode(package())
FILE = seal(CONTENT, DEVICE.card, HEAD_END)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SCRYPT_N", 1 << 4)


def refused(file: bytes, **how: object) -> JobRefused:
    device, card = how.pop("device", DEVICE), how.pop("card", CARD)
    with pytest.raises(JobRefused) as caught:
        unseal(file, device, card, **how)  # type: ignore[arg-type]
    return caught.value


def test_what_is_packed_comes_out() -> None:
    assert package_.decode(unseal(FILE, DEVICE, CARD)) == package()


def test_the_layout_is_the_one_the_page_describes() -> None:
    """Taken apart by hand, and opened by the library alone, as another maker's tool would."""
    header, sealed, signature = FILE[:45], FILE[45:-64], FILE[-64:]
    assert header[:9] == b"AMI-JOB\x01\x00" and HEADER_SIZE == 45
    assert header[9:17] == key_id(HEAD_END.public)
    assert header[17:25] == key_id(DEVICE.card.sealing)
    assert header[25:41] == bytes(16)
    assert int.from_bytes(header[41:], "big") == len(sealed) == 32 + len(CONTENT) + 16
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    opener = X25519PrivateKey.from_private_bytes(DEVICE.opening)
    assert suite.decrypt(sealed, opener, header) == CONTENT
    assert HEAD_END.sign(header + sealed) == signature


def test_no_octet_can_be_changed() -> None:
    """Every octet of every region: header, encapsulated key, content, tag, signature."""
    for at in range(len(FILE)):
        changed = FILE[:at] + bytes([FILE[at] ^ 0x01]) + FILE[at + 1 :]
        assert refused(changed).why in (
            Refused.TAMPERED, Refused.NO_FILE_OF_OURS, Refused.VERSION, Refused.STRANGER,
        ), at  # fmt: skip


@pytest.mark.parametrize("cut", [*range(0, len(FILE), 37), len(FILE) - 1])
def test_nothing_can_be_cut_off_or_added(cut: int) -> None:
    assert refused(FILE[:cut]).why in (Refused.TAMPERED, Refused.NO_FILE_OF_OURS)
    assert refused(FILE + FILE[:cut] + b"x").why is Refused.TAMPERED


def test_another_device_cannot_open_it_even_with_the_header_of_its_own() -> None:
    assert refused(FILE, device=OTHER).why is Refused.OTHER_DEVICE
    forged = FILE[:17] + key_id(OTHER.card.sealing) + FILE[25:-64]
    resigned = forged + HEAD_END.sign(forged)
    assert refused(resigned, device=OTHER).why is Refused.TAMPERED
    assert refused(resigned).why is Refused.OTHER_DEVICE


def test_a_stranger_s_package_is_refused() -> None:
    theirs = seal(CONTENT, DEVICE.card, STRANGER)
    assert refused(theirs).why is Refused.STRANGER
    named = FILE[:9] + key_id(HEAD_END.public) + theirs[17:]
    assert refused(named).why is Refused.TAMPERED


def test_a_passphrase_is_asked_for_and_no_other_serves() -> None:
    file = seal(CONTENT, DEVICE.card, HEAD_END, passphrase="monte", salt=b"s" * 16)
    assert header_of(file).with_passphrase and not header_of(FILE).with_passphrase
    assert refused(file).why is Refused.PASSPHRASE
    assert refused(file, passphrase="Monte").why is Refused.PASSPHRASE
    assert unseal(file, DEVICE, CARD, passphrase="monte") == CONTENT
    assert unseal(FILE, DEVICE, CARD, passphrase="not asked for") == CONTENT


def test_two_files_of_one_package_share_nothing_but_the_header() -> None:
    again = seal(CONTENT, DEVICE.card, HEAD_END)
    assert again[:HEADER_SIZE] == FILE[:HEADER_SIZE]
    assert again[HEADER_SIZE : HEADER_SIZE + 32] != FILE[HEADER_SIZE : HEADER_SIZE + 32]


def test_neither_file_nor_repr_shows_a_key() -> None:
    for key in (ENCRYPTION, AUTHENTICATION):
        assert key not in FILE
        for text in (repr(package()), repr(DEVICE), repr(HEAD_END)):
            assert key.decode() not in text and key.hex() not in text.lower()
    assert DEVICE.opening.decode() not in repr(DEVICE)


VERSIONS = {
    "another": (CONTENT.replace(b'"v":1', b'"v":2'), Refused.VERSION),
    "none": (CONTENT.replace(b',"v":1', b""), Refused.NO_FILE_OF_OURS),
    "no JSON": (b"\xff", Refused.NO_FILE_OF_OURS),
    "a short key": (
        package_.encode(package()).replace(b'"encryption":"', b'"encryption":"AA'),
        None,
    ),
    "a lease that ends before it begins": (
        CONTENT.replace(b'"first":1', b'"first":5000'),
        Refused.NO_FILE_OF_OURS,
    ),
}


@pytest.mark.parametrize(("content", "why"), VERSIONS.values(), ids=VERSIONS)
def test_what_is_no_package(content: bytes, why: Refused | None) -> None:
    with pytest.raises(JobRefused) as caught:
        package_.decode(content)
    assert why is None or caught.value.why is why


def test_a_later_minor_version_may_say_more() -> None:
    assert package_.decode(CONTENT[:-1] + b',"weather":"fine"}') == package()


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_octets_of_anybody_are_refused_and_nothing_else(octets: bytes) -> None:
    for read in (
        lambda: unseal(octets, DEVICE, CARD),
        lambda: unseal(b"AMI-JOB\x01\x00" + octets, DEVICE, CARD),
        lambda: package_.decode(octets),
        lambda: decode_card(octets),
    ):
        with pytest.raises(JobRefused):
            read()


def test_cards_travel_as_json_and_are_compared_by_fingerprint() -> None:
    for card in (CARD, DEVICE.card):
        assert decode_card(encode_card(card)) == card
    assert len(CARD.fingerprint.split()) == 8
    assert len({CARD.fingerprint, DEVICE.card.fingerprint, OTHER.card.fingerprint}) == 3


BAD_CARDS = {
    "a short key": encode_card(HeadEndCard(b"short")),
    "no title": encode_card(DeviceCard(DEVICE.signer.public, DEVICE.card.sealing, b"")),
    "another version": encode_card(HeadEndCard(HEAD_END.public, v=2)),
    "something else": b'{"card":"joker"}',
}


@pytest.mark.parametrize("octets", BAD_CARDS.values(), ids=BAD_CARDS)
def test_a_card_that_says_nothing_useful_is_refused(octets: bytes) -> None:
    with pytest.raises(JobRefused):
        decode_card(octets)
