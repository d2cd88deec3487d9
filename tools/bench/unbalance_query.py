"""The query that DuckDB is asked by the benchmark of unbalance.

Written for DuckDB: quantities stay columns, windows are three groupings of one scan each.  With a
row for each quantity, or a join with the windows, it takes longer.
"""

from __future__ import annotations

from typing import Final

from headend.analysis.bands import floors
from headend.analysis.quantity import PHASES, QUANTITIES
from headend.config.analysis import AnalysisPolicy

_EACH: Final = ("percent", "magnitude", "mean_of_hours", "p95", "coverage", "hours")
_PLACES: Final = range(len(QUANTITIES))
SHOWN: Final = (
    *(f"average{place}{phase}" for place in _PLACES for phase in PHASES.lower()),
    *(f"{name}{place}" for name in _EACH for place in _PLACES),
    "power_factor",
    "capacitors_kvar",
)
"""The figures of a feeder in a window, in the order in which both tell them."""


def query(
    policy: AnalysisPolicy, *, days: int, newest_days: int, hours_a_day: int, values_an_hour: int
) -> str:
    """All figures of all feeders, of the table `rows`: windows 0 and on are the days, then come
    the newest of them together, then all."""
    enough = policy.minimum_coverage * values_an_hour
    floor = dict(enumerate(floors(policy.bands)))
    counted = ", ".join(
        f"coalesce(x{at}a + x{at}b + x{at}c IS NOT NULL"
        f" AND least(n{at}a, n{at}b, n{at}c) >= {enough}, false) AS counts{at}"
        for at in _PLACES
    )
    percents = ", ".join(
        f"CASE WHEN counts{at} THEN {_percent(_abc('x', at), floor[at])} END AS percent{at}"
        for at in _PLACES
    )
    newest = (days - newest_days) * hours_a_day
    windows = (
        (f"hour // {hours_a_day}", "true", hours_a_day),
        (f"{days}", f"hour >= {newest}", newest_days * hours_a_day),
        (f"{days + 1}", "true", days * hours_a_day),
    )
    averaged = " UNION ALL ".join(
        f"SELECT {window} AS w, feeder, {_aggregates(span, values_an_hour)},"
        " avg(x1a + x1b + x1c) FILTER (counts1 AND counts2) AS kw,"
        " avg(x2a + x2b + x2c) FILTER (counts1 AND counts2) AS kvar"
        f" FROM hourly WHERE {where} GROUP BY 1, 2"
        for window, where, span in windows
    )
    told = ", ".join(
        f"{_worst(*_abc('average', at))} AS magnitude{at},"
        f" {_percent(_abc('average', at), floor[at])} AS percent{at}"
        for at in _PLACES
    )
    return f"""
WITH counted AS (SELECT *, {counted} FROM rows),
hourly AS (SELECT *, {percents} FROM counted),
averaged AS ({averaged})
SELECT *, w AS "window", {told},
    CASE WHEN kw <> 0 OR kvar <> 0 THEN kw / sqrt(kw * kw + kvar * kvar) END AS power_factor,
    CASE WHEN kw IS NOT NULL
        THEN greatest(kvar - abs(kw) * tan(acos({policy.power_factor})), 0) END AS capacitors_kvar
FROM averaged
"""


def _aggregates(span: int, values_an_hour: int) -> str:
    parts = [
        f"avg(x{at}{phase}) FILTER (counts{at}) AS average{at}{phase}"
        for at in _PLACES
        for phase in PHASES.lower()
    ]
    expected = values_an_hour * len(PHASES) * span
    for at in _PLACES:
        parts += [
            f"avg(percent{at}) AS mean_of_hours{at}",
            f"quantile_cont(percent{at}, 0.95) AS p95{at}",
            f"sum({' + '.join(_abc('n', at))}) / {expected} AS coverage{at}",
            f"count(*) FILTER (counts{at}) / {span} AS hours{at}",
        ]
    return ", ".join(parts)


def _abc(name: str, place: int) -> tuple[str, str, str]:
    return f"{name}{place}a", f"{name}{place}b", f"{name}{place}c"


def _percent(abc: tuple[str, str, str], floor: float) -> str:
    amount = _amount(*abc)
    return f"CASE WHEN {amount} > {floor} THEN 100 * {_worst(*abc)} / {amount} END"


def _amount(a: str, b: str, c: str) -> str:
    return f"((abs({a}) + abs({b}) + abs({c})) / 3)"


def _worst(a: str, b: str, c: str) -> str:
    mean = f"({a} + {b} + {c}) / 3"
    return f"greatest(abs({a} - {mean}), abs({b} - {mean}), abs({c} - {mean}))"
