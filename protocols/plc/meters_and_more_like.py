"""Timing of a Meters-and-More-like line: single-carrier PSK, polled by one master over repeaters.

Its specification is not public; this is like it in timing and no more, and conformance is not
claimed.  Sources: docs/models.md.
"""

from __future__ import annotations

RATE_BPS = 4_800
RATE_OLDER_BPS = 2_400
OVERHEAD_OCTETS = 22
LSDU_OCTETS_MAX = 128
REPEATERS_MAX = 8
SLOT_US = 250_000  # that a poller waits for an answer: the time of the longest frame
ELABORATION_US = 20_000  # of each module that passes a frame on, and of the one that answers


def airtime_us(octets: int, rate_bps: int = RATE_BPS) -> int:
    """Microseconds on the line of an LSDU of so many octets.

    Raises ValueError where it is empty or longer than 128.
    """
    if not 0 < octets <= LSDU_OCTETS_MAX:
        raise ValueError(f"an LSDU of {octets} octets; it has 1 to {LSDU_OCTETS_MAX}")
    return -(-(octets + OVERHEAD_OCTETS) * 8 * 1_000_000 // rate_bps)


def read_us(
    request_octets: int, answer_octets: int, repeaters: int, rate_bps: int = RATE_BPS
) -> int:
    """One read: (k + 1)(T_request + T_answer) + 2 k * 20 ms + the meter's elaboration."""
    if not 0 <= repeaters <= REPEATERS_MAX:
        raise ValueError(f"{repeaters} repeaters; a route has 0 to {REPEATERS_MAX}")
    on_air = airtime_us(request_octets, rate_bps) + airtime_us(answer_octets, rate_bps)
    return (repeaters + 1) * on_air + (2 * repeaters + 1) * ELABORATION_US
