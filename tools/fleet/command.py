"""`ami fleet`: a city's meters entered into a head-end's database, and their profiles collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from devices.concentrator.memory import OCTETS_MAX
from headend.app.fleet import KeyShared, StoreUnavailable
from headend.config import BadConfig, database_url
from protocols.rf.physical import MODES
from scenarios.fleet.city import METERS_PER_CONCENTRATOR, City
from scenarios.fleet.collection import Collected
from scenarios.fleet.collection import collect as gather
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.provisioning import Provisioned, storage
from scenarios.fleet.provisioning import provision as enter
from scenarios.fleet.sample import write as write_sample
from scenarios.fleet.spread import NoScheduler, Spread, WorkersLost
from scenarios.fleet.workers import Workers
from tools.fleet.month import month
from tools.options import Database, Json
from tools.terminal import err, failed, out, print_json, wrong_usage

app = typer.Typer(
    help="Fleets: a city's meters at once.", no_args_is_help=True, rich_markup_mode="rich"
)

app.command("month")(month)

ADVICE = "Name one that can be written: --database FILE"
GO_ON = "See to it, and repeat the command: it goes on from what is in the database"
EPOCH = date(1970, 1, 1).toordinal()

Meters = Annotated[int, typer.Option(min=1, help="How many.")]
PerConcentrator = Annotated[int, typer.Option(min=1, help="Meters behind each concentrator.")]
Seed = Annotated[int, typer.Option(help="Fixes meters, keys and luck.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that work.")]
EnvelopeFile = Annotated[
    Path | None,
    typer.Option(
        "--envelope",
        help="File of the key that meters' keys are sealed by; default: AMI_ENVELOPE_KEY, or a"
        " test key beside the database.",
    ),
]


@app.command()
def provision(
    meters: Meters = 1_000_000,
    database: Database = "fleet.db",
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
    url = _url(database)
    try:
        config = storage(url, envelope, seed)
        with _bars(meters, "entered", silent=json) as more:
            done = enter(
                City(meters, seed, per_concentrator),
                config,
                jobs=jobs,
                progress=partial(more, "entered"),
            )
    except (BadConfig, KeyShared) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no database: {error}", ADVICE, code="no-database")
    except WorkersLost as error:
        failed(str(error), GO_ON, code="workers-lost")
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


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write them; it is made.")],
    meters: Meters = 100,
    per_concentrator: PerConcentrator = METERS_PER_CONCENTRATOR,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Write what an operator is given for a simulated field: places, a shipment with wrapped test
    keys and the key that opens it, the crew's list of what hangs where, a configuration, the field.

    Example: [bold]ami fleet sample desk --meters 100[/], then as the README's hour shows
    """
    try:
        paths = write_sample(City(meters, seed, per_concentrator), folder)
    except OSError as error:
        wrong_usage(str(error), "Name another folder: ami fleet sample FOLDER", code="no-folder")
    if json:
        print_json({"meters": meters, "files": [str(path) for path in paths]})
        return
    for path in paths:
        out.print(str(path), markup=False, highlight=False)


