"""`ami database`: its revisions, copies of it, and what has outlived its span."""

from __future__ import annotations

from typing import Annotated

import typer

from headend import config as configuration
from headend.ports import StoreUnavailable
from tools.database.revisions import downgrade, upgrade, version
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, failed, out, print_json, wrong_usage

app = typer.Typer(
    name="database", help="The database itself.", no_args_is_help=True, rich_markup_mode="rich"
)

app.command("version")(version)
app.command("upgrade")(upgrade)
app.command("downgrade")(downgrade)


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
    from tools.database.retain import retained

    retained(config, database, dry_run=dry_run, json=json)
