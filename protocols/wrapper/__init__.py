"""The wrapper of DLMS over TCP and UDP, version 1 (IEC 62056-47, Green Book 7.3.3).

Eight octets before each APDU: version, source wPort, destination wPort, length.  A client has its
client address as wPort (16 public, 1 management), a server that of the logical device (1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from protocols.errors import ProtocolError

VERSION = 1
HEADER_SIZE = 8
LENGTH_MAX = 0xFFFF
_HEADER = struct.Struct(">HHHH")


@dataclass(frozen=True, slots=True)
class Frame:
    """One APDU and the two ends it travels between."""

    source: int
    destination: int
    apdu: bytes


def encode(source: int, destination: int, apdu: bytes) -> bytes:
    """Raises ValueError when a wPort or the length does not fit 16 bits."""
    if not (0 <= source <= 0xFFFF and 0 <= destination <= 0xFFFF and len(apdu) <= LENGTH_MAX):
        raise ValueError(f"{source} to {destination}, {len(apdu)} octets: does not fit 16 bits")
    return _HEADER.pack(VERSION, source, destination, len(apdu)) + apdu


class Decoder:
    """Octets of one stream to frames, whatever their pieces.

    Offsets of errors count from the stream's first octet.  After an error the stream is of no use:
    there is no mark to find the next frame by, so the connection has to be closed.
    """

    def __init__(self, length_max: int = LENGTH_MAX) -> None:
        self._length_max = length_max
        self._buffer = bytearray()
        self._consumed = 0  # octets of the stream before the buffer's first

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that these octets complete.

        Raises `ProtocolError` for another version or a length above the cap, before the APDU is
        waited for; frames completed by the same octets before the error are in its `frames`.
        """
        self._buffer += octets
        frames: list[Frame] = []
        start = 0
        try:
            while len(self._buffer) - start >= HEADER_SIZE:
                version, source, destination, length = _HEADER.unpack_from(self._buffer, start)
                at = self._consumed + start
                if version != VERSION:
                    raise BrokenStream(at, f"version {version}, not {VERSION}", frames)
                if length > self._length_max:
                    cause = f"{length} octets announced, {self._length_max} allowed"
                    raise BrokenStream(at + 6, cause, frames)
                end = start + HEADER_SIZE + length
                if end > len(self._buffer):
                    break
                apdu = bytes(self._buffer[start + HEADER_SIZE : end])
                frames.append(Frame(source, destination, apdu))
                start = end
        finally:
            del self._buffer[:start]
            self._consumed += start
        return frames

    @property
    def pending(self) -> int:
        """Octets of a frame that is not complete."""
        return len(self._buffer)


class BrokenStream(ProtocolError):
    """A header that is none; `frames` came before it."""

    def __init__(self, offset: int, cause: str, frames: list[Frame]) -> None:
        super().__init__(offset, cause)
        self.frames = frames
