"""`ami warehouse`: the data store that reports and other parties read, and what fills it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from headend import config as configuration
from headend.clock import WallClock
from headend.config import BadConfig, Config
from tools.collection.asking import day_named
from tools.database.opening import configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, failed, out, print_json, show, wrong_usage

app = typer.Typer(
    name="warehouse",
    help="The data store: Parquet files that reports and other parties read.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Where = Annotated[
    str | None, typer.Option("--place", help="Folder, or s3://BUCKET/PREFIX; else configured.")
]
SHOWN_MAX = 20  # of what is wrong


@app.command()
def load(
    since: Annotated[
        str | None,
        typer.Option(help="All days from this one on, like 2026-07-01, and not what changed."),
    ] = None,
    place: Where = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Carry what changed since the last load into the data store.

    Rows that cannot be carried over are kept in the table errors, with why.  A second load of the
    same changes nothing.  Ends with 1 where counts of source and data store differ.

    Example: [bold]ami warehouse load --database ami.db --place /srv/ami-store[/]
    """
    first = None if since is None else day_named(since, "--since")
    settings = _with_database(config, database)
    with using(settings, place) as kept:
        from headend.app.warehousing import StoreSource, today
        from headend.warehouse import quality
        from headend.warehouse.load import load as carry

        zone, now = ZoneInfo(settings.orders.zone), WallClock().now()
        with reading(settings.database) as reader, _bar("days of tables") as told:
            source = StoreSource.of(reader, zone, now)
            done = carry(kept, source, now=now, today=today(now, zone), since=first, told=told)
            quality.keep(kept, done.manifest, done.days)
    wrong = [each for each in done.loads if not each.reconciled]
    if json:
        print_json({
            "version": done.manifest.version, "days": len(done.loads), "written": done.written,
            "replaced": done.replaced, "rows": sum(each.loaded for each in done.loads),
            "refused": done.refused, "loads": done.loads, "reconciled": not wrong,
        })  # fmt: skip
    else:
        rows = sum(each.loaded for each in done.loads)
        out.print(
            f"{len(done.loads):,} days of tables looked at, {rows:,} rows; {done.written:,} files"
            f" written, {done.replaced:,} replaced; {done.refused:,} rows refused"
        )
    if wrong:
        raise typer.Exit(1)


@app.command()
def status(place: Where = None, config: ConfigFile = None, json: Json = False) -> None:
    """What the data store holds, table by table.

    Example: [bold]ami warehouse status --place /srv/ami-store[/]
    """
    with using(settings_of(config), place) as kept:
        from headend.warehouse import manifest as manifests

        found = manifests.read(kept)
    rows = [_table_told(found, name) for name in sorted({part.table for part in found.parts})]
    if json:
        told = {"place": kept.where, "version": found.version, "made_at": found.made_at}
        print_json({**told, "schema_version": found.schema_version, "tables": rows})
        return
    table = Table("table", "first day", "last day", "files", "rows", "octets", box=None)
    for row in rows:
        counts = (f"{row[name]:,}" for name in ("files", "rows", "octets"))
        table.add_row(row["table"], str(row["first_day"]), str(row["last_day"]), *counts)
    show(table)
    out.print(f"state {found.version} of {found.made_at:%Y-%m-%d %H:%M}Z at {kept.where}")


@app.command()
def verify(place: Where = None, config: ConfigFile = None, json: Json = False) -> None:
    """Whether every file is as it was written, and counts and sums are those of the source.

    Example: [bold]ami warehouse verify --place /srv/ami-store --json[/]
    """
    with using(settings_of(config), place) as kept:
        from headend.warehouse import manifest as manifests
        from headend.warehouse.verify import verify as look

        with err.status("reading files") if err.is_terminal else err.capture():
            found = look(kept, manifests.read(kept))
    if json:
        told = {"files": found.files, "octets": found.octets, "rows": found.rows}
        print_json({**told, "days": found.days, "wrong": found.wrong})
    else:
        out.print(f"{found.files:,} files, {found.rows:,} rows, {found.days:,} days of tables")
        for text in found.wrong[:SHOWN_MAX]:
            out.print(f"wrong: {text}", markup=False)
        if not found.wrong:
            out.print("all as it was loaded")
    if found.wrong:
        raise typer.Exit(1)


