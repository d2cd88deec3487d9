"""New keys for a meter that its concentrator speaks with.

The head-end makes them.  For the meter each is wrapped by the meter's master key (RFC 3394), which
the concentrator neither has nor needs: it carries what `key_transfer` (class 64, Blue Book 4.4.7)
takes.  For itself the concentrator gets them sealed by a key that only it and the head-end have
(AES-SIV, RFC 5297), with what they are for: the same octets open for no other concentrator, meter
or order, so what was once sent brings no old key back.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from protocols.dlms.keys import Keys

SEAL_KEY_OCTETS = 32
"""Of the key that seals: AES-SIV with two halves of 128 bits."""
_LABEL = b"ami keys v1"


class NotSealed(ValueError):
    """Not sealed by this key, or not for this concentrator, meter and order."""


class KeyWrapped(msgspec.Struct, frozen=True):
    """One key on its way to the meter."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2)]  # 0 unicast encryption, 2 authentication
    wrapped: bytes  # by the meter's master key; base64 in JSON


class KeysWanted(msgspec.Struct, frozen=True):
    """New keys: for the meter wrapped, for the concentrator sealed."""

    generation: int  # counts this meter's keys at the head-end
    setup: str  # logical name of the security setup that takes them
    transfer: tuple[KeyWrapped, ...]  # in one message: the meter takes all of them or none
    sealed: bytes  # the keys of before and the new ones, for the concentrator; base64 in JSON


class KeysTold(msgspec.Struct, frozen=True):
    """Which keys an association has shown the meter to have, when the attempt ended."""

    generation: int  # that the command named
    proven: Literal["new", "old", "neither"]  # neither: it is not known yet


def seal(key: bytes, old: Keys, new: Keys, *, concentrator: str, meter: str, order: str) -> bytes:
    """Both sets for the concentrator.  The same for the same arguments: nothing is by chance."""
    plain = old.encryption + old.authentication + new.encryption + new.authentication
    return AESSIV(key).encrypt(plain, _place(concentrator, meter, order))


def unseal(
    key: bytes, sealed: bytes, *, concentrator: str, meter: str, order: str
) -> tuple[Keys, Keys]:
    """The keys of before, and the new ones.  Raises `NotSealed`."""
    try:
        plain = AESSIV(key).decrypt(sealed, _place(concentrator, meter, order))
        size, rest = divmod(len(plain), 4)
        if rest:
            raise NotSealed("no four keys of one size")
        parts = [plain[size * each : size * (each + 1)] for each in range(4)]
        return Keys(*parts[:2]), Keys(*parts[2:])
    except (InvalidTag, ValueError) as error:
        raise NotSealed("not sealed for this concentrator, meter and order") from error


def _place(concentrator: str, meter: str, order: str) -> list[bytes]:
    return [_LABEL, concentrator.encode(), meter.encode(), order.encode()]
