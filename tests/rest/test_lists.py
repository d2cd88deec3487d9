"""Lists come in pages without a gap; why a meter does not read; service levels."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta

import pytest

from headend.domain.service_level import By, Measured
from headend.domain.upkeep import SessionChange
from headend.ports import Transaction
from headend.rest.why import preferred, wants_page
from tests.conftest import SIMULATED_START
from tests.rest.asking import METERS, ORDERS, P, send, walk
from tests.rest.house import Door


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
