"""Dirty meters read by the head-end, over a concentrator and over a line of their own: the value as
it is meant, a word on what was odd, the octets as they came, and the rest of the order read on."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from devices.meter.dirt import STRING_OCTETS, UNREADABLE
from devices.meter.faults import FAULTS
from headend.domain.interval import CollectedBlock
from headend.domain.order import State
from headend.domain.reading import Reading
from headend.store.collected_queries import blocks_of
from headend.store.store import SqlStore
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import Array, Structure
from scenarios.engine import run
from scenarios.schema import parse

FIRST = 90_000_002
CLOCK, SERIAL, FIRMWARE = "clock", "serial-number", "firmware"
DAYS, LOAD = "daily-profile", "load-profile"


@dataclass(frozen=True)
class Dirt:
    """One fault: what is read of it, the quality of the reading, and what its octets must show."""

    fault: str
    word: str
    quality: tuple[str, ...]
    kept: Callable[[bytes], bool]


def times(raw: bytes) -> list[DateTime]:
    rows = axdr.decode(raw)
    assert isinstance(rows, Array)
    return [DateTime.from_octets(bytes(row[0])) for row in rows if isinstance(row, Structure)]  # type: ignore[arg-type]


def twice(raw: bytes) -> bool:
    return len(raw) == 28 and raw[:14] == raw[14:]


def deviates(minutes: int) -> Callable[[bytes], bool]:
    """Chile in July: UTC is local time plus 240 min."""
    return lambda raw: raw[-3:-1] == minutes.to_bytes(2, "big", signed=True)


def rows_deviate(minutes: int) -> Callable[[bytes], bool]:
    return lambda raw: {each.deviation_min for each in times(raw)} == {minutes}


def unordered(raw: bytes) -> bool:
    found = [each.octets[:9] for each in times(raw)]
    return found != sorted(found) and len(set(found)) == len(found)


DIRT = [
    Dirt("clock-twice", CLOCK, ("trailing-octets",), twice),
    Dirt("deviation-ignored", CLOCK, ("deviation-ignored",), deviates(0)),
    Dirt("deviation-sign", CLOCK, ("deviation-sign",), deviates(-240)),
    Dirt("hundredths-as-ms", CLOCK, ("hundredths-too-many",), lambda raw: raw[10] == 250),
    Dirt("nul-in-strings", SERIAL, ("nul-characters",), lambda raw: len(raw) == 2 + STRING_OCTETS),
    Dirt(
        "firmware-unreadable", FIRMWARE, ("nul-characters", "not-text"),
        lambda raw: raw == axdr.encode(UNREADABLE),
    ),
    Dirt(
        "invalid-dates", DAYS, ("no-such-date",),
        lambda raw: {(each.date.month, each.date.day) for each in times(raw)} >= {(2, 30)},
    ),
    Dirt(
        "rows-twice", DAYS, ("repeated",),
        lambda raw: len(times(raw)) > len(set(times(raw))),
    ),
    Dirt("rows-shuffled", DAYS, ("out-of-order",), unordered),
    Dirt(
        "hundredths-as-ms", DAYS, ("hundredths-too-many",),
        lambda raw: {each.time.hundredths for each in times(raw)} == {250},
    ),
    Dirt("deviation-sign", DAYS, ("deviation-sign",), rows_deviate(-240)),
    Dirt("deviation-ignored", LOAD, ("deviation-ignored",), rows_deviate(0)),
    Dirt("last-block-unflagged", LOAD, ("last-block-unflagged",), lambda raw: len(raw) > 3000),
]  # fmt: skip
WAYS = ("over a concentrator", "over a line of its own")


def meter(place: int, way: str) -> str:
    return str(FIRST + place + WAYS.index(way) * (len(DIRT) + 1))


def story() -> str:
    parts = [
        f"""
