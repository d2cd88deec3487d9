"""Block transfer: one encoded value or list, cut into numbered blocks and joined again.

Source: Green Book 9.3.6 to 9.3.8 (service-specific block transfer).  Blocks count from 1.
"""

from __future__ import annotations

from protocols.dlms.events import Refused, Violation
from protocols.dlms.set import DataBlock


class Outgoing:
    """Octets that leave in blocks."""

    __slots__ = ("_offset", "_raw", "number")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._offset = 0
        self.number = 0  # of the block sent last

    def next(self, room: int) -> DataBlock:
        """The next block, with at most `room` octets of the value."""
        start, end = self._offset, self._offset + room
        self._offset, self.number = end, self.number + 1
        return DataBlock(end >= len(self._raw), self.number, self._raw[start:end])


class Incoming:
    """Octets that arrive in blocks."""

    __slots__ = ("_parts", "_size", "_size_max", "number")

    def __init__(self, size_max: int) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._size_max = size_max
        self.number = 0  # of the block taken last

    def take(self, block: DataBlock) -> None:
        """Raises Refused, and takes nothing, when the block is not the next or is too much."""
        if block.block_number != self.number + 1:
            cause = f"block {block.block_number} where {self.number + 1} was due"
            raise Refused(Violation.WRONG_BLOCK, cause)
        if self._size + len(block.raw) > self._size_max:
            raise Refused(Violation.TOO_LONG, f"more than {self._size_max} octets in blocks")
        self.number += 1
        self._size += len(block.raw)
        self._parts.append(block.raw)

    def joined(self) -> bytes:
        """What all blocks hold."""
        return b"".join(self._parts)
