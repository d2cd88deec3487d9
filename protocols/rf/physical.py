"""The physical layer of the radio link: bands, rates, sensitivities, and how long a frame takes.

After EN 13757-4, 2-FSK: narrow channels of 12.5 kHz at 169 MHz (2.4 and 4.8 kbit/s, as its mode N
has them), wide ones at 868 MHz (50, 100, 150 kbit/s).  Wireless-M-Bus-like and no more: frames and
access are ours, conformance is not claimed.  Times are whole microseconds, powers whole hundredths
of a dBm.
"""

from __future__ import annotations

from dataclasses import dataclass

OVERHEAD_OCTETS = 12
"""On the air around a frame's payload: preamble, synchronization word, length, CRC.  So 64 octets
take 127 ms at 4.8 kbit/s and 12.2 ms at 50 kbit/s."""

FRAMING_OCTETS = 3
"""Of these, the ones that `frames.encode` writes: the length and the CRC."""

PAYLOAD_OCTETS_MAX = 255  # the length field is one octet


@dataclass(frozen=True, slots=True)
class Mode:
    """A band with a rate: what both ends of a radio link are set to."""

    name: str
    mhz: int
    bits_per_s: int
    power_max_cdbm: int  # what may be radiated
    sensitivity_cdbm: int  # the weakest signal that is received; see docs/models.md


MODES = {
    mode.name: mode
    for mode in (
        Mode("169-2.4k", 169, 2_400, 2_700, -11_800),
        Mode("169-4.8k", 169, 4_800, 2_700, -11_500),
        Mode("868-50k", 868, 50_000, 1_400, -10_160),
        Mode("868-100k", 868, 100_000, 1_400, -10_100),
        Mode("868-150k", 868, 150_000, 1_400, -9_900),
    )
}
"""The modes by name."""


def airtime_us(octets: int, mode: Mode) -> int:
    """Microseconds that a frame with so many octets of payload occupies the channel, rounded up.

    Raises ValueError where the payload is empty or does not fit one frame.
    """
    if not 0 < octets <= PAYLOAD_OCTETS_MAX:
        raise ValueError(f"{octets} octets; a frame has 1 to {PAYLOAD_OCTETS_MAX}")
    return -(-(octets + OVERHEAD_OCTETS) * 8 * 1_000_000 // mode.bits_per_s)
