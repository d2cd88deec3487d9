"""Firmware images of simulated meters: what one looks like, and whether a meter should take it.

    header   "ami-image/1 HARDWARE VERSION\\n", ASCII
    payload  anything
    proof    64 octets: Ed25519 over header and payload

The key is a TEST KEY that this module makes itself: a meter refuses an image that was damaged or
made for other hardware, and that is all it proves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.chance import octets

PROOF_OCTETS = 64
_HEADER = re.compile(rb"ami-image/1 ([!-~]{1,32}) ([!-~]{1,32})\n")


@dataclass(frozen=True, slots=True)
class Firmware:
    """What a whole and genuine image holds."""

    hardware: str
    version: str
    proof: bytes


@cache
def _maker() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(octets(0, "firmware", "maker", count=32))


def image(hardware: str, version: str, size: int = 4096) -> bytes:
    """An image of `size` octets that a meter of this hardware takes."""
    header = f"ami-image/1 {hardware} {version}\n".encode("ascii")
    if not _HEADER.fullmatch(header):
        raise ValueError(f"{hardware!r} and {version!r} make no header")
    filling = size - len(header) - PROOF_OCTETS
    if filling < 0:
        raise ValueError(f"{size} octets hold no image")
    signed = header + octets(0, "firmware", version, count=filling)
    return signed + _maker().sign(signed)


def inspect(content: bytes) -> Firmware | None:
    """What an image holds; None for one that is damaged or nobody's."""
    signed, proof = content[:-PROOF_OCTETS], content[-PROOF_OCTETS:]
    header = _HEADER.match(signed)
    if header is None:
        return None
    try:
        _maker().public_key().verify(proof, signed)
    except InvalidSignature:
        return None
    hardware, version = (group.decode("ascii") for group in header.groups())
    return Firmware(hardware, version, bytes(proof))