@app.command()
def collect(
    meters: Meters = 10_000,
    days: Annotated[int, typer.Option(min=1, help="Of their load profiles.")] = 1,
    since: Annotated[
        str, typer.Option(metavar="DATE", help="The first day, in UTC.")
    ] = "2026-07-06",
    jobs: Jobs = 2,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Spread the work by this Dask scheduler: tcp://HOST:PORT."
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Database URL, a file's path, or a folder; default: one that is thrown away."
        ),
    ] = None,
    envelope: EnvelopeFile = None,
    per_concentrator: PerConcentrator = METERS_PER_CONCENTRATOR,
    radio: Annotated[
        str, typer.Option(help=f"Each meter's second module: {', '.join(MODES)}, or none.")
    ] = "868-50k",
    fault_share: Annotated[
        float, typer.Option(min=0, max=1, help="Concentrators that have a fault, each day.")
    ] = 0.0,
    fault_hours: Annotated[
        float, typer.Option(min=0.01, max=720, help="How long each of these faults lasts.")
    ] = 4.0,
    memory_kb: Annotated[
        int, typer.Option(min=1, help="Of each concentrator, for what it has collected.")
    ] = OCTETS_MAX // 1024,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Collect the 15-minute profile of eight channels of every meter, by its concentrator.

    The field is that of scenarios: concentrators with task tables, memories and modems, each frame
    on the power line and the radio, ciphered DLMS with each meter, uploads over a mobile network
    that comes and goes; meters go up and down, some are silent for months.  Uploads are taken in by
    the head-end's own code.  What is stored is read back and held against what each meter measured.
    A run that was interrupted (Ctrl-C: exit code 130), or lost its workers, goes on when it is
    repeated with the same --database.  Ends with exit code 1 where any stored value differs.

    With --json: meters, intervals_expected, intervals_received, intervals_identical, simulated_s,
    wall_s, peak_rss_mb, result_sha256 and more.

    Example: [bold]ami fleet collect --meters 10000 --days 1 --jobs 2[/]
    """
    try:
        first_day = date.fromisoformat(since).toordinal() - EPOCH
    except ValueError:
        wrong_usage(f"--since takes a date such as 2026-07-06, not {since!r}")
    if dask is not None and not re.fullmatch(r"(tcp|tls)://.+:\d{1,5}", dask):
        wrong_usage(f"--dask takes tcp://HOST:PORT, not {dask!r}")
    if radio not in (*MODES, "none"):
        wrong_usage(f"--radio takes {', '.join(MODES)} or none, not {radio!r}")
    city = City(meters, seed, per_concentrator)
    conditions = Conditions(
        radio=None if radio == "none" else radio,
        memory_octets=memory_kb * 1024,
        fault_share=fault_share,
        fault_s=fault_hours * 3600,
    )
    try:
        with (
            _place(database) as url,
            _bars(meters, "entered", "collected", silent=json) as progress,
        ):
            done = gather(
                city,
                storage(url, envelope, seed),
                _spread(jobs, dask),
                jobs=jobs,
                first_day=first_day,
                days=days,
                conditions=conditions,
                progress=progress,
            )
    except (BadConfig, KeyShared) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no database: {error}", ADVICE, code="no-database")
    except LookupError as error:
        failed(str(error), "Name another database: --database FILE")
    except NoScheduler as error:
        wrong_usage(str(error), "Start one: dask scheduler --host 127.0.0.1", code="no-scheduler")
    except WorkersLost as error:
        advice = GO_ON if database else f"{GO_ON}, where one is named: --database FILE"
        failed(str(error), advice, code="workers-lost")
    if json:
        spread = {"jobs": jobs} if dask is None else {"dask": dask}
        print_json({**msgspec.to_builtins(done), "seed": seed, "since": since, **spread})
    else:
        _tell_collected(done)
    if done.intervals_identical != done.intervals_received:
        raise typer.Exit(1)


def _spread(jobs: int, dask: str | None) -> Spread:
    if dask is None:
        return Workers(jobs)
    try:
        from scenarios.fleet.spread_by_dask import DaskWorkers  # an extra
    except ImportError:
        failed("Dask is not installed", "Install it: pip install ami-headend[dask]")
    return DaskWorkers(dask)


def _tell_collected(done: Collected) -> None:
    out.print(
        f"{done.meters:,} meters behind {done.concentrators:,} concentrators, {done.days} day(s):"
        f" {done.wall_s:.1f} s ({done.cpu_s:.1f} s of processors), {done.simulated_s:,.0f} s of the"
        " field"
    )
    out.print(
        f"intervals: {done.intervals_expected:,} expected, {done.intervals_received:,} received"
        f" ({done.complete_percent} %), {done.intervals_identical:,} identical to the meters'"
    )
    out.print(
        f"{done.meters_silent:,} meters are silent for months; of the others"
        f" {done.complete_of_the_others_percent} % came"
    )
    out.print(
        f"{done.exchanges:,} exchanges, {done.exchanges_by_radio:,} of them by radio,"
        f" {done.megabytes_on_the_line:,} MB on the line; {done.uploads:,} uploads,"
        f" {done.megabytes_uploaded:,} MB; {done.blocks_dropped:,} blocks dropped by full memories"
    )
    out.print(f"memory at most {done.peak_rss_mb:,.0f} MB; stored {done.database_mb:,.0f} MB")
    out.print(f"sha256 of the rows: {done.result_sha256}")


@contextmanager
def _place(database: str | None) -> Iterator[str]:
    """The URL of the database, made of what was given."""
    if database is None:
        with TemporaryDirectory(prefix="ami-fleet-") as folder:
            yield f"sqlite:///{folder}/fleet.db"
    elif "://" not in database and Path(database).is_dir():
        yield f"sqlite:///{database}/fleet.db"
    else:
        yield _url(database)


def _url(database: str) -> str:
    """The URL of a database, or of a file; ends the command where the file has no folder."""
    url = database_url(database)
    folder = Path(url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite:///") and not folder.is_dir():
        wrong_usage(f"no database: there is no folder {folder}", ADVICE, code="no-database")
    return url


@contextmanager
def _bars(meters: int, *whats: str, silent: bool) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal's stderr for each thing; it hears how many more are done."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=silent or not err.is_terminal,
    ) as shown:
        bars = {what: shown.add_task(f"meters {what}", total=meters) for what in whats}
        yield lambda what, more: shown.advance(bars[what], more)
