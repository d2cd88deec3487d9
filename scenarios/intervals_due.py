"""Which intervals of the load profiles a run should have brought, and when each came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices.meter.profiles import LOAD_PROFILE
from headend.domain.interval import RowQuality
from scenarios.field import collected_meters
from scenarios.story import Story


@dataclass(frozen=True, slots=True)
class Due:
    """One interval of one meter; times are POSIX seconds."""

    meter: str
    end: float
    came: float | None  # None: it never did


def intervals_due(story: Story) -> Iterator[Due]:
    """Each interval that ended in the run, of each meter that is collected from, in the order of
    time."""
    start = story.scenario.start_utc.timestamp()
    meters = collected_meters(story.scenario)
    if not meters:
        return
    came = {
        (page.meter, row.at): float(row.came)
        for page in story.pages
        if page.profile == str(LOAD_PROFILE)
        for row in page.rows
        if not row.quality & (RowQuality.CHANGED | RowQuality.OFF_PERIOD)
    }
    period_s = story.world.meter(meters[0]).type.capture_period_s
    first, last = (int(at // period_s) for at in (start, start + story.simulated_s))
    for number in range(first + 1, last + 1):
        for meter in meters:
            end = number * period_s
            yield Due(meter, float(end), came.get((meter, end)))
