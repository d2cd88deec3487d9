"""Rows of a month to all windows and formulas of the dashboard, next to DuckDB in one query.

A row is an hour of a feeder: the averages of four quantities in three phases, and of how many
ten-minute values each is.  Out of 28 days of them come, for each day, Mobile 48 h and Mobile Month:
averages, max deviation in percent and magnitude, the mean and the 95th percentile of the hours'
unbalances, coverage, power factor and the capacitors to 0.96.  One row in a hundred is missing, one
value in two hundred as well, and one in a hundred is of fewer values than count.

Ours begins with the columns as arrays, DuckDB with the same in a table of its own, in memory, with
as many threads as it likes.  Rounds alternate.  Where a number differs, nothing is measured.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from headend.analysis.bands import floors
from headend.analysis.figures import figures, percentile
from headend.analysis.hourly import Counts, arranged
from headend.analysis.quantity import PHASES, QUANTITIES, Real
from headend.analysis.rollup import Rollup, rolled
from headend.analysis.windows import MOBILE_48H_DAYS, MOBILE_MONTH_DAYS
from headend.config.analysis import AnalysisPolicy
from tools.bench.unbalance_query import SHOWN, query

HOURS_A_DAY: Final = 24
HOURS: Final = MOBILE_MONTH_DAYS * HOURS_A_DAY
VALUES_AN_HOUR: Final = 6
FEEDERS_AT_ONCE: Final = 50
"""Keeps the arrays of a month inside the processor's cache."""

TOLERANCE: Final = 1e-5
"""Of percents, amperes, kW and V: ours keeps whole millionths of each hour's."""

POLICY: Final = AnalysisPolicy()
WINDOWS: Final = (
    *((day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY) for day in range(MOBILE_MONTH_DAYS)),
    (HOURS - MOBILE_48H_DAYS * HOURS_A_DAY, HOURS),
    (0, HOURS),
)
"""Hours from and before: each day, Mobile 48 h, Mobile Month."""

QUERY: Final = query(
    POLICY,
    days=MOBILE_MONTH_DAYS,
    newest_days=MOBILE_48H_DAYS,
    hours_a_day=HOURS_A_DAY,
    values_an_hour=VALUES_AN_HOUR,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns: one entry for each row."""

    feeder: Counts
    hour: Counts
    means: Real  # rows x quantities x phases
    received: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Medians of the rounds, seconds of the wall clock."""

    feeders: int
    rows: int
    figures: int
    rounds: int
    largest_difference: float
    ours_s: float
    duckdb_s: float
    duckdb_one_thread_s: float
    duckdb_version: str

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "unbalance",
            "feeders": self.feeders,
            "days": MOBILE_MONTH_DAYS,
            "rows": self.rows,
            "windows": len(WINDOWS),
            "figures": self.figures,
            "rounds": self.rounds,
            "cores": os.cpu_count(),
            "ours_s": round(self.ours_s, 4),
            "peer": f"DuckDB {self.duckdb_version}",
            "duckdb_s": round(self.duckdb_s, 4),
            "duckdb_one_thread_s": round(self.duckdb_one_thread_s, 4),
            "ratio": round(self.ratio, 3),
            "ratio_one_thread": round(self.ratio_one_thread, 3),
            "largest_difference": self.largest_difference,
        }

    @property
    def ratio(self) -> float:
        """How many times as long as ours DuckDB takes."""
        return self.duckdb_s / self.ours_s

    @property
    def ratio_one_thread(self) -> float:
        """The same, with one thread as ours has."""
        return self.duckdb_one_thread_s / self.ours_s


def compare(*, feeders: int, rounds: int, seed: int = 7) -> Run:
    """Both, in turns.  Raises RuntimeError where they tell different numbers."""
    rows = rows_of(feeders, seed)
    with duckdb.connect() as many, duckdb.connect(config={"threads": 1}) as one:
        for connection in (many, one):
            load(connection, rows)
        ours_told, their_told = ours(rows, feeders), theirs(many, feeders)
        difference = differing(ours_told, their_told)
        ways: dict[str, tuple[Callable[[], object], list[float]]] = {
            "ours": (lambda: ours(rows, feeders), []),
            "many": (lambda: many.execute(QUERY).fetchnumpy(), []),
            "one": (lambda: one.execute(QUERY).fetchnumpy(), []),
        }
        for _ in range(rounds):
            for way, taken in ways.values():
                began = time.perf_counter()
                way()
                taken.append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) for name, (_, taken) in ways.items()}
    return Run(
        feeders=feeders,
        rows=len(rows.feeder),
        figures=int(np.count_nonzero(~np.isnan(ours_told))),
        rounds=rounds,
        largest_difference=difference,
        ours_s=medians["ours"],
        duckdb_s=medians["many"],
        duckdb_one_thread_s=medians["one"],
        duckdb_version=duckdb.__version__,
    )


