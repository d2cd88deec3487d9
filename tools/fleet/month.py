"""`ami fleet month`: a fleet collected for weeks by the whole head-end, through outages."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headend.config import database_url
from headend.ports import StoreUnavailable
from scenarios.fleet.city import METERS_PER_CONCENTRATOR, City
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.month import run
from scenarios.fleet.month_told import Month
from tools.options import Json
from tools.terminal import err, log_to_stderr, out, print_json, wrong_usage

EPOCH = date(1970, 1, 1).toordinal()
FIRST_DAY = date(2026, 7, 1).toordinal() - EPOCH
MEMORY_OCTETS = 700_000
"""Of a concentrator: less than two days of a hundred meters' load profiles."""
FAULT_SHARE = 0.02


def month(
    meters: Annotated[int, typer.Option(min=1, help="How many.")] = 2_000,
    days: Annotated[int, typer.Option(min=1, help="Of their load profiles.")] = 30,
    per_concentrator: Annotated[
        int, typer.Option(min=1, help="Meters behind each concentrator.")
    ] = METERS_PER_CONCENTRATOR,
    memory_kb: Annotated[
        int, typer.Option(min=1, help="Of each concentrator, for what it has collected.")
    ] = MEMORY_OCTETS // 1000,
    database: Annotated[
        str | None, typer.Option(help="A new file; default: one that is thrown away.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Fixes meters and luck.")] = 1,
    json: Json = False,
) -> None:
    """Collect a fleet for a month by the head-end itself, with its back-fill, on a simulated clock.

    Meters come and go, some are silent for months; each day one concentrator of fifty has a fault
    of four hours; a tenth is without power for two days, another tenth without network, with
    memories too small for that; the broker is away for an hour each week and forgets its sessions;
    the head-end is killed three times.  What is stored is read back and held against what each
    meter measured: exit code 1 where any value differs, or the head-end had errors of its own.

    Example: [bold]ami fleet month --meters 100 --days 5 --json[/]
    """
    log_to_stderr(verbose=False)
    with TemporaryDirectory(prefix="ami-month-") as folder:
        url = database_url(database or f"{folder}/month.db")
        path = Path(url.removeprefix("sqlite:///"))
        if not url.startswith("sqlite:///") or path.exists() or not path.parent.is_dir():
            wrong_usage(
                f"--database takes a new file, not {database}",
                "Name one that there is not, in a folder that there is",
            )
        with Progress(
            TextColumn("days"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=json or not err.is_terminal,
        ) as shown:
            bar = shown.add_task("days", total=days)
            try:
                done = run(
                    City(meters, seed, per_concentrator),
                    url,
                    first_day=FIRST_DAY,
                    days=days,
                    conditions=Conditions(
                        radio=None, memory_octets=memory_kb * 1000, fault_share=FAULT_SHARE
                    ),
                    progress=lambda more: shown.advance(bar, more),
                )
            except StoreUnavailable as error:
                wrong_usage(f"no database: {error}", code="no-database")
    if json:
        print_json({**msgspec.to_builtins(done), "seed": seed})
    else:
        _tell(done)
    if done.intervals_identical != done.intervals_received or done.head_end_errors:
        raise typer.Exit(1)


def _tell(done: Month) -> None:
    out.print(
        f"{done.meters:,} meters behind {done.concentrators:,} concentrators, {done.days} days:"
        f" {done.wall_s:,.0f} s ({done.cpu_s:,.0f} s of processors)"
    )
    out.print(
        f"intervals: {done.intervals_expected:,} expected, {done.intervals_received:,} received"
        f" ({done.complete_percent} %), {done.intervals_identical:,} identical to the meters'"
    )
    out.print(
        f"{done.meters_silent:,} meters are silent for months; of the others"
        f" {done.complete_of_the_others_percent} % came, {done.within_a_day_percent} % within 24 h"
    )
    out.print(
        f"{done.blocks_dropped:,} blocks dropped by full memories; back-fill brought"
        f" {done.backfill_blocks:,} blocks of {done.backfill_meters:,} meters in"
        f" {done.backfill_waves:,} waves; given up: {done.given_up or 'nothing'}"
    )
    out.print(
        f"{done.outages_of_two_days} outages of two days, {done.broker_outages} of the broker,"
        f" {done.head_end_restarts} restarts of the head-end; errors of its own:"
        f" {done.head_end_errors}"
    )
    out.print(f"memory at most {done.peak_rss_mb:,.0f} MB; stored {done.database_mb:,.0f} MB")
