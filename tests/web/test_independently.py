"""What pages show of a circuit, next to what DuckDB finds in the ten-minute values themselves: in
SQL of its own, which shares nothing with ours."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import duckdb
import pytest

from headend.analysis.windows import mobile_48h
from headend.domain.account import Role
from headend.tasks.rollups import RollupParameters, roll_up
from headend.tasks.unbalance_hours import HoursParameters, load
from headend.tasks.work import Failed
from scenarios.utility.measuring import QUANTITIES as POINTS
from scenarios.utility.measuring import Quantity as Point
from scenarios.utility.model import Feeder
from scenarios.utility.naming import System, feeder_key
from tests.web.division import filled, work_of
from tests.web.ground import Ground, opened
from tests.web.systems import systems
from tests.web.test_dashboard import constant
from tests.web.test_exploration import asked
from tests.web.test_unbalance_on_line import FIRST, SMALL, TODAY, ends, varied

KEY = feeder_key(System.SIAD, FIRST)
MEASURED = {"LineCurrent": 1, "ActivePower": 1, "ReactivePower": 1, "PhaseVoltage": 1000}
"""In the order of the pages, and what makes A, kW, kvar and V of a value."""
GREEN_AND_YELLOW_TO = {each: (1, 2) if each == "PhaseVoltage" else (5, 10) for each in MEASURED}
"""Percent, as they are without a configuration."""

SQL = """
WITH hour AS (
  SELECT what, phase, (second - 1) // 3600 AS hour, avg(value) AS mean, count(value) AS n
  FROM told GROUP BY ALL
), whole AS (
  SELECT what, hour, min(n) AS least, sum(mean) AS total,
    max(mean) FILTER (phase = 'A') AS a, max(mean) FILTER (phase = 'B') AS b,
    max(mean) FILTER (phase = 'C') AS c
  FROM hour GROUP BY ALL HAVING min(n) >= 0.8 * 6
), uneven AS (
  SELECT what, 100 * greatest(abs(a - total / 3), abs(b - total / 3), abs(c - total / 3))
    / ((abs(a) + abs(b) + abs(c)) / 3) AS percent
  FROM whole
), average AS (
  SELECT what, avg(a) AS a, avg(b) AS b, avg(c) AS c, avg(total) / 3 AS mean
  FROM whole GROUP BY what
), coverage AS (
  SELECT what, 100 * count(value) / count(*) AS share FROM told GROUP BY what
)
SELECT average.what, a, b, c,
  100 * greatest(abs(a - mean), abs(b - mean), abs(c - mean))
    / ((abs(a) + abs(b) + abs(c)) / 3),
  greatest(abs(a - mean), abs(b - mean), abs(c - mean)),
  (SELECT avg(percent) FROM uneven WHERE what = average.what),
  (SELECT quantile_cont(percent, 0.95) FROM uneven WHERE what = average.what),
  (SELECT share FROM coverage WHERE what = average.what)
FROM average
"""
POWER = """
WITH hour AS (
  SELECT what, phase, (second - 1) // 3600 AS hour, avg(value) AS mean, count(value) AS n
  FROM told WHERE what IN ('ActivePower', 'ReactivePower') GROUP BY ALL
), known AS (
  SELECT hour, sum(mean) FILTER (what = 'ActivePower') AS kw,
    sum(mean) FILTER (what = 'ReactivePower') AS kvar
  FROM hour GROUP BY hour HAVING min(n) >= 0.8 * 6
), mean AS (SELECT avg(kw) AS kw, avg(kvar) AS kvar FROM known)
SELECT kw / sqrt(kw * kw + kvar * kvar), kvar - kw * tan(acos(0.96)) FROM mean
"""


def with_gaps(feeder: Feeder, quantity: Point, at: int) -> float | None:
    """A value lost now and then, one phase's for an hour and a half, and no power for two hours."""
    turn = at // 600
    if quantity.measurement == "LineCurrent" and quantity.phases == "B" and turn % 144 in range(9):
        return None
    if quantity.measurement == "ReactivePower" and turn % 144 in range(60, 72):
        return None
    if (turn * 7 + len(quantity.measurement)) % 31 == 0:
        return None
    return varied(feeder, quantity, at)


