"""Who a concentrator is at its own port, and what it shares with a technician's client there.

All of it is a function of the seed and the concentrator's name.  The keys are TEST KEYS by
construction: whoever knows the seed knows them.  They are others than those that it shares with its
meters, and than any meter's, so that no two senders can use one GCM nonce under one key.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.chance import octets
from devices.meter.clients import Client, Right
from devices.meter.identity import MANAGEMENT_CLIENT, MANUFACTURER, PUBLIC_CLIENT
from protocols.dlms.codes import AuthenticationMechanism
from protocols.dlms.keys import Keys
from protocols.dlms.security import KEY_SIZE

NAME_OCTETS_MAX = 16
"""Of a logical device name, the manufacturer's three letters among them (Blue Book 4.1.8.2)."""

PUBLIC = Client(PUBLIC_CLIENT, Right.PUBLIC, AuthenticationMechanism.NONE, "public")
MANAGEMENT = Client(
    MANAGEMENT_CLIENT, Right.MANAGEMENT, AuthenticationMechanism.HIGH_GMAC, "management"
)
CLIENTS = {client.sap: client for client in (PUBLIC, MANAGEMENT)}
"""Whom the port lets in.  Nobody by a password: what is behind it is a whole street."""


@dataclass(frozen=True, slots=True)
class LocalIdentity:
    """Names and test keys of one concentrator's port.

    >>> LocalIdentity(seed=7, name="C-001").logical_device_name
    b'SIMC-001'
    """

    seed: int
    name: str

    @property
    def logical_device_name(self) -> bytes:
        """The manufacturer's letters and the name, as far as there is room."""
        return f"{MANUFACTURER}{self.name}".encode("ascii", "replace")[:NAME_OCTETS_MAX]

    @property
    def system_title(self) -> bytes:
        """Eight octets (Green Book 4.3.4); another than the one under which it speaks to meters."""
        return MANUFACTURER.encode("ascii") + self._drawn("title", count=5)

    def keys(self, client_sap: int) -> Keys:
        """TEST KEYS of this client."""
        both = self._drawn("key", client_sap, count=2 * KEY_SIZE)
        return Keys(both[:KEY_SIZE], both[KEY_SIZE:])

    def challenge(self, association: int, *, count: int) -> bytes:
        """What the client of the so-many-eth association proves itself by."""
        return self._drawn("StoC", association, count=count)

    def _drawn(self, what: str, *which: int, count: int) -> bytes:
        return octets(self.seed, "concentrator", self.name, "local port", what, *which, count=count)
