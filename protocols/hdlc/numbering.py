"""What is sent and received under numbers: N(S), N(R), window, repetition (IEC 62056-46, 6.4.3).

One object is one direction pair of one connection.  Either side repeats from the first frame that
the other has not acknowledged, when it has the turn again: there is no selective reject.
"""

from __future__ import annotations

from collections import deque

from protocols.hdlc.frame import Frame
from protocols.hdlc.segments import Reassembly, segments

_MODULUS = 8

Segment = tuple[bytes, bool]
"""Information field and segmentation bit."""


class Numbering:
    """Segments to send, segments not acknowledged, segments received."""

    def __init__(self, llc: bytes, *, size: int, window: int) -> None:
        self._llc = llc
        self._size = size
        self._window = window
        self._waiting: deque[Segment] = deque()
        self._unacknowledged: deque[Segment] = deque()
        self._first_unacknowledged = 0
        self._reassembly = Reassembly()
        self.expected = 0  # V(R)

    @property
    def next(self) -> int:
        """V(S): the number of the next frame."""
        return (self._first_unacknowledged + len(self._unacknowledged)) % _MODULUS

    @property
    def to_send(self) -> bool:
        """Whether a frame waits, be it for the first time."""
        return bool(self._waiting)

    @property
    def outstanding(self) -> bool:
        """Whether the other side has not acknowledged everything that was sent."""
        return bool(self._unacknowledged)

    @property
    def receiving(self) -> bool:
        """Whether an APDU has begun to arrive and has not ended."""
        return self._reassembly.begun

    @property
    def partly_here(self) -> int:
        """How many octets have come of an APDU that has not ended."""
        return self._reassembly.octets

    def queue(self, apdu: bytes) -> None:
        """Take an APDU for transmission."""
        self._waiting += segments(self._llc, apdu, self._size)

    def acknowledge(self, nr: int) -> bool:
        """The other side expects `nr` next.  False when that was never sent."""
        count = (nr - self._first_unacknowledged) % _MODULUS
        if count > len(self._unacknowledged):
            return False
        for _ in range(count):
            self._unacknowledged.popleft()
        self._first_unacknowledged = nr
        return True

    def repeat(self) -> None:
        """What is not acknowledged waits again, in its old order and with its old numbers."""
        self._waiting.extendleft(reversed(self._unacknowledged))
        self._unacknowledged.clear()

    def turn(self) -> list[tuple[int, Segment, bool]]:
        """What to send in this turn, at most a window: number, segment, whether it is the last."""
        out: list[tuple[int, Segment, bool]] = []
        while self._waiting and len(self._unacknowledged) < self._window:
            number, segment = self.next, self._waiting.popleft()
            self._unacknowledged.append(segment)
            last = not self._waiting or len(self._unacknowledged) >= self._window
            out.append((number, segment, last))
        return out

    def take(self, frame: Frame) -> bytes | None:
        """The information that this I frame completes, with its LLC header.

        Raises OutOfSequence for a frame that is not the next one: it is a repetition, or one
        before it was lost.
        """
        if frame.ns != self.expected:
            raise OutOfSequence(f"frame {frame.ns}, {self.expected} expected")
        self.expected = (self.expected + 1) % _MODULUS
        return self._reassembly.add(frame)


class OutOfSequence(Exception):
    """A frame that cannot be taken now; asking again from `expected` brings the right one."""