about = "Every kind of dirt, each at a meter behind a concentrator and at one without."
start = 2026-07-06T10:00:00
duration = "1h30m"
seed = 3
[field]
meters = {2 * len(DIRT) + 4}
[expect]
"""
    ]
    for way in WAYS:
        for place in range(len(DIRT) + 1):  # the last one is clean
            name = meter(place, way)
            direct = "direct = true" if way == WAYS[1] else ""
            parts.append(
                f'[[meter]]\nname = "{name}"\nmodel = "residential-three-phase"\n{direct}\n'
            )
            if place < len(DIRT):
                dirt = DIRT[place].fault
                parts.append(
                    f'[[fault]]\nkind = "meter-dirty"\ntarget = "{name}"\ndirt = "{dirt}"\n'
                )
            words = [DIRT[place].word] if place < len(DIRT) else [SERIAL, FIRMWARE, DAYS]
            for number, read in enumerate((words, ["active-power", "logical-device-name"])):
                objects = ", ".join(f'"{word}"' for word in read)
                parts.append(
                    f'[[read]]\nat = "{1 + place}m{number}s"\nmeter = "{name}"\n'
                    f"objects = [{objects}]\n"
                )
    return "".join(parts)


@functools.cache
def readings() -> dict[str, list[Reading]]:
    """What the head-end keeps of each meter, in the order in which it was asked."""
    with tempfile.TemporaryDirectory() as kept:
        told = run(parse(story()), keep=Path(kept))
        store = SqlStore(f"sqlite:///{kept}/ami.db", live=False)
        blocks = {block.task: block for block in store.read(_blocks)}
        asyncio.run(store.close())
    assert not told.errors
    found: dict[str, list[Reading]] = {}
    for record in told.records:
        assert record.order.state is State.DONE, record.order
        for each in record.order.readings:
            # Rows that the head-end read by itself have their octets where every profile has them.
            octets = each.raw or blocks[each.source].octets
            found.setdefault(record.order.meter, []).append(replace(each, raw=octets))
    return found


def _blocks(connection: Connection) -> list[CollectedBlock]:
    names = [meter(place, WAYS[1]) for place in range(len(DIRT) + 1)]
    return [block for name in names for block in blocks_of(connection, name)]


# The first reading by the head-end itself reaches back 35 days, and a day where rows are captured
# more often; a concentrator that is asked for a whole object brings all of its rows.
DAYS_FROM = {WAYS[0]: "62 rows, 2026-05-06", WAYS[1]: "35 rows, 2026-06-02"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", range(len(DIRT)), ids=[f"{d.fault}: {d.word}" for d in DIRT])
def test_dirt_is_kept_flagged_and_read_on(place: int, way: str) -> None:
    dirt = DIRT[place]
    first, power, name = readings()[meter(place, way)]
    assert (first.word, first.error) == (dirt.word, None)
    assert first.quality == dirt.quality
    assert dirt.kept(first.raw), first.raw[:40].hex()
    assert power.quality == () and power.unit == "W" and power.value is not None
    assert name.value is not None and name.value.startswith("SIM")


@pytest.mark.parametrize("way", WAYS)
def test_a_clean_meter_has_nothing_odd(way: str) -> None:
    found = readings()[meter(len(DIRT), way)]
    assert all(each.quality == () and each.error is None for each in found)
    days = found[2]
    assert days.value == f"{DAYS_FROM[way]}T00:00:00-04:00 to 2026-07-06T00:00:00-04:00" and all(
        each.date.day for each in times(days.raw)
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", [place for place, dirt in enumerate(DIRT) if dirt.word == CLOCK])
def test_a_dirty_clock_says_the_time_that_is_meant(place: int, way: str) -> None:
    """Within the minute in which it was asked, whatever its deviation says."""
    first = readings()[meter(place, way)][0]
    assert first.value is not None
    away_s = (
        datetime.fromisoformat(first.value) - first.received_at.astimezone(UTC)
    ).total_seconds()
    assert -60 < away_s <= 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", [place for place, dirt in enumerate(DIRT) if dirt.word == DAYS])
def test_the_rows_of_a_dirty_profile_are_placed(place: int, way: str) -> None:
    value = readings()[meter(place, way)][0].value
    assert value is not None
    assert value.endswith(f"{DAYS_FROM[way][2:]}T00:00:00-04:00 to 2026-07-06T00:00:00-04:00")


def test_every_fault_of_what_a_meter_says_is_read_here() -> None:
    of_data = {name for name, fault in FAULTS.items() if fault.where == "data"}
    assert {dirt.fault for dirt in DIRT} == of_data | {"last-block-unflagged"}
