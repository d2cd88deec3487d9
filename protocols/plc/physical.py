"""The physical layer of the power-line link: its schemes and how long a frame is on the air.

PRIME 1.3 (ITU-T G.9904): OFDM in CENELEC A, 42-89 kHz, 96 data subcarriers, differential PSK along
the subcarriers, and optionally a convolutional code of rate 1/2.  A frame is a preamble, a header
of two symbols and a payload of whole symbols.  Times are whole microseconds: they are exact, and
comparing or adding them gives the same result on any machine.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property

PREAMBLE_US = 2_048  # PRIME 1.3
HEADER_US = 4_480  # two symbols, always DBPSK with the code
HEADER_BITS = 78  # and six tail bits, in two symbols of 84 subcarriers (from memory)
SYMBOL_US = 2_240
DATA_SUBCARRIERS = 96
PAYLOAD_SYMBOLS_MAX = 63  # the header counts payload symbols in six bits (from memory)


class Modulation(enum.Enum):
    """Differential PSK; the value is the number of bits that one subcarrier carries."""

    DBPSK = 1
    DQPSK = 2
    D8PSK = 3

    @property
    def phases(self) -> int:
        """How many phase increments the modulation has."""
        return 1 << self.value


@dataclass(frozen=True)  # no slots: what follows from the fields is worked out once
class Scheme:
    """How payload bits become symbols.  Its name is the one that the tables use."""

    modulation: Modulation
    fec: bool

    @property
    def name(self) -> str:
        """Such as `dbpsk` or `dbpsk+fec`."""
        return self.modulation.name.lower() + ("+fec" if self.fec else "")

    @cached_property
    def bits_per_symbol(self) -> int:
        """Payload bits in one OFDM symbol: 48, 96, 144 with the code, twice that without."""
        coded = DATA_SUBCARRIERS * self.modulation.value
        return coded // 2 if self.fec else coded


DBPSK_FEC = Scheme(Modulation.DBPSK, fec=True)
DQPSK_FEC = Scheme(Modulation.DQPSK, fec=True)
D8PSK_FEC = Scheme(Modulation.D8PSK, fec=True)
DBPSK = Scheme(Modulation.DBPSK, fec=False)
DQPSK = Scheme(Modulation.DQPSK, fec=False)
D8PSK = Scheme(Modulation.D8PSK, fec=False)

SCHEMES = {scheme.name: scheme for scheme in (DBPSK_FEC, DQPSK_FEC, D8PSK_FEC, DBPSK, DQPSK, D8PSK)}


def airtime_us(octets: int, scheme: Scheme) -> int:
    """Microseconds that a frame with this payload occupies the line.

    Raises ValueError where the payload is empty or does not fit one frame in this scheme.
    """
    symbols = -(-octets * 8 // scheme.bits_per_symbol)
    if not 0 < symbols <= PAYLOAD_SYMBOLS_MAX:
        raise ValueError(
            f"{octets} octets are {symbols} symbols of {scheme.name}; "
            f"a frame has 1 to {PAYLOAD_SYMBOLS_MAX}"
        )
    return PREAMBLE_US + HEADER_US + symbols * SYMBOL_US
