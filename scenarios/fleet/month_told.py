"""What came of a month, from the head-end's database and the meters' truth."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from devices.outages import USUAL
from headend.app.fleet import course_of, intervals_between
from headend.app.head_end import SqlStore
from scenarios.fleet.city import City
from scenarios.fleet.district import CHANNELS, District

Integers = npt.NDArray[np.int64]


class Month(msgspec.Struct, frozen=True):
    """What came of it."""

    meters: int
    concentrators: int
    days: int
    intervals_expected: int
    """Of all meters, the silent ones too."""
    meters_silent: int
    """For months, by the fault model: nobody hears them at all."""
    intervals_expected_of_the_others: int
    intervals_received: int
    intervals_identical: int
    """Stored, read back, and equal to what the meter measured in every channel."""
    complete_percent: float
    complete_of_the_others_percent: float
    within_a_day_percent: float
    """Of those expected of the others: here within 24 hours of their end."""
    blocks_dropped: int
    """By concentrators whose memory was full, as they told."""
    backfill_waves: int
    backfill_blocks: int
    """That came by tasks of back-fill, of so many meters:"""
    backfill_meters: int
    given_up: dict[str, int]
    """Days that nobody asks for any more, by reason."""
    outages_of_two_days: int = 0
    broker_outages: int = 0
    head_end_restarts: int = 0
    head_end_errors: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    database_mb: float = 0.0


def told(store: SqlStore, city: City, districts: Sequence[District]) -> Month:
    """Read back all that is stored of these districts' days, and hold it against the truth."""
    course = store.read(course_of)
    received = identical = silent = 0
    for district in districts:
        silent += sum(USUAL.silent_for_months(city.seed, str(each)) for each in district.indices)
        stored = _stored(store, district)
        received += len(stored)
        identical += identical_of(district, stored)
    a_meter = districts[0].intervals
    expected, heard = city.meters * a_meter, (city.meters - silent) * a_meter
    return Month(
        meters=city.meters,
        concentrators=city.concentrators,
        days=districts[0].days,
        intervals_expected=expected,
        meters_silent=silent,
        intervals_expected_of_the_others=heard,
        intervals_received=received,
        intervals_identical=identical,
        complete_percent=_percent(received, expected),
        complete_of_the_others_percent=_percent(received, heard),
        within_a_day_percent=_percent(received - course.late, heard),
        blocks_dropped=course.blocks_dropped,
        backfill_waves=course.waves,
        backfill_blocks=course.backfill_blocks,
        backfill_meters=course.backfill_meters,
        given_up=course.given_up,
    )


def _stored(store: SqlStore, district: District) -> Integers:
    first, last = (str(district.indices[at]) for at in (0, -1))
    after, until = int(district.ends[0]) - 1, int(district.ends[-1])
    kept = store.read(
        lambda connection: intervals_between(connection, first, last, after=after, until=until)
    )
    found = [(int(name), *row) for name, *row in kept]
    return np.array(found, np.int64).reshape(len(found), 3 + CHANNELS)


def identical_of(district: District, stored: Integers) -> int:
    """How many stored rows say what the meter measured, each interval once."""
    truth = district.truth()
    meter = stored[:, 0] - district.indices[0]
    interval = (stored[:, 1] - district.ends[0]) // 900
    once = {tuple(each) for each in stored[:, :2].tolist()}
    same = (stored[:, 2:] == truth[meter, interval]).all(axis=1)
    return int(same.sum()) - (len(stored) - len(once))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / max(whole, 1), 4)
