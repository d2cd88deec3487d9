"""The wrapper as a data link: up as soon as the line is, and no word of its own.

On a stream one bad header ends the link, for there is no mark to find the next frame by.  On
datagrams (UDP) it ends that datagram.
"""

from __future__ import annotations

from collections import deque

from protocols.errors import LocalProtocolError
from protocols.link import ApduReceived, Down, LinkDown, LinkEvent, LinkUp, LinkViolation
from protocols.sans_io import NEED_DATA, NeedData
from protocols.wrapper import LENGTH_MAX, BrokenStream, Decoder, Frame, encode

LOGICAL_DEVICE = 1
KEPT_OCTETS = 64
"""Of a datagram that is dropped, for diagnosis."""


class _WrapperLink:
    """What both roles share."""

    def __init__(self, *, datagrams: bool, length_max: int) -> None:
        self._datagrams = datagrams
        self._length_max = length_max
        self._decoder = Decoder(length_max)
        self._received = 0
        self._events: deque[LinkEvent] = deque()
        self._outbox: deque[bytes] = deque()
        self._broken = False

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets of the stream, or one whole datagram."""
        if self._datagrams:
            self._take_datagram(octets)
        elif not self._broken:
            self._take_stream(octets)
        self._received += len(octets)

    def data_to_send(self) -> bytes | None:
        """The next frame to transmit, or None."""
        return self._outbox.popleft() if self._outbox else None

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        return self._events.popleft() if self._events else NEED_DATA

    def next_deadline(self) -> float | None:
        """The wrapper waits for nothing."""
        return None

    def handle_deadline(self, *, now: float) -> None:
        """Nothing is ever due."""

    def _take_stream(self, octets: bytes) -> None:
        try:
            frames = self._decoder.feed(octets)
        except BrokenStream as error:
            frames = error.frames
            self._broken = True
            self._take(frames)
            self._break(str(error))
        else:
            self._take(frames)

    def _take_datagram(self, octets: bytes) -> None:
        decoder = Decoder(self._length_max)
        try:
            frames = decoder.feed(octets)
        except BrokenStream as error:
            frames = error.frames
            self._violate(octets, str(error))
        else:
            if decoder.pending:
                self._violate(octets, f"{decoder.pending} octets of a frame that is cut")
        self._take(frames)

    def _violate(self, octets: bytes, cause: str) -> None:
        self._events.append(LinkViolation(cause, octets[:KEPT_OCTETS], self._received))

    def _take(self, frames: list[Frame]) -> None:
        raise NotImplementedError

    def _break(self, cause: str) -> None:
        raise NotImplementedError


class WrapperClient(_WrapperLink):
    """A client's link to one logical device."""

    def __init__(
        self,
        client: int,
        server: int = LOGICAL_DEVICE,
        *,
        datagrams: bool = False,
        length_max: int = LENGTH_MAX,
    ) -> None:
        super().__init__(datagrams=datagrams, length_max=length_max)
        self._client = client
        self._server = server
        self._up = False

    @property
    def up(self) -> bool:
        """Whether APDUs can be sent."""
        return self._up

    @property
    def partly_here(self) -> int:
        """Always 0: a network brings an APDU at once, or loses it."""
        return 0

    def connect(self, *, now: float) -> None:
        """The line is there, and so the link."""
        if self._up or self._broken:
            raise LocalProtocolError("connect is not allowed: the link is up or broken")
        self._up = True
        self._events.append(LinkUp(self._client, self._server))

    def send(self, apdu: bytes, *, now: float) -> None:
        """Transmit an APDU.  Raises LocalProtocolError when the link is down."""
        if not self._up:
            raise LocalProtocolError("send is not allowed: the link is down")
        self._outbox.append(encode(self._client, self._server, apdu))

    def expect(self, *, now: float) -> None:
        """Whoever has something says it at any time."""

    def disconnect(self, *, now: float) -> None:
        """Down at once; the line is the caller's to close."""
        self._end(Down.REQUESTED)

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._outbox.clear()
        self._end(Down.LOST)

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if (frame.source, frame.destination) == (self._server, self._client):
                self._events.append(ApduReceived(frame.apdu, frame.source, frame.destination))
            else:
                cause = f"from {frame.source} to {frame.destination}: not for this link"
                self._violate(frame.apdu, cause)

    def _break(self, cause: str) -> None:
        self._end(Down.BROKEN, cause)

    def _end(self, reason: Down, detail: str = "") -> None:
        if self._up:
            self._up = False
            self._events.append(LinkDown(reason, detail, self._client))


class WrapperServer(_WrapperLink):
    """A server's end of a line: whoever asks is answered."""

    def __init__(self, *, datagrams: bool = False, length_max: int = LENGTH_MAX) -> None:
        super().__init__(datagrams=datagrams, length_max=length_max)

    def send(
        self, apdu: bytes, *, client: int, server: int, now: float, unconfirmed: bool = False
    ) -> None:
        """Transmit an APDU of this logical device to this client."""
        self._outbox.append(encode(server, client, apdu))

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._outbox.clear()
        self._events.append(LinkDown(Down.LOST))

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._events.append(ApduReceived(frame.apdu, frame.source, frame.destination))

    def _break(self, cause: str) -> None:
        self._events.append(LinkDown(Down.BROKEN, cause))
