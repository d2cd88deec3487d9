"""`ami report`: reports for the regulator and for interested parties, out of the data store."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from headend.clock import WallClock
from headend.config import BadConfig
from tools.collection.asking import day_named
from tools.options import ConfigFile, Json
from tools.terminal import err, failed, out, print_json, show, wrong_usage
from tools.warehouse import Where, settings_of, using

if TYPE_CHECKING:
    from headend.warehouse.kept import Made
    from headend.warehouse.place import Place

app = typer.Typer(
    name="report",
    help="Reports for the regulator and interested parties: list, make, show.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


class Every(enum.StrEnum):
    """The period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Lang(enum.StrEnum):
    """The language."""

    ES = "es"
    EN = "en"


@app.command("list")
def list_(place: Where = None, config: ConfigFile = None, json: Json = False) -> None:
    """The reports that were made, the newest period first.

    Example: [bold]ami report list --place /srv/ami-store[/]
    """
    with using(settings_of(config), place) as kept_at:
        from headend.warehouse import kept

        found = kept.every(kept_at)
    if json:
        print_json(found)
        return
    table = Table("id", "report", "first day", "last day", "language", "for", box=None)
    for each in found:
        days = (each.first.isoformat(), each.last.isoformat())
        table.add_row(each.id, each.report, *days, each.language, each.party or "the utility")
    show(table) if found else out.print("none was made yet: ami report make")


@app.command()
def make(
    report: Annotated[str, typer.Argument(help="Like completeness, or regulator for all in one.")],
    every: Annotated[Every, typer.Option(help="Of the last one that is over.")] = Every.MONTH,
    first: Annotated[str | None, typer.Option(help="Or from this day on …")] = None,
    last: Annotated[str | None, typer.Option(help="… up to and with this one.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language.")] = Lang.ES,
    party: Annotated[str | None, typer.Option(help="For this party: its rows alone.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write its files into this folder too.")] = None,
    place: Where = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Make a report from what is loaded, as CSV, XLSX, PDF and HTML, and keep it.

    The same data, period, language and party give the same report, octet by octet.

    Example: [bold]ami report make regulator --every month --to reports[/]
    """
    if (first is None) != (last is None):
        wrong_usage("--first and --last go together")
    settings = settings_of(config)
    with using(settings, place) as kept_at:
        from headend.app.warehousing import today
        from headend.warehouse import manifest as manifests
        from headend.warehouse import reports
        from headend.warehouse.content import Period
        from headend.warehouse.scope import named

        zone, now = ZoneInfo(settings.orders.zone), WallClock().now()
        period = reports.period_before(every, today(now, zone))
        if first is not None and last is not None:
            period = Period(day_named(first, "--first"), day_named(last, "--last"))
            if period.last < period.first:
                wrong_usage("--last is before --first")
        try:
            scope = None if party is None else named(settings.warehouse, party)
            with err.status("asking") if err.is_terminal else err.capture():
                made = reports.make(
                    kept_at, manifests.read(kept_at), report, period, language=lang.value,
                    scope=scope, zone=zone.key, now=now,
                )  # fmt: skip
        except reports.NoReport as error:
            wrong_usage(str(error), code="no-such-report")
        except BadConfig as error:
            wrong_usage(str(error))
        written = [] if to is None else _written(kept_at, made, to)
    if json:
        print_json(made)
    else:
        out.print(f"report {made.id}: {report}, {made.first} to {made.last}", markup=False)
        for name in made.files if to is None else written:
            out.print(f"  {name}", markup=False)


@app.command("show")
def show_(
    id: Annotated[str, typer.Argument(help="Which: ami report list.")],
    to: Annotated[Path | None, typer.Option(help="Write its files into this folder.")] = None,
    place: Where = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """What a report was made from, and its files with their SHA-256.

    Example: [bold]ami report show 34d5eb4750c3aba8 --to reports[/]
    """
    with using(settings_of(config), place) as kept_at:
        from headend.warehouse import kept

        made = kept.made(kept_at, id)
        if made is None:
            wrong_usage(f"no report {id}", "See which: ami report list", code="no-such-report")
        if to is not None:
            _written(kept_at, made, to)
    if json:
        print_json(made)
        return
    whom = made.party or "the utility"
    out.print(f"{made.report}, {made.first} to {made.last}, for {whom}; data {made.data}",
              markup=False)  # fmt: skip
    for name, digest in made.files.items():
        out.print(f"{digest}  {name}", markup=False)


def _names(made: Made) -> dict[str, str]:
    """What each file is called in a folder of many: orders-2026-11-22.html.  Spanish and the
    utility's own are not said."""
    days = f"{made.first}" if made.first == made.last else f"{made.first}-to-{made.last}"
    whose = "" if made.party is None else f"-{made.party}"
    stem = f"{made.report}-{days}{whose}{'' if made.language == 'es' else f'-{made.language}'}"
    return {
        name: f"{stem}{name.removeprefix('report')}"
        if name.startswith("report.")
        else f"{stem}-{name}"
        for name in made.files
    }


def _written(place: Place, made: Made, to: Path) -> list[Path]:
    """The files in this folder; one that says something else is never written over."""
    from headend.warehouse import kept

    found: dict[Path, bytes] = {}
    for name, called in _names(made).items():
        octets = place.read(kept.path_of(made.id, name))
        if octets is None:
            failed(f"{name} of the report is missing", code="place-unavailable")
        found[to / called] = octets
    to.mkdir(parents=True, exist_ok=True)
    for file, octets in found.items():
        if file.exists() and file.read_bytes() != octets:
            text = f"{file} is there already, of other data or by another hand"
            failed(text, "Name another folder, or move it away.", code="file-there")
    for file, octets in found.items():
        file.write_bytes(octets)
    return [*found]
