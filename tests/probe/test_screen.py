"""The screen by keyboard alone, before a meter on a real line; in the smallest terminal too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from textual.widgets import DataTable, Input, Static, Tree

from protocols.concentrator.messages import LimitRead, SupplyRead
from tests.conftest import SIMULATED_START as at
from tests.probe.bench import LOAD_W, NOBODY, Bench, Probe, Watched, a_meter, bench, between, tcp
from tests.probe.shots import desk_at, until, without_fonts
from tools.probe import desk as desk_
from tools.probe.desk import Desk
from tools.probe.plots import round_times
from tools.probe.screen.app import ProbeScreen
from tools.probe.screen.braille import Canvas
from tools.probe.screen.feed import Feed
from tools.probe.screen.live import Phase, snapshot
from tools.probe.screen.phasors import drawn
from tools.probe.screen.state import State, parts, span
from tools.probe.screen.themes import CELLAR, SUNLIGHT
from tools.probe.screen.words import WORDS
from tools.probe.secrets import gather

SMALL, LARGE = (80, 24), (120, 40)
pytestmark = pytest.mark.live


@pytest.fixture
def desk(meter: Bench, tmp_path: Path) -> Desk:
    return desk_at(meter, tmp_path / "kit", lang="en")


def lines(app: ProbeScreen) -> list[str]:
    """What stands on the screen, line by line."""
    width, height = app.size
    rows: list[list[str]] = [[" "] * width for _ in range(height)]
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        text = "".join(segment.text for segment in strip)
        rows[y] = list(text.ljust(width))
    return ["".join(row) for row in rows]


async def test_live_values_in_the_smallest_terminal(desk: Desk, meter: Bench) -> None:
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.pause(0.2)
        shown = "\n".join(lines(app))
        assert meter.number in lines(app)[0] and "wrapper as reader" in lines(app)[0]
        for text in ("U1", "U2", "U3", "I1", "230.0", str(LOAD_W[0]), "energy import", "50.00"):
            assert text in shown, shown
        await until(pilot, lambda: "supply on" in lines(app)[1])
        assert "no alarms" in lines(app)[1] and "clock right" in lines(app)[1]
        assert "q Quit" in lines(app)[-1] and "c Contrast" in lines(app)[-1]
        phases = app._snapshot.phases if app._snapshot else ()
        assert [phase.power_w for phase in phases] == list(LOAD_W)
        await pilot.press("q")
    assert meter.logins == {2: 1}


async def test_a_long_read_shows_how_far_it_is_then_the_curves(desk: Desk) -> None:
    app, seen = ProbeScreen(desk), list[str]()
    heard = app.progressed

    def listened(*far: Any) -> None:
        heard(*far)
        seen.append(str(app.query_one("#bar-text", Static).render()))

    app.progressed = listened  # type: ignore[method-assign]
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("d", "d")
        await until(pilot, lambda: app._profile is not None)
        await pilot.pause(0.2)
        assert app._profile is not None and len(app._profile.tables[0].rows) > 600
        shown = "\n".join(lines(app))
        assert "active + energy, total [W]" in shown and "0 missing" in shown
        assert not app.query_one("#bar").has_class("shown")
    assert len(seen) > 7 and re.search(r"profile: \d+ blocks, [\d,]+ octets", seen[-1])


async def test_objects_and_their_attributes(desk: Desk) -> None:
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("3")
        await until(pilot, lambda: app._objects is not None)
        tree = app.query_one("#tree", Tree)
        assert len(tree.root.children) > 5
        await pilot.press("down", "enter", "down", "enter")
        detail = app.query_one("#object", Static)
        await until(pilot, lambda: "logical device name" in str(detail.render()))
        assert "SIM0000000004" in str(detail.render())


async def test_events_newest_first(desk: Desk, meter: Bench, probe: Probe) -> None:
    for verb in ("disconnect", "reconnect"):
        await asyncio.to_thread(probe, verb, "--yes", "--port", meter.port, env=meter.secrets())
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("4")
        await until(pilot, lambda: app._events is not None)
        rows = app._events.rows if app._events else ()
        shown = app.query_one(DataTable)
        assert shown.row_count == len(rows) >= 2
        assert "connected remotely" in shown.get_row_at(0)
        await pilot.pause(0.2)
        assert any("connected remotely" in line for line in lines(app)), "without scrolling"


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "xml"])
async def test_a_page_is_exported_by_keyboard(desk: Desk, tmp_path: Path, ending: str) -> None:
    app, path = ProbeScreen(desk), tmp_path / f"live.{ending}"
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.focused, Input))
        field = app.focused
        assert isinstance(field, Input)
        assert re.fullmatch(r"SIM0000000004-live-\d{8}-\d{6}\.csv", field.value)
        field.value = str(tmp_path / "live.xls")
        await pilot.press("enter")
        assert "no such format" in str(app.screen.query_one("#wrong").render())  # type: ignore[attr-defined]
        field.value = str(path)
        await pilot.press("enter")
        await until(pilot, path.exists)
        await until(pilot, lambda: path.stat().st_size > 0)
    if ending == "parquet":
        with duckdb.connect() as database:
            read = database.execute("SELECT p FROM read_parquet(?)", [str(path)]).fetchall()
        assert [row[0] for row in read] == list(LOAD_W)
    else:
        assert str(LOAD_W[0]) in path.read_text()


async def test_contrast_for_the_sun(desk: Desk) -> None:
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        assert app.theme == CELLAR.name
        await pilot.press("c")
        assert app.theme == SUNLIGHT.name
        await pilot.press("c")
        assert app.theme == CELLAR.name


async def test_pause_stops_the_looks(desk: Desk) -> None:
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("space")
        assert app._feed.paused
        await pilot.press("space")
        first = app._snapshot
        await until(pilot, lambda: app._snapshot is not first)


async def test_nobody_there_is_told_with_what_to_do(tmp_path: Path, meter: Bench) -> None:
    meter.places.insert(0, NOBODY)
    app = ProbeScreen(desk_at(meter, tmp_path, lang="es"))
    async with app.run_test(size=SMALL) as pilot:
        trouble = app.query_one("#trouble", Static)
        await until(pilot, lambda: trouble.has_class("shown"))
        assert "no se pudo abrir la conexión" in str(trouble.render())
        assert "r: reintentar" in str(trouble.render())
        shown = "\n".join(lines(app))
        assert "SIN CONEXIÓN" in shown and "sin valores: vea arriba" in shown, shown
        assert "esperando" not in shown
        app._desk = desk_at(Bench(meter.meter, meter.places[1:]), tmp_path, lang="en")
        await pilot.press("r")
        await until(pilot, lambda: app._snapshot is not None)
        assert not trouble.has_class("shown")


async def test_unplugged_while_it_is_shown(tmp_path: Path, meter: Bench) -> None:
    with between(meter.port, cut_after=6000) as port:
        app = ProbeScreen(desk_at(Bench(meter.meter, [port]), tmp_path, lang="en"))
        async with app.run_test(size=SMALL) as pilot:
            trouble = app.query_one("#trouble", Static)
            await until(pilot, lambda: trouble.has_class("shown"))
            assert "broke" in str(trouble.render()) or "connection" in str(trouble.render())
            assert "NOT CONNECTED" in lines(app)[0], "old values are not taken for live ones"


async def test_a_wrong_key_is_told_with_what_to_do_before_the_meter_locks(
    tmp_path: Path, meter: Bench
) -> None:
    desk = desk_at(meter, tmp_path, lang="en")
    desk.secrets = gather("wrong", None, None, None)[0]
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        trouble = app.query_one("#trouble", Static)
        await until(pilot, lambda: trouble.has_class("shown"))
        assert "meters lock after a few wrong logins" in str(trouble.render())
    assert sum(meter.logins.values()) == 1


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_in_spanish(tmp_path: Path, meter: Bench, size: tuple[int, int]) -> None:
    app = ProbeScreen(desk_at(meter, tmp_path, lang="es"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await until(pilot, lambda: "con suministro" in lines(app)[1])
        shown = lines(app)
        assert "sin alarmas" in shown[1] and "reloj en hora" in shown[1]
        assert "1 En vivo" in shown[2] and "Salir" in shown[-1]
        assert any("energía consumida" in line for line in shown)
        await pilot.press("4")
        await until(pilot, lambda: app._events is not None)
        await pilot.pause(0.2)
        assert "están vacíos" in "\n".join(lines(app)), "and not an empty table"


async def test_what_comes_after_leaving_is_heard_by_nobody(desk: Desk) -> None:
    class Late(Feed):
        async def run(self) -> None:
            self.told.stood(State())

    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        await pilot.press("q")
    app._feed = Late(desk, app)
    await app._talked()


@pytest.fixture
def one_phase() -> Iterator[Bench]:
    with bench(tcp(), meter=a_meter(phases=1)) as shown:
        yield shown


async def test_a_meter_of_one_phase(tmp_path: Path, one_phase: Bench) -> None:
    app = ProbeScreen(desk_at(one_phase, tmp_path, lang="en"))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        assert app._snapshot is not None and len(app._snapshot.phases) == 1
        await pilot.pause(0.2)
        shown = "\n".join(lines(app))
        assert "L1" in shown and "L2" not in shown


async def test_the_picture_needs_no_network(desk: Desk) -> None:
    app = ProbeScreen(desk)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        svg = without_fonts(app.export_screenshot())
    assert "font-face" not in svg and not re.search(r"url\(.?https?:", svg)


# How the meter stands.

LIMITED = LimitRead("3300", "3300", "W")
STANDS = {
    "supplied": (State(supply=SupplyRead(True, 1, 4)), ["supply on"], []),
    "cut": (State(supply=SupplyRead(False, 0, 4)), [], ["supply OFF"]),
    "a hand is wanted": (
        State(supply=SupplyRead(False, 2, 4)), [], ["supply OFF, ready for a hand"]),
    "welded": (State(supply=SupplyRead(True, 0, 4)), [], ["supply still ON: relay?"]),
    "open though connected": (State(supply=SupplyRead(False, 1, 4)), [], ["no supply: relay?"]),
    "a state of no standard": (State(supply=SupplyRead(True, 7, 4)), [], ["supply in state 7"]),
    "no alarms": (State(errors=0, alarms=(0, 0)), ["no alarms"], []),
    "no registers": (State(), [], []),
    "alarms": (State(errors=0, alarms=(1 << 13, 1 << 31)), [], ["ALARM 1.13, 2.31: see Events"]),
    "many": (State(alarms=(0xFF,)), [], ["ALARM 1.0, 1.1, 1.2, …: see Events"]),
    "an error": (State(errors=4, alarms=(0,)), [], ["ERROR 2: see Events"]),
    "in time": (State(4.9, True), ["clock right"], []),
    "ahead": (State(3725.0, True), [], ["clock 1 h 2 min FAST"]),
    "behind": (State(-45.2, True), [], ["clock 45 s SLOW"]),
    "no zone": (State(None, True), [], ["clock has no zone"]),
    "limited": (State(limit=LIMITED), ["limit 3\u202f300 W"], []),
    "not limited": (
        State(limit=LimitRead("4294967295", "4294967295", "W", unlimited=True)), ["no limit"], []),
    "emergency": (
        State(limit=LimitRead("3300", "500", "W", emergency_active=True)),
        [], ["EMERGENCY limit 500 W"]),
    "tariff": (State(tariff="2"), ["tariff 2"], []),
}  # fmt: skip


@pytest.mark.parametrize(("state", "right", "wrong"), STANDS.values(), ids=STANDS)
def test_how_the_meter_stands(state: State, right: list[str], wrong: list[str]) -> None:
    told = list(parts(state, "en"))
    assert [part.text for part in told if not part.wrong] == right
    assert [part.text for part in told if part.wrong] == wrong
    assert len(list(parts(state, "es"))) == len(told)


SPANS = {0: "0 s", 59.6: "1 min", 61: "1 min 1 s", 3600: "1 h", 7260: "2 h 1 min",
         86400 * 400: "400 d"}  # fmt: skip


@pytest.mark.parametrize("seconds", SPANS)
def test_a_span_in_the_units_that_say_most(seconds: float) -> None:
    assert span(seconds) == SPANS[seconds]


def test_every_word_has_both_languages() -> None:
    fields = re.compile(r"\{\w+")
    for code, (english, spanish) in WORDS.items():
        assert english and spanish
        assert set(fields.findall(english)) == set(fields.findall(spanish)), code


# Curves.

TICKS = {  # from, across: the first marks, how far apart, how many
    "a day": (datetime(2026, 11, 21, 20, 30), timedelta(days=1), (21, 0), 3, 8),
    "three days": (datetime(2026, 11, 19, 20, 30), timedelta(days=3), (0, 0), 12, 6),
    "a week": (datetime(2026, 11, 15, 20, 30), timedelta(days=7), (0, 0), 24, 7),
    "a month": (datetime(2026, 10, 23, 0, 0), timedelta(days=30), (0, 0), 96, 8),
}


@pytest.mark.parametrize(("first", "across", "begin", "hours", "count"), TICKS.values(), ids=TICKS)
def test_marks_of_time_are_round(
    first: datetime, across: timedelta, begin: tuple[int, int], hours: int, count: int
) -> None:
    marks = round_times(first, across)
    assert (marks[0].hour, marks[0].minute) == begin and len(marks) == count
    assert {after - before for before, after in pairwise(marks)} == {timedelta(hours=hours)}
    assert first <= marks[0] and marks[-1] <= first + across


def test_marks_of_a_span_too_short_for_round_hours_are_its_ends() -> None:
    first = datetime(2026, 11, 21, 20, 10)
    assert round_times(first, timedelta(minutes=30)) == [first, first + timedelta(minutes=30)]


# Phasors.


def number(value: float, unit: str) -> Any:
    return Decimal(str(value)), unit


def test_angles_of_a_meter_that_tells_none_are_assumed_and_said_to_be() -> None:
    told = {f"1.0.{c}.7.0.255": number(230, "V") for c in (32, 52, 72)}
    found = snapshot(at, told)
    assert found.angles_assumed and [p.angle_deg for p in found.phases] == [0, -120, -240]
    told |= {"1.0.81.7.1.255": number(240, "°"), "1.0.81.7.2.255": number(120, "°")}
    found = snapshot(at, told)
    assert not found.angles_assumed and [p.angle_deg for p in found.phases] == [0, 240, 120]


SHIFTS = {(100.0, 100.0): 45, (100.0, -100.0): -45, (-100.0, 0.0): 180, (100.0, 0.0): 0}


@pytest.mark.parametrize("power", SHIFTS)
def test_inductive_current_lags(power: tuple[float, float]) -> None:
    phase = Phase(230, 1, *power)
    assert phase.shift_deg == pytest.approx(SHIFTS[power])


def test_phases_turn_clockwise_from_the_top() -> None:
    """U1 above, U2 below on the right, U3 below on the left."""
    text = drawn([Phase(230, angle_deg=a) for a in (0, 240, 120)], 40, 20, ("", "", ""), "").plain
    place = {
        name: (row, line.index(name))
        for row, line in enumerate(text.split("\n"))
        for name in ("U1", "U2", "U3")
        if name in line
    }
    assert place["U1"][0] < place["U2"][0] == place["U3"][0]
    assert place["U3"][1] < place["U1"][1] < place["U2"][1]


def test_a_circle_of_dots_is_round_and_nothing_is_drawn_outside() -> None:
    canvas = Canvas(10, 5)
    canvas.circle(10, 10, 9)
    canvas.line(-50, -50, 60, 60)
    rows = canvas.text().plain.split("\n")
    assert len(rows) == 5 and {len(row) for row in rows} == {10}


async def test_secrets_are_asked_for_before_the_screen_opens(
    meter: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    there = desk_at(meter, tmp_path, lang="en", role="management")
    monkeypatch.setattr(desk_.sys.stdin, "isatty", lambda: True)  # type: ignore[attr-defined]
    keys = meter.secrets()

    def answer(question: str, **_: Any) -> str:
        asked.append(question)
        return keys["AMI_PROBE_KEY" if "Encryption" in question else "AMI_PROBE_AUTH_KEY"]

    monkeypatch.setattr(desk_.typer, "prompt", answer)  # type: ignore[attr-defined]
    there.unlock(desk_.Purpose.READ)
    assert len(asked) == 2
    app = ProbeScreen(there)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
    assert isinstance(meter.meter, Watched) and meter.logins[1] == 1
