"""What a client says to all meters of a street at once: the pre-established association.

Nobody opens it and nothing in it is answered (Green Book 9.3.2: unconfirmed associations, of one
client with several servers).  What is said is ciphered and authenticated under the global broadcast
encryption key, which each meter is given beforehand by key_transfer (class 64, method 2, key id 1)
in a security setup of its own: so the authentication key that goes with it, key id 2, is the
street's as well, and no meter's own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.concentrator.meter_firmware import Stage
from protocols.dlms.action import ActionRequestNormal
from protocols.dlms.codes import Security
from protocols.dlms.key_wrap import TransferId
from protocols.dlms.keys import CounterLease, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.image import IMAGE_TRANSFER, IMAGE_TRANSFER_CLASS
from protocols.dlms.procedures import Outcome, Pause
from protocols.dlms.procedures.image_transfer import BLOCK, block_of
from protocols.dlms.procedures.security_setup import transfer_keys
from protocols.dlms.procedures.steps import Request
from protocols.dlms.security import Protection
from protocols.dlms.services import MethodDescriptor

BROADCAST_CLIENT = 102
"""The pre-established client, as IDIS numbers it."""
ALL_STATIONS = 0x7F
"""Every logical device (Green Book 7.3.3, reserved wrapper port numbers)."""
SETUP = LogicalName(f"0.0.43.0.{BROADCAST_CLIENT}.255")
UNCONFIRMED = 0  # the service class bit of invoke-id-and-priority is not set
_TAKE = MethodDescriptor(IMAGE_TRANSFER_CLASS, IMAGE_TRANSFER, BLOCK)


def street_keys(secret: bytes) -> Keys:
    """The keys of one street, of 32 octets that nobody can guess.

    There is nothing that only one meter could read: the unicast key is the same, and never used.
    """
    encryption, authentication = secret[:16], secret[16:]
    return Keys(encryption, authentication, broadcast=encryption)


def block_for_all(
    keys: Keys, system_title: bytes, counter: int, octets: bytes, block_octets: int, number: int
) -> bytes:
    """A wrapper frame with one block of an image: image_block_transfer (class 18, method 2).

    `counter` must never have been used with these keys.
    """
    request = ActionRequestNormal(UNCONFIRMED, _TAKE, block_of(octets, block_octets, number))
    return sealed_for_all(keys, system_title, counter, request.encode())


def sealed_for_all(keys: Keys, system_title: bytes, counter: int, plain: bytes) -> bytes:
    """A wrapper frame with an APDU for all stations."""
    protection = Protection(
        keys,
        system_title=system_title,
        peer_system_title=b"",
        invocation_counter=0,
        peer_invocation_counter=0,
        broadcast=CounterLease(counter, counter + 1),
    )
    sealed = protection.seal_broadcast(plain, int(Security.AUTHENTICATED_ENCRYPTED))
    return wrapper.encode(BROADCAST_CLIENT, ALL_STATIONS, sealed)


def then_join(
    update: Generator[Request | Pause, Any, Outcome],
    master: bytes,
    keys: Keys,
    joined: Callable[[], None],
) -> Generator[Request | Pause, Any, Outcome]:
    """A session's share of an update and, where blocks are missing afterwards, the street's keys.

    `joined` hears that the meter has taken them.  One that refuses goes on without.
    """
    outcome = yield from update
    told = outcome.update
    if outcome.status is Status.UNDERWAY and told and told.stage is Stage.TRANSFERRING:
        assert keys.broadcast is not None
        given = {
            TransferId.GLOBAL_BROADCAST_ENCRYPTION: keys.broadcast,
            TransferId.AUTHENTICATION: keys.authentication,
        }
        if (yield from transfer_keys(master, given, SETUP)).status is Status.DONE:
            joined()
    return outcome
