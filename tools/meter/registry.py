"""`ami meter list` and `ami meter show`: what the head-end's registry holds of meters."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from headend.domain.life_cycle import stage_of, told
from headend.domain.meter import Meter, Stage
from headend.store import registry_queries as queries
from tools.database.opening import reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.place import register_text
from tools.terminal import clock_text, out, print_json, show, wrong_usage


def list_meters(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    concentrator: Annotated[str | None, typer.Option(help="Only those behind this one.")] = None,
    place: Annotated[
        str | None, typer.Option(help="Only those that hang in this place, or in one within it.")
    ] = None,
    stage: Annotated[list[Stage] | None, typer.Option(help="Only those that stand so.")] = None,
    after: Annotated[str, typer.Option(help="Continue behind this number.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    json: Json = False,
) -> None:
    """The registry's meters, by number: where each hangs, by the records.

    Example: [bold]ami meter list --concentrator C-007 --json[/]
    """
    which = queries.MeterFilter(concentrator, place, tuple(stage or ()))
    with reading(database, config) as reader:
        found = reader.read(
            lambda connection: queries.meters(connection, which, after=after, limit=limit)
        )
    if json:
        print_json([_row(meter) for meter in found])
        return
    page = Table("meter", "reached by", "phase", "model", "contract", "stage")
    for meter in found:
        page.add_row(*_cells(meter))
    show(page)


def show_meter(
    name: Annotated[str, typer.Argument(help="The meter's number.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """One meter: its row of the registry, where it hung, and its life, step by step.

    Why it does not read tells: ami explain meter.

    Example: [bold]ami meter show 90000001 --json[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.meter_file(connection, name))
    if found is None:
        wrong_usage(f"no meter {name}", "See which there are: ami meter list", code="no-such-meter")
    if json:
        print_json(
            _row(found.meter)
            | {
                "installations": msgspec.to_builtins(found.installations),
                "life": msgspec.to_builtins(found.life),
                "checks": msgspec.to_builtins(found.checks),
            }
        )
        return
    page = Table(show_header=False, box=None)
    for field, value in _row(found.meter).items():
        if value is not None:
            page.add_row(field.replace("_", " "), _word(value))
    show(page)
    _tell_life(found)


def _tell_life(found: queries.MeterFile) -> None:
    """Where it hung, what happened to it, and what was found when it was commissioned."""
    for each in found.installations:
        until = "" if each.until is None else f" until {clock_text(each.until)}"
        showed = "".join(
            f"; {what} {register_text(read)}"
            for what, read in (("first", each.first_read), ("last", each.last_read))
            if read is not None
        )
        text = f"at {each.service_point} since {clock_text(each.since)}{until}{showed}"
        out.print(text, markup=False)
    lines = [(line.at, line.step, told(line.stage), line.who, line.why) for line in found.life]
    if lines:
        table = Table("when (UTC)", "step", "stage", "by", "why", box=None)
        for at, *rest in lines:
            table.add_row(clock_text(at), *rest)
        show(table)
    if found.checks:
        table = Table("checked (UTC)", "what", "verdict", "expected", "found", "", box=None)
        for check in found.checks:
            table.add_row(
                clock_text(check.at),
                check.what,
                check.verdict,
                check.expected or "",
                check.found or "",
                check.why,
            )
        show(table)


def _row(meter: Meter) -> dict[str, object]:
    """The registry's row, its stage as it stands."""
    row: dict[str, object] = msgspec.to_builtins(meter)
    return row | {"stage": stage_of(meter)}


def _cells(meter: Meter) -> tuple[str, ...]:
    return (
        meter.name,
        meter.lane or "not linked",
        meter.recorded_phase or "",
        meter.model,
        "" if meter.contracted_w is None else f"{meter.contracted_w} W",
        told(stage_of(meter)),
    )


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
