"""The noise floor by the hour of the day.

People are at home in the evening and so are their switched-mode supplies.  The steps are an
assumption (docs/models.md); a scenario may bring a profile of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

QUARTER_S = 900
"""Clocks differ from UTC by whole quarter hours, so no hour begins within one."""


@dataclass(frozen=True, slots=True)
class NoiseProfile:
    """Noise above the night's floor, hundredths of a decibel, for each hour of the local day."""

    above_night_cdb: tuple[int, ...]
    zone: ZoneInfo
    _found: dict[int, int] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.above_night_cdb) != 24:
            raise ValueError(f"a day of {len(self.above_night_cdb)} hours")

    def at(self, now: float) -> int:
        """Noise above the night's floor at this POSIX time."""
        quarter = int(now // QUARTER_S)
        found = self._found.get(quarter)
        if found is None:
            hour = datetime.fromtimestamp(quarter * QUARTER_S, self.zone).hour
            found = self._found[quarter] = self.above_night_cdb[hour]
        return found


_NIGHT, _DAY, _EVENING = 0, 300, 600


def residential(zone: ZoneInfo) -> NoiseProfile:
    """Night 23-07 h +0 dB, day 07-18 h +3 dB, evening 18-23 h +6 dB: an assumption."""
    hours = (_NIGHT,) * 7 + (_DAY,) * 11 + (_EVENING,) * 5 + (_NIGHT,)
    return NoiseProfile(hours, zone)
