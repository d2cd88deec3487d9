"""`ami collection phases`: a transformer or a feeder by its meters, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from headend.analysis.bands import COLOURS
from headend.analysis.by_meters import ByMeters, Drawn, by_meters
from headend.analysis.phase_identification import CONFIDENT, UNDECIDED
from headend.analysis.quantity import PHASES, QUANTITIES, UNITS
from headend.analysis.unbalance import Formula
from headend.analysis.windows import DayRange
from headend.domain.line_section import LineSection
from headend.domain.meter import Meter
from headend.domain.utility_day import span_of
from headend.store.measured_queries import load_profiles
from headend.store.queries import meter
from headend.store.registry_queries import MeterFilter, meters, place, service_points
from tools.collection.asking import DAYS_MAX, LOAD_PROFILE, Question, day_named
from tools.collection.losses import drawing, losses_as_dict, losses_in_words
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import complain, out, print_json, show, wrong_usage

METERS_MAX = 5_000

Told = tuple[list[Meter], ByMeters]
"""The customers' meters, and what they tell."""


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
    rated_kva: Annotated[
        float | None, typer.Option(min=1, help="Of the transformer: its loading is told.")
    ] = None,
    moves: Annotated[
        int, typer.Option(min=0, max=8, help="Whom to move to another phase, up to so many.")
    ] = 0,
    lines: Annotated[
        Path | None, typer.Option(help="CSV of its lines: section, upstream, length_m, ohm_km, …")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """A place by the load profiles of its meters: phases, unbalance, and who hangs on which.

    Meters are added on the phases that the registry records. On which each hangs is told by its
    voltage, with how sure that is; what differs from the records is shown. Only those are moved.
    With a meter at the head the energies are balanced; with its lines the technical losses are
    told apart, and what moves do to them.

    Example: [bold]ami collection phases TR-0007 --days 14 --rated-kva 160 --moves 3[/]
    """
    last = None if day is None else day_named(day, "--day")
    which = MeterFilter(place=code)
    question = Question.of(config, database, last, days, which, LOAD_PROFILE)
    if question.put(lambda connection: place(connection, code)) is None:
        wrong_usage(f"no place {code}", "See which: ami place list", code="no-such-place")
    if head is not None and question.put(lambda connection: meter(connection, head)) is None:
        wrong_usage(f"no meter {head}", "See which: ami meter list", code="no-such-meter")
    found = _told(question, which, head, rated_kva, moves, drawing(lines))
    if json:
        print_json({"place": code, "first": question.wanted.first, "last": question.wanted.last}
                   | _as_dict(found))  # fmt: skip
        return
    _show(found)


def _told(
    question: Question,
    which: MeterFilter,
    head: str | None,
    rated_kva: float | None,
    moves: int,
    sections: Sequence[LineSection],
) -> Told:
    wanted = question.wanted
    here = question.put(lambda connection: meters(connection, which, limit=METERS_MAX))
    customers = [each for each in here if each.name != head]
    names = [each.name for each in customers] + ([] if head is None else [head])
    drawn = None
    if sections:
        points = question.put(lambda connection: service_points(connection, names))
        drawn = Drawn(sections, points)
        _check_supplies(drawn, customers)
    begin, end = span_of(wanted.first, wanted.zone).begin, span_of(wanted.last, wanted.zone).end
    found = question.put(
        lambda connection: by_meters(
            load_profiles(connection, names, after=begin - 1, until=end),
            customers,
            DayRange(wanted.first, wanted.last),
            wanted.zone,
            wanted.period_s,
            head=head,
            rated_kva=rated_kva,
            moves_max=moves,
            drawn=drawn,
            policy=question.config.analysis,
        )
    )
    return customers, found


def _check_supplies(drawn: Drawn, customers: Sequence[Meter]) -> None:
    """Lines that supply somebody else are another place's."""
    supplied = {name for each in drawn.sections for name in each.supplies}
    on_lines = [
        each.name
        for each in customers
        if each.name in supplied or drawn.points.get(each.name) in supplied
    ]
    if not on_lines:
        wrong_usage(
            "--lines supplies none of this place's meters",
            "In supplies stand service points or meters, with spaces between them.",
            code="other-lines",
        )
    if left := len(customers) - len(on_lines):
        complain(f"{left} of {len(customers)} meters are on no line: as if at the transformer")


def _as_dict(found: Told) -> dict[str, Any]:
    customers, by = found
    told, carried = by.figures, by.loading
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
        "formula": Formula.MAX_DEVIATION.value,
        "measured": dict(zip(PHASES, by.measured.tolist(), strict=True)),
        "quantities": quantities,
        "power_factor": float(told.power_factor),
        "capacitors_kvar": float(told.capacitors_kvar),
        "loading": {
            "coverage": carried.coverage,
            "peak_kva": carried.peak_kva,
            "peak_percent": carried.peak_percent(),
            "hours_over": carried.over(),
            "peak_neutral_a": carried.peak_neutral_a,
        },
        "losses": None if by.balance is None else losses_as_dict(by.balance),
        "meters": [
            {"meter": name, "recorded": recorded, "identified": phase, "confidence": sure}
            for name, recorded, phase, sure in _lines(found)
        ],
        "plans": [
            {
                "percent": plan.percent,
                "mean_of_hours": plan.mean_of_hours,
                "losses_kw": plan.losses_kw,
                "proven": plan.proven,
                "moves": [
                    {
                        "meter": customers[int(by.single[move.customer])].name,
                        "from": PHASES[move.before],
                        "to": PHASES[move.after],
                    }
                    for move in plan.moves
                ],
            }
            for plan in by.plans
        ],
    }


