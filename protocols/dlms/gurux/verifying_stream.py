"""What gurux-dlms ciphers with, once its own AES is taken out.

gurux-dlms 1.0.203 computes AES and GHASH in Python (6 to 8 ms for an HLS-5 session) and never looks
at the tag of what it deciphers, so a flipped bit arrives as a wrong value.  `VerifyingStream` has
the shape and the names of its `GXDLMSChipperingStream`, stands on `cryptography`, and refuses a
wrong tag.

This module imports nothing of gurux-dlms: `gurux` puts the class in its place.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

TAG_SIZE = 12  # octets of the tag that DLMS transmits (Green Book, 9.2.3.3.7.5)
ENCRYPTION_ONLY = 0x20  # value of gurux-dlms's Security.ENCRYPTION, as in the security control


class WrongTag(ValueError):
    """The tag does not belong to these octets under this key."""


class VerifyingStream:
    """AES-GCM over what was written, in the shape that gurux-dlms expects.

    With a `tag` it deciphers and verifies; without one it ciphers and leaves the tag in `tag`.
    """

    def __init__(
        self,
        security: int | None,
        encrypt: bool,
        key: bytes,
        associated: bytes | None,
        nonce: bytes | None,
        tag: bytes | None,
    ) -> None:
        if nonce is None:
            raise NotImplementedError("AES key wrap has no place in an association")
        if security == ENCRYPTION_ONLY:
            raise NotImplementedError("encryption without authentication is never accepted here")
        self._key = bytes(key)
        self._associated = bytes(associated or b"")
        self._nonce = bytes(nonce)
        self._expected = bytes(tag) if tag is not None else None
        self._written = bytearray()
        self.tag = b""

    def write(self, octets: Iterable[int]) -> None:
        """More of the text."""
        self._written += bytes(octets)

    def flushFinalBlock(self) -> bytearray:
        """The other text.  Raises `WrongTag`."""
        if self._expected is None:
            sealed = AESGCM(self._key).encrypt(self._nonce, bytes(self._written), self._associated)
            self.tag = sealed[-16:][:TAG_SIZE]
            return bytearray(sealed[:-16])
        cipher = Cipher(AES(self._key), modes.GCM(self._nonce, self._expected, TAG_SIZE))
        opener = cipher.decryptor()
        opener.authenticate_additional_data(self._associated)
        try:
            return bytearray(opener.update(bytes(self._written)) + opener.finalize())
        except InvalidTag as error:
            raise WrongTag("the tag does not verify") from error

    @staticmethod
    def tagsEquals(one: bytes, other: bytes) -> bool:
        """Whether two tags agree; takes the same time whether they do or not."""
        return hmac.compare_digest(bytes(one[:TAG_SIZE]), bytes(other[:TAG_SIZE]))
