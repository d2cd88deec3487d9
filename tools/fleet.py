"""`ami fleet`: a city's meters entered into a head-end's database, and their profiles collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headend.config import BadConfig
from headend.fleet_app import KeyShared, StoreUnavailable
from scenarios.fleet.city import METERS_PER_CONCENTRATOR, City
from scenarios.fleet.provisioning import Provisioned, storage
from scenarios.fleet.provisioning import provision as enter
from tools.terminal import err, failed, out, print_json, wrong_usage

app = typer.Typer(
    help="Fleets: a city's meters at once.", no_args_is_help=True, rich_markup_mode="rich"
)

Meters = Annotated[int, typer.Option(min=1, help="How many.")]
PerConcentrator = Annotated[int, typer.Option(min=1, help="Meters behind each concentrator.")]
Seed = Annotated[int, typer.Option(help="Fixes meters, keys and luck.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that work.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
EnvelopeFile = Annotated[
    Path | None,
    typer.Option(
        "--envelope",
        help="File of the key that meters' keys are sealed by; default: AMI_ENVELOPE_KEY, or a"
        " test key beside the database.",
    ),
]


@app.callback()
def _fleet() -> None:
    """Keeps `ami fleet VERB` while there is one verb."""


@app.command()
def provision(
    meters: Meters = 1_000_000,
    database: Annotated[str, typer.Option(help="Database URL, or a file's path.")] = "fleet.db",
    envelope: EnvelopeFile = None,
    per_concentrator: PerConcentrator = METERS_PER_CONCENTRATOR,
    seed: Seed = 1,
    jobs: Jobs = 2,
    json: Json = False,
) -> None:
    """Enter so many simulated meters: registry row, link to a concentrator, sealed test keys.

    A head-end that serves the database knows them.  Repeated, it renews the rows and leaves keys
    that are there.

    Example: [bold]ami fleet provision --meters 1000000 --database fleet.db[/]
    """
    url = database if "://" in database else f"sqlite:///{database}"
    try:
        config = storage(url, envelope, seed)
        with _bar("meters entered", meters, silent=json) as more:
            done = enter(City(meters, seed, per_concentrator), config, jobs=jobs, progress=more)
    except (BadConfig, KeyShared) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        failed(f"no database: {error}", "Name one that can be written: --database FILE")
    if json:
        print_json({**msgspec.to_builtins(done), "seed": seed, "jobs": jobs, "database": url})
    else:
        _tell_provisioned(done, url)


def _tell_provisioned(done: Provisioned, url: str) -> None:
    kept = done.meters - done.keys_new
    out.print(
        f"{done.meters:,} meters behind {done.concentrators:,} concentrators in {done.wall_s:.1f} s"
        f" ({done.meters / max(done.wall_s, 0.01):,.0f}/s)"
    )
    out.print(f"keys: {done.keys_new:,} new, {kept:,} kept as they were")
    out.print(f"memory at most {done.peak_rss_mb:,.0f} MB; {url}: {done.database_mb:,.0f} MB")


@contextmanager
def _bar(what: str, total: int, *, silent: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr; it hears how many more are done."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=silent or not err.is_terminal,
    ) as shown:
        task = shown.add_task(what, total=total)
        yield lambda more: shown.advance(task, more)
