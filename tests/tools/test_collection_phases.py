"""`ami collection phases` over a street whose truth is known: what is stored is what was heard."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from headend.analysis.unbalance import max_deviation
from headend.domain.meter import Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.utility_day import span_of
from headend.ports import IntervalRow, Transaction
from headend.store.store import SqlStore
from scenarios.hidden_truth.street import Heard, Truth, heard, truth_of
from tests import databases
from tests.store.test_ledger import ZONE
from tools.cli import app

FIRST, LAST, DAYS = date(2026, 7, 6), "2026-07-09", 4
HEAD = "80000001"


def rows_of(truth: Truth, told: Heard, begin: int) -> list[IntervalRow]:
    """As meters count: whole Wh and varh, tenths of a volt."""
    found: list[IntervalRow] = []
    for place, customer in enumerate(truth.street.customers):
        for slot in range(len(told.kwh)):
            if np.isnan(told.kwh[slot, place]):
                continue
            net = round(1000 * told.kwh[slot, place])
            voltage = round(10 * told.volts[slot - 1, place]) if slot else None
            energies = (max(net, 0), max(-net, 0), round(1000 * told.kvarh[slot, place]), 0)
            found.append(
                (customer.meter, begin + 900 * slot, 0, *energies, voltage, None, None, None)
            )
    for slot, volts in enumerate(told.head_volts, 1):
        if not np.isnan(volts[0]):
            tenths = [round(10 * each) for each in volts]
            counted = round(1000 * told.head_kwh[slot].sum())
            found.append((HEAD, begin + 900 * slot, 0, counted, 0, 0, 0, *tenths, None))
    return found


def lines_of(truth: Truth) -> str:
    """The street's cables as the utility's records have them: a section up to each customer."""
    rows = ["section;upstream;length_m;ohm_km;supplies"]
    for branch, cable in enumerate(truth.street.cables):
        here = [each for each in truth.street.customers if each.branch == branch]
        upstream, at = "", 0
        for metres in sorted({each.place.distance_m for each in here}):
            fed = [each.meter for each in here if each.place.distance_m == metres]
            names = " ".join([f"P-{fed[0]}", *fed[1:]])  # by service point, or by meter
            code = f"{branch}-{metres}"
            ohms = f"{cable.r_ohm_km}".replace(".", ",")
            rows.append(f"{code};{upstream};{metres - at};{ohms};{names}")
            upstream, at = code, metres
    return "\n".join(rows)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Heard, list[str]]:
    truth = truth_of(4, customers=30, days=DAYS)
    told = heard(truth, lost=0.05)
    url = databases.at(tmp_path_factory.mktemp("street") / "ami.db")
    store = SqlStore(url, live=False)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    letters = ("A", "B", "C")

    def work(tx: Transaction) -> None:
        tx.put_places([Place("TR-7", PlaceKind.TRANSFORMER)])
        names = [each.meter for each in truth.street.customers]
        recorded = dict(zip(names, told.recorded.tolist(), strict=True))
        for name in (*recorded, HEAD):
            phase = letters[recorded[name]] if name in recorded else "ABC"
            tx.put_meters([Meter(name, recorded_phase=phase)])
            tx.put_places([Place(f"P-{name}", PlaceKind.SERVICE_POINT, "TR-7")])
            tx.add_installation(Installation(name, f"P-{name}", began))
        tx.add_intervals(rows_of(truth, told, span_of(FIRST, ZONE).begin))

    asyncio.run(store.run(work))
    asyncio.run(store.close())
    return truth, told, ["--day", LAST, "--days", str(DAYS), "--database", url]


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["collection", "phases", *arguments])


def asked(*arguments: str) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


def test_phases_that_the_records_have_wrong(street: tuple[Truth, Heard, list[str]]) -> None:
    truth, told, where = street
    found = asked("TR-7", "--head", HEAD, *where)
    meters = {each["meter"]: each for each in found["meters"]}
    assert len(meters) == 30 and HEAD not in meters
    sure = [each for each in meters.values() if each["confidence"] >= 0.99]
    true = {each.meter: each.place.phase.value for each in truth.street.customers}
    assert len(sure) >= 25
    assert all(each["identified"] == true[each["meter"]] for each in sure)
    wrong = [each["meter"] for each in sure if each["identified"] != each["recorded"]]
    assert wrong and (told.recorded != truth.phase).sum() >= len(wrong)
    text = ami("TR-7", "--head", HEAD, *where).stdout
    assert f"{wrong[0]} hangs on {true[wrong[0]]}" in text and "active-power kW" in text


def test_the_place_is_the_sum_of_its_meters(street: tuple[Truth, Heard, list[str]]) -> None:
    truth, told, where = street
    found = asked("TR-7", "--head", HEAD, *where)
    share = np.eye(3)[told.recorded]
    true = np.round((truth.watts @ share / 1000).mean(axis=0), 6)
    power = found["quantities"]["active-power"]
    assert list(power["averages"].values()) == pytest.approx(true.tolist(), rel=0.01)
    assert power["percent"] == pytest.approx(float(max_deviation(true).percent), abs=1)
    assert power["colour"] == "red" and power["unit"] == "kW" and power["hours"] > 0.8
    assert 0.85 < min(found["measured"].values()) < 0.95
    volts = found["quantities"]["voltage"]
    assert all(225 < each < 240 for each in volts["averages"].values())
    assert 0.85 < found["power_factor"] < 1


def test_loading_and_whom_to_move(street: tuple[Truth, Heard, list[str]]) -> None:
    truth, _, where = street
    kva = truth.street.transformer.kva
    found = asked("TR-7", "--head", HEAD, "--rated-kva", str(kva), "--moves", "2", *where)
    carried = found["loading"]
    by_hour = np.hypot(truth.head_kw.sum(axis=1), truth.head_kvar.sum(axis=1)).reshape(-1, 4)
    assert carried["peak_kva"] == pytest.approx(float(by_hour.mean(axis=1).max()), rel=0.1)
    assert carried["peak_percent"] == pytest.approx(100 * carried["peak_kva"] / kva)
    assert carried["hours_over"] == 0 and carried["peak_neutral_a"] > 5
    plans = found["plans"]
    assert [len(plan["moves"]) for plan in plans] == [0, 1, 2]
    assert plans[2]["percent"] < plans[1]["percent"] < plans[0]["percent"]
    true = {each.meter: each.place.phase.value for each in truth.street.customers}
    assert all(true[each["meter"]] == each["from"] for each in plans[2]["moves"])
    text = ami("TR-7", "--head", HEAD, "--moves", "1", *where).stdout
    assert f"{plans[1]['moves'][0]['meter']} from" in text and "with no move" in text


def test_losses_in_the_lines_and_what_moves_do_to_them(
    street: tuple[Truth, Heard, list[str]], tmp_path: Path
) -> None:
    """Held against what the grid lost: nobody steals here, so that nothing is left."""
    truth, _, where = street
    drawn = tmp_path / "lines.csv"
    drawn.write_text(lines_of(truth), encoding="utf-8")
    more = ["TR-7", "--head", HEAD, "--lines", str(drawn), "--moves", "2"]
    found = asked(*more, *where)
    told = found["losses"]
    technical = truth.losses_kw.sum() / 4
    assert told["delivered_kwh"] == pytest.approx(truth.head_kw.sum() / 4, rel=0.02)
    assert told["technical_kwh"] == pytest.approx(technical, rel=0.12)
    assert told["lost_kwh"] == pytest.approx(technical, rel=0.25)
    assert abs(told["rest_percent"]) < 0.5 and told["coverage"] > 0.95
    before, *after = (each["losses_kw"] for each in found["plans"])
    assert before == pytest.approx(float(truth.losses_kw.mean()), rel=0.12)
    names = [each.meter for each in truth.street.customers]
    for plan, said in zip(found["plans"][1:], after, strict=True):
        phase = truth.phase.copy()
        for move in plan["moves"]:
            phase[names.index(move["meter"])] = "ABC".index(move["to"])
        true = float(truth.on(phase).losses_kw.mean() / truth.losses_kw.mean())
        assert said / before == pytest.approx(true, abs=0.05)
    text = ami(*more, *where).stdout
    assert "lost" in text and "in the lines" in text and "lines lose" in text
    unknown = asked("TR-7", "--head", HEAD, *where)
    assert unknown["losses"]["technical_kwh"] is None and unknown["losses"]["lost_kwh"] > 0
    assert asked("TR-7", *where)["losses"] is None


def test_lines_of_another_place_and_files_that_are_none(
    street: tuple[Truth, Heard, list[str]], tmp_path: Path
) -> None:
    *_, where = street
    drawn = tmp_path / "lines.csv"
    for text, code in (
        ("section,length_m,ohm_km,supplies\n1,10,0.6,SOMEBODY\n", "other-lines"),
        ("section,length_m,ohm_km\n", "bad-file"),
        ("section,length_m,ohms\n1,10,0.6\n", "bad-file"),
        ("section,length_m,ohm_km\n1,far,0.6\n", "bad-file"),
    ):
        drawn.write_text(text, encoding="utf-8")
        ran = ami("TR-7", "--lines", str(drawn), *where, "--json")
        assert (ran.exit_code, json.loads(ran.stdout)["error"]["code"]) == (2, code), text
    gone = ami("TR-7", "--lines", str(tmp_path / "none.csv"), *where, "--json")
    assert gone.exit_code == 2 and json.loads(gone.stdout)["error"]["code"] == "no-file"


def test_without_a_meter_at_the_head_the_records_are_the_reference(
    street: tuple[Truth, Heard, list[str]],
) -> None:
    truth, _, where = street
    found = asked("TR-7", *where)
    true = {each.meter: each.place.phase.value for each in truth.street.customers}
    right = [true.get(each["meter"]) == each["identified"] for each in found["meters"]]
    assert sum(right) >= 25


def test_of_days_of_which_nothing_came_nothing_is_told(
    street: tuple[Truth, Heard, list[str]],
) -> None:
    *_, (_, _, _, _, option, url) = street
    where = ["--day", "2026-05-06", "--days", "2", option, url]
    found = asked("TR-7", *where)
    assert found["quantities"]["current"]["percent"] is None
    assert found["quantities"]["current"]["colour"] == "unknown"
    assert {each["identified"] for each in found["meters"]} == {None}
    assert "0 of 30 meters" in ami("TR-7", "--head", HEAD, *where).stdout
    nobody = ami("TR-7", "--head", "9", *where, "--json")
    assert nobody.exit_code == 2 and json.loads(nobody.stdout)["error"]["code"] == "no-such-meter"
