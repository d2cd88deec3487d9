"""The three security suites: what each ciphers, signs, hashes and agrees on keys with.

Source: Green Book 9.2.3.7, table of security suites.  All cipher by AES-GCM with tags of 12 octets
and transport keys by AES key wrap (RFC 3394); 1 and 2 add signatures and key agreement on a curve.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

# 2.16.756.5.8.3, the arc of the algorithm follows (Green Book 9.2.3.4.6.5, AlgorithmID).
_ALGORITHM = bytes.fromhex("60857405 0803")


class SecuritySuite(enum.IntEnum):
    """Number in the low four bits of the security control octet."""

    AES_GCM_128 = 0
    ECDH_ECDSA_AES_GCM_128_SHA_256 = 1
    ECDH_ECDSA_AES_GCM_256_SHA_384 = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """What the suites 1 and 2 do beyond ciphering."""

    group: ec.EllipticCurve
    digest: hashes.SHA256 | hashes.SHA384
    size: int  # octets of a coordinate, of a private key, and of each half of a signature
    algorithm: bytes  # AlgorithmID of the keys that are agreed on


CURVES = {
    SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256: Curve(
        ec.SECP256R1(), hashes.SHA256(), 32, _ALGORITHM + b"\x00"
    ),
    SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384: Curve(
        ec.SECP384R1(), hashes.SHA384(), 48, _ALGORITHM + b"\x01"
    ),
}
KEY_SIZES = {
    SecuritySuite.AES_GCM_128: 16,
    SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256: 16,
    SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384: 32,
}


def curve_of(suite: int) -> Curve:
    """The curve of suite 1 or 2.  Raises ValueError for suite 0, which has none."""
    if suite not in CURVES:
        raise ValueError(f"security suite {int(suite)} has no signatures and no key agreement")
    return CURVES[SecuritySuite(suite)]
