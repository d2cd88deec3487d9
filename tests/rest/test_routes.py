"""What the routes answer: orders sent once, lists in pages, values with their units, problems."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headend.domain.account import Permission
from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.meter_clock import MeterClock
from headend.domain.reading import Reading
from headend.domain.service_level import By, Measured
from headend.domain.upkeep import SessionChange
from headend.ports import StoreUnavailable, Transaction
from headend.rest.why import preferred, wants_page
from headend.store import queries
from protocols.concentrator.collecting import ColumnTold, Layout
from tests.conftest import SIMULATED_START
from tests.rest.house import Door

P = Permission
ORDERS, METERS = "/api/v1/orders", "/api/v1/meters"
LIMIT = {
    "meter": "M001", "kind": "set-limit", "amount": "1500.5", "unit": "W", "any_day": True,
}  # fmt: skip


async def send(door: Door, key: str = "k-1", **wanted: Any) -> Any:
    asked = {**LIMIT, **wanted}
    return await door.ask(
        "POST", ORDERS, P.ORDER_SEND, P.ORDER_CUT,
        json={name: value for name, value in asked.items() if value is not None},
        headers={"Idempotency-Key": key},
    )  # fmt: skip


# --- orders ---------------------------------------------------------------------------------------


async def test_an_order_is_sent_shown_and_cancelled() -> None:
    door = await Door().open()
    sent = await send(door, correlation="c-1")
    order = sent.json()
    assert sent.status_code == 201 and sent.headers["location"] == f"{ORDERS}/{order['number']}"
    names = ("meter", "kind", "amount", "unit", "state", "source")
    assert {name: order[name] for name in names} == {
        "meter": "M001", "kind": "set-limit", "amount": "1500.5", "unit": "W", "state": "queued",
        "source": "all",
    }  # fmt: skip
    shown = await door.ask("GET", sent.headers["location"], P.ORDER_READ)
    assert shown.json()["order"] == order
    assert [line["state"] for line in shown.json()["journal"]] == [
        "received",
        "validated",
        "queued",
    ]
    cancelled = await door.ask("POST", f"{ORDERS}/{order['number']}/cancel", P.ORDER_CANCEL)
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("cancelled", "cancelled")
    again = await door.ask("POST", f"{ORDERS}/{order['number']}/cancel", P.ORDER_CANCEL)
    assert again.status_code == 409 and again.json()["detail"] == "it is cancelled"
    story = [line for line in door.story() if line.startswith("order.")]
    assert story == [
        "order.send allowed all", "order.send done all", "order.cancel allowed all",
        "order.cancel done all", "order.cancel allowed all",
    ]  # fmt: skip


async def test_the_same_question_is_done_once_and_another_refused() -> None:
    door = await Door().open()
    first, again = await send(door), await send(door)
    assert first.content == again.content and first.status_code == again.status_code
    other = await send(door, amount="2000")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (await send(door, key="k-2", amount="2000")).json()["number"] == 2
    assert len(door.store.read(queries.orders)) == 2


async def test_what_cannot_be_carried_out_is_an_order_that_tells_why() -> None:
    door = await Door().open()
    rejected = {}
    for number, meter in enumerate(("M999", "M013")):
        told = (await send(door, key=f"k-{number}", meter=meter)).json()
        rejected[meter] = told["state"], told["reason"]
    assert rejected == {
        "M999": ("rejected", "unknown-meter"),
        "M013": ("rejected", "not-commissioned"),
    }


async def test_a_load_goes_off_for_a_while_and_a_period_ends() -> None:
    door = await Door().open()
    until = "2026-07-06T23:00:00Z"
    off = (await send(door, key="k-1", kind="load-off", amount=None, until=until)).json()
    reset = (await send(door, key="k-2", kind="reset-demand", amount=None)).json()
    assert [(told["kind"], told["state"], told["until"]) for told in (off, reset)] == [
        ("load-off", "queued", until), ("reset-demand", "queued", None),
    ]  # fmt: skip


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no amount": ({"amount": None}, "body.amount"),
    "an amount of a disconnection": ({"kind": "disconnect"}, "body.amount"),
    "a limit of nothing": ({"amount": "0"}, "body.amount"),
    "no number": ({"amount": "NaN"}, "body.amount"),
    "more than any supply": ({"amount": "1e12"}, "body.amount"),
    "another unit": ({"unit": "MW"}, "body.unit"),
    "another kind": ({"kind": "explode"}, "body.kind"),
    "a kind that is not sent so": ({"kind": "read"}, "body.kind"),
    "an end of a connection": (
        {"kind": "connect", "amount": None, "until": "2026-07-06T12:00Z"}, "body.until",
    ),
    "an end of a reset": (
        {"kind": "reset-demand", "amount": None, "until": "2026-07-06T12:00Z"}, "body.until",
    ),
    "an amount of a load": ({"kind": "load-off"}, "body.amount"),
    "an end that is past": ({"until": "2026-07-05T00:00Z"}, "body.until"),
    "a deadline before the start": (
        {"start": "2026-07-07T00:00Z", "deadline": "2026-07-06T12:00Z"}, "body.deadline",
    ),
    "a time of no zone": ({"deadline": "2026-07-06T12:00"}, "body.deadline"),
    "a year that no zone can move": ({"deadline": "9999-12-31T23:00-05:00"}, "body.deadline"),
    "a meter with a slash": ({"meter": "a/b"}, "body.meter"),
    "a meter with an end": ({"meter": "M001\u0000"}, "body.meter"),
    "a word that nobody knows": ({"urgent": True}, "body.urgent"),
}  # fmt: skip


@pytest.mark.parametrize(("wanted", "where"), WRONG.values(), ids=WRONG)
async def test_a_wrong_question_is_told_where_it_is_wrong(wanted: Any, where: str) -> None:
    door = await Door().open()
    told = await send(door, **wanted)
    assert told.status_code == 400, told.text
    problem = told.json()
    assert told.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "wrong-question" and problem["next_step"]
    assert [each["where"] for each in problem["wrong"]] == [where]
    assert door.store.read(queries.orders) == []


KEYS = {"none": {}, "empty": {"Idempotency-Key": ""}, "with a space": {"Idempotency-Key": "a b"}}


@pytest.mark.parametrize("headers", KEYS.values(), ids=KEYS)
async def test_an_order_has_a_key(headers: dict[str, str]) -> None:
    door = await Door().open()
    told = await door.ask("POST", ORDERS, P.ORDER_SEND, json=LIMIT, headers=headers)
    assert told.status_code == 400 and "Idempotency-Key" in told.json()["detail"]


async def test_an_overloaded_head_end_takes_the_order_later() -> None:
    door = await Door().open()
    for number in range(door.config.orders.waiting_max):
        assert (await send(door, key=f"k-{number}")).status_code == 201
    told = await send(door, key="one more")
    assert told.status_code == 400
    told = await send(door, key="one-more")
    assert (told.status_code, told.json()["code"]) == (503, "overloaded")
    assert told.headers["retry-after"] == "60"


async def test_a_read_becomes_an_order() -> None:
    door = await Door().open()
    path, key = f"{METERS}/M001/reads", {"Idempotency-Key": "k-1"}
    wanted = {"objects": ["voltage-l1", "1.0.1.8.0.255"]}
    sent = await door.ask("POST", path, P.READING_DEMAND, json=wanted, headers=key)
    assert sent.status_code == 201 and sent.json()["kind"] == "read"
    again = await door.ask("POST", path, P.READING_DEMAND, json=wanted, headers=key)
    assert again.content == sent.content
    order = door.store.read(lambda connection: queries.order(connection, 1))
    assert order is not None and [each.word for each in order.objects] == ["voltage-l1", ""]
    unknown = {"objects": ["blood-pressure"]}
    told = await door.ask(
        "POST", path, P.READING_DEMAND, json=unknown, headers={"Idempotency-Key": "k-2"}
    )
    assert told.status_code == 400 and "Known: " in told.json()["detail"]
    nobody = f"{METERS}/M999/reads"
    told = await door.ask("POST", nobody, P.READING_DEMAND, json=wanted, headers=key)
    assert told.status_code == 422  # the key was another meter's


# --- lists ----------------------------------------------------------------------------------------


async def walk(door: Door, path: str, permission: Permission, **params: Any) -> list[list[Any]]:
    """All pages."""
    pages = []
    next_: str | None = None
    while True:
        asked = {**params, **({} if next_ is None else {"cursor": next_})}
        page = (await door.ask("GET", path, permission, params=asked)).json()
        pages.append(page["items"])
        next_ = page["next"]
        if next_ is None:
            return pages


async def test_lists_come_in_pages_without_a_gap() -> None:
    door = await Door().open()
    for number in range(5):
        await send(door, key=f"k-{number}", meter=f"M00{number}")
    pages = await walk(door, METERS, P.REGISTRY_READ, limit=7)
    assert [len(page) for page in pages] == [7, 7, 6]
    assert [each["name"] for page in pages for each in page] == [f"M{n:03}" for n in range(20)]
    pages = await walk(door, ORDERS, P.ORDER_READ, limit=2)
    assert [[each["number"] for each in page] for page in pages] == [[5, 4], [3, 2], [1]]
    (only,) = await walk(door, ORDERS, P.ORDER_READ, meter="M003", state="queued", kind="set-limit")
    assert [each["number"] for each in only] == [4]
    assert await walk(door, METERS, P.REGISTRY_READ, concentrator="C-2") == [[]]
    pages = await walk(door, "/api/v1/concentrators", P.REGISTRY_READ, limit=3)
    assert [each["name"] for page in pages for each in page] == ["C-0", "C-1", "C-2"]


def cursor(*place: object) -> str:
    """One that looks like ours."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


