"""Who is who: the public halves that head-end and device exchange once, and the private ones.

Signatures are Ed25519 (RFC 8032), sealing is for X25519 (RFC 7748).  A card travels in the open;
whoever takes it over compares its fingerprint with the other side's, by voice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocols.jobs.errors import JobRefused, Refused

KEY_SIZE = 32
SIGNATURE_SIZE = 64
ID_SIZE = 8
TITLE_SIZE = 8
CARD_VERSION = 1


def key_id(public: bytes) -> bytes:
    """The eight octets by which a file names a public key."""
    return hashlib.sha256(public).digest()[:ID_SIZE]


def fingerprint(*public: bytes) -> str:
    """Public keys for people to compare: eight groups of four digits, 128 bits."""
    digits = hashlib.sha256(b"".join(public)).hexdigest()[:32].upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


class HeadEndCard(msgspec.Struct, frozen=True, tag="head-end", tag_field="card"):
    """Whose packages a device opens."""

    signing: bytes  # Ed25519, public
    v: int = CARD_VERSION

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.signing)


class DeviceCard(msgspec.Struct, frozen=True, tag="device", tag_field="card"):
    """For whom packages are sealed, and whose results are believed."""

    signing: bytes  # Ed25519, public
    sealing: bytes  # X25519, public
    system_title: bytes  # by which meters know it; no other client has it
    v: int = CARD_VERSION

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.signing, self.sealing, self.system_title)


Card = HeadEndCard | DeviceCard
_cards: msgspec.json.Decoder[Card] = msgspec.json.Decoder(Card)


def encode_card(card: Card) -> bytes:
    """A card as its file: one line of JSON."""
    return msgspec.json.encode(card) + b"\n"


def decode_card(octets: bytes) -> Card:
    """The card in a file.  Raises JobRefused."""
    try:
        card = _cards.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JobRefused(Refused.NO_FILE_OF_OURS, f"this is no card: {error}") from error
    if card.v != CARD_VERSION:
        raise JobRefused(Refused.VERSION, f"a card of version {card.v}; this program knows 1")
    keys = [card.signing] if isinstance(card, HeadEndCard) else [card.signing, card.sealing]
    titled = isinstance(card, HeadEndCard) or len(card.system_title) == TITLE_SIZE
    if any(len(key) != KEY_SIZE for key in keys) or not titled:
        raise JobRefused(Refused.NO_FILE_OF_OURS, "this card's keys have not the right length")
    return card


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key to sign with; `seed` has 32 octets that nobody can guess."""

    seed: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, octets: bytes) -> bytes:
        return self._key.sign(octets)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """All that a device keeps to itself, and its title."""

    signer: Signer
    opening: bytes = field(repr=False)  # X25519, private
    system_title: bytes

    @property
    def card(self) -> DeviceCard:
        """The public half."""
        sealing = self.opener.public_key().public_bytes_raw()
        return DeviceCard(self.signer.public, sealing, self.system_title)

    @property
    def opener(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.opening)


def verified(public: bytes, signature: bytes, octets: bytes) -> bool:
    """Whether the owner of a public key signed these octets."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, octets)
    except (InvalidSignature, ValueError):
        return False
    return True
