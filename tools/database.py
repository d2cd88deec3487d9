"""`ami database`, and a head-end's database for any other command, also while the head-end runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headend import config as configuration
from headend.config import Config
from headend.ports import StoreUnavailable
from headend.store.store import Reader
from tools.options import Json
from tools.terminal import err, failed, out, print_json, wrong_usage

app = typer.Typer(
    name="database", help="The database itself.", no_args_is_help=True, rich_markup_mode="rich"
)

ADVICE = "Name the head-end's own: --database FILE (ami serve prints it when it starts)."


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


@contextmanager
def reading(database: str) -> Iterator[Reader]:
    """A reader on a head-end's database; ends the command where there is none."""
    url = configuration.database_url(database)
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
        if "no such column" in str(error):
            wrong_usage(
                f"{database} is of another version of the head-end: {error}",
                "Start ami serve with it once, which brings it up to date.",
                code="no-database",
            )
        wrong_usage(f"{database} is no head-end's database: {error}", ADVICE, code="no-database")


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
