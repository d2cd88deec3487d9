"""A circuit's transformers: joined by name, drawn, and whom to move, over a street whose truth is
known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from headend.domain.account import Role
from headend.domain.meter import Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.utility_day import span_of
from headend.ports import Transaction
from headend.web.consulta.asking import Unconfigured
from scenarios.hidden_truth.street import heard, truth_of
from scenarios.utility.naming import System, feeder_key, feeder_label
from tests.tools.test_collection_phases import rows_of
from tests.web.browser import browsing, looked_at
from tests.web.division import filled, work_of
from tests.web.ground import Ground, opened
from tests.web.test_dashboard import constant
from tests.web.test_exploration import asked
from tests.web.test_unbalance_on_line import FIRST, SMALL, TODAY, ZONE

DAYS = 3
KEY = feeder_key(System.SIAD, FIRST)
NAME = feeder_label(FIRST)
PAGE = f"/feeder/transformers?key={KEY}&days={DAYS}"
FEEDER, STREET, EMPTY = "F-1", "TR-7", "TR-8"


def registry(tx: Transaction, first: date) -> list[str]:
    """A feeder of the circuit's name with two transformers, one of them without meters; below the
    other a street's, which the records give phases."""
    truth = truth_of(4, customers=18, days=DAYS)
    told = heard(truth, lost=0.02)
    tx.put_places(
        [
            Place(FEEDER, PlaceKind.FEEDER, None, NAME.upper()),
            Place(STREET, PlaceKind.TRANSFORMER, FEEDER),
            Place(EMPTY, PlaceKind.TRANSFORMER, FEEDER),
            Place("TR-9", PlaceKind.TRANSFORMER),
        ]
    )
    names = [each.meter for each in truth.street.customers]
    for name, recorded in zip(names, told.recorded.tolist(), strict=True):
        tx.put_meters([Meter(name, recorded_phase=("A", "B", "C")[recorded])])
        tx.put_places([Place(f"P-{name}", PlaceKind.SERVICE_POINT, STREET)])
        tx.add_installation(Installation(name, f"P-{name}", datetime(2026, 1, 1, tzinfo=UTC)))
    rows = rows_of(truth, told, span_of(first, ZONE).begin)
    tx.add_intervals([row for row in rows if row[0] in names])
    return names


async def a_circuit(ground: Ground, *, joined: bool = True) -> list[str]:
    await filled(work_of(ground.store, ground.clock, Unconfigured()), SMALL, constant, days=1)
    if not joined:
        return []
    first = TODAY - timedelta(days=DAYS)
    return await ground.store.run(lambda tx: registry(tx, first))


async def shown(ground: Ground, path: str) -> str:
    answer = await asked(ground, path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_moves_are_told_with_what_they_gain() -> None:
    async with opened() as ground:
        names = await a_circuit(ground)
        whole = await shown(ground, PAGE)
        assert whole.count("<tbody><tr>") == 1 and STREET in whole and EMPTY in whole
        assert "TR-9" not in whole and "kVA" in whole and "○" in whole
        text = await shown(ground, f"{PAGE}&at={STREET}&moves=2&kva=50")
        rows = re.findall(
            r'<tr><td class="num">(\d)</td><td>(.*?)</td><td class="num">([\d,.]+)', text
        )
        assert [int(row[0]) for row in rows] == [0, 1, 2]
        percents = [float(row[2]) for row in rows]
        assert percents[0] > percents[1] > percents[2]
        moved = re.findall(r"<code>(\w+)</code> ([ABC]) → ([ABC])", rows[2][1])
        assert len(moved) == 2 and all(it[0] in names and it[1] != it[2] for it in moved)
        assert "% of the rating" in text
        # The feeder as a whole has the same meters below it.
        again = await shown(ground, f"{PAGE}&at={FEEDER}&moves=2")
        assert re.findall(r"<code>(\w+)</code> ([ABC]) → ([ABC])", again)[-2:] == moved


async def test_what_cannot_be_told_is_said() -> None:
    async with opened() as ground:
        await a_circuit(ground)
        empty = await shown(ground, f"{PAGE}&at={EMPTY}")
        assert "No load profile" in empty
        for wrong, status in (
            (f"{PAGE}&at=TR-9", 404), (f"{PAGE}&kva=many", 400),
            ("/feeder/transformers?key=nobody", 404),
        ):  # fmt: skip
            assert (await asked(ground, wrong)).status_code == status


async def test_a_circuit_without_feeder_says_what_to_do() -> None:
    async with opened() as ground:
        await a_circuit(ground, joined=False)
        text = await shown(ground, PAGE)
        assert NAME in text and "ami place import" in text and "<svg class" not in text

        def twice(tx: Transaction) -> None:
            tx.put_places([Place(code, PlaceKind.FEEDER, None, NAME) for code in ("F-1", "F-2")])

        await ground.store.run(twice)
        assert f"has 2 feeders called {NAME}" in await shown(ground, PAGE)


@pytest.mark.requires("chromium")
async def test_the_page_looks_right() -> None:
    async with opened() as ground, browsing(ground, Role.ANALYST) as it:
        await a_circuit(ground)
        es, en = f"Transformadores del circuito: {NAME}", f"The circuit's transformers: {NAME}"
        await looked_at(it, f"{PAGE}&at={STREET}", es=es, en=en, shot="transformers")
