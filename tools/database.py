"""`ami database`, and a head-end's database for any other command, also while the head-end runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headend import config as configuration
from headend.app.revisions import stand
from headend.config import BadConfig, Config
from headend.ports import StoreUnavailable
from headend.store.store import Reader
from tools.database_revisions import downgrade, upgrade, version
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, failed, out, print_json, wrong_usage

app = typer.Typer(
    name="database", help="The database itself.", no_args_is_help=True, rich_markup_mode="rich"
)
ADVICE = "Name the head-end's own: --database FILE (ami serve prints it when it starts)."

app.command("version")(version)
app.command("upgrade")(upgrade)
app.command("downgrade")(downgrade)


def configured(config: Path | None, database: str | None) -> Config:
    """A head-end's configuration, with another database where one is named.

    Ends the command where there is none.  Raises BadConfig.
    """
    settings = configuration.read(config) if config is not None else Config()
    if database is not None:
        url = configuration.database_url(database)
        settings = msgspec.structs.replace(settings, database=url)
    path = settings.database.removeprefix("sqlite:///")
    if path != settings.database and not Path(path).is_file():
        wrong_usage(f"no database at {path}", ADVICE, code="no-database")
    return settings


def database_of(config: Path | None, database: str | None) -> str:
    """The URL of the database that is named, or else configured.  Ends the command where the
    configuration cannot be used."""
    if database is not None:
        return configuration.database_url(database)
    try:
        return (Config() if config is None else configuration.read(config)).database
    except BadConfig as error:
        wrong_usage(str(error))


@contextmanager
def reading(database: str | None, config: Path | None = None) -> Iterator[Reader]:
    """A reader on the database that is named, or else configured; ends the command where there is
    none."""
    url = database_of(config, database)
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).is_file():
        wrong_usage(f"no database at {path}", ADVICE, code="no-database")
    try:
        reader = Reader(url)
        try:
            yield reader
        finally:
            reader.close()
    except StoreUnavailable as error:
        shown = configuration.without_password(url).removeprefix("sqlite:///")
        _refuse_another_revision(url, shown)
        wrong_usage(f"{shown} is no head-end's database: {error}", ADVICE, code="no-database")


def _refuse_another_revision(url: str, shown: str) -> None:
    """End the command where that is why the tables could not be read."""
    try:
        at = stand(url, legacy=False)
    except (StoreUnavailable, FileNotFoundError):
        return
    if at.revision in at.known[:-1]:
        wrong_usage(
            f"{shown} is at revision {at.revision}, this program's is {at.known[-1]}",
            "Bring it up: ami database upgrade, or start ami serve with it once.",
            code="no-database",
        )
    if at.revision not in (None, at.known[-1]):
        wrong_usage(
            f"{shown} is at revision {at.revision} of a later program",
            "Use that one, which can also take it back: ami database downgrade.",
            code="no-database",
        )


@app.callback()
def _verbs() -> None:
    """The database itself."""


@app.command("copy")
def copy_(
    source: Annotated[str, typer.Argument(help="URL or file of the database that is there.")],
    target: Annotated[str, typer.Argument(help="URL or file of an empty one, or a new file.")],
    legacy: Annotated[
        bool, typer.Option("--legacy", help="They are legacy integration databases.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy a database whole into another of any kind: SQLite into PostgreSQL, or back.

    No head-end may work on either.  All tables come, or none does; each is read back and compared.

    Example: [bold]ami database copy ami.db postgresql://ami@db.example/ami[/]
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from headend.app.copying import CopyDiffers, CopyRefused, copied

    urls = configuration.database_url(source), configuration.database_url(target)
    try:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=err,
            transient=True,
            disable=json or not err.is_terminal,
        ) as shown:
            bar = shown.add_task("", total=None)

            def come(table: str, rows: int, of: int) -> None:
                shown.update(bar, description=table, completed=rows, total=of)

            tables = copied(*urls, legacy=legacy, progress=come)
    except (CopyRefused, FileNotFoundError) as error:
        wrong_usage(f"{error}", "See: ami database copy --help", code="not-copied")
    except (CopyDiffers, StoreUnavailable) as error:
        failed(f"{error}", "Nothing was kept; it can be tried again.", code="not-copied")
    if json:
        print_json(tables)
        return
    for each in tables:
        out.print(f"{each.table:28s} {each.rows:12,d}")
    out.print(f"{sum(each.rows for each in tables):,} rows of {len(tables)} tables, compared")


@app.command()
def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go, and what would stay.")
    ] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Delete what has outlived its span in \\[retention], and nothing that somebody still needs.

    As the head-end does by itself each day; it may work meanwhile.  Ended half-way, it goes on with
    the next call.

    Example: [bold]ami database retain --config ami.toml --dry-run[/]
    """
    from tools.database_retain import retained

    retained(config, database, dry_run=dry_run, json=json)
