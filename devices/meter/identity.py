"""Who a meter is: number, names and keys, all functions of a seed and the meter's index.

Nothing is stored per meter, so a field of a hundred thousand costs no memory until somebody asks.
The keys are TEST KEYS by construction: whoever knows the seed knows them, and they protect nothing.
No key is shared by two meters or by two clients of one meter (DESIGN 12), so that no two senders
can use one GCM nonce under one key.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from devices.chance import octets
from protocols.dlms import elliptic
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.security import KEY_SIZE
from protocols.dlms.suite import curve_of

MANUFACTURER = "SIM"
"""Three letters, as the FLAG Association gives to manufacturers; this one marks a simulation."""

PUBLIC_CLIENT = 16
MANAGEMENT_CLIENT = 1
READER_CLIENT = 2
FIRMWARE_CLIENT = 3
PROBE_CLIENT = 4
CONCENTRATOR_CLIENT = 5
PUSH_CLIENT = 6
"""Client SAPs.  A concentrator and a technician's probe have keys of their own."""

SERVER_SAP = 1
"""The management logical device, the only one of these meters (Blue Book 4.1.8)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A meter's names and test keys.

    >>> Identity(seed=7, index=4).number
    'SIM0000000004'
    """

    seed: int
    index: int
    maker: str = MANUFACTURER  # three letters

    def __post_init__(self) -> None:
        if not 0 <= self.index < 10**10:
            raise ValueError(f"meter index {self.index} does not fit into ten digits")

    @property
    def number(self) -> str:
        """The meter number that the utility knows and that is printed on the case."""
        return f"{self.maker}{self.index:010d}"

    @property
    def logical_device_name(self) -> bytes:
        """At most 16 octets, of which the first three name the manufacturer (Blue Book 4.1.8.2)."""
        return self.number.encode("ascii")

    @property
    def system_title(self) -> bytes:
        """Eight octets, unique among all meters (Green Book 4.3.4): manufacturer and number."""
        return self.maker.encode("ascii") + self.index.to_bytes(5, "big")

    def keys(self, client_sap: int, *, wrong: bool = False, size: int = KEY_SIZE) -> Keys:
        """TEST KEYS that the meter shares with this client, of `size` octets.

        `wrong` gives others, as after a botched key change.
        """
        kind = "wrong-key" if wrong else "key"
        both = octets(self.seed, "meter", self.index, kind, client_sap, count=2 * size)
        return Keys(both[:size], both[size:])

    def master_key(self, client_sap: int, *, size: int = KEY_SIZE) -> bytes:
        """The TEST KEY that wraps new keys of this client; nothing else is done with it."""
        return octets(self.seed, "meter", self.index, "master-key", client_sap, count=size)

    def key_pairs(self, client_sap: int, suite: int) -> KeyPairs:
        """TEST KEY PAIRS of suite 1 or 2: the meter's own, and the public halves of the client."""
        return KeyPairs(
            signing=self._private("meter-signs", client_sap, suite),
            agreement=self._private("meter-agrees", client_sap, suite),
            peer_signing=self._private("client-signs", client_sap, suite).public_key(),
            peer_agreement=self._private("client-agrees", client_sap, suite).public_key(),
        )

    def client_key_pairs(self, client_sap: int, suite: int) -> KeyPairs:
        """The same, as the client has them."""
        return KeyPairs(
            signing=self._private("client-signs", client_sap, suite),
            agreement=self._private("client-agrees", client_sap, suite),
            peer_signing=self._private("meter-signs", client_sap, suite).public_key(),
            peer_agreement=self._private("meter-agrees", client_sap, suite).public_key(),
        )

    def _private(self, name: str, client_sap: int, suite: int) -> EllipticCurvePrivateKey:
        size = curve_of(suite).size
        scalar = octets(self.seed, "meter", self.index, name, client_sap, suite, count=size)
        return elliptic.private_key(suite, scalar)

    def password(self, client_sap: int) -> bytes:
        """The LLS secret of this client, printable.  A TEST PASSWORD."""
        secret = octets(self.seed, "meter", self.index, "password", client_sap, count=4)
        return secret.hex().encode("ascii")


def client_system_title(seed: int, client_sap: int, name: str = "") -> bytes:
    """A system title for a client of simulated meters: a laptop, a head-end, one concentrator."""
    return b"TST" + octets(seed, "client", client_sap, name, count=5)
