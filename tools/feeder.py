"""`ami feeder`: which feeder of SIMOCE's is which of SIAD's, and how unbalanced they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headend import config as configuration
from headend.analysis.quantity import UNITS, Quantity
from headend.analysis.unbalance import Formula
from headend.app.tasks import By, MappingDesk, mapping_desk
from headend.config import BadConfig, Config
from headend.domain.feeder import FeederMapping, Span
from headend.store import feeder_queries as queries
from headend.tasks import dashboard
from tools.database.opening import reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.task.at_desk import at_desk
from tools.terminal import out, print_json, wrong_usage
from tools.terminal import show as show_

STYLES = {"green": "green", "yellow": "yellow", "red": "bold red", "unknown": "dim"}

app = typer.Typer(
    name="feeder",
    help="Feeders: list, unbalance, map, unmap.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Circuit = Annotated[str, typer.Argument(metavar="SIAD", help="SIAD's key of the circuit.")]


@app.command("list")
def list_(
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only those that nobody knows.")
    ] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Feeders of both systems, and how they were mapped.

    Example: [bold]ami feeder list --unmatched[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.mappings(connection, unmatched=unmatched))
    if json:
        print_json([asdict(each) for each in found])
        return
    table = Table("SIAD", "name", "SIMOCE", "name there", "how", "by", box=None)
    for each in found:
        table.add_row(
            each.siad or "-", each.siad_name, each.simoce or "-", each.simoce_name,
            _how(each), each.who if each.how else "",
        )  # fmt: skip
    show_(table)


def _how(one: FeederMapping) -> str:
    if one.matched:
        return one.how or ""
    return "[yellow]unmatched[/]" + (", left to people" if one.how else "")


@app.command()
def unbalance(
    window: Annotated[Span, typer.Option(help="Which window.")] = Span.MONTH,
    sort: Annotated[Quantity, typer.Option(help="By which quantity, the worst first.")] = (
        Quantity.CURRENT
    ),
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Each feeder's unbalance, power factor and missing capacitors in the newest window.

    Example: [bold]ami feeder unbalance --window 48h --sort voltage[/]
    """
    with reading(database, config) as reader:
        day = reader.read(lambda connection: queries.newest_day(connection, window))
        rolls = [] if day is None else reader.read(
            lambda connection: queries.rolls(connection, window, day)
        )  # fmt: skip
        feeders = reader.read(queries.feeders)
    nominal = {each.key: each.nominal_v for each in feeders if each.key is not None}
    names = {each.key: each.name for each in feeders}
    told = dashboard.told(rolls, _settings(config).analysis, nominal)
    told.sort(key=lambda each: -(each.judged[sort].percent or -1.0))
    if json:
        formula = {"window": window, "formula": Formula.MAX_DEVIATION, "day": day}
        print_json({**formula, "feeders": [_row(each) for each in told]})
        return
    columns = [f"{quantity} %" for quantity in Quantity]
    table = Table("feeder", "name", *columns, "power factor", "kvar", "coverage", box=None)
    for each in told:
        figures = each.judged.quantities.values()
        table.add_row(
            each.feeder,
            names.get(each.feeder, ""),
            *(f"[{STYLES[it.colour]}]{_number(it.percent, 2)}[/]" for it in figures),
            _number(each.judged.power_factor, 3),
            _number(each.judged.capacitors_kvar, 1),
            _number(min((it.coverage or 0.0) for it in figures), 2),
        )
    show_(table)
    out.print(f"{window}, up to {day}: {len(told)} feeders")


@app.command("map")
def map_(
    siad: Circuit,
    simoce: Annotated[str, typer.Argument(metavar="SIMOCE", help="SIMOCE's key of the feeder.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Say that a circuit of SIAD's is a feeder of SIMOCE's; it stays so, whatever rules say.

    Example: [bold]ami feeder map VEN-4010 CTO_03_VENTANAS[/]
    """
    _changed(config, database, json, lambda desk, by: desk.map(siad, simoce, by))


@app.command()
def unmap(
    siad: Circuit, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Take a mapping back. What a rule had found it finds no more: the circuit is left to people.

    Example: [bold]ami feeder unmap VEN-4010[/]
    """
    _changed(config, database, json, lambda desk, by: desk.unmap(siad, by))


def _changed(
    config: Path | None,
    database: str | None,
    json: bool,
    work: Callable[[MappingDesk, By], Awaitable[FeederMapping]],
) -> None:
    found = at_desk(mapping_desk, config, database, work)
    if json:
        print_json(asdict(found))
    else:
        out.print(f"{found.siad} is {found.simoce or 'unmatched'}", markup=False)


def _settings(config: Path | None) -> Config:
    try:
        return Config() if config is None else configuration.read(config)
    except BadConfig as error:
        wrong_usage(str(error))


def _row(each: dashboard.FeederFigures) -> dict[str, Any]:
    quantities = {
        quantity: {**asdict(figure), "unit": UNITS[quantity]}
        for quantity, figure in each.judged.quantities.items()
    }
    return {
        "feeder": each.feeder,
        "quantities": quantities,
        "power_factor": each.judged.power_factor,
        "capacitors_kvar": each.judged.capacitors_kvar,
    }


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
