"""What the client brings to a sign-on: times in seconds, speeds in Bd."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.link import Parity, SetLine

SIGN_ON_LINE = SetLine(300, 7, Parity.EVEN)

REACTION_MIN_S = 0.2
"""tr: nobody answers sooner (6.3.14), and nobody listens sooner."""

FAST_REACTION_MIN_S = 0.02
"""The same of meters whose manufacturer's third letter is small."""

REACTION_MAX_S = 1.5
"""tr: nobody answers later; also ta, the longest pause within a message."""


@dataclass(frozen=True, slots=True)
class ModeESettings:
    """See the module."""

    device_address: str = ""
    """Of a meter that shares its line; without one, whoever hears answers."""
    baud_max: int = 19200
    """The highest speed that the probe manages; a meter that names a higher stays at 300."""
    identification_timeout_s: float = 2.5
    """After the request has left: the meter's reaction, and the first octets of its answer."""
    retries: int = 2
    """How often the request is repeated, without an answer, before the fallback."""
    margin_s: float = 0.05
    """Beyond the least reaction time, for probes whose drivers are late."""
    switch_after_s: float = 0.05
    """Between the last octet of the acknowledgement and the change of speed."""
    confirmation_timeout_s: float = REACTION_MAX_S
    """After the change of speed: how long the meter's confirmation is waited for.  Many meters
    say nothing and wait for the first frame."""
    rest_s: float = 0.3
    """After a link is down, before the next request: the meter has to get back to its sign-on."""
    fallback: SetLine | None = SetLine(9600)
    """How to speak HDLC at once to a meter that does not identify itself; None: do not."""