FOREIGN = ["x", "!", "bm8", cursor("a", 1), cursor(), "a" * 501, cursor(2**80), cursor("\0"), "ñ"]


@pytest.mark.parametrize(
    "path",
    [
        ORDERS, METERS, "/api/v1/concentrators", f"{METERS}/M001/readings",
        f"{METERS}/M001/profiles/1.0.99.1.0.255",
    ],
)  # fmt: skip
async def test_a_cursor_that_is_not_ours_is_refused(path: str) -> None:
    door = await Door().open()
    for text in FOREIGN:
        params = {"cursor": text, "since": "2026-07-01T00:00Z", "until": "2026-07-02T00:00Z"}
        told = await door.ask("GET", path, *P, params=params)
        assert told.status_code == 400 and "cursor" in told.json()["detail"], text


async def test_concentrators_as_they_were_last_heard() -> None:
    door = await Door().open()
    at = SIMULATED_START

    def work(tx: Transaction) -> None:
        tx.add_session(SessionChange("C-1", at, True, 1, "1.2"))
        tx.add_session(SessionChange("C-2", at, True, 1))
        tx.add_session(SessionChange("C-2", at + timedelta(hours=1), False, 1))

    await door.store.run(work)
    told = (await door.ask("GET", "/api/v1/concentrators", P.REGISTRY_READ)).json()["items"]
    assert [(each["name"], each["online"], each["firmware"]) for each in told] == [
        ("C-0", None, None), ("C-1", True, "1.2"), ("C-2", False, None),
    ]  # fmt: skip
    scraped = (await door.ask("GET", "/metrics", P.METRICS_READ)).text
    assert 'ami_concentrators{standing="online"} 1.0' in scraped
    assert 'ami_concentrators{standing="offline"} 1.0' in scraped


