"""Signatures and key agreement of the suites 1 and 2 (Green Book 9.2.3.4.5 and 9.2.3.4.6).

Public keys travel as the point's coordinates X || Y, signatures as r || s.  Signing is
deterministic (RFC 6979): a signature tells nothing of the key even where chance is bad, and a
simulated run repeats octet by octet.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from protocols.dlms.suite import KEY_SIZES, SecuritySuite, curve_of


def private_key(suite: int, scalar: bytes) -> EllipticCurvePrivateKey:
    """The key of this scalar, brought into the range of the curve's order.

    Raises ValueError for a scalar of another size than the curve's.
    """
    curve = curve_of(suite)
    if len(scalar) != curve.size:
        raise ValueError(f"a private key of this suite has {curve.size} octets")
    order = curve.group.group_order
    # Scalars drawn at random miss the range once in 2**32; these land back in it.
    return ec.derive_private_key(int.from_bytes(scalar, "big") % (order - 1) + 1, curve.group)


def public_octets(key: EllipticCurvePublicKey) -> bytes:
    """X || Y."""
    numbers, size = key.public_numbers(), (key.curve.key_size + 7) // 8
    return numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")


def public_key(suite: int, octets: bytes) -> EllipticCurvePublicKey:
    """The key at this point.  Raises ValueError for what is no point of the suite's curve."""
    curve = curve_of(suite)
    if len(octets) != 2 * curve.size:
        raise ValueError(f"a public key of this suite has {2 * curve.size} octets")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve.group, b"\x04" + octets)


def sign(suite: int, key: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r || s."""
    curve = curve_of(suite)
    algorithm = ec.ECDSA(curve.digest, deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(message, algorithm))
    return r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")


def verify(suite: int, key: EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the key's owner signed the message."""
    curve = curve_of(suite)
    if len(signature) != 2 * curve.size or key.curve.name != curve.group.name:
        return False
    halves = signature[: curve.size], signature[curve.size :]
    encoded = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    try:
        key.verify(encoded, message, ec.ECDSA(curve.digest))
    except InvalidSignature:
        return False
    return True


def agreed_key(
    suite: int,
    ours: EllipticCurvePrivateKey,
    theirs: EllipticCurvePublicKey,
    party_u: bytes,
    party_v: bytes,
) -> bytes:
    """The key that two parties derive from a shared secret (NIST SP 800-56A, concatenation KDF).

    `party_u` is the originator's system title, with a nonce behind it where the scheme has one,
    `party_v` the recipient's.  One round of the hash is enough for the keys of both suites.
    """
    curve = curve_of(suite)
    secret = ours.exchange(ec.ECDH(), theirs)
    digest = hashes.Hash(curve.digest)
    digest.update(b"\x00\x00\x00\x01" + secret + curve.algorithm + party_u + party_v)
    return digest.finalize()[: KEY_SIZES[SecuritySuite(suite)]]
