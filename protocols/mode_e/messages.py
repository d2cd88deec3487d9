"""The messages of a sign-on (IEC 62056-21, 6.3.2): request, identification, acknowledgement.

Octets come with their parity bit where a line is read without checking it; so it is taken off.
Between and before messages anything may stand: an echo, a wake-up, noise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocols.link import Identified

CRLF = b"\r\n"
ACK = 0x06
HDLC_PROTOCOL = "2"  # V, protocol control character
BINARY_MODE = "2"  # Y, mode control character
ADDRESS_MAX = 32

BAUD_OF_CODE = {
    "0": 300,
    "1": 600,
    "2": 1200,
    "3": 2400,
    "4": 4800,
    "5": 9600,
    "6": 19200,
}
"""Z of modes C and E (6.3.14, item 13c)."""

_REQUEST = re.compile(rb"/\?([0-9A-Za-z ]{0,32})!\r\n")
_IDENTIFICATION = re.compile(
    rb"/(?P<manufacturer>[A-Za-z]{3})(?P<baud>[ -.0-\[\]-~])(?P<escapes>(?:\\[!-~])*)"
    rb"(?P<text>[ -~]{0,32})\r?\n"
)
_ACKNOWLEDGEMENT = re.compile(rb"\x06([0-9])([0-9A-I])([0-9A-Z])\r\n")
_READOUT = re.compile(rb"\x02[\r\n -~]*\([ -'*-~]*\)")
_STRIPPED = bytes(octet & 0x7F for octet in range(256))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the client chose: protocol V, speed Z, mode Y."""

    protocol: str
    baud_code: str
    mode: str

    @property
    def binary(self) -> bool:
        """Whether HDLC follows."""
        return (self.protocol, self.mode) == (HDLC_PROTOCOL, BINARY_MODE)

    @property
    def readout(self) -> bool:
        """Whether the meter is to read itself out."""
        return (self.protocol, self.mode) == ("0", "0")


def without_parity(octets: bytes) -> bytes:
    """The seven data bits of each octet."""
    return octets.translate(_STRIPPED)


def request(device_address: str = "") -> bytes:
    """Who is there, or, with an address, are you.  Raises ValueError."""
    octets = b"/?" + device_address.encode("ascii", "replace") + b"!" + CRLF
    if not _REQUEST.fullmatch(octets):
        raise ValueError(f"{device_address!r}: 0 to {ADDRESS_MAX} digits, letters and spaces")
    return octets


def find_request(octets: bytes) -> str | None:
    """The device address that is asked for, "" for whoever hears."""
    found = _REQUEST.search(octets)
    return found[1].decode("ascii") if found else None


def same_address(asked: str, own: str) -> bool:
    """Whether a meter is meant; leading zeros do not count (6.3.14, item 22), so an address of
    zeros alone is none, and every meter is meant."""
    wanted = asked.lstrip("0")
    return not wanted or wanted == own.lstrip("0")


def identification(manufacturer: str, baud_code: str, text: str, *, mode_e: bool = True) -> bytes:
    """What a meter answers.  Raises ValueError."""
    octets = f"/{manufacturer}{baud_code}{chr(92) + BINARY_MODE if mode_e else ''}{text}".encode()
    if not _IDENTIFICATION.fullmatch(octets + CRLF):
        raise ValueError(f"{octets!r} is no identification")
    return octets + CRLF


def find_identification(octets: bytes) -> Identified | None:
    """The first identification among these octets."""
    found = _IDENTIFICATION.search(octets)
    if found is None:
        return None
    code = found["baud"].decode("ascii")
    return Identified(
        manufacturer=found["manufacturer"].decode("ascii"),
        identification=found["text"].decode("ascii"),
        baud_code=code,
        baud=BAUD_OF_CODE.get(code, 300),
        mode_e=b"\\2" in found["escapes"],
        raw=found[0],
    )


def acknowledgement(baud_code: str) -> bytes:
    """Let us speak HDLC at this speed."""
    chosen = f"{HDLC_PROTOCOL}{baud_code}{BINARY_MODE}"
    return bytes((ACK,)) + chosen.encode("ascii") + CRLF


def readout_choice(baud_code: str) -> bytes:
    """Read yourself out at this speed."""
    return bytes((ACK,)) + f"0{baud_code}0".encode("ascii") + CRLF


def find_acknowledgement(octets: bytes) -> Acknowledgement | None:
    """The first acknowledgement among these octets."""
    found = _ACKNOWLEDGEMENT.search(octets)
    if found is None:
        return None
    protocol, baud_code, mode = (part.decode("ascii") for part in found.groups())
    return Acknowledgement(protocol, baud_code, mode)


def is_readout(octets: bytes) -> bool:
    """Whether a meter reads its registers out in clear text, as in modes A to C."""
    return _READOUT.search(octets) is not None
