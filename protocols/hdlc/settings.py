"""What one side of an HDLC link brings: sizes, window, times."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.link import SetLine

INFO_DEFAULT = 128
WINDOW_DEFAULT = 1
INFO_MAX = 2030
"""Octets of information in the longest frame of type 3, with 4-octet and 1-octet addresses."""

WINDOW_MAX = 7  # of numbers modulo 8


@dataclass(frozen=True, slots=True)
class HdlcSettings:
    """Sizes in octets, times in seconds.  The link uses the smaller of both sides' sizes."""

    info_receive: int = INFO_DEFAULT
    info_transmit: int = INFO_DEFAULT
    window_receive: int = WINDOW_DEFAULT
    window_transmit: int = WINDOW_DEFAULT
    response_timeout_s: float = 5.0
    """Silence after which the client repeats itself; meters pause up to 4 s between frames."""
    retries: int = 3
    """How often the client repeats itself before the link is down."""
    poll_interval_s: float = 0.3
    """Between two questions of the client when the meter has said that its answer takes time."""
    answer_timeout_s: float = 60.0
    """How long the client goes on asking for an answer that the meter says it is making."""
    inter_octet_timeout_s: float = 1.0
    """A pause within a frame that ends it.  Meters use 25 ms; USB and Bluetooth pause longer."""
    inactivity_timeout_s: float = 120.0
    """Silence after which the server takes the client for gone; 0 for ever (class 23)."""
    line: SetLine | None = None
    """The line's speed, by which frames take their time; None for a line that takes none."""

    def __post_init__(self) -> None:
        for size in (self.info_receive, self.info_transmit):
            if not 1 <= size <= INFO_MAX:
                raise ValueError(f"an information field of {size} octets: 1 to {INFO_MAX}")
        for window in (self.window_receive, self.window_transmit):
            if not 1 <= window <= WINDOW_MAX:
                raise ValueError(f"a window of {window}: 1 to {WINDOW_MAX}")
