"""Where in a capture the frames are that a concentrator told of.

The concentrator dates frames by its own clock, the capture by the world's.  The two may differ, but
not within one attempt: so the frames of an attempt are found as a pattern of directions, sizes and
intervals, the nearest in time where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protocols.capture import packets, pcapng
from protocols.concentrator.messages import Frame
from protocols.errors import ProtocolError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Mark = tuple[int, bool, int]  # time in microseconds, up, octets


@dataclass(frozen=True, slots=True)
class Places:
    """Offsets of each meter's frames."""

    marks: dict[str, dict[_Mark, int]]

    @classmethod
    def of(cls, read: pcapng.Read) -> Places:
        """From a capture, as far as it can be read."""
        marks: dict[str, dict[_Mark, int]] = {}
        try:
            for packet in pcapng.packets(read):
                if packet.interface.link_type == packets.USER0:
                    header, octets = packets.split(packet.octets)
                    mark = packet.at_us, header.up, len(octets)
                    marks.setdefault(header.name, {})[mark] = packet.offset
        except ProtocolError:
            pass  # `ami capture decode` says where it is damaged
        return cls(marks)

    def find(self, meter: str, frames: Sequence[Frame]) -> dict[Frame, int]:
        """The offsets of those frames that are there."""
        marks = self.marks.get(meter)
        sent = [frame for frame in frames if frame.fate != "no-route"]
        if not marks or not sent:
            return {}
        wanted = [_mark(frame) for frame in sent]
        first = wanted[0]
        shifts = sorted(
            (at - first[0] for at, up, size in marks if (up, size) == first[1:]), key=abs
        )
        for shift in shifts:
            moved = [(at + shift, up, size) for at, up, size in wanted]
            if all(mark in marks for mark in moved):
                return {frame: marks[mark] for frame, mark in zip(sent, moved, strict=True)}
        return {}


def _mark(frame: Frame) -> _Mark:
    at_us = (frame.at - _EPOCH) // timedelta(microseconds=1)
    return at_us, frame.direction == "up", frame.octets
