"""`ami legacy`: the legacy integration database that the commercial side reads."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headend.config import BadConfig, Config, database_url
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, out, print_json, wrong_usage

app = typer.Typer(
    name="legacy",
    help="The legacy integration database (I5).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Legacy = Annotated[
    str | None, typer.Option("--legacy", help="The legacy database's URL or path; else configured.")
]


@app.command()
def status(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    legacy: Legacy = None,
    json: Json = False,
) -> None:
    """How far the tables of readings, load curves, events and alarms are filled.

    Ends with 1 where something cannot be delivered as it is.

    Example: [bold]ami legacy status --config ami.toml[/]
    """
    from headend.app.legacy import standing

    settings = _settings(config, database, legacy)
    try:
        found = standing(settings)
    except (StoreUnavailable, FileNotFoundError) as error:
        advice = "Is it there, and brought up to date by ami serve?"
        wrong_usage(f"{error}", advice, code="no-database")
    if json:
        print_json(asdict(found))
    else:
        waiting = ", ".join(f"{count:,} {kind}" for kind, count in found.backlog.waiting.items())
        out.print(found.database)
        if not found.backlog.owing:
            out.print("not filled; with \\[legacy] measurements = true it is")
        if found.progress is not None:
            out.print(
                f"begun {clock_text(found.progress.begun_at)}, last delivery"
                f" {clock_text(found.progress.last_at)}, {found.progress.changes:,} rows"
                " written or corrected"
            )
        out.print(f"waiting: {waiting}")
        for what, why in found.troubles:
            out.print(f"not to be delivered: {what}: {why}", markup=False)
    if found.backlog.troubles:
        raise typer.Exit(1)


@app.command()
def again(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """Let the head-end compare everything with the legacy database again; only what differs is
    written.

    Example: [bold]ami legacy again --config ami.toml[/]
    """
    from headend.app.legacy import again as owe

    settings = _settings(config, database, None)
    try:
        count = asyncio.run(owe(settings))
    except StoreUnavailable as error:
        wrong_usage(f"{error}", ADVICE, code="no-database")
    if json:
        print_json({"things": count})
    else:
        out.print(f"{count:,} days, readings, events and incidents will be compared")


@app.command()
def roles(
    party: Annotated[
        list[str] | None, typer.Option("--party", help="Who logs in as a role of its own.")
    ] = None,
    confine: Annotated[
        bool,
        typer.Option(
            "--confine",
            help="And let them leave nothing behind, neither temporary tables nor large objects;"
            " where nobody else uses the database.",
        ),
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="As SQL, which is how it is told.")] = True,
    json: Json = False,
) -> None:
    """The SQL that makes PostgreSQL roles which can read the tables and do nothing else.

    The tables' owner carries it out; migrations do so for smmc_lectura where they may. Passwords
    are the administrator's to set.

    Example: [bold]ami legacy roles --sql --party facturacion | psql legacy[/]
    """
    from headend.app.legacy import BadRole
    from headend.app.legacy import roles as made

    try:
        found = made(party or [], confined=confine)
    except BadRole as error:
        wrong_usage(f"{error}", "Name the party like facturacion.", code="bad-name")
    if json:
        print_json({"statements": found})
        return
    for statement in found:
        typer.echo(f"{statement};")


def _settings(config: Path | None, database: str | None, legacy: str | None) -> Config:
    try:
        settings = configured(config, database)
    except BadConfig as error:
        wrong_usage(f"{error}", "See docs/security.md for an example.")
    if legacy is None:
        return settings
    return msgspec.structs.replace(settings, legacy_database=database_url(legacy))
