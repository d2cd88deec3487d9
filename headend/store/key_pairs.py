"""How key pairs of the suites 1 and 2 are written, to be sealed.

A record holds our private key that signs, and the meter's public one, both DER.
"""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.keys import KeyPairs


class _Record(msgspec.Struct, array_like=True, frozen=True):
    signing: bytes | None
    meter_signing: bytes | None

    def __repr__(self) -> str:
        return "Record()"


def written(pairs: KeyPairs) -> bytes:
    """The halves that sign, as octets to be sealed."""
    return msgspec.msgpack.encode(_Record(*halves(pairs)))


def read(plain: bytes) -> KeyPairs:
    """What `written` wrote."""
    record = msgspec.msgpack.decode(plain, type=_Record)
    return joined(record.signing, record.meter_signing)


def halves(pairs: KeyPairs) -> tuple[bytes | None, bytes | None]:
    """Our private key (PKCS 8) and the meter's public one (SubjectPublicKeyInfo), DER."""
    ours, meters = pairs.signing, pairs.peer_signing
    der, plain = serialization.Encoding.DER, serialization.NoEncryption()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return (
        None if ours is None else ours.private_bytes(der, serialization.PrivateFormat.PKCS8, plain),
        None if meters is None else meters.public_bytes(der, spki),
    )


def joined(signing: bytes | None, meter_signing: bytes | None) -> KeyPairs:
    """The key pairs of both halves."""
    ours = meters = None
    if signing is not None:
        ours = serialization.load_der_private_key(signing, None)
    if meter_signing is not None:
        meters = serialization.load_der_public_key(meter_signing)
    assert ours is None or isinstance(ours, ec.EllipticCurvePrivateKey)
    assert meters is None or isinstance(meters, ec.EllipticCurvePublicKey)
    return KeyPairs(signing=ours, peer_signing=meters)
