"""`ami place`: regions, zones, feeders, transformers and service points, and the meters there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headend.app.access import by_command
from headend.app.registering import (
    By,
    Flaw,
    Hung,
    Survey,
    hang,
    read_hung,
    read_places,
    registry_desk,
    settle,
)
from headend.config import BadConfig
from headend.domain.place import PlaceKind, RegisterRead
from headend.ports import StoreUnavailable, Transaction
from headend.store import registry_queries as queries
from tools.database.opening import ADVICE, configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.table_file import complain_each, table_of, to_do
from tools.terminal import clock_text, failed, out, print_json, show, wrong_usage

app = typer.Typer(
    name="place", help="Places: where meters hang.", no_args_is_help=True, rich_markup_mode="rich"
)

NOTHING = "nothing is entered"


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with the columns kind, code, parent, name.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Enter places, or change their names and where they lie.  All of the file, or nothing.

    Example: [bold]ami place import places.csv --database ami.db[/]
    """
    survey = table_of(file, read_places, lambda it: it.flaws, wrong=NOTHING)
    wrong = asyncio.run(_settled(survey, config, database))
    if wrong:
        complain_each([f"{file}: {each}" for each in wrong])
        failed(f"{len(wrong)} places cannot lie where they are said to; nothing is entered")
    if json:
        print_json({"places": len(survey.places)})
    else:
        out.print(f"{len(survey.places):,} places entered")


async def _settled(survey: Survey, config: Path | None, database: str | None) -> list[str]:
    try:
        async with registry_desk(configured(config, database)) as desk:
            return await desk.do(lambda tx: settle(tx, survey.places))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


@app.command("hang")
def hang_(
    file: Annotated[
        Path, typer.Argument(help="CSV with the columns meter, service_point, at, first_kwh.")
    ],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Hang many meters up, as ami meter install does one.  All of the file, or nothing.

    Example: [bold]ami place hang monday.csv --database ami.db[/]
    """
    work, _ = table_of(file, read_hung, lambda it: it[1], wrong=NOTHING)
    refused = asyncio.run(_hung(work, config, database))
    if refused:
        complain_each([to_do(file, flaw) for flaw in refused])
        failed(f"{len(refused)} of {len(work)} meters cannot be hung up; none is")
    if json:
        print_json({"meters": len(work)})
    else:
        out.print(f"{len(work):,} meters hung up")


class _TakenBack(Exception):
    """What was refused, so that nothing is kept."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__()
        self.flaws = flaws


async def _hung(work: list[Hung], config: Path | None, database: str | None) -> list[Flaw]:
    def attempt(tx: Transaction, by: By) -> None:
        if flaws := hang(tx, work, by):
            raise _TakenBack(flaws)

    try:
        async with registry_desk(configured(config, database)) as desk:
            by = By(by_command().actor, desk.now)
            await desk.do(lambda tx: attempt(tx, by))
    except _TakenBack as error:
        return error.flaws
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    return []


@app.command("list")
def list_(
    kind: Annotated[PlaceKind | None, typer.Option(help="Only these.")] = None,
    within: Annotated[str | None, typer.Option(help="Only those that lie in this one.")] = None,
    after: Annotated[str, typer.Option(help="Continue behind this code.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Places, by code.  The meters of one: ami meter list --place CODE.

    Example: [bold]ami place list --kind transformer --within Z1 --json[/]
    """
    with reading(database, config) as reader:
        found = reader.read(
            lambda connection: queries.places(
                connection, kind=kind, within=within, after=after, limit=limit
            )
        )
    if json:
        print_json(found)
        return
    table = Table("place", "kind", "lies in", "name", box=None)
    for place in found:
        table.add_row(place.code, place.kind, place.parent or "", place.name)
    show(table)


@app.command("show")
def show_(
    code: Annotated[str, typer.Argument(help="The place's code.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """One place: what it lies in and, of a service point, the meters that hung there.

    Example: [bold]ami place show SP-00017[/]
    """
    with reading(database, config) as reader:
        place, above, hung = reader.read(
            lambda connection: (
                queries.place(connection, code),
                queries.above(connection, code),
                queries.installations_at(connection, code),
            )
        )
    if place is None:
        wrong_usage(f"no place {code}", "See which there are: ami place list", code="no-such-place")
    if json:
        print_json({"place": place, "lies_in": above, "meters": hung})
        return
    lies = " in ".join(f"{each.kind} {each.code}" for each in above)
    out.print(f"{place.kind} {place.code} {place.name}".rstrip() + (lies and f", in {lies}"))
    if hung:
        table = Table("meter", "since (UTC)", "showed", "until (UTC)", "showed", box=None)
        for each in hung:
            table.add_row(
                each.meter,
                clock_text(each.since),
                register_text(each.first_read),
                "" if each.until is None else clock_text(each.until),
                register_text(each.last_read),
            )
        show(table)


def register_text(read: RegisterRead | None) -> str:
    """What a register showed, and who says so."""
    return "" if read is None else f"{read.value} {read.unit} ({read.source})"
