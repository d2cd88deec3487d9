"""A file closed by a key, piece by piece, so that one of any size passes through little memory.

The pieces follow the STREAM construction (Hoang et al., CRYPTO 2015) as age uses it: each 64 KiB is
sealed by ChaCha20-Poly1305 (RFC 8439) under the nonce "number of the piece, whether it is the
last", so that pieces can be neither moved, nor left out, nor cut off at the end.  Each file has a
key of its own, made of the backup's key, a salt and the file's name by HKDF (RFC 5869): files
cannot change places either.
"""

from __future__ import annotations

import hashlib
import hmac
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"ami-backup-1\n"
PIECE = 64 * 1024
KEY_SIZE, SALT_SIZE, TAG_SIZE = 32, 16, 16


class BadBackupKey(ValueError):
    """The backup's key cannot be used; the text names its place and never what stands there."""


class NotOpened(ValueError):
    """What was sealed does not open: another key, or it was changed or cut."""


class BackupKey:
    """Closes backups, and opens them again.  Its repr shows no key."""

    __slots__ = ("_key", "name")

    def __init__(self, key: bytes) -> None:
        """Raises BadBackupKey."""
        if len(key) != KEY_SIZE:
            raise BadBackupKey(f"a backup key has {KEY_SIZE} octets, {2 * KEY_SIZE} digits")
        self._key = key
        self.name = hashlib.sha256(b"ami backup key" + key).hexdigest()[:16]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From hexadecimal digits.  Raises BadBackupKey."""
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadBackupKey(f"{path}: {type(error).__name__}") from None
        if set(text) - set(string.hexdigits) or len(text) != 2 * KEY_SIZE:
            raise BadBackupKey(f"{path}: {2 * KEY_SIZE} hexadecimal digits are wanted")
        return cls(bytes.fromhex(text))

    def seal(self, plain: Iterable[bytes], name: str, salt: bytes) -> Iterator[bytes]:
        """The octets of the sealed file.  A salt serves once."""
        cipher = self._cipher(name, salt)
        yield MAGIC + salt
        number, rest = 0, b""
        for octets in plain:
            rest += octets
            while len(rest) > PIECE:  # the last piece is told apart, so one is always held back
                yield cipher.encrypt(_nonce(number, last=False), rest[:PIECE], None)
                number, rest = number + 1, rest[PIECE:]
        yield cipher.encrypt(_nonce(number, last=True), rest, None)

    def open(self, sealed: IO[bytes], name: str) -> Iterator[bytes]:
        """The octets that were sealed.  Raises NotOpened, perhaps after some of them."""
        head = sealed.read(len(MAGIC) + SALT_SIZE)
        if len(head) != len(MAGIC) + SALT_SIZE or not head.startswith(MAGIC):
            raise NotOpened(f"{name}: it is no sealed file of a backup")
        cipher = self._cipher(name, head[len(MAGIC) :])
        number, piece = 0, sealed.read(PIECE + TAG_SIZE)
        while True:
            following = sealed.read(PIECE + TAG_SIZE)
            try:
                yield cipher.decrypt(_nonce(number, last=not following), piece, None)
            except InvalidTag:
                raise NotOpened(f"{name}: another key closed it, or it was changed") from None
            if not following:
                return
            number, piece = number + 1, following

    def mark(self, octets: bytes) -> str:
        """What only who has the key can say of these octets (HMAC-SHA256)."""
        key = HKDF(hashes.SHA256(), KEY_SIZE, None, b"ami backup manifest").derive(self._key)
        return hmac.new(key, octets, hashlib.sha256).hexdigest()

    def _cipher(self, name: str, salt: bytes) -> ChaCha20Poly1305:
        made = HKDF(hashes.SHA256(), KEY_SIZE, salt, b"ami backup file " + name.encode())
        return ChaCha20Poly1305(made.derive(self._key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
