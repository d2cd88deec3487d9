"""Values with their units: profiles, readings, how much is here and what is missing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.reading import Reading
from headend.ports import Transaction
from protocols.concentrator.collecting import ColumnTold, Layout
from tests.conftest import SIMULATED_START
from tests.rest.asking import METERS, P, walk
from tests.rest.house import Door

MIDNIGHT = datetime(2026, 7, 6, 4, tzinfo=UTC)  # of America/Santiago
PROFILE = "1.0.99.1.0.255"
LAYOUT = Layout(
    PROFILE,
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=-1, unit=30),
        ColumnTold(1, "0.0.96.10.1.255", 2),
        ColumnTold(1, "0.0.96.1.0.255", 2),
    ),
    900,
)


async def collected() -> Door:
    """A meter of which two days and a half are here; one row came twice, with another value."""
    door = await Door().open()

    def work(tx: Transaction) -> None:
        number = tx.layout_number(LAYOUT)
        for day in range(3):
            count = (96, 96, 48)[day]
            rows = []
            for interval in range(count):
                at = int(MIDNIGHT.timestamp()) + day * 86_400 + (interval + 1) * 900
                rows.append(Row(at, at + 60, number, 0, (None, 10 * interval + 5, 0, b"\x01\xff")))
            if day == 1:
                rows.append(rows[10]._replace(came=rows[10].came + 1, quality=RowQuality.CHANGED))
            tx.put_interval_day(
                IntervalDay(
                    "M001",
                    PROFILE,
                    date(2026, 7, 6 + day),
                    96,
                    count,
                    day,
                    0,
                    SIMULATED_START,
                    tuple(rows),
                )  # fmt: skip
            )

    await door.store.run(work)
    return door


async def rows(door: Door, since: str, until: str, limit: int) -> list[dict[str, Any]]:
    pages = await walk(
        door, f"{METERS}/M001/profiles/{PROFILE}", P.READING_READ, since=since, until=until,
        limit=limit,
    )  # fmt: skip
    return [row for page in pages for row in page]


async def test_rows_of_a_profile_with_their_units() -> None:
    door = await collected()
    params = {"since": "2026-07-06T04:00Z", "until": "2026-07-06T04:31Z"}
    path = f"{METERS}/M001/profiles/{PROFILE}"
    page = (await door.ask("GET", path, P.READING_READ, params=params)).json()
    assert page["next"] is None
    ((number, columns),) = page["layouts"].items()
    assert [(each["object"], each["unit"]) for each in columns] == [
        ("0.0.1.0.0.255", None), ("1.0.1.8.0.255", "Wh"), ("0.0.96.10.1.255", None),
        ("0.0.96.1.0.255", None),
    ]  # fmt: skip
    assert page["items"] == [
        {
            "at": f"2026-07-06T04:{minute}:00Z",
            "received_at": f"2026-07-06T04:{minute + 1}:00Z",
            "layout": int(number),
            "values": [None, value, "0", "01ff"],
            "quality": [],
        }
        for minute, value in ((15, "0.5"), (30, "1.5"))
    ]


SPANS = {
    # since, until (UTC), how many rows
    "all": ("2026-07-06T00:00Z", "2026-07-10T00:00Z", 96 + 97 + 48),
    "one day of the utility's": ("2026-07-07T04:15Z", "2026-07-08T04:15Z", 97),
    "an interval's end is in": ("2026-07-06T04:15Z", "2026-07-06T04:15:01Z", 1),
    "and not of the end": ("2026-07-06T04:00Z", "2026-07-06T04:15Z", 0),
    "a fraction later": ("2026-07-06T04:15:00.5Z", "2026-07-06T04:30Z", 0),
    "in another zone": ("2026-07-06T00:00-04:00", "2026-07-06T01:00-04:00", 3),
    "nothing is there": ("2025-01-01T00:00Z", "2025-02-01T00:00Z", 0),
    "backwards": ("2026-07-08T00:00Z", "2026-07-06T00:00Z", 0),
    "the calendar's edges": ("1970-01-01T00:00Z", "9998-12-31T00:00Z", 96 + 97 + 48),
}


@pytest.mark.parametrize(("since", "until", "count"), SPANS.values(), ids=SPANS)
async def test_rows_between_two_times_whatever_the_pages(
    since: str, until: str, count: int
) -> None:
    door = await collected()
    whole = await rows(door, since, until, 1000)
    assert len(whole) == count
    assert whole == await rows(door, since, until, 11)
    assert [row["at"] for row in whole] == sorted(row["at"] for row in whole)
    assert sum("changed" in row["quality"] for row in whole) == (count >= 97)


async def test_how_much_is_here() -> None:
    door = await collected()
    params = {"since": "2026-07-05", "until": "2026-07-31"}
    told = (await door.ask("GET", "/api/v1/collection", P.READING_READ, params=params)).json()
    assert [
        (each["day"], each["meters"], each["complete_meters"], each["percent"]) for each in told
    ] == [("2026-07-06", 1, 1, 100.0), ("2026-07-07", 1, 1, 100.0), ("2026-07-08", 1, 0, 50.0)]
    none = await door.ask(
        "GET", "/api/v1/collection", P.READING_READ, params={**params, "meter": "M002"}
    )
    assert none.json() == []
    for until in ("2026-07-04", "2027-12-31"):
        wrong = await door.ask(
            "GET", "/api/v1/collection", P.READING_READ, params={**params, "until": until}
        )
        assert wrong.status_code == 400
    known = (await door.ask("GET", f"{METERS}/M001/profiles", P.READING_READ)).json()
    assert known == [{"profile": PROFILE, "first_day": "2026-07-06", "last_day": "2026-07-08"}]


async def test_what_nothing_came_of_is_counted_and_told() -> None:
    """Of 20 meters 19 are commissioned; of one two and a half days are here."""
    door = await collected()
    await asyncio.sleep(5 * 86_400)  # of the simulated clock
    asked = {"since": "2026-07-06", "until": "2026-07-07"}
    path = "/api/v1/collection"
    told = await door.ask("GET", f"{path}/completeness", P.READING_READ, params=asked)
    (one,) = told.json()["items"]
    assert one["name"] == "C-1" and one["received"] == 192 and one["due"] == 19 * 192
    assert (one["meters"], one["complete_meters"], one["silent_meters"]) == (19, 1, 18)
    days = await door.ask(
        "GET", f"{path}/completeness", P.READING_READ, params=asked | {"by": "day"}
    )
    assert [(each["name"], each["percent"]) for each in days.json()["items"]] == [
        ("2026-07-06", 5.263), ("2026-07-07", 5.263),
    ]  # fmt: skip
    gaps = await door.ask("GET", f"{path}/gaps", P.READING_READ, params=asked | {"limit": "1"})
    assert gaps.json()["next"] is not None
    assert [(each["meter"], each["intervals"]) for each in gaps.json()["items"]] == [("M000", 192)]
    mine = asked | {"meter": "M001", "until": "2026-07-08"}
    (gap,) = (await door.ask("GET", f"{path}/gaps", P.READING_READ, params=mine)).json()["items"]
    assert gap["intervals"] == 48 and gap["concentrator"] == "C-1"
    for wrong in ({"until": "2026-08-07"}, {"until": "2026-07-05"}, {"since": "0001-01-01"}):
        refused = await door.ask("GET", f"{path}/gaps", P.READING_READ, params=asked | wrong)
        assert refused.status_code == 400


BY = {
    # of the 19 meters behind the concentrator one has rows up to the middle of the third day
    "gaps": ("gaps", {}, 19, "meter"),
    "gaps of one meter": ("gaps", {"meter": "M001"}, 1, "meter"),
    "by meter": ("completeness", {"by": "meter"}, 19, "name"),
    "by day": ("completeness", {"by": "day"}, 3, "name"),
    "by concentrator": ("completeness", {"by": "concentrator"}, 1, "name"),
}


@pytest.mark.parametrize(("path", "more", "count", "name"), BY.values(), ids=BY)
async def test_all_that_is_missing_is_reached_page_by_page(
    path: str, more: dict[str, str], count: int, name: str
) -> None:
    door = await collected()
    await asyncio.sleep(5 * 86_400)  # of the simulated clock
    path = f"/api/v1/collection/{path}"
    asked: dict[str, Any] = {"since": "2026-07-06", "until": "2026-07-08", **more}
    whole = (await door.ask("GET", path, P.READING_READ, params={**asked, "limit": 1000})).json()
    assert whole["next"] is None and len(whole["items"]) == count
    assert len({each[name] for each in whole["items"]}) == count
    found: list[Any] = []
    while True:
        told = (await door.ask("GET", path, P.READING_READ, params={**asked, "limit": 2})).json()
        assert len(told["items"]) <= 2
        found += told["items"]
        if told["next"] is None:
            break
        asked["cursor"] = told["next"]
    assert found == whole["items"]


async def test_readings_and_the_latest_of_each_object() -> None:
    door = await Door().open()
    one = Reading("M001", "1.0.32.7.0.255", 2, SIMULATED_START, SIMULATED_START, "order 1")
    many = [
        replace(
            one, at=SIMULATED_START + timedelta(minutes=minute), value=f"23{minute}.0", unit="V"
        )
        for minute in (0, 2, 1)
    ]
    other = replace(one, name="1.0.1.8.0.255", error="the meter denied access")
    await door.store.run(lambda tx: tx.add_readings([*many, other]))
    pages = await walk(door, f"{METERS}/M001/readings", P.READING_READ, limit=3)
    assert [[each["value"] for each in page] for page in pages] == [
        [None, "231.0", "232.0"], ["230.0"],
    ]  # fmt: skip
    latest = await door.ask("GET", f"{METERS}/M001/readings/latest", P.READING_READ)
    assert [(each["object"], each["value"], each["error"]) for each in latest.json()] == [
        ("1.0.1.8.0.255", None, "the meter denied access"), ("1.0.32.7.0.255", "232.0", None),
    ]  # fmt: skip
    (some,) = await walk(
        door, f"{METERS}/M001/readings", P.READING_READ, since="2026-07-06T00:01Z",
        until="2026-07-06T00:02Z",
    )  # fmt: skip
    assert [each["value"] for each in some] == ["231.0"]
