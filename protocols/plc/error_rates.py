"""Frame error rates of the power-line link, from stored tables, in whole numbers.

A rate is an integer out of 2**32: a frame is lost when 32 random bits, read as an integer, are less
than it.  Between the table's points it is interpolated in integers too.  So the fate of a frame is
the same on every machine, while `exp` and `log10` are not.

`tools/fer_table.py` makes the table; the table says with which command and seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from protocols.plc.physical import SCHEMES, Scheme

ONE = 1 << 32  # the rate of a link that loses every frame


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    snr_cdb: int
    bit_error_rate: str
    lost_of_2_32: tuple[int, ...]
    frames: tuple[int, ...] = ()  # sent to measure each rate; empty for a closed form


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    seed: int
    numpy: str
    noise: str
    step_cdb: int
    frame_bits: tuple[int, ...]
    curves: dict[str, tuple[_Row, ...]]


@dataclass(frozen=True, slots=True)
class FrameErrorRates:
    """The frame error rate of one scheme over signal-to-noise ratio and frame length.

    Rows rise by `step_cdb` from `first_snr_cdb`; columns are `frame_bits`.
    """

    scheme: Scheme
    first_snr_cdb: int
    step_cdb: int
    frame_bits: tuple[int, ...]
    lost: tuple[tuple[int, ...], ...]
    bit_error_rates: tuple[str, ...]  # decimal text, after decoding where the scheme has the code
    frames: tuple[tuple[int, ...], ...]  # how many frames each rate was measured with

    def lost_of_2_32(self, snr_cdb: int, bits: int) -> int:
        """The rate for a ratio per subcarrier in hundredths of a decibel, 0 to 2**32.

        Below the table every frame is lost; above it its last row holds, where none was.  A frame
        shorter than the table's shortest lies on the line from a frame of no bits, which is never
        lost.  Raises ValueError for a frame longer than the longest.
        """
        offset = snr_cdb - self.first_snr_cdb
        if offset < 0:
            return ONE
        row, beyond = divmod(offset, self.step_cdb)
        if row >= len(self.lost) - 1:
            return self._of_length(self.lost[-1], bits)
        low = self._of_length(self.lost[row], bits)
        high = self._of_length(self.lost[row + 1], bits)
        return low + (high - low) * beyond // self.step_cdb

    def _of_length(self, lost: tuple[int, ...], bits: int) -> int:
        if bits < 1:
            raise ValueError(f"a frame of {bits} bits")
        shorter, rate_shorter = 0, 0
        for length, rate in zip(self.frame_bits, lost, strict=True):
            if bits <= length:
                return rate_shorter + (rate - rate_shorter) * (bits - shorter) // (length - shorter)
            shorter, rate_shorter = length, rate
        raise ValueError(f"a frame of {bits} bits; the table ends at {shorter}")


@cache
def _table() -> _Table:
    stored = files("protocols.plc").joinpath("frame_errors_awgn.json").read_bytes()
    return msgspec.json.decode(stored, type=_Table)


@cache
def frame_error_rates(scheme: Scheme) -> FrameErrorRates:
    """The stored rates of a scheme in white Gaussian noise."""
    table = _table()
    rows = table.curves[scheme.name]
    return FrameErrorRates(
        scheme=SCHEMES[scheme.name],
        first_snr_cdb=rows[0].snr_cdb,
        step_cdb=table.step_cdb,
        frame_bits=table.frame_bits,
        lost=tuple(row.lost_of_2_32 for row in rows),
        bit_error_rates=tuple(row.bit_error_rate for row in rows),
        frames=tuple(row.frames for row in rows),
    )
