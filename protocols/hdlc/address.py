"""HDLC addresses (Green Book 8.4.2): an octet for a client; one, two or four for a server.

A server's address has an upper part, the logical device, and, in two or four octets, a lower part,
the physical device on a shared line.  The last octet of an address has its lowest bit set.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.errors import ProtocolError

ALL_STATIONS_SHORT = 0x7F
ALL_STATIONS_LONG = 0x3FFF
CALLING_PHYSICAL_SHORT = 0x7E
"""An end of a line that has no address yet may be called by this lower address."""

_SIZES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A logical device, and the physical device that it is in where the line has several."""

    logical: int = 1
    physical: int | None = None
    octets: int = 0
    """Of the address on the line: 1, 2 or 4; 0 takes the shortest that holds both parts."""

    def __post_init__(self) -> None:
        size = self.octets or self._shortest()
        if size not in _SIZES or (size == 1) is not (self.physical is None):
            raise ValueError(f"{self}: one octet for a logical device alone, two or four for both")
        limit = ALL_STATIONS_LONG if size == 4 else ALL_STATIONS_SHORT
        if not 0 <= self.logical <= limit or not 0 <= (self.physical or 0) <= limit:
            raise ValueError(f"{self}: each part of {size} octets is 0 to {limit}")
        object.__setattr__(self, "octets", size)

    def _shortest(self) -> int:
        if self.physical is None:
            return 1
        return 2 if max(self.logical, self.physical) <= ALL_STATIONS_SHORT else 4

    def encode(self) -> bytes:
        """The octets on the line."""
        if self.physical is None:
            return encode_client(self.logical)
        if self.octets == 2:
            return bytes((self.logical << 1, self.physical << 1 | 1))
        upper, lower = self.logical, self.physical
        return bytes(
            (upper >> 7 << 1, (upper & 0x7F) << 1, lower >> 7 << 1, (lower & 0x7F) << 1 | 1)
        )

    @classmethod
    def decode(cls, octets: bytes) -> ServerAddress:
        """The address in exactly these octets.  Raises ProtocolError."""
        parts = [octet >> 1 for octet in octets]
        match parts:
            case [logical]:
                return cls(logical, None, 1)
            case [logical, physical]:
                return cls(logical, physical, 2)
            case [upper, logical, lower, physical]:
                return cls(upper << 7 | logical, lower << 7 | physical, 4)
        raise ProtocolError(0, f"an address of {len(octets)} octets")

    @property
    def broadcast(self) -> bool:
        """Whether every logical device, or every physical one, is meant."""
        everybody = ALL_STATIONS_LONG if self.octets == 4 else ALL_STATIONS_SHORT
        return everybody in (self.logical, self.physical)


def encode_client(client: int) -> bytes:
    """A client's address on the line.  Raises ValueError."""
    if not 0 <= client <= ALL_STATIONS_SHORT:
        raise ValueError(f"client {client}: an HDLC client address has seven bits")
    return bytes((client << 1 | 1,))


def address_size(octets: bytes | bytearray | memoryview, start: int, end: int) -> int:
    """Octets of the address field at `start`: 1, 2 or 4; 0 when none of these ends before `end`."""
    for size in range(1, 5):
        if start + size > end:
            return 0
        if octets[start + size - 1] & 1:
            return size if size in _SIZES else 0
    return 0
