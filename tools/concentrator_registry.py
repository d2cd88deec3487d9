"""`ami concentrator add` and `list`: the concentrators that the registry knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headend.app.registering import registry_desk
from headend.config import BadConfig
from headend.domain.meter import Concentrator
from headend.ports import StoreUnavailable
from headend.registry.shipment.delivered import NAME
from headend.store import queries
from tools.database import ADVICE, configured, reading
from tools.options import ConfigFile, Database, Json, OtherDatabase
from tools.terminal import out, print_json, show, wrong_usage


def registry_verbs(app: typer.Typer) -> None:
    """The verbs of `ami concentrator` that concern the registry."""
    app.command("add")(add)
    app.command("list")(list_concentrators)


def add(
    name: Annotated[str, typer.Argument(help="Its id, by which it opens its session.")],
    sim: Annotated[
        str | None, typer.Option(help="Its SIM, as the carrier's portal knows it.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Enter a concentrator, or change its SIM.  Its meters: ami meter link, or what it discovers.

    Example: [bold]ami concentrator add C-007 --sim 8956012345678901234[/]
    """
    if NAME.fullmatch(name) is None:
        text = f"a concentrator's id has letters, digits and . _ / - (64 at most), not {name!r}"
        wrong_usage(text, code="bad-name")
    entered = Concentrator(name, sim)
    try:
        asyncio.run(_put(entered, config, database))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json(entered)
    else:
        out.print(f"concentrator {name}: entered", markup=False)


async def _put(entered: Concentrator, config: Path | None, database: str | None) -> None:
    async with registry_desk(configured(config, database)) as desk:
        await desk.do(lambda tx: tx.put_concentrators([entered]))


def list_concentrators(
    after: Annotated[str, typer.Option(help="Continue behind this name.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    database: Database = "ami.db",
    json: Json = False,
) -> None:
    """The registry's concentrators, by name; how one fares: ami explain concentrator.

    Example: [bold]ami concentrator list --json[/]
    """
    with reading(database) as reader:
        found = reader.read(
            lambda connection: queries.concentrators(connection, after=after, limit=limit)
        )
    if json:
        print_json(found)
        return
    table = Table("concentrator", "SIM", box=None)
    for each in found:
        table.add_row(each.name, each.sim or "")
    show(table)
