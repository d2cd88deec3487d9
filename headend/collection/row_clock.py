"""When a collected row was captured, where its meter's clock is dirty: as at a direct reading.

Rows that need no second look keep the times that they tell; that is nearly all, by the array.  What
is left goes through `protocols.dlms.row_times`.  A time that follows from its neighbours or from a
deviation of the wrong sign is placed there.  Local time under a deviation of 0 looks just like
that of a meter that had no supply for some hours: it is flagged, and stays as it was told.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, tzinfo

import numpy as np

from headend.domain.interval import RowQuality
from protocols.dlms import row_times
from protocols.dlms.flaws import Flaw
from protocols.dlms.profile import Times

_HUNDREDTHS, _HUNDREDTHS_MAX = 8, 99
_CLOCK_BAD = 0x03  # clock status: invalid, doubtful (Blue Book 4.1.6.1)
_AT_ONCE_S = 900.0  # a row newer than its reading by more than this tells of a clock that is ahead
_PLACED = Flaw.DEVIATION_SIGN | Flaw.NO_SUCH_DATE
_DOUBTFUL = (
    Flaw.DEVIATION_IGNORED
    | Flaw.DEVIATION_DOUBTFUL
    | Flaw.HUNDREDTHS_TOO_MANY
    | Flaw.OUT_OF_ORDER
    | Flaw.REPEATED
)


def placed(
    clock: Times, period_s: int, *, read_at: datetime, zone: tzinfo
) -> tuple[list[float], list[RowQuality]]:
    """The POSIX time of each row, not a number where it cannot be known, and what is odd of it."""
    times = clock.filled_utc_s(period_s)
    if not _clean(clock, times, read_at, zone):
        return _looked_at(clock, times.tolist(), period_s, read_at, zone)
    doubtful = (clock.status & _CLOCK_BAD != 0) & clock.present
    flagged = RowQuality.GOOD, RowQuality.CLOCK_DOUBTFUL
    return times.tolist(), [flagged[odd] for odd in doubtful.tolist()]


def _clean(clock: Times, times: np.ndarray, read_at: datetime, zone: tzinfo) -> bool:
    """Whether every row tells a time that can only be meant so."""
    if not len(times):
        return True
    if np.isnan(times).any() or (np.diff(times) <= 0).any():
        return False
    told = clock.octets[clock.present]
    hundredths = told[:, _HUNDREDTHS]
    if ((hundredths > _HUNDREDTHS_MAX) & (hundredths != 0xFF)).any():
        return False
    posix_s = read_at.timestamp()
    deviations = clock.deviation_min[clock.present]
    if not deviations.any():
        # What is local time may pass for UTC; in the zone's hours of difference it fits nowhere.
        offset = zone.utcoffset(read_at.astimezone(zone).replace(tzinfo=None))
        apart_s = abs(offset.total_seconds()) if offset is not None else 0.0
        return not apart_s or abs(posix_s - times[-1]) < apart_s - _AT_ONCE_S
    first, last = float(times[0]), float(times[-1])
    ends = (first, int(deviations[0])), (last, int(deviations[-1]))
    return times[-1] - posix_s <= _AT_ONCE_S and all(
        _as_zone(at, deviation, zone) for at, deviation in ends
    )


def _as_zone(at: float, deviation_min: int, zone: tzinfo) -> bool:
    """Whether a deviation is the zone's at that time."""
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return offset is not None and offset.total_seconds() == -60 * deviation_min


def _looked_at(
    clock: Times, as_told: list[float], period_s: int, read_at: datetime, zone: tzinfo
) -> tuple[list[float], list[RowQuality]]:
    octets = [
        row.tobytes() if there else b""
        for row, there in zip(clock.octets, clock.present.tolist(), strict=True)
    ]
    known = [each for each in clock.local_s[clock.present].tolist() if each == each]
    falls = sum(after < before for before, after in itertools.pairwise(known))
    newest_first = 2 * falls > max(0, len(known) - 1)
    found = row_times.row_times(
        octets, period_s, zone=zone, near=read_at, newest_first=newest_first
    )
    times, qualities = [], []
    for told, each in zip(as_told, found, strict=True):
        ignored = Flaw.DEVIATION_IGNORED in each.flaws and told == told
        value = told if ignored or each.value is None else each.value.timestamp()
        quality = RowQuality.GOOD
        if each.raw and len(each.raw) >= row_times.DATE_TIME_SIZE and each.raw[11] != 0xFF:
            quality |= RowQuality.CLOCK_DOUBTFUL if each.raw[11] & _CLOCK_BAD else quality
        if each.flaws & _PLACED:
            quality |= RowQuality.PLACED
        if each.flaws & _DOUBTFUL:
            quality |= RowQuality.CLOCK_DOUBTFUL
        times.append(value if each.value is not None or told == told else float("nan"))
        qualities.append(quality)
    return times, qualities
