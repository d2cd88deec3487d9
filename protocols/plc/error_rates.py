"""Frame error rates of the power-line link, from stored tables, in whole numbers.

A rate is an integer out of 2**32: a frame is lost when 32 random bits, read as an integer, are less
than it.  Between the table's points it is interpolated in integers too.  So the fate of a frame is
the same on every machine, while `exp` and `log10` are not.

`tools/fer_table.py` makes the tables, one for each noise; a table says with which command and seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise

import msgspec

from protocols.plc.noise import CLEAN, Noise
from protocols.plc.physical import DBPSK_FEC, HEADER_BITS, SCHEMES, Scheme

ONE = 1 << 32  # the rate of a link that loses every frame
FOUND_MAX = 100_000  # rates remembered: every frame of every simulated link asks for two


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    snr_cdb: int  # a multiple of the table's step apart from the next; rows may be skipped
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

    @property
    def last_snr_cdb(self) -> int:
        """The ratio of the last row."""
        return self.first_snr_cdb + (len(self.lost) - 1) * self.step_cdb

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


@dataclass(frozen=True, slots=True)
class DetectedFrameErrorRates:
    """The rate at which whole frames are lost: the header unread, or the payload damaged.

    The header is two symbols of DBPSK with the code, whatever the payload; without it a frame is
    not detected at all.  Both have symbols of their own, so that their noise counts as independent.
    """

    payload: FrameErrorRates
    header: FrameErrorRates
    _found: dict[tuple[int, int], int] = field(default_factory=dict, compare=False, repr=False)

    def lost_of_2_32(self, snr_cdb: int, octets: int) -> int:
        """The rate for a frame with a payload of so many octets, 0 to 2**32."""
        found = self._found.get((snr_cdb, octets))
        if found is None:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            found = self._found[snr_cdb, octets] = self._lost_of_2_32(snr_cdb, octets)
        return found

    def _lost_of_2_32(self, snr_cdb: int, octets: int) -> int:
        unread = self.header.lost_of_2_32(snr_cdb, HEADER_BITS)
        damaged = self.payload.lost_of_2_32(snr_cdb, octets * 8)
        return ONE - (ONE - unread) * (ONE - damaged) // ONE


@cache
def _table(noise: str) -> _Table:
    stored = files("protocols.plc").joinpath(f"frame_errors_{noise}.json").read_bytes()
    return msgspec.json.decode(stored, type=_Table)


@cache
def detected_frame_error_rates(scheme: Scheme, noise: Noise = CLEAN) -> DetectedFrameErrorRates:
    """The stored rates of a scheme and of the header before it."""
    return DetectedFrameErrorRates(
        frame_error_rates(scheme, noise), frame_error_rates(DBPSK_FEC, noise)
    )


@cache
def frame_error_rates(scheme: Scheme, noise: Noise = CLEAN) -> FrameErrorRates:
    """The stored rates of a scheme's payloads in one of `noise.NOISES`.

    Raises FileNotFoundError for a noise that no table was made for.
    """
    table = _table(noise.name)
    rows = table.curves[scheme.name]
    return FrameErrorRates(
        scheme=SCHEMES[scheme.name],
        first_snr_cdb=rows[0].snr_cdb,
        step_cdb=table.step_cdb,
        frame_bits=table.frame_bits,
        lost=tuple(_every_step(rows, table.step_cdb)),
    )


def _every_step(rows: tuple[_Row, ...], step_cdb: int) -> Iterator[tuple[int, ...]]:
    """The rows and, on the straight lines between them, those that the table leaves out."""
    for row, after in pairwise(rows):
        width = after.snr_cdb - row.snr_cdb
        for beyond in range(0, width, step_cdb):
            yield tuple(
                low + (high - low) * beyond // width
                for low, high in zip(row.lost_of_2_32, after.lost_of_2_32, strict=True)
            )
    yield rows[-1].lost_of_2_32
