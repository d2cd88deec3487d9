"""The keys that a meter was given after delivery, in place of those of its identity.

Of the broadcast key it is also written down who gave it: a broadcast does not say whose it is.

A new key is written down before the answer to the method leaves, and serves every association that
begins afterwards; the one in which it came goes on under the old key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from devices.meter.clients import Client
from devices.meter.parts import Passive
from protocols.dlms.broadcast import BROADCAST_CLIENT
from protocols.dlms.key_wrap import TransferId, applied
from protocols.dlms.keys import Keys
from protocols.dlms.suite import KEY_SIZES

if TYPE_CHECKING:
    from devices.meter.state import MeterState


class Keyring(Passive):
    """Keys by client address, and how often each client's encryption key was changed."""

    __slots__ = ("_broadcasters", "_generations", "_keys", "_used")

    def __init__(self) -> None:
        self._keys: dict[int, Keys] = {}
        self._generations: dict[int, int] = {}
        self._used: dict[int, set[bytes]] = {}  # digests of encryption keys of the past
        self._broadcasters: dict[int, bytes] = {}

    def keys(self, client_sap: int) -> Keys | None:
        """What this client was given, or None."""
        return self._keys.get(client_sap)

    def generation(self, client_sap: int) -> int:
        """How often this client's encryption key was changed."""
        return self._generations.get(client_sap, 0)

    def install(self, client_sap: int, current: Keys, moved: Mapping[TransferId, bytes]) -> bool:
        """Take new keys, all at once; False, and none, where an encryption key returns.

        Counters begin anew under a new key, so under one that was used before they would repeat.
        """
        keys = applied(current, moved)
        pairs = ((current.encryption, keys.encryption), (current.broadcast, keys.broadcast))
        changes = [(old, new) for old, new in pairs if new is not None and new != old]
        used = self._used.setdefault(client_sap, set())
        if any(_digest(new) in used for _, new in changes):
            return False
        used |= {_digest(old) for old, _ in changes if old is not None}
        if keys.encryption != current.encryption:
            self._generations[client_sap] = self.generation(client_sap) + 1
        self._keys[client_sap] = keys
        return True

    def broadcaster(self, client_sap: int) -> bytes:
        """System title of whoever gave this client's broadcast key; empty where nobody did."""
        return self._broadcasters.get(client_sap, b"")

    def given_by(self, client_sap: int, system_title: bytes) -> None:
        """Write it down."""
        self._broadcasters[client_sap] = system_title


def keys_of(meter: MeterState, client: Client) -> Keys:
    """The keys that the meter shares with this client now, the master key among them."""
    keyring, identity = meter.existing(Keyring), meter.identity
    given = None if keyring is None else keyring.keys(client.sap)
    size, wrong = KEY_SIZES[client.suite], meter.faults.wrong_keys
    if given is not None and not wrong:
        return given
    delivered = identity.keys(client.sap, wrong=wrong, size=size)
    master = identity.master_key(client.sap, size=size)
    return Keys(delivered.encryption, delivered.authentication, master=master)


def generation(meter: MeterState, client_sap: int) -> int:
    """How often this client's encryption key was changed."""
    keyring = meter.existing(Keyring)
    return 0 if keyring is None else keyring.generation(client_sap)


def broadcaster(meter: MeterState) -> bytes:
    """System title of the concentrator whose broadcasts the meter takes; empty: nobody's."""
    keyring = meter.existing(Keyring)
    return b"" if keyring is None else keyring.broadcaster(BROADCAST_CLIENT)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
