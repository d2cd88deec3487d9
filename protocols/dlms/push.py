"""Pushes outside any association: a data-notification, plain or ciphered (Green Book 9.2.7.2, 9.5).

Without an association there is no agreed title: general-glo-ciphering and general-ciphering name
the sender in the message, and the receiver looks up what it shares with that meter.  What is not
agreed on either is that a push may be plain; the receiver's account of the meter says what it must
be.  `PushSealer` is the meter's side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocols.dlms.apdu import decode, encode
from protocols.dlms.ciphered import GeneralCiphered
from protocols.dlms.codes import Security
from protocols.dlms.establishment import Establishment
from protocols.dlms.events import Refused, Violation
from protocols.dlms.general import GeneralCiphering, GeneralSigning, KeyKind
from protocols.dlms.keys import CounterLease, KeyPairs, Keys, Secrets
from protocols.dlms.notification import DataNotification
from protocols.dlms.security import Protection
from protocols.dlms.suite import SecuritySuite

_BROADCAST = int(Security.BROADCAST_KEY)


@dataclass(frozen=True, slots=True)
class Sender:
    """What is known of a meter that pushes.

    `required` is the least protection; meters of some markets encrypt without authenticating, and
    then nothing shows that a push is theirs.  `lowest` is the least counter to accept, of the
    unicast and of the broadcast key.
    """

    keys: Keys | None = None
    suite: SecuritySuite = SecuritySuite.AES_GCM_128
    pairs: KeyPairs = KeyPairs()
    required: Security = Security.AUTHENTICATED
    signed: bool = False
    lowest: int = 0
    lowest_broadcast: int = 0


@dataclass(frozen=True, slots=True)
class Pushed:
    """A push that stood every test; persist the counters before it has an effect."""

    notification: DataNotification
    system_title: bytes  # b"" for a plain one
    security: Security
    lowest: int
    lowest_broadcast: int


def open_push(
    octets: bytes, sender_of: Callable[[bytes], Sender | None], *, system_title: bytes = b""
) -> Pushed:
    """The notification in one APDU, as it came without an association.

    `sender_of` gives what is known of a system title, None for a stranger's; b"" asks for whoever
    pushes without naming himself.  `system_title` is ours, which general-ciphering may name.
    Raises Refused, or ProtocolError for what is no APDU.
    """
    apdu = decode(octets)
    match apdu:
        case DataNotification():
            title = b""
        case GeneralCiphered():
            title = apdu.system_title
        case GeneralCiphering() | GeneralSigning():
            title = apdu.header.originator
        case _:
            raise Refused(Violation.UNEXPECTED, f"{type(apdu).__name__} is no push")
    sender = sender_of(title)
    if sender is None:
        raise Refused(Violation.NOT_AUTHENTIC, "from a meter that is not known")
    protection = Protection(
        sender.keys,
        system_title=system_title,
        peer_system_title=title,
        invocation_counter=0,
        counter_end=0,  # nothing is ever sent
        peer_invocation_counter=sender.lowest,
        peer_broadcast_counter=sender.lowest_broadcast,
        suite=sender.suite,
    )
    establishment = Establishment(protection, sender.keys, sender.pairs, sender.suite)
    if isinstance(apdu, GeneralSigning):
        apdu = decode(establishment.check(apdu))
    elif sender.signed:
        raise Refused(Violation.NOT_PROTECTED, "not signed")
    required, security = int(sender.required), 0
    if isinstance(apdu, GeneralCiphered | GeneralCiphering):
        security = apdu.security_control & int(Security.AUTHENTICATED_ENCRYPTED)
    if isinstance(apdu, GeneralCiphering):
        plain, _ = establishment.open(apdu, required=required)
    elif isinstance(apdu, GeneralCiphered):
        group = apdu.security_control & _BROADCAST
        opener = protection.open_broadcast if group else protection.open
        plain = opener(apdu, required=required)
    elif required:
        raise Refused(Violation.NOT_PROTECTED, "a push in the clear")
    else:
        plain = encode(apdu)
    notification = decode(plain)
    if not isinstance(notification, DataNotification):
        raise Refused(Violation.UNEXPECTED, f"{type(notification).__name__} is no push")
    return Pushed(
        notification,
        title,
        Security(security),
        protection.peer_invocation_counter,
        protection.peer_broadcast_counter,
    )


class PushSealer:
    """The sender's side, for a meter without an open association.

    Where an association is open under the same key, the push belongs into it: two that count by
    themselves would use a nonce twice.
    """

    def __init__(
        self,
        keys: Keys,
        system_title: bytes,
        lease: CounterLease,
        *,
        suite: SecuritySuite = SecuritySuite.AES_GCM_128,
        broadcast: CounterLease | None = None,
        recipient: bytes = b"",
        pairs: KeyPairs | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._protection = Protection(
            keys,
            system_title=system_title,
            peer_system_title=recipient,
            invocation_counter=lease.first,
            counter_end=lease.end,
            peer_invocation_counter=0,
            broadcast=broadcast,
            suite=suite,
        )
        self._establishment = Establishment(
            self._protection, keys, pairs or KeyPairs(), suite, secrets
        )

    @property
    def invocation_counter(self) -> int:
        """The next one; persist it before what was sealed leaves."""
        return self._protection.invocation_counter

    def seal(
        self,
        notification: DataNotification,
        security: Security = Security.AUTHENTICATED_ENCRYPTED,
        *,
        kind: KeyKind | None = None,
        broadcast: bool = False,
        signed: bool = False,
    ) -> bytes:
        """The APDU to transmit.  Raises LocalProtocolError without the keys or the counters."""
        plain = encode(notification)
        number = self._protection.invocation_counter.to_bytes(8, "big")
        self._establishment.transaction = number
        if kind is not None:
            wire = self._establishment.seal(plain, int(security), kind)
        elif broadcast:
            wire = self._protection.seal_broadcast(plain, int(security))
        else:
            wire = self._protection.seal(plain, int(security), general=True)
        return self._establishment.sign(wire) if signed else wire
