"""The key that wraps keys on their way from the manufacturer (AES key wrap).

Keys of 16 or 32 octets are wrapped as RFC 3394 says, which NIST SP 800-38F calls KW; passwords,
which have any length, with padding (RFC 5649).  Both tell whether what came out is what went in.
"""

from __future__ import annotations

import hashlib
import os
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import keywrap

VARIABLE = "AMI_TRANSPORT_KEY"
SIZES = (16, 24, 32)


class BadTransportKey(ValueError):
    """The transport key cannot be used; the text names its place and never what stands there."""


class NotOpened(ValueError):
    """Something does not open with this transport key: it was wrapped by another, or damaged."""


@dataclass(frozen=True, slots=True)
class TransportKey:
    """Opens what was wrapped by it."""

    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Tells keys apart without telling them."""
        return hashlib.sha256(b"ami transport key" + self.key).hexdigest()[:16]

    @classmethod
    def found(cls, file: Path | None, environment: Mapping[str, str] = os.environ) -> Self | None:
        """The key in a file, or in AMI_TRANSPORT_KEY; None where neither is named.

        Raises `BadTransportKey`.
        """
        if file is None:
            text = environment.get(VARIABLE)
            return None if text is None else cls.parse(text, VARIABLE)
        try:
            return cls.parse(file.read_text(encoding="ascii"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise BadTransportKey(f"{file}: {type(error).__name__}") from None

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Hexadecimal digits.  Raises `BadTransportKey`."""
        digits = text.strip()
        if set(digits) - set(string.hexdigits) or len(digits) not in {2 * size for size in SIZES}:
            raise BadTransportKey(f"{where}: 32, 48 or 64 hexadecimal digits are wanted")
        return cls(bytes.fromhex(digits))

    def key_in(self, wrapped: bytes) -> bytes:
        """A key.  Raises `NotOpened`."""
        try:
            return keywrap.aes_key_unwrap(self.key, wrapped)
        except (keywrap.InvalidUnwrap, ValueError):
            raise NotOpened from None

    def password_in(self, wrapped: bytes) -> bytes:
        """A password.  Raises `NotOpened`."""
        try:
            return keywrap.aes_key_unwrap_with_padding(self.key, wrapped)
        except (keywrap.InvalidUnwrap, ValueError):
            raise NotOpened from None

    def wrapped(self, key: bytes) -> bytes:
        """A key, closed: what the manufacturer does."""
        return keywrap.aes_key_wrap(self.key, key)

    def wrapped_password(self, password: bytes) -> bytes:
        """A password, closed."""
        return keywrap.aes_key_wrap_with_padding(self.key, password)
