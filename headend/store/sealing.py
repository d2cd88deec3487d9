"""A generation of keys as the store keeps it: sealed, with a fingerprint that tells equal ones.

It needs an envelope and nothing of the store, so that a shipment can be sealed in many processes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from headend.store.envelope import Envelope
from protocols.dlms.keys import Keys

_FINGERPRINT = ("fingerprint",)


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What is sealed."""

    encryption: bytes
    authentication: bytes
    broadcast: bytes | None
    master: bytes | None

    def __repr__(self) -> str:
        return "Record()"


class Sealed(NamedTuple):
    """Keys closed by an envelope.  A plain tuple: a shipment hands millions between processes."""

    fingerprint: str  # of the encryption key: equal for equal ones
    octets: bytes


def seal(envelope: Envelope, keys: Keys, meter: str, client: int, generation: int) -> Sealed:
    """The keys, closed by the envelope's newest key, bound to whom they belong to."""
    record = Record(keys.encryption, keys.authentication, keys.broadcast, keys.master)
    return Sealed(
        envelope.seal(keys.encryption, _FINGERPRINT)[:16].hex(),
        envelope.seal(msgspec.msgpack.encode(record), (meter, str(client), str(generation))),
    )


def unseal(
    envelope: Envelope, name: str, octets: bytes, meter: str, client: int, generation: int
) -> Keys:
    """The keys that the envelope key of this name closed.  Raises KeysUnreadable."""
    plain = envelope.open(name, octets, (meter, str(client), str(generation)))
    record = msgspec.msgpack.decode(plain, type=Record)
    return Keys(record.encryption, record.authentication, record.broadcast, record.master)
