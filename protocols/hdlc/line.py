"""Frames in and out of one line, and what passes outside connections: what both roles share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from protocols.errors import ProtocolError
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.decoder import Dropped, FrameDecoder
from protocols.hdlc.frame import Frame, encode
from protocols.hdlc.segments import Reassembly, without_llc
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ApduReceived, LinkEvent, LinkViolation
from protocols.sans_io import NEED_DATA, NeedData


class FrameLine:
    """The line below one end of a link: decoder, outbox, events, and the pause between octets."""

    def __init__(self, settings: HdlcSettings) -> None:
        self._settings = settings
        self._decoder = FrameDecoder()
        self._pause_due: float | None = None
        self._busy_until = 0.0
        self._unconfirmed = Reassembly()
        self._unconfirmed_ends = (b"", b"")
        self.events: deque[LinkEvent] = deque()
        self.outbox: deque[bytes] = deque()

    @property
    def pause_due(self) -> float | None:
        """When what has begun to arrive will have broken off."""
        return self._pause_due

    @property
    def arriving(self) -> bool:
        """Whether a frame has begun to arrive."""
        return self._decoder.pending > 1

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        return self.events.popleft() if self.events else NEED_DATA

    def transmit(self, frame: Frame, now: float) -> float:
        """Hand out a frame; when its last octet will have left."""
        octets = encode(frame)
        self.outbox.append(octets)
        self._busy_until = max(self._busy_until, now) + self.airtime_s(len(octets))
        return self._busy_until

    def airtime_s(self, octets: int) -> float:
        """How long octets take on this line."""
        line = self._settings.line
        return line.airtime_s(octets) if line else 0.0

    def receive(self, octets: bytes, now: float) -> Iterator[Frame]:
        """The frames that these octets complete; what is none is told."""
        if octets:
            found = self._decoder.feed(octets)
            due = now + self._settings.inter_octet_timeout_s
            self._pause_due = due if self._decoder.waiting else None
            yield from self._frames(found)

    def pause(self, now: float) -> Iterator[Frame]:
        """Time has passed: the frames behind what broke off, if it did."""
        if self._pause_due is not None and now >= self._pause_due:
            self._pause_due = None
            yield from self._frames(self._decoder.pause())

    def violate(self, cause: str, octets: bytes = b"", offset: int = 0) -> None:
        """Tell what the link got over."""
        self.events.append(LinkViolation(cause, octets, offset))

    def take_unconfirmed(self, frame: Frame, source: int, destination: int) -> None:
        """A frame with information that belongs to no connection."""
        ends = frame.source, frame.destination
        if ends != self._unconfirmed_ends:
            self._unconfirmed.clear()
            self._unconfirmed_ends = ends
        whole = self._unconfirmed.add(frame)
        if whole is not None:
            self.deliver(whole, source, destination, unconfirmed=True)

    def deliver(
        self, whole: bytes, source: int, destination: int, *, unconfirmed: bool = False
    ) -> None:
        """Tell an APDU.

        One without LLC header is told as it is: meters leave it out, Landis+Gyr's E450 in all
        pushed blocks but the first.
        """
        apdu = without_llc(whole)
        if apdu is None:
            apdu = whole
            if not unconfirmed:
                self.violate("an APDU without LLC header", whole[:64])
        if apdu:
            self.events.append(ApduReceived(apdu, source, destination, unconfirmed))

    def _frames(self, found: list[Frame | Dropped]) -> Iterator[Frame]:
        for each in found:
            if isinstance(each, Frame):
                yield each
            else:
                self.violate(f"{each.count} octets dropped: {each.cause}", each.octets, each.offset)


def server_address(octets: bytes) -> ServerAddress | None:
    """The address that the server's end of a frame has, or None where it is none."""
    try:
        return ServerAddress.decode(octets)
    except (ProtocolError, ValueError):
        return None
