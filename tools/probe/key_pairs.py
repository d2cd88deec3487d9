"""Key pairs of the suites 1 and 2: our private key that signs, and the meter's public one.

Both come from files (PEM; the meter's also DER, or its certificate), or from a table of keys as
numbers in hexadecimal digits, the way `ami meter listen --json` prints them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.elliptic import public_key
from protocols.dlms.keys import KeyPairs
from protocols.dlms.suite import CURVES, SecuritySuite


def private_from_file(path: Path) -> ec.EllipticCurvePrivateKey:
    """Our key.  Raises ValueError, which shows none of it."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{path} is no private key in PEM without a pass phrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path}: suites 1 and 2 sign on P-256 and P-384")
    return key


def public_from_file(path: Path) -> ec.EllipticCurvePublicKey:
    """The meter's key, or that of its certificate.  Raises ValueError."""
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    for load in (
        lambda: x509.load_pem_x509_certificate(octets).public_key(),
        lambda: x509.load_der_x509_certificate(octets).public_key(),
        lambda: serialization.load_pem_public_key(octets),
        lambda: serialization.load_der_public_key(octets),
    ):
        try:
            key = load()
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, ec.EllipticCurvePublicKey):
            return key
    raise ValueError(f"{path} is neither a certificate nor a public key of an elliptic curve")


def pairs_of_table(told: dict[str, Any]) -> KeyPairs:
    """Those in a table of keys; None for each that it lacks.  Raises ValueError."""
    return KeyPairs(
        signing=_private(told.get("client_signing_key")),
        agreement=_private(told.get("client_agreement_key")),
        peer_signing=_public(told.get("meter_signing_public_key")),
        peer_agreement=_public(told.get("meter_agreement_public_key")),
    )


def suite_of(pairs: KeyPairs) -> SecuritySuite | None:
    """The suite whose curve our key is on."""
    if pairs.signing is None:
        return None
    name = pairs.signing.curve.name
    return next((suite for suite, curve in CURVES.items() if curve.group.name == name), None)


def _private(text: Any) -> ec.EllipticCurvePrivateKey | None:
    if text is None:
        return None
    octets = _octets(text)
    for curve in CURVES.values():
        if len(octets) == curve.size:
            try:
                return ec.derive_private_key(int.from_bytes(octets, "big"), curve.group)
            except ValueError:
                break
    raise ValueError("a private key has 64 hexadecimal digits, of suite 2 96")


def _public(text: Any) -> ec.EllipticCurvePublicKey | None:
    if text is None:
        return None
    octets = _octets(text)
    for suite, curve in CURVES.items():
        if len(octets) == 2 * curve.size:
            return public_key(suite, octets)
    raise ValueError("a public key has 128 hexadecimal digits, of suite 2 192")


def _octets(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (ValueError, TypeError):
        raise ValueError("a key is not written in hexadecimal digits") from None
