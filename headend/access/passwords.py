"""Passwords as Argon2id hashes (RFC 9106), in the PHC string format that names their own cost.

A hash of another cost than today's still opens; `outdated` tells to make a new one at the next
login, when the password is at hand.
"""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from headend.ports import Chance

SALT_SIZE = 16  # RFC 9106, 3.1: "a salt length of 128 bits is sufficient for all applications"
HASH_SIZE = 32
PASSWORD_MAX = 256  # characters; a longer one would only be work for us


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes.  The default is RFC 9106, section 4, the second recommended option."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    @property
    def told(self) -> str:
        """As a PHC string tells it."""
        return f"$argon2id$v=19$m={self.memory_kib},t={self.passes},p={self.lanes}$"


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes passwords and compares them.  `live`: in a thread, because a hash takes long."""

    chance: Chance
    cost: Cost = Cost()
    live: bool = True

    async def hashed(self, password: str) -> str:
        """A new hash."""
        salt = self.chance.octets("password salt", SALT_SIZE)
        if self.live:
            return await asyncio.to_thread(self._hash, password, salt)
        return self._hash(password, salt)

    async def opens(self, password: str, kept: str | None) -> bool:
        """Whether it is the password of this hash.  Without one, as where there is no such account,
        it takes as long, and is not."""
        known = kept or self._decoy()
        if self.live:
            found = await asyncio.to_thread(_opens, password, known)
        else:
            found = _opens(password, known)
        return found and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash is of another cost than new ones."""
        return not kept.startswith(self.cost.told)

    def _hash(self, password: str, salt: bytes) -> str:
        cost = self.cost
        derived: str = Argon2id(
            salt=salt,
            length=HASH_SIZE,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        ).derive_phc_encoded(_octets(password))
        return derived

    def _decoy(self) -> str:
        """A hash that no password opens, of today's cost."""
        return f"{self.cost.told}{'A' * 22}${'A' * 43}"


def _opens(password: str, kept: str) -> bool:
    if len(password) > PASSWORD_MAX:
        return False
    try:
        Argon2id.verify_phc_encoded(_octets(password), kept)
    except (InvalidKey, UnicodeEncodeError):
        return False
    return True


def _octets(password: str) -> bytes:
    """Composed, so that an ñ is one whichever keyboard it came from (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", password).encode("utf-8")
