"""Keys on their way to a meter: the data of the security setup's methods (Blue Book 4.4.7).

`key_transfer` brings keys wrapped by the master key (RFC 3394), so only a meter that has the master
key can read them, and only a sender that has it can have made them.  `key_agreement` brings signed
ephemeral public keys, of which both sides derive the same key (suites 1 and 2).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from protocols.dlms import elliptic
from protocols.dlms.keys import Keys
from protocols.dlms.objects.shape import Misshapen, elements, integer, members
from protocols.dlms.suite import curve_of
from protocols.dlms.values import Array, Enum, OctetString, Structure, Value


class TransferId(enum.IntEnum):
    """Which key a method of the security setup brings."""

    GLOBAL_UNICAST_ENCRYPTION = 0
    GLOBAL_BROADCAST_ENCRYPTION = 1
    AUTHENTICATION = 2
    MASTER = 3


class NotUnwrapped(ValueError):
    """A key that was not wrapped by this master key, or changed on its way."""


def changed(current: Keys, wanted: Keys) -> dict[TransferId, bytes]:
    """What must travel to bring a meter from one set of keys to the other.

    Raises ValueError for another master key: a transfer that is cut while the key changes that
    protects transfers cannot be taken up again.
    """
    if wanted.master != current.master:
        raise ValueError("the master key is not changed together with the keys it protects")
    pairs = {
        TransferId.GLOBAL_UNICAST_ENCRYPTION: (current.encryption, wanted.encryption),
        TransferId.AUTHENTICATION: (current.authentication, wanted.authentication),
        TransferId.GLOBAL_BROADCAST_ENCRYPTION: (current.broadcast, wanted.broadcast),
    }
    return {name: new for name, (old, new) in pairs.items() if new is not None and new != old}


def transfer_data(master: bytes, keys: Mapping[TransferId, bytes]) -> Array:
    """The parameter of key_transfer: for each key its id and the wrapped key."""
    return _pairs({name: aes_key_wrap(master, key) for name, key in keys.items()})


def read_transfer(master: bytes, size: int, value: Value | None) -> dict[TransferId, bytes]:
    """What key_transfer brought: keys of `size` octets.

    Raises Misshapen for what is no such parameter, NotUnwrapped for keys of somebody else.
    """
    keys = {}
    for name, wrapped in _read_pairs(value).items():
        try:
            key = aes_key_unwrap(master, wrapped)
        except (InvalidUnwrap, ValueError):
            raise NotUnwrapped("not wrapped by this master key") from None
        if len(key) != size:
            raise NotUnwrapped(f"a key of {len(key)} octets")
        keys[name] = key
    return keys


def applied(current: Keys, keys: Mapping[TransferId, bytes]) -> Keys:
    """The keys of a meter once the transfer took effect."""
    names = {
        TransferId.GLOBAL_UNICAST_ENCRYPTION: "encryption",
        TransferId.GLOBAL_BROADCAST_ENCRYPTION: "broadcast",
        TransferId.AUTHENTICATION: "authentication",
        TransferId.MASTER: "master",
    }
    return replace(current, **{names[name]: key for name, key in keys.items()})


# --- agreement -----------------------------------------------------------------------------------


def offer(
    suite: int, ephemeral: EllipticCurvePrivateKey, signing: EllipticCurvePrivateKey, name: int
) -> bytes:
    """An ephemeral public key, signed together with the id of the key that is to come of it."""
    point = elliptic.public_octets(ephemeral.public_key())
    return point + elliptic.sign(suite, signing, bytes((name,)) + point)


def agreement_data(offers: Mapping[TransferId, bytes]) -> Array:
    """The parameter of key_agreement, and its answer."""
    return _pairs(offers)


def read_agreement(value: Value | None) -> dict[TransferId, bytes]:
    """The offers in the parameter or the answer.  Raises Misshapen."""
    return _read_pairs(value)


def agree(
    suite: int,
    ephemeral: EllipticCurvePrivateKey,
    peer_signing: EllipticCurvePublicKey,
    name: TransferId,
    peer_offer: bytes,
    client_title: bytes,
    server_title: bytes,
) -> bytes:
    """The key that comes of our ephemeral key and the peer's offer.

    Raises NotUnwrapped where the offer is not the peer's.
    """
    size = 2 * curve_of(suite).size
    point, signature = peer_offer[:size], peer_offer[size:]
    if not elliptic.verify(suite, peer_signing, bytes((name,)) + point, signature):
        raise NotUnwrapped("the offer's signature does not verify")
    try:
        theirs = elliptic.public_key(suite, point)
    except ValueError:
        raise NotUnwrapped("the offer is no point of the curve") from None
    return elliptic.agreed_key(suite, ephemeral, theirs, client_title, server_title)


def _pairs(octets: Mapping[TransferId, bytes]) -> Array:
    return Array(Structure((Enum(name), OctetString(each))) for name, each in octets.items())


def _read_pairs(value: Value | None) -> dict[TransferId, bytes]:
    if value is None:
        raise Misshapen("keys are missing")
    found: dict[TransferId, bytes] = {}
    for element in elements(value, "keys"):
        number, octets = members(element, "a key", 2)[:2]
        if not isinstance(octets, OctetString) or integer(number, "key id") not in set(TransferId):
            raise Misshapen("a key is its id and an octet-string")
        name = TransferId(integer(number, "key id"))
        if name in found:
            raise Misshapen(f"the key {name.name} twice")
        found[name] = bytes(octets)
    if not found:
        raise Misshapen("no key at all")
    return found
