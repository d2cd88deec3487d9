"""`ami meter list` and `ami meter show`: what the head-end's registry holds of meters."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from headend.domain.meter import Meter
from headend.store import queries
from tools.database import Database, reading
from tools.terminal import print_json, show, wrong_usage

Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def list_meters(
    database: Database = "ami.db",
    concentrator: Annotated[str | None, typer.Option(help="Only those behind this one.")] = None,
    after: Annotated[str, typer.Option(help="Continue behind this number.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    json: Json = False,
) -> None:
    """The registry's meters, by number: where each hangs, by the records.

    Example: [bold]ami meter list --concentrator C-007 --json[/]
    """
    with reading(database) as reader:
        found = reader.read(
            lambda connection: queries.meters(
                connection, concentrator=concentrator, after=after, limit=limit
            )
        )
    if json:
        print_json(found)
        return
    page = Table("meter", "reached by", "phase", "model", "contract", "state")
    for meter in found:
        page.add_row(*_cells(meter))
    show(page)


def show_meter(
    name: Annotated[str, typer.Argument(help="The meter's number.")],
    database: Database = "ami.db",
    json: Json = False,
) -> None:
    """One meter's row of the registry; why it does not read tells: ami explain meter.

    Example: [bold]ami meter show 90000001 --json[/]
    """
    with reading(database) as reader:
        found = reader.read(lambda connection: queries.meter(connection, name))
    if found is None:
        wrong_usage(f"no meter {name}", "See which there are: ami meter list", code="no-such-meter")
    if json:
        print_json(found)
        return
    page = Table(show_header=False, box=None)
    for field, value in msgspec.to_builtins(found).items():
        if value is not None:
            page.add_row(field.replace("_", " "), _word(value))
    show(page)


def _cells(meter: Meter) -> tuple[str, ...]:
    state = "commissioned" if meter.commissioned else "not commissioned"
    return (
        meter.name,
        meter.lane or "not linked",
        meter.recorded_phase or "",
        meter.model,
        "" if meter.contracted_w is None else f"{meter.contracted_w} W",
        f"{state}, blocked" if meter.blocked else state,
    )


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