def rows_of(feeders: int, seed: int) -> Rows:
    """Feeders of all sizes, each unbalanced in its own way; in the order in which days are
    loaded."""
    rng = np.random.default_rng(seed)
    hour, feeder = (each.ravel() for each in np.indices((HOURS, feeders)))
    size = np.array([120.0, 900.0, 300.0, 7600.0])[:, None] * np.ones(len(PHASES))
    skew = rng.normal(1.0, 0.12, (feeders, len(QUANTITIES), len(PHASES)))
    skew[:, 3] = 1 + (skew[:, 3] - 1) / 20
    wave = 1 + 0.4 * np.sin(hour / HOURS_A_DAY * 2 * np.pi)[:, None, None]
    means = size * skew[feeder] * wave * rng.normal(1.0, 0.05, (len(hour), *size.shape))
    means = np.round(means, 3)  # as historians keep them
    received = np.full(means.shape, VALUES_AN_HOUR, dtype=np.int64)
    received[rng.random(means.shape) < 0.01] = 4
    gone = rng.random(means.shape) < 0.005
    means[gone], received[gone] = np.nan, 0
    kept = rng.random(len(hour)) >= 0.01
    return Rows(feeder[kept], hour[kept], means[kept], received[kept])


def ours(rows: Rows, feeders: int) -> Real:
    """Feeders x windows x SHOWN."""
    order = np.argsort(rows.feeder, kind="stable")
    cuts = np.searchsorted(rows.feeder[order], np.arange(0, feeders, FEEDERS_AT_ONCE))
    found = [
        _some(rows, order[begin:end], first, min(first + FEEDERS_AT_ONCE, feeders))
        for first, begin, end in zip(
            range(0, feeders, FEEDERS_AT_ONCE), cuts, [*cuts[1:], len(order)], strict=True
        )
    ]
    return np.concatenate(found)


def _some(rows: Rows, chosen: Counts, first: int, last: int) -> Real:
    hours = arranged(
        rows.feeder[chosen] - first,
        rows.hour[chosen],
        rows.means[chosen],
        rows.received[chosen],
        shape=(last - first, HOURS),
        expected=VALUES_AN_HOUR,
    )
    by_hour, percents = rolled(
        hours, floors=floors(POLICY.bands), minimum_coverage=POLICY.minimum_coverage
    )
    days = by_hour.by(range(0, HOURS, HOURS_A_DAY), 1)
    newest = days[:, -MOBILE_48H_DAYS:].over(1)
    parts = (days, newest[:, None], days.over(1)[:, None])
    told = figures(_joined(parts), POLICY)
    by_day = percents.reshape(last - first, MOBILE_MONTH_DAYS, HOURS_A_DAY, len(QUANTITIES))
    moving = (percents[:, begin:end] for begin, end in WINDOWS[-2:])
    p95 = np.concatenate(
        [percentile(by_day), *(percentile(each)[:, None] for each in moving)], axis=1
    )
    lead = told.power_factor.shape
    shown = (
        told.averages.reshape(*lead, -1),
        told.percent,
        told.magnitude,
        told.mean_of_hours,
        p95,
        told.coverage,
        told.hours,
        told.power_factor[..., None],
        told.capacitors_kvar[..., None],
    )
    return np.concatenate(shown, axis=-1)


def _joined(parts: tuple[Rollup, ...]) -> Rollup:
    return Rollup.of_flat(np.concatenate([each.flat() for each in parts], axis=1))


def load(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """The rows as a table, missing values as NULL."""
    connection.execute("SET enable_progress_bar = false")  # it would write over what is printed
    columns: dict[str, npt.NDArray[Any]] = {"feeder": rows.feeder, "hour": rows.hour}
    for place in range(len(QUANTITIES)):
        for phase, letter in enumerate(PHASES.lower()):
            columns[f"x{place}{letter}"] = np.ascontiguousarray(rows.means[:, place, phase])
            columns[f"n{place}{letter}"] = np.ascontiguousarray(rows.received[:, place, phase])
    connection.register("given", columns)
    told = ", ".join(
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}" if name[0] == "x" else name
        for name in columns
    )
    connection.execute(f"CREATE TABLE rows AS SELECT {told} FROM given")
    connection.unregister("given")


def theirs(connection: duckdb.DuckDBPyConnection, feeders: int) -> Real:
    """What the query tells, as `ours` has it."""
    told = connection.execute(QUERY).fetchnumpy()
    found = np.full((feeders, len(WINDOWS), len(SHOWN)), np.nan)
    columns = [np.ma.filled(np.ma.asarray(told[name], dtype=np.float64), np.nan) for name in SHOWN]
    found[told["feeder"], told["window"]] = np.stack(columns, axis=-1)
    return found


def differing(ours_told: Real, their_told: Real) -> float:
    """The largest difference of any figure.  Raises RuntimeError where it is too large, or where
    one of both tells a figure that the other does not."""
    if not (np.isnan(ours_told) == np.isnan(their_told)).all():
        place = np.argwhere(np.isnan(ours_told) != np.isnan(their_told))[0]
        raise RuntimeError(f"only one of both tells {SHOWN[place[-1]]} of {place[:-1].tolist()}")
    difference = np.nan_to_num(np.abs(ours_told - their_told))
    worst = float(difference.max(initial=0.0))
    if worst > TOLERANCE:
        place = np.unravel_index(int(difference.argmax()), difference.shape)
        raise RuntimeError(f"{SHOWN[place[-1]]} differs by {worst} at {place}")
    return worst
