"""Octets of a line to frames, whatever their pieces and whatever comes between them.

A frame ends where its length field says, never at the next flag: 7E may stand inside.  After octets
that are no frame the search goes on behind the flag where it began, at the next flag with a format
type 3, a possible length and, where there is information, a good HCS; so an echo that is cut or a
lost octet costs one frame and not the one behind it.  What was dropped is told.

Measured on 2026-11-22, CPython 3.11, frames of 139 octets: 3.8 µs each in one piece, 236 µs octet
by octet; 12 kB of headers that promise the longest frame, the worst noise, 6.9 ms.

Memory is bounded by the longest frame.  The closing flag may be the next frame's opening one; it is
waited for, so that nobody answers into it, but a frame without it is a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.hdlc.address import address_size
from protocols.hdlc.checksum import intact
from protocols.hdlc.frame import FLAG, FORMAT_TYPE_3, SEGMENTED, Frame

KEPT_OCTETS = 64
"""Of what is dropped in one place, for diagnosis."""

_SHORTEST = 7  # format, two addresses of one octet, control, FCS
_FLAG = b"\x7e"


@dataclass(frozen=True, slots=True)
class Dropped:
    """Octets that are no frame: how many in one place, the first of them, and why."""

    cause: str
    octets: bytes
    count: int
    offset: int  # of the first, in all that the line brought


@dataclass(frozen=True, slots=True)
class _NoFrame:
    """Why there is no frame at a flag."""

    cause: str


class FrameDecoder:
    """See the module."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._consumed = 0  # octets of the line before the buffer's first
        self._noise = bytearray()  # the first KEPT_OCTETS of what is being dropped
        self._noise_count = 0
        self._noise_offset = 0
        self._noise_cause = ""

    def feed(self, octets: bytes) -> list[Frame | Dropped]:
        """What these octets complete, in the line's order."""
        self._buffer += octets
        return self._search()

    def pause(self) -> list[Frame | Dropped]:
        """The line was silent for longer than octets of one frame may be apart.

        A frame that had begun will not be completed: the search goes on behind its flag.
        """
        found = self._search(unclosed=True)
        while len(self._buffer) > 1:
            self._drop(1, "a frame that breaks off")
            found += self._search(unclosed=True)
        if len(self._buffer) == 1 and self._buffer != _FLAG:
            self._drop(1, "no flag")
        found += self._told()
        return found

    @property
    def pending(self) -> int:
        """Octets kept: of a frame that has begun, and so more than a lone flag."""
        return len(self._buffer)

    @property
    def waiting(self) -> bool:
        """Whether `pause` would tell anything."""
        return len(self._buffer) > 1 or self._noise_count > 0

    def _search(self, *, unclosed: bool = False) -> list[Frame | Dropped]:
        buffer = self._buffer
        found: list[Frame | Dropped] = []
        start = 0
        try:
            while True:
                flag = buffer.find(FLAG, start)
                if flag < 0:
                    self._note(start, len(buffer), "no flag")
                    start = len(buffer)
                    return found
                self._note(start, flag, "no flag")
                start = flag
                while buffer[start + 1 : start + 2] == _FLAG:  # flags fill pauses
                    start += 1
                result = self._frame_at(start, unclosed)
                if result is None:
                    return found
                if isinstance(result, _NoFrame):
                    self._note(start, start + 1, result.cause)
                    start += 1
                    continue
                frame, end = result
                found += self._told()
                found.append(frame)
                start = end
        finally:
            del buffer[:start]
            self._consumed += start

    def _frame_at(self, start: int, unclosed: bool) -> tuple[Frame, int] | _NoFrame | None:
        """The frame behind the flag at `start`, and where its last octet ends; None: wait."""
        buffer = self._buffer
        end = len(buffer)
        if end - start < 2:
            return None
        first = buffer[start + 1]
        if first & 0xF0 != FORMAT_TYPE_3:
            return _NoFrame(f"format {first:02X} is not type 3")
        if end - start < 3:
            return None
        length = (first & 7) << 8 | buffer[start + 2]
        if length < _SHORTEST:
            return _NoFrame(f"a length of {length}")
        last = start + 1 + length  # behind the frame's last octet
        destination = start + 3
        destination_size = address_size(buffer, destination, min(end, last))
        if not destination_size:
            return self._no_address(destination, min(end, last), end)
        source = destination + destination_size
        source_size = address_size(buffer, source, min(end, last))
        if not source_size:
            return self._no_address(source, min(end, last), end)
        control = source + source_size
        information = control + 3  # behind HCS
        if last != information:
            if last < information + 2:
                return _NoFrame(f"a length of {length} with no place for both checksums")
            if end < information:
                return None
            if not intact(buffer[start + 1 : information]):
                return _NoFrame("a wrong HCS")
        if end < last or (end == last and not unclosed):
            return None
        if not intact(buffer[start + 1 : last]):
            return _NoFrame("a wrong FCS")
        return Frame(
            bytes(buffer[destination:source]),
            bytes(buffer[source:control]),
            buffer[control],
            bytes(buffer[information : last - 2]),
            bool(first & SEGMENTED),
        ), last

    def _no_address(self, at: int, limit: int, end: int) -> _NoFrame | None:
        """Whether an address that does not end may still do so."""
        if limit - at >= 4 or limit < end or any(octet & 1 for octet in self._buffer[at:limit]):
            return _NoFrame("an address that does not end")
        return None

    def _note(self, start: int, end: int, cause: str) -> None:
        """Count octets as dropped."""
        if start >= end:
            return
        if not self._noise_count:
            self._noise_offset, self._noise_cause = self._consumed + start, cause
        room = KEPT_OCTETS - len(self._noise)
        self._noise += self._buffer[start : min(end, start + room)]
        self._noise_count += end - start

    def _drop(self, count: int, cause: str) -> None:
        self._note(0, count, cause)
        del self._buffer[:count]
        self._consumed += count

    def _told(self) -> list[Dropped]:
        """What was dropped since it was last told."""
        if not self._noise_count:
            return []
        dropped = Dropped(
            self._noise_cause, bytes(self._noise), self._noise_count, self._noise_offset
        )
        self._noise.clear()
        self._noise_count = 0
        return [dropped]
