"""General block transfer: any APDU cut into numbered blocks, in windows, and joined again.

An APDU is protected whole and then cut; the blocks themselves are never ciphered.  Each side counts
its blocks from 1 within one exchange (a request and its response), those that only acknowledge
included, and says in each how many it can take before it answers (`window`) and which was the last
that it has without a gap (`acknowledged`).  A block with `streaming` is followed by another; one
without is answered, by data or by an acknowledgement.  What an acknowledgement does not reach is
sent again.  A window of 0 is that of unconfirmed services: no block is acknowledged.

Source: Green Book 9.3.5 (parameters), 9.4.6.13 (protocol of the general block transfer mechanism),
IEC 62056-5-3 clause 8.2 (General-Block-Transfer).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.events import Refused, Violation
from protocols.errors import LocalProtocolError

WINDOW_MAX = 63
NUMBER_MAX = 0xFFFF
_LAST, _STREAMING = 0x80, 0x40
_HEAD = struct.Struct(">BBHH")


class GeneralBlock(msgspec.Struct, frozen=True):
    """A General-Block-Transfer APDU."""

    last_block: bool
    streaming: bool
    window: int  # blocks that its sender can take
    number: int
    acknowledged: int
    data: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.window <= WINDOW_MAX:
            raise ValueError(f"a window of {self.window} does not fit")
        if not 0 <= self.number <= NUMBER_MAX or not 0 <= self.acknowledged <= NUMBER_MAX:
            raise ValueError(f"block {self.number} after {self.acknowledged} does not fit")

    def encode(self) -> bytes:
        control = self.window
        if self.last_block:
            control |= _LAST
        if self.streaming:
            control |= _STREAMING
        head = _HEAD.pack(0xE0, control, self.number, self.acknowledged)
        return head + axdr.encode_octets(self.data)


def read(reader: Reader) -> GeneralBlock:
    """What follows the tag E0."""
    control, number, acknowledged = reader.u8(), reader.u16(), reader.u16()
    return GeneralBlock(
        bool(control & _LAST),
        bool(control & _STREAMING),
        control & WINDOW_MAX,
        number,
        acknowledged,
        reader.octet_string(),
    )


def data_size(pdu_size: int) -> int:
    """Octets of data that a block of `pdu_size` octets holds."""
    room = pdu_size - _HEAD.size
    return next(room - size for size, most in ((1, 0x80), (2, 0x101), (3, 0xFFFF)) if room <= most)


@dataclass(slots=True)
class Exchange:
    """One side of a request and its response in blocks.

    `asks` is the client's side: what it says after its request only acknowledges.
    """

    asks: bool
    window: int  # blocks that we take before we answer
    size_max: int  # octets of one APDU joined
    _peer_window: int = 1
    _peer_says: int = 1  # the window in its latest block
    _said: int = 0  # number of our latest block
    _raw: bytes = b""  # what leaves
    _data_size: int = 1
    _first: int = 1  # number of the block that begins what leaves
    _last: int = 0  # number of the block that ends it
    _reached: int = 0  # the latest of ours that the peer has, without a gap
    _due: int = 1  # number of the block that comes next
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _early: dict[int, GeneralBlock] = field(default_factory=dict)  # after a gap
    complete: bool = False  # what arrives has arrived whole

    @property
    def without_window(self) -> bool:
        """Whether the peer is sending to us and says no window, as notifications do."""
        return self.receiving and self._peer_says == 0

    @property
    def receiving(self) -> bool:
        """Whether a part of an APDU is here, and not all of it."""
        return bool(self._parts or self._early) and not self.complete

    def replaced_by(self, block: GeneralBlock) -> bool:
        """Whether a block from the client begins another exchange."""
        if block.number != 1 or not block.data:
            return False
        return not self.receiving or bool(self._parts) and self._parts[0] != block.data

    @property
    def unsent(self) -> bool:
        """Whether the peer has not yet acknowledged all that leaves."""
        return self._reached < self._last

    def send(self, raw: bytes, size: int) -> list[GeneralBlock]:
        """Begin to send an APDU in blocks of `size` octets: the first window of them.

        Raises LocalProtocolError when it has more blocks than can be numbered.
        """
        blocks = -(-len(raw) // size) if size > 0 else NUMBER_MAX
        if self._said + blocks > NUMBER_MAX:
            raise LocalProtocolError(f"{len(raw)} octets are too many blocks of {size}")
        self._raw, self._data_size = raw, size
        self._first, self._last = self._said + 1, self._said + blocks
        return self._window_after(self._reached)

    def _window_after(self, reached: int) -> list[GeneralBlock]:
        """The blocks after one that the peer has, as many as it takes."""
        end = min(self._last, reached + self._peer_window)
        self._said = max(self._said, end)
        return [self._block(number, number < end) for number in range(reached + 1, end + 1)]

    def _block(self, number: int, streaming: bool) -> GeneralBlock:
        """One that begins before the data was an acknowledgement, which was lost: it is empty."""
        start = (number - self._first) * self._data_size
        data = self._raw[start : start + self._data_size] if start >= 0 else b""
        last = number == self._last
        return GeneralBlock(last, streaming, self.window, number, self._due - 1, data)

    def _acknowledgement(self) -> GeneralBlock:
        gap = min(self._early) - self._due if self._early else 0
        window = min(gap, self.window) or self.window
        return GeneralBlock(self.asks, False, window, self._said, self._due - 1, b"")

    def take(self, block: GeneralBlock) -> tuple[list[GeneralBlock], bytes | None]:
        """Take a block: what to answer, and the APDU once it is whole.

        Raises Refused for an acknowledgement of what was never sent, and for too many octets.
        """
        if block.acknowledged > self._said:
            cause = f"block {block.acknowledged} acknowledged, {self._said} sent"
            raise Refused(Violation.WRONG_BLOCK, cause)
        self._peer_says, self._peer_window = block.window, block.window or 1
        self._reached = max(self._reached, block.acknowledged)
        if self.complete:
            whole = None
        else:
            self._keep(block)
            whole = self._joined()
        if whole is not None or block.streaming:
            return [], whole
        if self.unsent:
            return self._window_after(block.acknowledged), None
        if self.complete or not (block.data or self._early):
            return [], None
        if self._said == NUMBER_MAX:
            raise Refused(Violation.TOO_LONG, "more blocks than can be numbered")
        self._said += 1
        return [self._acknowledgement()], None

    def _keep(self, block: GeneralBlock) -> None:
        number, held = block.number, len(self._early)
        if number == self._due:
            self._append(block)
            while not self.complete and (following := self._early.pop(self._due, None)):
                self._append(following)
        elif self._due < number <= self._due + WINDOW_MAX and block.data and held < WINDOW_MAX:
            self._early[number] = block

    def _append(self, block: GeneralBlock) -> None:
        self._size += len(block.data)
        if self._size > self.size_max:
            raise Refused(Violation.TOO_LONG, f"more than {self.size_max} octets in blocks")
        self._due += 1
        if block.data:
            self._parts.append(block.data)
        self.complete = block.last_block and bool(self._parts)

    def _joined(self) -> bytes | None:
        return b"".join(self._parts) if self.complete else None

    def again(self) -> list[GeneralBlock]:
        """What to say once more when no answer came; nothing when the peer never sent a block."""
        if self.unsent:
            return self._window_after(self._reached)
        if self.complete or self._due == 1 and not self._last:
            return []
        return [self._acknowledgement()]


@dataclass(slots=True)
class Unconfirmed:
    """Blocks of a notification: nothing is answered, and a gap loses all of it."""

    size_max: int
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0

    def take(self, block: GeneralBlock) -> bytes | None:
        """The APDU once it is whole.  Raises Refused and forgets it when a block is missing."""
        due = len(self._parts) + 1
        if block.number == 1:
            self._parts, self._size, due = [], 0, 1
        self._size += len(block.data)
        if block.number != due or self._size > self.size_max:
            self._parts, self._size = [], 0
            if block.number != due:
                cause = f"block {block.number} of a notification where {due} was due"
                raise Refused(Violation.WRONG_BLOCK, cause)
            raise Refused(Violation.TOO_LONG, f"more than {self.size_max} octets in blocks")
        self._parts.append(block.data)
        if not block.last_block:
            return None
        whole, self._parts, self._size = b"".join(self._parts), [], 0
        return whole


def unconfirmed(raw: bytes, size: int) -> list[GeneralBlock]:
    """All blocks of a notification.  Raises LocalProtocolError when they cannot be numbered."""
    count = -(-len(raw) // size) if size > 0 else NUMBER_MAX + 1
    if count > NUMBER_MAX:
        raise LocalProtocolError(f"{len(raw)} octets are too many blocks of {size}")
    return [
        GeneralBlock(number == count, number < count, 0, number, 0, raw[start : start + size])
        for number, start in enumerate(range(0, len(raw), size), start=1)
    ]
