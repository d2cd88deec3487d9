"""Server time of the pages with a division's month loaded; beside it the same numbers from rows.

Loaded are 28 days of 200 feeders, hour by hour, with the roll-ups that the scheduled tasks make of
them, and 20,000 meters in the registry (`pages_division`).  The pages answer as at the door, to
somebody with a session, asked in turns without a socket: timed is from the question to the last
octet of the answer, with session, queries, figures, charts and template.  Beside it stands what the
process itself had of a processor in that time, which others' work changes less.

From rows: the hours of the feeders that a page shows are read, and windows, percentiles and figures
worked out of them, without a page around it.  What both tell must be the same to the last digit.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from headend.access.desk import By
from headend.analysis.bands import floors
from headend.analysis.figures import percentile
from headend.analysis.quantity import QUANTITIES
from headend.analysis.rollup import rolled
from headend.app.collector import start_settled
from headend.app.head_end import HeadEnd, build
from headend.app.rest import rest_parts, web_parts, whole_door
from headend.app.sessions import Bus, session_at
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.config.analysis import AnalysisPolicy
from headend.domain.account import Role
from headend.domain.feeder import FeederHour, FeederRoll, Span
from headend.soap.outbound.zeep_callback import ZeepCallback
from headend.store import feeder_queries as queries
from headend.tasks.dashboard import FeederFigures, told
from headend.tasks.rollups import LENGTHS, as_hours
from headend.web.consulta.kept import SPANS, kept
from headend.web.consulta.standing import Shown
from scenarios.stand_ins import asgi
from tools.bench.pages_division import (
    DAYS,
    DIVISION,
    NEWEST,
    TAKEN_AT,
    TREND_DAYS,
    Division,
    fill,
    siad,
    simoce,
    substation,
)

DASHBOARD_MS: Final = 100.0
CHARTS_MS: Final = 300.0
POLICY: Final = AnalysisPolicy()
NOT_SHOWN: Final[tuple[float | None, ...]] = (None,) * len(QUANTITIES)
"""P95 of windows before the newest."""


Seconds = tuple[float, float]
"""On the wall's clock and of processors."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page; `aim_ms` of its p95.  `back`: windows of how many days before the newest it shows as
    well, of `feeders`; None where it shows no figures of feeders."""

    name: str
    path: str
    aim_ms: float | None
    feeders: Sequence[int] = ()
    back: Mapping[Shown, int] | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of a page, `cpu` those of a processor; `raw_ms` of the same numbers from rows,
    `alike` that they are."""

    name: str
    path: str
    octets: int
    p50_ms: float
    p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float
    aim_ms: float | None
    figures: int
    raw_ms: float | None
    alike: bool | None

    @property
    def ratio(self) -> float | None:
        """How many times as long as the page its numbers take from rows."""
        return None if self.raw_ms is None else self.raw_ms / self.p50_ms

    def as_dict(self) -> dict[str, Any]:
        return {
            "page": self.name,
            "path": self.path,
            "octets": self.octets,
            "p50_ms": round(self.p50_ms, 2),
            "p95_ms": round(self.p95_ms, 2),
            "cpu_p50_ms": round(self.cpu_p50_ms, 2),
            "cpu_p95_ms": round(self.cpu_p95_ms, 2),
            "aim_ms": self.aim_ms,
            "figures": self.figures,
            "raw_ms": None if self.raw_ms is None else round(self.raw_ms, 1),
            "ratio": None if self.ratio is None else round(self.ratio, 1),
            "alike": self.alike,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """`loaded_s`: until all was in the database."""

    division: Division
    hours: int
    rounds: int
    loaded_s: float
    pages: Sequence[Took]

    @property
    def alike(self) -> bool:
        return all(each.alike is not False for each in self.pages)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "pages",
            "feeders": self.division.feeders,
            "meters": self.division.meters,
            "days": DAYS,
            "hours": self.hours,
            "rounds": self.rounds,
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "loaded_s": round(self.loaded_s, 1),
            "pages": [each.as_dict() for each in self.pages],
        }