async def test_why_a_meter_is_not_reading() -> None:
    door = await Door().open()
    await send(door, meter="M013")
    told = (await door.ask("GET", f"{METERS}/M013/explanation", P.ORDER_READ)).json()
    assert [each["text"] for each in told["causes"]][0] == "it is not commissioned"
    assert [each["number"] for each in told["orders"]] == [1]
    told = (await door.ask("GET", f"{METERS}/M001/explanation", P.ORDER_READ)).json()
    assert told["causes"] == [] and told["meter"]["name"] == "M001"


WHY = f"{METERS}/M013/why"


async def test_why_in_a_sentence_or_on_a_page() -> None:
    """M013 is not commissioned, so nothing is expected of it."""
    door = await Door().open()
    said = await door.ask("GET", WHY, P.ORDER_READ)
    assert said.headers["content-type"] == "application/json"
    told = said.json()
    assert told["sentence"] == "Nothing is expected of meter M013: it is not commissioned."
    assert (told["verdict"], told["causes"][0]["evidence"]) == ("not-expected", "the registry")
    assert len(told["days"]) == 7
    spanish = await door.ask(
        "GET", WHY, P.ORDER_READ, headers={"Accept-Language": "es-CL,es;q=0.9,en;q=0.8"}
    )
    assert spanish.headers["content-language"] == "es"
    wanted = "Del medidor M013 no se espera nada: no está comisionado."
    assert spanish.json()["sentence"] == wanted
    page = await door.ask(
        "GET", WHY, P.ORDER_READ, params={"lang": "es", "days": 3},
        headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
    )  # fmt: skip
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert wanted in page.text and '<html lang="es">' in page.text
    assert (await door.ask("GET", f"{METERS}/M999/why", P.ORDER_READ)).status_code == 404


