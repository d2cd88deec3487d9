"""What the client brings to a sign-on, and the times of the line."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.link import Parity, SetLine

SIGN_ON_LINE = SetLine(300, 7, Parity.EVEN)

BAUD_OF_CODE = {
    "0": 300,
    "1": 600,
    "2": 1200,
    "3": 2400,
    "4": 4800,
    "5": 9600,
    "6": 19200,
}
"""Z of modes C and E (IEC 62056-21, 6.3.14, item 13c)."""


@dataclass(frozen=True, slots=True)
class ModeESettings:
    """Times in seconds."""

    device_address: str = ""
    """Of a meter that shares its line; without one, whoever hears answers."""
    baud_max: int = 19200
    """The highest speed that our probe manages; the meter's own proposal where that is lower."""
    identification_timeout_s: float = 2.5
    """After the request has left.  The meter's reaction time is 200 to 1500 ms (6.3.14, tr)."""
    retries: int = 2
    """How often the request is repeated, without an answer, before the fallback."""
    reaction_s: float = 0.3
    """Between what the meter said and what we say next: 200 to 1500 ms (6.3.14)."""
    confirmation_timeout_s: float = 1.5
    """After the change of speed: how long the meter's confirmation is waited for.  Many meters
    say nothing and wait for the first frame."""
    fallback: SetLine | None = SetLine(9600)
    """How to speak HDLC at once to a meter that does not identify itself; None: do not."""