def asked(division: Division) -> Sequence[Asked]:
    """The pages that are timed."""
    everybody, some = range(division.feeders), division.of_substation(0)
    at = ":".join(substation(0))
    trend, alone = TREND_DAYS, 0
    month = {Shown.MONTH: trend, Shown.HOURS_48: alone}
    hours = {Shown.MONTH: alone, Shown.HOURS_48: trend}
    both = {Shown.MONTH: alone, Shown.HOURS_48: alone}
    part, whole = urlencode({"at": at}), urlencode({"at": ":".join(DIVISION)})
    return (
        Asked("dashboard", "/dashboard", DASHBOARD_MS, everybody, month),
        Asked("dashboard, 48 h", "/dashboard?window=48h", DASHBOARD_MS, everybody, hours),
        Asked("dashboard of a substation", f"/dashboard?{part}", DASHBOARD_MS, some, month),
        Asked("unbalance", "/unbalance", CHARTS_MS, some, both),  # of the first substation
        Asked("unbalance, magnitudes", "/unbalance?mode=magnitude", CHARTS_MS, some, both),
        Asked("unbalance of all", f"/unbalance?{whole}", CHARTS_MS, everybody, both),
        Asked("circuit, a week", f"/feeder?key={siad(0)}", CHARTS_MS, [0], both),
        Asked("circuit, a month", f"/feeder?key={siad(0)}&days=28", CHARTS_MS, [0], both),
        Asked("exploration", f"/exploration?{part}", CHARTS_MS),
        Asked("meters", "/meters", CHARTS_MS),
        Asked("concentrators", "/concentrators", CHARTS_MS),
    )


def compare(*, feeders: int, meters: int, rounds: int) -> Run:
    """All pages in turns, so that a machine that slows down slows all.  Raises RuntimeError for a
    page that does not answer."""
    return asyncio.run(_compare(Division(feeders, meters), rounds))


async def _compare(division: Division, rounds: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="ami-bench-") as folder:
        clock, chance = WallClock(), SystemChance()
        callback = ZeepCallback(1.0, None)
        head_end = build(
            Config(database=f"sqlite:///{Path(folder) / 'division.db'}"),
            clock=clock,
            chance=chance,
            broker=session_at(Bus(), "bench"),
            callback=callback,
        )
        try:
            began = time.perf_counter()
            await fill(head_end.store, division)
            loaded_s = time.perf_counter() - began
            pages = asked(division)
            times, octets = await _timed(head_end, pages, rounds)
            return Run(
                division,
                division.feeders * DAYS * 24,
                rounds,
                loaded_s,
                [
                    _took(head_end, division, page, taken, size)
                    for page, taken, size in zip(pages, times, octets, strict=True)
                ],
            )
        finally:
            await head_end.close()
            callback.close()


async def _timed(
    head_end: HeadEnd, pages: Sequence[Asked], rounds: int
) -> tuple[list[list[Seconds]], list[int]]:
    """What each page took, turn by turn, without its first answer; how long that was in octets."""
    parts = rest_parts(head_end, lambda: {"broker": True, "work": True})
    web = web_parts(head_end, parts)
    await web.accounts.add("analyst", [Role.ANALYST, Role.OPERATOR], By("bench", "bench"))
    secret = await web.sessions.open("analyst", source=asgi.ADDRESS[0])
    headers = {"cookie": f"{web.session_cookie}={secret}"}
    door = whole_door(head_end, parts)

    async def answer(page: Asked) -> bytes:
        told = await asgi.ask(door, "GET", page.path, headers=headers)
        if told.status != 200:
            raise RuntimeError(f"{page.path} answers {told.status}")
        return told.body

    times: list[list[Seconds]] = [[] for _ in pages]
    octets = [len(await answer(page)) for page in pages]
    with start_settled():  # as the head-end serves
        for _ in range(rounds):
            for taken, page in zip(times, pages, strict=True):
                began = time.perf_counter(), time.process_time()
                await answer(page)
                taken.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return times, octets


