"""What a connection tells its caller, and the shape that every DLMS engine has.

Events of a client: `Associated`, `AssociationRefused`, `GetResponse`, `SetResponse`,
`ActionResponse`, `AccessResponse`, `ExceptionResponse`, `Released`, `TimedOut`,
`ProtocolViolation`, `DataNotification`, `EventNotification`.  Events of a server: `Associated`,
`AssociationRefused`, `GetRequest`, `SetRequest`, `ActionRequest`, `AccessRequest`,
`DataNotificationConfirm`, `Released`, `TimedOut`, `ProtocolViolation`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

import msgspec

from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    AssociationResult,
    InitiateError,
)
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.services import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    Negotiated,
    ReleaseRequest,
    Request,
    SetRequest,
    SetResponse,
)
from protocols.dlms.state import State
from protocols.errors import RemoteProtocolError
from protocols.sans_io import NEED_DATA as NEED_DATA
from protocols.sans_io import NeedData as NeedData


class Associated(msgspec.Struct, frozen=True):
    """The association is open; with HLS, both sides have proved that they know the key."""

    negotiated: Negotiated
    peer_system_title: bytes = b""


class AssociationRefused(msgspec.Struct, frozen=True):
    """No association came about.

    Client: what the AARE said, or AUTHENTICATION_FAILURE with `by_us` when the server could not
    prove itself.  Server: what it answered.
    """

    result: AssociationResult
    diagnostic: AcseUserDiagnostic | AcseProviderDiagnostic
    initiate_error: InitiateError | None = None
    by_us: bool = False


class Released(msgspec.Struct, frozen=True):
    """The association is closed.  `exception` holds how a meter that knows no release answered."""

    exception: ExceptionResponse | None = None


class TimedOut(msgspec.Struct, frozen=True):
    """The deadline passed in `state`.

    Client: no answer came; whether the request had an effect is not known.  The association is
    still open if it was, and a late answer will be refused as a `ProtocolViolation`.
    Server: the client was silent too long and the association is closed.
    """

    state: State


class Violation(enum.Enum):
    """What was wrong with what the peer sent."""

    MALFORMED = "malformed"  # no APDU, or trailing octets
    NOT_AUTHENTIC = "not authentic"  # the tag does not verify: wrong key, or changed on the way
    REPLAYED = "replayed"  # the invocation counter did not grow
    NOT_PROTECTED = "not protected"  # less protection than the association requires
    WRONG_INVOKE_ID = "wrong invoke id"  # an answer to another request
    WRONG_BLOCK = "wrong block"  # block number out of order
    UNEXPECTED = "unexpected"  # not in this state
    NOT_NEGOTIATED = "not negotiated"  # beyond the conformance agreed on
    TOO_LONG = "too long"  # beyond the PDU size, or the size of a value, agreed on


class ProtocolViolation(msgspec.Struct, frozen=True):
    """What the peer sent was refused and had no effect.

    A server has queued the standard's answer in `data_to_send`; a client goes on waiting for the
    right answer until its deadline, because frames may be late, doubled or forged.
    """

    violation: Violation
    error: RemoteProtocolError


class Refused(RemoteProtocolError):
    """Raised inside a connection for what becomes a `ProtocolViolation`."""

    def __init__(self, violation: Violation, cause: str, offset: int = 0) -> None:
        super().__init__(offset, cause)
        self.violation = violation


class Exchanged(msgspec.Struct, frozen=True):
    """One APDU as it travelled, for those who keep a record.

    `plain` is the deciphered xDLMS APDU; it is absent for the messages of ACSE, which can hold a
    password or a key.  Of general block transfer the last block comes with the whole APDU, and each
    other with itself.
    """

    sent: bool
    wire: bytes
    plain: bytes | None


Event = (
    Associated
    | AssociationRefused
    | Released
    | TimedOut
    | ProtocolViolation
    | GetRequest
    | SetRequest
    | ActionRequest
    | AccessRequest
    | GetResponse
    | SetResponse
    | ActionResponse
    | AccessResponse
    | ExceptionResponse
    | DataNotification
    | DataNotificationConfirm
    | EventNotification
)


class ClientEngine(Protocol):
    """A DLMS client without I/O.  One object is one session with one meter.

        wire = engine.send(AssociationRequest(), now=now)     # one APDU, framing is outside
        ...
        engine.receive_data(apdu, now=now)                    # one whole APDU
        while (apdu := engine.data_to_send()) is not None:    # what the engine says by itself:
            ...                                               # block requests, the proof of HLS
        while (event := engine.next_event()) is not NEED_DATA:
            ...
        engine.next_deadline(); engine.handle_deadline(now=now)

    `invocation_counter` is the next one this side will use; persist it before what is sent leaves.
    `peer_invocation_counter` is the lowest one that will be accepted from the meter, which has
    `peer_system_title` as far as it is known.  Where
    counters were reserved as a lease, `invocation_counters_left` of it are unused; once they are
    gone `send` and `receive_data` raise CountersUsedUp, unless `extend_counters` came before.
    """

    @property
    def invocation_counter(self) -> int: ...

    @property
    def peer_invocation_counter(self) -> int: ...

    @property
    def peer_system_title(self) -> bytes: ...

    @property
    def invocation_counters_left(self) -> int: ...

    def extend_counters(self, end: int) -> None: ...

    trace: Callable[[Exchanged], None] | None
    """Told of each APDU as it is handed out or taken in; the engine only calls it."""

    def send(
        self,
        message: AssociationRequest | Request | ReleaseRequest | DataNotificationConfirm,
        *,
        now: float,
    ) -> bytes:
        """The APDU to transmit.  Raises LocalProtocolError when it is not allowed now."""
        ...

    def receive_data(self, data: bytes, *, now: float) -> None:
        """Take in one whole APDU.  Never raises for what the peer did: see ProtocolViolation."""
        ...

    def data_to_send(self) -> bytes | None:
        """The next APDU that the engine itself has to transmit, or None."""
        ...

    def next_event(self) -> Event | NeedData: ...

    def next_deadline(self) -> float | None: ...

    def handle_deadline(self, *, now: float) -> None: ...
