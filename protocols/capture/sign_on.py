"""The lines of a mode E sign-on in a capture (IEC 62056-21, 6.3.2): request, identification,
acknowledgement, each as what it is.

On the line each octet carries seven data bits and a parity bit, which is taken off before anything
is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocols.mode_e import messages

LINE_MAX = 80  # octets; an identification has 22 and, of tolerant makers, some more
_BEGINS = frozenset(b"/\x06")
_END = 0x0A


@dataclass(frozen=True, slots=True)
class SignOn:
    """One line, in words and by its parts."""

    kind: str  # request, identification, acknowledgement
    words: str
    facts: dict[str, object]


def read(octets: bytes) -> SignOn | None:
    """The line that these octets are; None for anything else, such as noise."""
    plain = messages.without_parity(octets)
    if (address := messages.find_request(plain)) is not None:
        whom = f"to {address}" if address else "to whoever hears"
        return _line("request", whom, {"address": address})
    if (choice := messages.find_acknowledgement(plain)) is not None:
        baud = messages.BAUD_OF_CODE.get(choice.baud_code)
        what = "HDLC" if choice.binary else "readout" if choice.readout else "programming"
        speed = f" at {baud} Bd" if baud else ""
        parts = {
            "protocol": choice.protocol,
            "baud_code": choice.baud_code,
            "mode": choice.mode,
            "baud": baud,
        }
        return _line("acknowledgement", f"{what}{speed}", parts)
    if (found := messages.find_identification(plain)) is not None:
        speaks = "speaks HDLC" if found.mode_e else "no mode E offered"
        words = f"{found.manufacturer} {found.identification!r}, {found.baud} Bd, {speaks}"
        parts = {
            "manufacturer": found.manufacturer,
            "identification": found.identification,
            "baud_code": found.baud_code,
            "baud": found.baud,
            "offers_mode_e": found.mode_e,
        }
        return _line("identification", words, parts)
    return None


def _line(kind: str, words: str, parts: Mapping[str, object]) -> SignOn:
    return SignOn(kind, f"mode E {kind}: {words}", {"mode_e": kind, **parts})


def goes_on(octets: bytes) -> bool:
    """Whether these are the begin of a line whose end is still to come."""
    plain = messages.without_parity(octets)
    return bool(plain) and plain[0] in _BEGINS and _END not in plain and len(plain) < LINE_MAX