def _lines(found: Told) -> list[tuple[str, str | None, str | None, float]]:
    """Meter, recorded phase, likeliest phase, confidence; of those on one phase."""
    customers, by = found
    lines = []
    for at, place_of in enumerate(by.single.tolist()):
        one, phase = customers[place_of], int(by.identified.phase[at])
        likeliest = None if phase == UNDECIDED else PHASES[phase]
        sure = round(float(by.identified.confidence[at]), 4)
        lines.append((one.name, one.recorded_phase, likeliest, sure))
    return lines


def _show(found: Told) -> None:
    customers, by = found
    told, carried = by.figures, by.loading
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
    measured = ", ".join(
        f"{phase} {100 * share:.0f} %" for phase, share in zip(PHASES, by.measured, strict=True)
    )
    out.print(f"measured of what its meters usually have: {measured}; the rest is made up")
    out.print(
        f"power factor {_number(told.power_factor, 3)},"
        f" capacitors to reach the target {_number(told.capacitors_kvar, 2)} kvar"
    )
    out.print(
        f"highest hour {_number(carried.peak_kva, 1)} kVA"
        f" ({_number(carried.peak_percent(), 0)} % of the rating),"
        f" neutral {_number(carried.peak_neutral_a, 1)} A"
    )
    if by.balance is not None:
        out.print(losses_in_words(by.balance))
    lines = _lines(found)
    sure = [each for each in lines if each[3] >= CONFIDENT]
    out.print(f"{len(sure)} of {len(lines)} meters on one phase are told by their voltage")
    for name, recorded, phase, confidence in sure:
        if phase != recorded:
            out.print(f"  {name} hangs on {phase} ({confidence:.3f}), recorded {recorded or '-'}")
    for plan in by.plans:
        whom = ", ".join(
            f"{customers[int(by.single[move.customer])].name} from {PHASES[move.before]}"
            f" to {PHASES[move.after]}"
            for move in plan.moves
        )
        lost = "" if plan.losses_kw is None else f", lines lose {1000 * plan.losses_kw:.0f} W"
        out.print(f"unbalance of power {plan.percent:.1f} %{lost} with {whom or 'no move'}")


def _number(value: Any, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
