"""`ami collection phases`: a transformer or a feeder by its meters, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from headend.analysis import phase_identification
from headend.analysis.bands import COLOURS, floors
from headend.analysis.figures import Figures, figures
from headend.analysis.hourly import Counts, hourly
from headend.analysis.meter_rows import Profiles, profiles, summed
from headend.analysis.meter_sums import ALL_PHASES
from headend.analysis.phase_identification import UNDECIDED, Identified
from headend.analysis.quantity import PHASES, QUANTITIES, UNITS
from headend.analysis.rollup import rolled
from headend.analysis.windows import DayRange, hour_ends
from headend.domain.meter import Meter
from headend.domain.utility_day import span_of
from headend.store.measured_queries import load_profiles
from headend.store.queries import meter
from headend.store.registry_queries import MeterFilter, meters, place
from tools.collection_asking import DAYS_MAX, LOAD_PROFILE, Question, day_named
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show, wrong_usage

METERS_MAX = 5_000
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Told:
    """What a place's meters tell of these days."""

    meters: list[Meter]  # but the one at the head
    figures: Figures
    measured: list[float]  # of each phase: the share of its usual power that was measured
    identified: Identified
    single: Counts  # places of the meters on one phase, as `identified` has them


def phases(
    code: Annotated[str, typer.Argument(metavar="PLACE", help="A transformer, or a feeder.")],
    day: Annotated[
        str | None, typer.Option(help="The last day, like 2026-07-06 [yesterday].")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="So many days, up to that one.")
    ] = 7,
    head: Annotated[
        str | None, typer.Option(help="The meter at its head, whose voltages are the phases'.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """A place by the load profiles of its meters: phases, unbalance, and who hangs on which.

    Meters are added on the phases that the registry records. On which each hangs is told by its
    voltage, with how sure that is; what differs from the records is shown.

    Example: [bold]ami collection phases TR-0007 --days 14 --json[/]
    """
    last = None if day is None else day_named(day, "--day")
    which = MeterFilter(place=code)
    question = Question.of(config, database, last, days, which, LOAD_PROFILE)
    if question.put(lambda connection: place(connection, code)) is None:
        wrong_usage(f"no place {code}", "See which: ami place list", code="no-such-place")
    if head is not None and question.put(lambda connection: meter(connection, head)) is None:
        wrong_usage(f"no meter {head}", "See which: ami meter list", code="no-such-meter")
    found = _told(question, which, head)
    if json:
        print_json({"place": code, "first": question.wanted.first, "last": question.wanted.last}
                   | _as_dict(found))  # fmt: skip
        return
    _show(found)


def _told(question: Question, which: MeterFilter, head: str | None) -> Told:
    wanted, policy = question.wanted, question.config.analysis
    here = question.put(lambda connection: meters(connection, which, limit=METERS_MAX))
    customers = [each for each in here if each.name != head]
    names = [each.name for each in customers] + ([] if head is None else [head])
    begin, end = span_of(wanted.first, wanted.zone).begin, span_of(wanted.last, wanted.zone).end
    bounds = np.arange(begin, end + 1, wanted.period_s, dtype=np.int64)
    found = question.put(
        lambda connection: profiles(
            load_profiles(connection, names, after=begin - 1, until=end), names, bounds
        )
    )
    hers = Profiles(*(each[:, : len(customers)] for each in found))
    phase = np.array([_recorded(each) for each in customers], dtype=np.int64)
    sums = summed(hers, phase, period_s=wanted.period_s, minimum_coverage=policy.minimum_coverage)
    hours = np.concatenate(
        [hour_ends(each, wanted.zone) for each in DayRange(wanted.first, wanted.last)]
    )
    by_hour, _ = rolled(
        hourly(bounds[1:], sums.values, hours, wanted.period_s),
        floors=floors(policy.bands),
        minimum_coverage=policy.minimum_coverage,
    )
    single = np.flatnonzero(phase != ALL_PHASES)
    volts = hers.volts[:, single, 0]
    of_phases = (
        phase_identification.reference(volts, phase[single])
        if head is None
        else found.volts[:, -1, :]
    )
    return Told(
        customers,
        figures(by_hour.over(0), policy),
        sums.coverage.mean(axis=0).tolist(),
        phase_identification.identify(volts, of_phases, stretch=86_400 // wanted.period_s),
        single,
    )


def _recorded(meter: Meter) -> int:
    if meter.recorded_phase is None:
        return _UNKNOWN
    return ALL_PHASES if meter.recorded_phase == "ABC" else PHASES.index(meter.recorded_phase)


def _as_dict(found: Told) -> dict[str, Any]:
    told = found.figures
    quantities = {
        quantity.value: {
            "unit": UNITS[quantity],
            "averages": dict(zip(PHASES, told.averages[at].tolist(), strict=True)),
            "percent": float(told.percent[at]),
            "magnitude": float(told.magnitude[at]),
            "mean_of_hours": float(told.mean_of_hours[at]),
            "coverage": float(told.coverage[at]),
            "hours": float(told.hours[at]),
            "colour": COLOURS[int(told.colours[at])].value,
        }
        for at, quantity in enumerate(QUANTITIES)
    }
    return {
        "formula": "max-deviation",
        "measured": dict(zip(PHASES, found.measured, strict=True)),
        "quantities": quantities,
        "power_factor": float(told.power_factor),
        "capacitors_kvar": float(told.capacitors_kvar),
        "meters": [
            {"meter": name, "recorded": recorded, "identified": phase, "confidence": sure}
            for name, recorded, phase, sure in _lines(found)
        ],
    }


def _lines(found: Told) -> list[tuple[str, str | None, str | None, float]]:
    """Meter, recorded phase, likeliest phase, confidence; of those on one phase."""
    lines = []
    for at, place_of in enumerate(found.single.tolist()):
        one, phase = found.meters[place_of], int(found.identified.phase[at])
        likeliest = None if phase == UNDECIDED else PHASES[phase]
        sure = round(float(found.identified.confidence[at]), 4)
        lines.append((one.name, one.recorded_phase, likeliest, sure))
    return lines


def _show(found: Told) -> None:
    told = found.figures
    table = Table("", *PHASES, "unbalance", "mean of hours", "coverage", "", box=None)
    for at, quantity in enumerate(QUANTITIES):
        table.add_row(
            f"{quantity} {UNITS[quantity]}",
            *(_number(each, 2) for each in told.averages[at]),
            f"{_number(told.percent[at], 1)} %",
            f"{_number(told.mean_of_hours[at], 1)} %",
            f"{100 * np.nan_to_num(told.coverage[at]):.0f} %",
            COLOURS[int(told.colours[at])].value,
        )
    show(table)
    out.print(
        f"power factor {_number(told.power_factor, 3)},"
        f" capacitors to reach the target {_number(told.capacitors_kvar, 2)} kvar"
    )
    measured = ", ".join(
        f"{phase} {100 * share:.0f} %" for phase, share in zip(PHASES, found.measured, strict=True)
    )
    out.print(f"measured of what its meters usually have: {measured}; the rest is made up")
    confident = phase_identification.CONFIDENT
    lines = _lines(found)
    sure = [each for each in lines if each[3] >= confident]
    out.print(f"{len(sure)} of {len(lines)} meters on one phase are told by their voltage")
    for name, recorded, phase, confidence in sure:
        if phase != recorded:
            out.print(f"  {name} hangs on {phase} ({confidence:.3f}), recorded {recorded or '-'}")


def _number(value: Any, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