def _took(
    head_end: HeadEnd,
    division: Division,
    page: Asked,
    taken: Sequence[Seconds],
    octets: int,
) -> Took:
    (p50, cpu_p50), (p95, cpu_p95) = np.quantile(
        np.array(taken) * 1000, [0.5, 0.95], axis=0
    ).tolist()
    quantiles = p50, p95, cpu_p50, cpu_p95
    if page.back is None:
        return Took(page.name, page.path, octets, *quantiles, page.aim_ms, 0, None, None)
    began = time.perf_counter()
    raw = head_end.store.read(lambda connection: from_rows(connection, division, page))
    raw_ms = (time.perf_counter() - began) * 1000
    shown = head_end.store.read(lambda connection: from_rollups(connection, division, page))
    return Took(
        page.name, page.path, octets, *quantiles, page.aim_ms, len(raw), raw_ms,
        raw == shown,
    )  # fmt: skip


def from_rollups(connection: Any, division: Division, page: Asked) -> list[FeederFigures]:
    """The figures of the windows that a page shows, as it has them."""
    assert page.back is not None, "it shows none"
    nominal = {simoce(it): division.volts(it) for it in page.feeders}
    key = {simoce(it): siad(it) for it in page.feeders}
    found = kept(connection, back=page.back)
    rolls = [
        FeederRoll(
            SPANS[shown], day, feeder, tuple(row), (),
            found.at(shown, day).p95[key[feeder]] if day == NEWEST else NOT_SHOWN, TAKEN_AT,
        )
        for shown, them in ((each, found.rolled[each]) for each in page.back)
        for day, feeder, row in zip(
            them.days, them.feeders, them.rollup.flat().tolist(), strict=True
        )
        if feeder in nominal
    ]  # fmt: skip
    return _in_order(rolls, nominal)


def from_rows(connection: Any, division: Division, page: Asked) -> list[FeederFigures]:
    """The same from hours."""
    assert page.back is not None, "it shows none"
    first = NEWEST - timedelta(days=max(page.back.values()) + LENGTHS[Span.MONTH] - 1)
    nominal = {simoce(it): division.volts(it) for it in page.feeders}
    rolls = [
        roll
        for name, volts in nominal.items()
        for roll in windows(queries.hours(connection, name, first, NEWEST), volts, page.back)
    ]
    return _in_order(rolls, nominal)


def windows(
    hours: Sequence[FeederHour], volts: float, back: Mapping[Shown, int]
) -> list[FeederRoll]:
    """Windows of a feeder, each of its hours."""
    bands = POLICY.bands_at(volts)
    by_hour, percents = rolled(
        as_hours(hours), floors=floors(bands), minimum_coverage=POLICY.minimum_coverage
    )
    days = np.array([each.day.toordinal() for each in hours])
    made = []
    for shown, before in back.items():
        length = LENGTHS[SPANS[shown]]
        for end in (NEWEST - timedelta(days=each) for each in range(before + 1)):
            begin, stop = np.searchsorted(days, [end.toordinal() - length + 1, end.toordinal() + 1])
            row = by_hour[int(begin) : int(stop)].over(0).flat()
            p95 = NOT_SHOWN
            if end == NEWEST:
                p95 = tuple(
                    None if np.isnan(it) else float(it) for it in percentile(percents[begin:stop])
                )
            made.append(
                FeederRoll(
                    SPANS[shown], end, hours[0].feeder, tuple(row.tolist()), (), p95,
                    hours[-1].taken_at,
                )
            )  # fmt: skip
    return made


def _in_order(rolls: list[FeederRoll], nominal: Mapping[str, float | None]) -> list[FeederFigures]:
    return told(sorted(rolls, key=lambda it: (it.span, it.day, it.feeder)), POLICY, nominal)
