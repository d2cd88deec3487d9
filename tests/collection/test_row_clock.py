"""Rows of dirty clocks in uploads: placed or flagged, as at a direct reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.collection import row_clock
from headend.collection.decoding import rows_of
from headend.collection.row_clock import placed
from headend.domain.interval import RowQuality
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.profile import NO_UNIT, Column, Decoder, Times
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure

ZONE = ZoneInfo("America/Santiago")
NOW = datetime(2026, 7, 6, 14, 1, tzinfo=UTC)
LAYOUT = Layout(
    "1.0.99.1.0.255",
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, 0, -1, 30)),
    900,
)
GOOD, DOUBTFUL, PLACED = RowQuality.GOOD, RowQuality.CLOCK_DOUBTFUL, RowQuality.PLACED
QUARTERS = (0, 15, 30, 45, 60)  # minutes after 13:00 UTC

Spoil = Callable[[int, bytes], bytes]


def local(minutes: int, zone: ZoneInfo | None = ZONE) -> bytes:
    moment = datetime(2026, 7, 6, 13, tzinfo=UTC) + timedelta(minutes=minutes)
    return DateTime.from_datetime(moment.astimezone(zone or UTC)).octets


def deviation(minutes: int) -> Spoil:
    return lambda _, octets: octets[:9] + minutes.to_bytes(2, "big", signed=True) + octets[11:]


def at_the_third(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda place, octets: change(octets) if place == 2 else octets


CASES: dict[str, tuple[Spoil, tuple[int, ...], tuple[RowQuality, ...]]] = {
    # how each row's clock is spoilt; minutes after 13:00 UTC that the rows get; their flags
    "as it should be": (lambda _, o: o, QUARTERS, (GOOD,) * 5),
    "the deviation's sign is wrong": (deviation(-240), QUARTERS, (PLACED,) * 5),
    "local time under a deviation of 0 stays, and is flagged": (
        deviation(0), tuple(each - 240 for each in QUARTERS), (DOUBTFUL,) * 5,
    ),
    "no deviation: it is of the meter's zone": (deviation(-0x8000), QUARTERS, (GOOD,) * 5),
    "no calendar has the date": (
        at_the_third(lambda o: o[:2] + bytes([2, 30]) + o[4:]), QUARTERS,
        (GOOD, GOOD, PLACED, GOOD, GOOD),
    ),
    "too many hundredths": (
        at_the_third(lambda o: o[:8] + bytes([200]) + o[9:]), QUARTERS,
        (GOOD, GOOD, DOUBTFUL, GOOD, GOOD),
    ),
    "a row that comes twice": (
        at_the_third(lambda _: local(15)), (0, 15, 15, 45, 60), (GOOD, GOOD, DOUBTFUL, GOOD, GOOD),
    ),
    "a row out of its order": (
        at_the_third(lambda _: local(-30)), (0, 15, -30, 45, 60),
        (GOOD, GOOD, DOUBTFUL, GOOD, GOOD),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "minutes", "flags"), CASES.values(), ids=CASES)
def test_a_row_is_placed_or_flagged(
    spoil: Spoil, minutes: tuple[int, ...], flags: tuple[RowQuality, ...]
) -> None:
    told = [spoil(place, local(each)) for place, each in enumerate(QUARTERS)]
    found = read(told)
    start = datetime(2026, 7, 6, 13, tzinfo=UTC).timestamp()
    assert [(row.at - start) / 60 for row in found] == list(minutes)
    assert [RowQuality(row.quality) for row in found] == list(flags)


def read(told: list[bytes], read_at: datetime = NOW):  # type: ignore[no-untyped-def]
    rows = [
        Structure((OctetString(each), DoubleLongUnsigned(number)))
        for number, each in enumerate(told)
    ]
    return rows_of(
        axdr.encode(Array(rows)),
        LAYOUT,
        number=1,
        now=max(read_at, NOW),
        late_after_s=1e9,
        read_at=read_at,
        zone=ZONE,
    )


@pytest.mark.parametrize("away_h", [1, 2, 3, 12, 40])
def test_a_meter_that_had_no_supply_is_not_moved(away_h: int) -> None:
    """Its newest row is old when it is read; it tells UTC."""
    told = [local(each, None) for each in QUARTERS]
    found = read(told, NOW + timedelta(hours=away_h))
    start = datetime(2026, 7, 6, 13, tzinfo=UTC).timestamp()
    assert [(row.at - start) / 60 for row in found] == list(QUARTERS)
    assert {row.quality for row in found} == {GOOD}


@given(
    first=st.integers(0, 40 * 96),
    count=st.integers(1, 30),
    zone=st.sampled_from([ZONE, ZoneInfo("UTC"), ZoneInfo("Europe/Madrid")]),
)
def test_the_fast_way_and_the_careful_way_agree(first: int, count: int, zone: ZoneInfo) -> None:
    """Also across both changes of summer time that lie in these days."""
    begin = datetime(2026, 3, 20, tzinfo=UTC)
    moments = [begin + timedelta(minutes=15 * (first + each)) for each in range(count)]
    octets = [DateTime.from_datetime(each.astimezone(zone)).octets for each in moments]
    clock = Column(8, LogicalName("0.0.1.0.0.255"), 2, 0, NO_UNIT)
    buffer = axdr.encode(Array(Structure((OctetString(each),)) for each in octets))
    (times,) = Decoder((clock,)).decode(buffer)
    assert isinstance(times, Times)
    read_at = moments[-1] + timedelta(minutes=1)
    expected = [each.timestamp() for each in moments]
    careful = row_clock._looked_at(times, expected, 900, read_at, zone)
    assert placed(times, 900, read_at=read_at, zone=zone) == careful
    assert careful == (expected, [GOOD] * count)
