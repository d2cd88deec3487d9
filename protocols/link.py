"""The shape that every data link has: wrapper, HDLC and mode E, in both roles, without I/O.

A link takes in the octets that a line brought and gives out the octets that the line shall carry;
what travels in them are whole APDUs.  It reads no clock: `now` is seconds on any clock that never
goes back, the same in all calls.

    link = HdlcClient(client=1)
    link.connect(now=now)                      # then drive the line until LinkUp or LinkDown
    link.send(apdu, now=now)                   # then until ApduReceived or LinkDown
    link.expect(now=now)                       # more APDUs are due before anything is sent
    link.disconnect(now=now)                   # then until LinkDown

To drive the line: after each call, transmit what `data_to_send` gives until it gives None, and
read events until NEED_DATA, both again until neither gives anything.  One answer of `data_to_send`
is one frame, and so one datagram where the line carries datagrams.  Call `handle_deadline` when the
time that `next_deadline` tells has come.

Lines that have a speed (`SetLine`): what was handed out before it was told travels at the old
setting, what is handed out after at the new one.  So let the octets leave (drain), then set, then
go on; until `SetLine` is read the link hands out nothing more.  Pauses are the link's own affair:
it keeps octets back until their time and says so by `next_deadline`.

A client link is between one client address and one server.  For another client on the same line:
disconnect, then make another link.  What the peer does wrong is told, never raised: what the link
survives is a `LinkViolation`, what ends it a `LinkDown`.  LocalProtocolError is for the caller.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from protocols.sans_io import NeedData


class Parity(enum.StrEnum):
    """How each octet on an asynchronous line is checked."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"


@dataclass(frozen=True, slots=True)
class SetLine:
    """The line is to have this speed (Bd) and format from now on; one stop bit."""

    baud: int
    data_bits: int = 8
    parity: Parity = Parity.NONE

    def __str__(self) -> str:
        return f"{self.baud} Bd {self.data_bits}{self.parity.value}1"

    def airtime_s(self, octets: int) -> float:
        """How long so many octets take to leave."""
        bits = 1 + self.data_bits + (self.parity is not Parity.NONE) + 1
        return octets * bits / self.baud


class Down(enum.StrEnum):
    """Why a link is down."""

    REQUESTED = "requested"  # we disconnected
    PEER = "the peer disconnected"
    REFUSED = "the peer refused the connection"
    NO_ANSWER = "the peer does not answer"
    REJECTED = "the peer rejected a frame"  # HDLC FRMR
    BROKEN = "the peer broke the protocol"  # and nothing can follow on this line
    INACTIVE = "nothing came for too long"
    NO_DLMS = "the meter offers no DLMS on this port"  # mode E: it identified, with mode A, B or C
    LOST = "the line is lost"


@dataclass(frozen=True, slots=True)
class LinkUp:
    """APDUs can travel between these two: client address and server's logical device."""

    client: int
    server: int


@dataclass(frozen=True, slots=True)
class ApduReceived:
    """A whole APDU.  `unconfirmed`: outside the connection, such as a push in a UI frame."""

    apdu: bytes
    source: int
    destination: int
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link is down, or did not come up; of a server, the link of that client."""

    reason: Down
    detail: str = ""
    client: int | None = None


@dataclass(frozen=True, slots=True)
class LinkViolation:
    """Something on the line that the protocol does not allow, and that the link got over.

    `octets` are those that were dropped, cut where they are many; `offset` counts from the first
    octet that the line ever brought.
    """

    cause: str
    octets: bytes = b""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Identified:
    """Mode E: what the meter says it is (IEC 62056-21, 6.3.2)."""

    manufacturer: str  # three letters, FLAG
    identification: str
    baud_code: str  # Z
    baud: int
    mode_e: bool  # the identification offers binary mode by \\2
    raw: bytes


LinkEvent = LinkUp | ApduReceived | LinkDown | LinkViolation | SetLine | Identified


class DataLink(Protocol):
    """What both roles have."""

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets as they came, in any pieces; of a line of datagrams, one datagram."""
        ...

    def data_to_send(self) -> bytes | None:
        """The next frame to transmit, or None."""
        ...

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        ...

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called, on the clock of `now`."""
        ...

    def handle_deadline(self, *, now: float) -> None:
        """Do what is due: repeat, hand out what was kept back, give up."""
        ...

    def lost(self, *, now: float) -> None:
        """The line is gone: whatever is up ends with LinkDown(LOST), without a word."""
        ...


class ClientLink(DataLink, Protocol):
    """The side that opens the link and asks."""

    @property
    def up(self) -> bool:
        """Whether APDUs can be sent."""
        ...

    @property
    def partly_here(self) -> int:
        """How many octets have come of an APDU that is not whole yet: while they grow, the answer
        is on its way, however slow the line."""
        ...

    def connect(self, *, now: float) -> None:
        """Open the link.  Raises LocalProtocolError when it is not down."""
        ...

    def send(self, apdu: bytes, *, now: float) -> None:
        """Transmit an APDU to the server.  Raises LocalProtocolError when the link is not up."""
        ...

    def expect(self, *, now: float) -> None:
        """Another APDU is due although nothing is sent: the rest of an answer in general blocks, or
        the answer behind a notification.  Where one side speaks at a time, the server is asked."""
        ...

    def disconnect(self, *, now: float) -> None:
        """Close the link; `LinkDown` says when it is done.  Nothing happens when it is down."""
        ...


class ServerLink(DataLink, Protocol):
    """The side that answers: one line, any number of clients."""

    def send(
        self, apdu: bytes, *, client: int, server: int, now: float, unconfirmed: bool = False
    ) -> None:
        """Transmit an APDU of this logical device to this client.

        `unconfirmed`: outside the connection, as a push.  Raises LocalProtocolError when it is not
        unconfirmed and there is no link to this client.
        """
        ...