@pytest.mark.parametrize(
    "accept, page",
    [
        ("", False), ("*/*", False), ("application/json", False), ("text/html", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html;q=0.5, application/json", False), ("text/html;q=x", False),
        ("application/*;q=0.2, text/html;q=0.3", True), ("text/*", False), (";;,", False),
    ],
)  # fmt: skip
def test_who_gets_the_page(accept: str, page: bool) -> None:
    assert wants_page(accept) is page


@pytest.mark.parametrize(
    "liked, language",
    [("", "en"), ("es", "es"), ("de, es;q=0.3", "es"), ("es;q=0.4, en;q=0.5", "en"), ("de", "en")],
)
def test_who_gets_spanish(liked: str, language: str) -> None:
    assert preferred(liked) == language


async def test_service_levels_as_they_were_measured() -> None:
    door = await Door().open()
    day = date(2026, 7, 6)

    def row(by: By, name: str, judged: int, met: int) -> Measured:
        return Measured(
            day, "alarms", 60, by, name, judged + 1, judged, met, 7, 2, "alarms major",
            SIMULATED_START,
        )  # fmt: skip

    rows = [row(By.ALL, "", 20, 19), row(By.ZONE, "Z1", 15, 15), row(By.ZONE, "Z2", 5, 4)]
    await door.store.run(lambda tx: tx.put_measured(day, rows))
    asked = {"since": "2026-07-01", "until": "2026-07-06", "by": "zone"}
    path = "/api/v1/service-levels"
    told = (await door.ask("GET", path, P.REPORT_READ, params=asked)).json()
    assert told["days"] == 1 and len(told["levels"]) == 9
    alarms = told["levels"][-1]
    names = ("result", "judged", "met", "silent")
    assert [alarms["whole"][name] for name in names] == ["met", 20, 19, 2]
    assert [each["name"] for each in alarms["groups"]] == ["Z2", "Z1"]
    assert told["levels"][0]["whole"]["result"] == "open"
    wrong = await door.ask("GET", path, P.REPORT_READ, params=asked | {"until": "2026-06-01"})
    assert wrong.status_code == 400
    scraped = (await door.ask("GET", "/metrics", P.METRICS_READ)).text
    assert 'ami_service_level_met{goal="alarms",within_s="60"} 19.0' in scraped
    assert 'ami_service_level_judged{goal="alarms",within_s="60"} 20.0' in scraped


# --- values ---------------------------------------------------------------------------------------

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


# --- problems and standing ------------------------------------------------------------------------

LOST = {
    "a meter": f"{METERS}/M999",
    "its explanation": f"{METERS}/M999/explanation",
    "its readings": f"{METERS}/M999/readings",
    "its latest": f"{METERS}/M999/readings/latest",
    "its profiles": f"{METERS}/M999/profiles",
    "an order": f"{ORDERS}/99",
}


@pytest.mark.parametrize("path", LOST.values(), ids=LOST)
async def test_what_there_is_not(path: str) -> None:
    door = await Door().open()
    told = await door.ask("GET", path, *P)
    assert (told.status_code, told.json()["code"]) == (404, "not-found")
    assert told.json()["next_step"].startswith("GET /api/v1/")


OUTSIDE = {
    "no route": ("GET", "/api/v2/orders", 404, "no-such-route"),
    "a slash behind": ("GET", "/api/v1/orders/", 404, "no-such-route"),
    "another method": ("DELETE", "/api/v1/orders", 405, "wrong-method"),
    "no page of scripts": ("GET", "/docs", 404, "no-such-route"),
}


@pytest.mark.parametrize(("method", "path", "status", "code"), OUTSIDE.values(), ids=OUTSIDE)
async def test_outside_of_the_routes(method: str, path: str, status: int, code: str) -> None:
    told = await (await Door().open()).ask(method, path, P.ORDER_READ)
    assert (told.status_code, told.json()["code"]) == (status, code)
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["cache-control"] == "no-store"


async def test_a_question_has_bounds() -> None:
    door = await Door().open()
    large = b"[" + b" " * door.config.rest.body_max_bytes
    told = await door.ask("POST", ORDERS, P.ORDER_SEND, content=large)
    assert (told.status_code, told.json()["code"]) == (413, "too-large")
    deep = b"[" * 100_000
    told = await door.ask(
        "POST", ORDERS, P.ORDER_SEND, content=deep,
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )  # fmt: skip
    assert told.status_code == 400


async def test_a_database_that_is_away_is_told_so() -> None:
    door = await Door().open()
    token = await door.token("all")

    async def away(query: object) -> None:
        raise StoreUnavailable("disk full")

    door.parts = replace(door.parts, read=away)  # type: ignore[arg-type]
    told = await door.ask("GET", ORDERS, token=token)
    assert (told.status_code, told.json()["code"]) == (503, "database-away")
    assert "disk" not in told.text
    health = await door.ask("GET", "/health")
    assert health.status_code == 503 and health.json() == {
        "healthy": False, "parts": {"broker": True, "work": True, "database": False},
    }  # fmt: skip


async def test_a_mistake_of_ours_shows_no_stack() -> None:
    door = await Door().open()

    async def broken(query: object) -> None:
        raise RuntimeError("secret word")

    door.parts = replace(door.parts, read=broken)  # type: ignore[arg-type]
    told = await door.ask("GET", ORDERS, P.ORDER_READ)
    assert (told.status_code, told.json()["code"]) == (500, "broke")
    assert "secret" not in told.text


async def test_health_tells_which_part_is_not_well() -> None:
    door = await Door().open()
    assert (await door.ask("GET", "/health")).json()["healthy"] is True
    door.healthy = {"broker": False, "work": True}
    told = await door.ask("GET", "/health")
    assert told.status_code == 503 and told.json()["parts"]["broker"] is False


async def test_metrics_of_orders_and_of_questions() -> None:
    door = await Door().open()
    await send(door)
    await send(door, key="k-2", meter="M999")
    await door.ask("GET", f"{METERS}/M001", P.REGISTRY_READ)
    await door.ask("GET", f"{METERS}/M002", P.REGISTRY_READ)
    told = await door.ask("GET", "/metrics", P.METRICS_READ)
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    count = "ami_rest_answer_seconds_count"
    for line in (
        'ami_orders_open{state="queued"} 1.0',
        'ami_orders_ended_total{state="rejected"} 1.0',
        'ami_outbox_messages{channel="queue"} 1.0',
        f'{count}{{method="POST",route="/api/v1/orders",status="201"}} 2.0',
        f'{count}{{method="GET",route="/api/v1/meters/{{name}}",status="200"}} 2.0',
    ):
        assert line in told.text, told.text
    assert "M001" not in told.text


async def test_each_look_at_a_clock_is_reached() -> None:
    door = await Door().open()
    looks = [
        MeterClock("M001", SIMULATED_START + timedelta(seconds=at), at + 1, float(at), 0.1)
        for at in range(3)
    ]

    def work(tx: Transaction) -> None:
        for look in looks:
            tx.add_meter_clock(look)

    await door.store.run(work)
    found: list[Any] = []
    asked: dict[str, Any] = {"limit": 2}
    while True:
        path = f"{METERS}/M001/clocks"
        told = (await door.ask("GET", path, P.READING_READ, params=asked)).json()
        found += told["items"]
        if told["next"] is None:
            break
        asked["cursor"] = told["next"]
    assert [each["order"] for each in found] == [3, 2, 1]


BOUNDED = {
    # by nature, as docs/rest.md says of each: the objects of a meter, its profiles, 400 days, what
    # a configuration has, the tasks and plug-ins of a head-end, a utility's feeders
    "/api/v1/meters/{name}/readings/latest",
    "/api/v1/meters/{name}/profiles",
    "/api/v1/collection",
    "/api/v1/collection/schedules",
    "/api/v1/tasks",
    "/api/v1/tasks/kinds",
    "/api/v1/feeders",
    "/api/v1/feeders/mappings",
}


async def test_every_list_comes_in_pages() -> None:
    told = (await (await Door().open()).ask("GET", "/api/v1/openapi.json")).json()
    whole = set()
    for path, methods in told["paths"].items():
        asked = methods.get("get", {"responses": {}})
        content = asked["responses"].get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        named = told["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
        parts = named.get("properties", {})
        if schema.get("type") != "array" and "items" not in parts:
            continue
        words = {each["name"] for each in asked.get("parameters", ())}
        if not ("next" in parts and {"limit", "cursor"} <= words):
            whole.add(path)
    assert whole == BOUNDED
    page = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    pages = next(line for line in page.split("\n- ") if line.startswith("**Pages.**"))
    for path in BOUNDED:
        assert path.removeprefix("/api/v1").replace("{name}", "…") in pages


async def test_the_description_is_of_version_3_1_and_whole() -> None:
    door = await Door().open()
    told = (await door.ask("GET", "/api/v1/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"]["token"] == {
        "type": "http", "scheme": "bearer", "description": "A token: ami token create",
    }  # fmt: skip
    text = json.dumps(told)
    names = {each.split('"')[0] for each in text.split("#/components/schemas/")[1:]}
    assert names <= set(told["components"]["schemas"])
    assert "HTTPValidationError" not in text
