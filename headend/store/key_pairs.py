"""Key pairs of the suites 1 and 2, sealed: one record for each client of a meter.

A record holds our private key that signs, and the meter's public one, both DER.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import bindparam, delete, insert

from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words
from protocols.dlms.keys import KeyPairs


@dataclass(frozen=True, slots=True)
class KeyPairRow:
    """What a client signs with, and by what it believes a meter."""

    meter: str
    client: int
    envelope: str  # name of the envelope key
    sealed: bytes = field(repr=False)


KEY_PAIRS = Form(KeyPairRow, schema.meter_key_pairs)
_c = schema.meter_key_pairs.c
_ONE = (_c.meter == bindparam("of_meter"), _c.client == bindparam("of_client"))
_PAIRS = Prepared(KEY_PAIRS.select().where(*_ONE))
_ALL = Prepared(KEY_PAIRS.select().order_by(_c.meter, _c.client))
_ADD = Prepared(insert(schema.meter_key_pairs), KEY_PAIRS.names)
_DROP = Prepared(delete(schema.meter_key_pairs).where(*_ONE))


class KeyPairWords(Words):
    """Records of key pairs."""

    def key_pair_row(self, meter: str, client: int) -> KeyPairRow | None:
        return self._one(KEY_PAIRS, _PAIRS, {"of_meter": meter, "of_client": client})

    def all_key_pair_rows(self) -> list[KeyPairRow]:
        """Those of every meter."""
        return self._all(KEY_PAIRS, _ALL)

    def put_key_pairs(self, row: KeyPairRow) -> None:
        """Keep it in place of the one before, which is gone for good."""
        self._change(_DROP, {"of_meter": row.meter, "of_client": row.client})
        self._change(_ADD, KEY_PAIRS.values(row))


# --- what is sealed -------------------------------------------------------------------------------


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
