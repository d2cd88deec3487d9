"""The intervals that the head-end stored, held against the meters' own.

A meter's own words are read from its objects, without any channel, and taken apart by the general
decoder, which is not the one that the head-end uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from devices.meter.clients import MANAGEMENT
from devices.meter.cosem import PROFILE_GENERIC, Context
from devices.meter.device import Meter
from devices.meter.dirt import spoiled
from devices.meter.objects import table
from devices.meter.profiles import LOAD_PROFILE
from devices.meter.services import ITSELF
from devices.world import World
from headend.domain.interval import Cell, IntervalDay, Row, RowQuality
from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.profile import rows_of, time_of
from protocols.dlms.selective_access import RangeDescriptor
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Value

DAY_S = 86_400  # more than two zones, or the two signs of one, lie apart
MARGIN_S = 7200  # a meter whose clock was set may have rows a little outside of what is asked for


def wrong_intervals(world: World, pages: Sequence[IntervalDay]) -> Iterator[str]:
    """Each stored row that its meter does not have, word for word.

    A row whose time is flagged as doubtful may stand where its meter said it was, instead of where
    it was captured.
    """
    for page in pages:
        rows = [row for row in page.rows if not row.quality & RowQuality.CHANGED]
        if not rows or page.meter not in world.meter_names:
            if rows:
                yield f"meter {page.meter}: rows of a meter that there is not"
            continue
        first, last = rows[0].at - MARGIN_S, rows[-1].at + MARGIN_S
        profile = LogicalName(page.profile)
        own = own_rows(world, page.meter, profile, first, last)
        told = _told(world, page.meter, profile, rows)
        for row in rows:
            doubtful = row.quality & RowQuality.CLOCK_DOUBTFUL
            if row.cells not in own.get(row.at, ()) and not (
                doubtful and row.cells in told.get(row.at, ())
            ):
                at = datetime.fromtimestamp(row.at, UTC)
                yield f"meter {page.meter} {page.profile} {at:%d.%m. %H:%M:%S}Z: {row.cells}"


def own_rows(
    world: World, meter: str, profile: LogicalName, first: float, last: float
) -> dict[int, list[tuple[Cell, ...]]]:
    """What a meter's profile holds between two times, by POSIX seconds; no clock in the cells."""
    return _by_time(_read_part(world.meter(meter), world.env.now, profile, first, last))


def _told(
    world: World, meter: str, profile: LogicalName, rows: Sequence[Row]
) -> dict[int, list[tuple[Cell, ...]]]:
    """The same as the meter spells its times, around those rows that are flagged as doubtful."""
    doubtful = [row.at for row in rows if row.quality & RowQuality.CLOCK_DOUBTFUL]
    device = world.meter(meter)
    if not doubtful or not device.spoils:
        return {}
    first, last = min(doubtful) - DAY_S, max(doubtful) + DAY_S
    found = _read_part(device, world.env.now, profile, first, last)
    asked = AttributeDescriptor(PROFILE_GENERIC, profile, 2)
    return _by_time(spoiled(Context(device, MANAGEMENT, world.env.now, ITSELF), asked, found))


def _by_time(found: Value) -> dict[int, list[tuple[Cell, ...]]]:
    rows: dict[int, list[tuple[Cell, ...]]] = {}
    for row in rows_of(found):
        moment = time_of(row[0])
        assert moment is not None, "these meters' rows begin with the time"
        try:
            at = round(moment.to_datetime().timestamp())
        except ValueError:
            continue  # spelled as no calendar has it
        rows.setdefault(at, []).append((None, *(_plain(cell) for cell in row[1:])))
    return rows


def share_received(
    pages: Sequence[IntervalDay],
    meters: Sequence[str],
    *,
    since: float,
    until: float,
    by: float,
    period_s: int,
) -> float:
    """Of the load profile's intervals that ended after `since` and not after `until`, the share
    that had come `by` then; all times are POSIX seconds."""
    expected = len(meters) * int(until // period_s - since // period_s)
    known = set(meters)
    here = sum(
        since < row.at <= until
        and row.came <= by
        and not row.quality & (RowQuality.CHANGED | RowQuality.OFF_PERIOD)
        for page in pages
        if page.profile == str(LOAD_PROFILE) and page.meter in known
        for row in page.rows
    )
    return here / expected if expected > 0 else 1.0


def _read_part(meter: Meter, now: float, name: LogicalName, first: float, last: float) -> Value:
    profile = table(meter.type)[name]
    assert profile.class_id == PROFILE_GENERIC
    read_part = profile.attributes[2].read_part
    assert read_part is not None
    begin, end = (DateTime.from_datetime(datetime.fromtimestamp(at, UTC)) for at in (first, last))
    asked = RangeDescriptor.of_time(begin, end).selection()
    found = read_part(Context(meter, MANAGEMENT, now, ITSELF), asked)
    assert not isinstance(found, DataAccessResult), f"{name} cannot be selected from: {found}"
    return axdr.decode(axdr.encode(found))


def _plain(cell: object) -> Cell:
    if isinstance(cell, bytes):
        return bytes(cell)
    return int(cell) if isinstance(cell, int) else str(cell)