def independently() -> tuple[dict[str, list[float]], list[float]]:
    """Averages of A, B and C, percent, magnitude, mean of hours, P95 and coverage of each quantity;
    power factor and kvar."""
    rows = [
        (point.measurement, point.phases, at,
         None if value is None else value * MEASURED[point.measurement])
        for point in POINTS
        if point.measurement in MEASURED and len(point.phases) == 1
        for at in ends(*mobile_48h(TODAY))
        for value in [with_gaps(FIRST, point, at)]
    ]  # fmt: skip
    with duckdb.connect() as database:
        database.execute("CREATE TABLE told (what TEXT, phase TEXT, second BIGINT, value DOUBLE)")
        texts = ", ".join(
            f"('{what}', '{phase}', {at}, {'NULL' if value is None else value})"
            for what, phase, at, value in rows
        )
        database.execute(f"INSERT INTO told VALUES {texts}")
        found = {row[0]: [*row[1:]] for row in database.execute(SQL).fetchall()}
        power = database.execute(POWER).fetchall()[0]
    return found, [*power]


def numbers(cell: str) -> list[float]:
    text = re.sub(r"<span class=\"unseen\">.*?</span>|<[^>]*>", " ", unescape(cell))
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text.replace("\u202f", ""))]


def row_of(page: str, stamp: str) -> list[list[float]]:
    """The numbers in the cells of a row of a table of unbalance, after the name of its window."""
    (row,) = re.findall(rf"<td>{stamp}</td>(.*?)</tr>", page, re.DOTALL)
    return [numbers(each) for each in re.findall(r"<td.*?</td>", row, re.DOTALL)]


async def test_pages_show_what_another_finds_in_the_values(tmp_path: Path) -> None:
    utility = systems(tmp_path, simoce=with_gaps, seconds=ends(*mobile_48h(TODAY)), utility=SMALL)
    ground = Ground(adapters=utility)
    work = work_of(ground.store, ground.clock, utility)
    await filled(work, SMALL, constant, days=1)  # the organisation and the names
    simoce = feeder_key(System.SIMOCE, FIRST)
    for told in (
        await load(work, HoursParameters(days=2, feeders=(simoce,))),
        await roll_up(work, RollupParameters(days=2)),
    ):
        assert not isinstance(told, Failed), told
    async with opened(ground):
        circuit = await asked(ground, f"/feeder?key={KEY}", Role.ANALYST)
        dashboard = await asked(ground, f"/dashboard?at=CFE_Circuit:{KEY}&window=48h", Role.ANALYST)
        kept = await asked(ground, f"/unbalance?at=CFE_Circuit:{KEY}", Role.ANALYST)
        on_line = await asked(
            ground, f"/online/unbalance?at=CFE_Circuit:{KEY}&window=48h", Role.ANALYST
        )
    wanted, (factor, kvar) = independently()
    assert wanted["LineCurrent"][-1] < 97, "there are gaps"
    # The circuit's page: quantity, A, B, C, percent, magnitude, mean of hours, P95, coverage.
    window = circuit.text.partition("Mobile 48 h<br>")[2].partition("</table>")[0]
    rows = [
        sum((numbers(each) for each in re.findall(r"<td.*?</td>", row, re.DOTALL)), [])
        for row in re.findall(r"<tr>(.*?)</tr>", f"<tr>{window}", re.DOTALL)
    ]
    assert len(rows) == len(MEASURED)
    for found, what in zip(rows, MEASURED, strict=True):
        for shown, other, digits in zip(found, wanted[what], (1, 1, 1, 2, 2, 2, 2, 0), strict=True):
            assert shown == pytest.approx(other, abs=0.501 * 10**-digits), (what, found)
    # Both pages of unbalance: percent of each quantity, power factor, kvar, the least coverage.
    least = min(each[-1] for each in wanted.values())
    for page in (kept.text, on_line.text):
        *percents, of_power, missing, coverage = row_of(page, "Mobile 48 h")
        for (shown,), what in zip(percents, MEASURED, strict=True):
            assert shown == pytest.approx(wanted[what][3], abs=0.00501), what
        assert of_power == [pytest.approx(factor, abs=0.000501)]
        assert missing == [pytest.approx(kvar, abs=0.501)]
        assert coverage == [pytest.approx(least, abs=0.501)]
    assert row_of(kept.text, "Mobile 48 h") == row_of(on_line.text, "Mobile 48 h")
    # The dashboard's counts of green, yellow and red, of this one circuit.
    panels = re.findall(r'<p class="big">(.*?)</p>', dashboard.text, re.DOTALL)
    for panel, what in zip(panels, MEASURED, strict=True):
        green, yellow = GREEN_AND_YELLOW_TO[what]
        percent = wanted[what][3]
        colours = [percent <= green, green < percent <= yellow, yellow < percent]
        assert numbers(panel) == [int(each) for each in colours], what
