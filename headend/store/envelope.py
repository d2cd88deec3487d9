"""The key that other keys are kept under: what lies in the database opens with nothing that does.

AES-SIV (RFC 5297) with 512-bit keys.  It needs no nonce, so nothing can repeat one, and the same
record sealed twice is the same octets, as a simulated run demands.  What a record belongs to
(meter, client, generation) is authenticated with it: records cannot change places.

Several keys may be given, the newest first: it seals, the others only open, so that the key can be
changed while the database is in use.
"""

from __future__ import annotations

import hashlib
import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from headend.ports import KeysUnreadable

KEY_SIZE = 64
VARIABLE = "AMI_ENVELOPE_KEY"


class BadEnvelope(ValueError):
    """The envelope's key cannot be used; the text names its place and never what stands there."""


class Envelope:
    """Seals and opens records.  Its repr shows no key."""

    __slots__ = ("_ciphers", "name")

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Raises BadEnvelope for no key, or one that has not 64 octets."""
        if not keys or any(len(key) != KEY_SIZE for key in keys):
            raise BadEnvelope(f"an envelope key has {KEY_SIZE} octets, {2 * KEY_SIZE} digits")
        self._ciphers = {_name(key): AESSIV(key) for key in keys}
        self.name = _name(keys[0])  # of the one that seals

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Hexadecimal keys, one a line, the newest first.  Raises BadEnvelope."""
        try:
            return cls.parse(path.read_text(encoding="ascii"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise BadEnvelope(f"{path}: {type(error).__name__}") from None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self | None:
        """The keys in AMI_ENVELOPE_KEY, with commas between; None where it is not set."""
        text = environment.get(VARIABLE)
        return None if text is None else cls.parse(text.replace(",", "\n"), VARIABLE)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Keys in hexadecimal digits, one a line.  Raises BadEnvelope."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if any(set(line) - set(string.hexdigits) or len(line) % 2 for line in lines):
            raise BadEnvelope(f"{where}: hexadecimal digits are wanted, and nothing else")
        try:
            return cls([bytes.fromhex(line) for line in lines])
        except BadEnvelope as error:
            raise BadEnvelope(f"{where}: {error}") from None

    def seal(self, octets: bytes, belongs_to: Sequence[str]) -> bytes:
        """The record, closed by the newest key."""
        return self._ciphers[self.name].encrypt(octets, _encoded(belongs_to))

    def open(self, name: str, sealed: bytes, belongs_to: Sequence[str]) -> bytes:
        """The record that was sealed by the key of this name.  Raises KeysUnreadable."""
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise KeysUnreadable(f"sealed by the envelope key {name}, which is not at hand")
        try:
            return cipher.decrypt(sealed, _encoded(belongs_to))
        except (InvalidTag, ValueError):
            raise KeysUnreadable("a key record is damaged, or belongs elsewhere") from None


def _name(key: bytes) -> str:
    """Tells keys apart without telling them."""
    return hashlib.sha256(b"ami envelope key" + key).hexdigest()[:16]


def _encoded(belongs_to: Sequence[str]) -> list[bytes]:
    return [b"ami-meter-keys-1", *(part.encode() for part in belongs_to)]