@app.command()
def quality(
    day: Annotated[str, typer.Argument(help="Like 2026-07-06.")],
    html: Annotated[Path | None, typer.Option(help="Write it as a page as well.")] = None,
    place: Where = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """The quality report of a day: completeness, checks, refusals, reconciliation.

    Example: [bold]ami warehouse quality 2026-07-06 --html quality.html[/]
    """
    wanted = day_named(day, "DAY")
    with using(settings_of(config), place) as kept:
        from headend.warehouse import manifest as manifests
        from headend.warehouse.quality import page
        from headend.warehouse.quality import quality as look

        found = look(kept, manifests.read(kept), wanted)
        if html is not None:
            html.write_text(page(found), encoding="utf-8")
    if json:
        print_json(found)
        return
    table = Table("table", "source", "loaded", "refused", box=None)
    for each in found.loads:
        table.add_row(each.table, f"{each.source:,}", f"{each.loaded:,}", f"{each.refused:,}")
    show(table)
    for zone in found.completeness:
        share = "-" if zone.share is None else f"{zone.share:.2%}"
        out.print(f"zone {zone.zone or 'none'}: {share} of {zone.due:,} due", markup=False)
    for name, count in {**found.findings, **found.flags}.items():
        if count:
            out.print(f"{name}: {count:,}", markup=False)
    for refused in found.refused:
        out.print(f"refused, {refused.table}: {refused.rows:,} × {refused.why}", markup=False)


@app.command()
def sweep(place: Where = None, config: ConfigFile = None, json: Json = False) -> None:
    """Take away files that no longer belong to the present state.

    Example: [bold]ami warehouse sweep --place /srv/ami-store[/]
    """
    with using(settings_of(config), place) as kept:
        from headend.warehouse import manifest as manifests
        from headend.warehouse.load import sweep as clean

        gone = clean(kept, manifests.read(kept))
    if json:
        print_json({"gone": gone})
    else:
        out.print(f"{gone:,} files taken away")


@app.command()
def dump(
    party: Annotated[str, typer.Option(help="Whose: a [[warehouse.party]] of the configuration.")],
    to: Annotated[str, typer.Option(help="Folder, or s3://BUCKET/PREFIX.")],
    place: Where = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Pour out to a party what it may see and has not yet, with a signed list of all its files.

    Nothing at the other end is ever read.

    Example: [bold]ami warehouse dump --party operator --to /mnt/operator --config ami.toml[/]
    """
    settings = settings_of(config)
    with using(settings, place) as kept:
        from headend.warehouse import manifest as manifests
        from headend.warehouse.dump import Outlet
        from headend.warehouse.dump import dump as pour
        from headend.warehouse.scope import named, signing_key

        try:
            scope, key = named(settings.warehouse, party), signing_key(settings.warehouse)
        except BadConfig as error:
            wrong_usage(str(error))
        with err.status("pouring") if err.is_terminal else err.capture():
            now = WallClock().now()
            done = pour(kept, manifests.read(kept), scope, Outlet.to(to), key, now)
    files = done.listed.files
    if json:
        print_json({"party": party, "files": len(files), "put": done.put, "dropped": done.dropped,
                    "octets": sum(each.octets for each in files)})  # fmt: skip
    else:
        out.print(f"{done.put:,} files put, {done.dropped:,} taken away; {len(files):,} listed")


@contextmanager
def using(settings: Config, place: str | None) -> Iterator[Any]:
    """The data store's place; ends the command where it cannot be used."""
    where = place or settings.warehouse.place
    if where is None:
        wrong_usage("no data store is configured", "Name one: --place FOLDER", code="no-warehouse")
    try:
        from headend.warehouse.load import LoadRefused
        from headend.warehouse.manifest import NoWarehouse
        from headend.warehouse.place import Place, PlaceUnavailable
    except ImportError as error:
        wrong_usage(
            f"no {error.name} is installed", "pip install 'ami-headend[warehouse]'",
            code="not-installed",
        )  # fmt: skip
    try:
        yield Place(where)
    except NoWarehouse as error:
        wrong_usage(str(error), "Fill it: ami warehouse load", code="no-warehouse")
    except PlaceUnavailable as error:
        failed(str(error), code="place-unavailable")
    except LoadRefused as error:
        failed(str(error), code="load-under-way")


def settings_of(config: Path | None) -> Config:
    """A configuration, where no database is needed; ends the command for one that is none."""
    try:
        return Config() if config is None else configuration.read(config)
    except BadConfig as error:
        wrong_usage(str(error))


def _with_database(config: Path | None, database: str | None) -> Config:
    try:
        return configured(config, database)
    except BadConfig as error:
        wrong_usage(str(error))


@contextmanager
def _bar(what: str) -> Iterator[Any]:
    """A bar on a terminal; nothing elsewhere."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, all_: bar.update(task, completed=done, total=all_)


def _table_told(found: Any, name: str) -> dict[str, Any]:
    parts = found.of(name)
    days: list[date] = [part.day for part in parts]
    return {
        "table": name,
        "first_day": min(days),
        "last_day": max(days),
        "files": len(parts),
        "rows": sum(part.rows for part in parts),
        "octets": sum(part.octets for part in parts),
    }
