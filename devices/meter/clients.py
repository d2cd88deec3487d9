"""The clients that a meter knows: their addresses, how each proves itself, and its rights.

Addresses as companion specifications use them: 16 public, 1 management, 2 reader, 3 firmware.  A
concentrator and a technician's probe each have an address of their own here, and with it keys of
their own.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from devices.meter.identity import (
    CONCENTRATOR_CLIENT,
    FIRMWARE_CLIENT,
    MANAGEMENT_CLIENT,
    PROBE_CLIENT,
    PUBLIC_CLIENT,
    READER_CLIENT,
)
from protocols.dlms.broadcast import BROADCAST_CLIENT
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.suite import SecuritySuite


class Right(enum.Flag):
    """The kinds of client that a meter tells apart."""

    PUBLIC = enum.auto()
    READER = enum.auto()
    MANAGEMENT = enum.auto()
    CONCENTRATOR = enum.auto()
    FIRMWARE = enum.auto()
    BROADCAST = enum.auto()


ALL = Right.PUBLIC | Right.READER | Right.MANAGEMENT | Right.CONCENTRATOR | Right.FIRMWARE
READERS = Right.READER | Right.MANAGEMENT | Right.CONCENTRATOR
OPERATORS = Right.MANAGEMENT | Right.CONCENTRATOR
"""Who may write and act.  As delivered both come with HLS and ciphering only."""
FIRMWARE_WRITERS = Right.FIRMWARE
"""The client that brings firmware sees nothing else that is not everybody's."""
BROADCASTERS = Right.BROADCAST
"""Whoever has the key of a whole street: it may bring blocks of an image, and nothing else."""
NOBODY = Right(0)


@dataclass(frozen=True, slots=True)
class Client:
    """One of the clients that a meter knows."""

    sap: int
    right: Right
    mechanism: AuthenticationMechanism
    name: str
    security_instance: int = 0
    """Value group E of its security setup 0.0.43.0.E.255 and counter 0.0.43.1.E.255."""
    suite: SecuritySuite = SecuritySuite.AES_GCM_128
    security: Security = Security.AUTHENTICATED_ENCRYPTED
    """Of one that ciphers: the least protection of its messages, as delivered."""

    @property
    def ciphers(self) -> bool:
        """Whether it has keys."""
        return self.mechanism in (
            AuthenticationMechanism.HIGH_GMAC,
            AuthenticationMechanism.HIGH_ECDSA,
        )


MANAGEMENT = Client(
    MANAGEMENT_CLIENT, Right.MANAGEMENT, AuthenticationMechanism.HIGH_GMAC, "management"
)

BROADCASTER = Client(
    BROADCAST_CLIENT,
    Right.BROADCAST,
    AuthenticationMechanism.HIGH_GMAC,
    "broadcast",
    security_instance=BROADCAST_CLIENT,
)
"""The client of a pre-established association: nobody opens it, and nothing is answered in it
(Green Book 9.3.2, 9.4.1.4).  It is there while its security setup holds a broadcast key."""

STANDARD_CLIENTS = (
    Client(PUBLIC_CLIENT, Right.PUBLIC, AuthenticationMechanism.NONE, "public"),
    Client(READER_CLIENT, Right.READER, AuthenticationMechanism.LOW, "reader"),
    MANAGEMENT,
    Client(
        CONCENTRATOR_CLIENT,
        Right.CONCENTRATOR,
        AuthenticationMechanism.HIGH_GMAC,
        "concentrator",
        security_instance=CONCENTRATOR_CLIENT,
    ),
    Client(
        FIRMWARE_CLIENT,
        Right.FIRMWARE,
        AuthenticationMechanism.HIGH_GMAC,
        "firmware",
        security_instance=FIRMWARE_CLIENT,
    ),
    Client(
        PROBE_CLIENT,
        Right.MANAGEMENT,
        AuthenticationMechanism.HIGH_GMAC,
        "probe",
        security_instance=PROBE_CLIENT,
    ),
)
"""Management's security setup and counter are the instances 0, where clients look first."""


def on_the_bench(
    mechanism: AuthenticationMechanism,
    suite: SecuritySuite = SecuritySuite.AES_GCM_128,
    security: Security | None = None,
) -> tuple[Client, ...]:
    """Clients of a meter that lies on a bench: as delivered with HLS, or otherwise if asked for.

    With HIGH_GMAC and HIGH_ECDSA all clients that cipher do it in this suite, with at least this
    protection, which is both if not given.  With LOW, and with HLS by a hash, the management
    client proves itself by a password; with NONE nobody proves anything and the public client may
    read all registers.  Raises ValueError for signatures in suite 0, which has none, and for
    another suite or a protection where nothing is ciphered.
    """
    signs = mechanism is AuthenticationMechanism.HIGH_ECDSA
    if signs or mechanism is AuthenticationMechanism.HIGH_GMAC:
        if signs and not suite:
            raise ValueError("signatures need suite 1 or 2")
        least = Security.AUTHENTICATED_ENCRYPTED if security is None else security
        return tuple(
            replace(client, mechanism=mechanism, suite=suite, security=least)
            if client.ciphers
            else client
            for client in STANDARD_CLIENTS
        )
    if suite or security not in (None, Security.NONE):
        raise ValueError("without ciphering there is no security suite, and no policy")
    public, reader, management, *_ = STANDARD_CLIENTS
    if mechanism is not AuthenticationMechanism.NONE:
        return public, reader, replace(management, mechanism=mechanism)
    return (
        replace(public, right=Right.READER),
        replace(reader, mechanism=mechanism),
        replace(management, mechanism=mechanism),
    )
