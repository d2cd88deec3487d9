"""`ami shipment`: what manufacturers deliver, looked at and taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from headend.app.access import by_command
from headend.app.shipments import (
    AlreadyStored,
    Appraised,
    BadTransportKey,
    Delivery,
    Fate,
    KeyShared,
    NotTakenIn,
    Receipt,
    StoreUnavailable,
    Tally,
    TransportKey,
    preview,
    read_in,
    receipt_of,
    take,
)
from headend.config import BadConfig, Config, KeyStorage
from headend.domain.shipment import refused_of
from headend.registry.shipment.by_request import EMPTY
from headend.store import registry_queries as queries
from scenarios.fleet.workers import Workers
from tools.database.opening import ADVICE, configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, complain, err, failed, out, print_json, wrong_usage
from tools.terminal import show as show_

app = typer.Typer(
    name="shipment",
    help="Shipments: meters and keys as manufacturers deliver them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

LINES_SHOWN = 50
SPREAD_ABOVE = 1_000_000
"""Octets of a file; for a smaller one other processes are started for nothing."""

File = Annotated[Path, typer.Argument(help="The shipment, CSV or XML.")]
EnvelopeFile = Annotated[
    Path | None,
    typer.Option(
        "--envelope", help="File of the key that meters' keys are sealed by; or AMI_ENVELOPE_KEY."
    ),
]
Transport = Annotated[
    Path | None,
    typer.Option(
        "--transport-key", help="File of the key that wraps the keys; or AMI_TRANSPORT_KEY."
    ),
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that open and seal keys.")]
Every = Annotated[bool, typer.Option("--all", help="Each line, also those that bring nothing new.")]


@dataclass(slots=True)
class _Ledger:
    """The lines that a person is shown: those of a kind that matters, the first ones."""

    every: bool
    machines: bool
    lines: list[Appraised] = field(default_factory=list)
    left_out: int = 0

    def __call__(self, line: Appraised) -> None:
        if not self.every and line.fate in (Fate.ENTERED, Fate.UNCHANGED):
            return
        if self.machines or self.every or len(self.lines) < LINES_SHOWN:
            self.lines.append(line)
        else:
            self.left_out += 1

    def tell(self, file: Path) -> None:
        """On stdout what is changed, on stderr what is refused."""
        for line in sorted(self.lines, key=lambda line: line.line):
            if line.fate is Fate.REFUSED:
                complain(f"{file}, {line}", f"To do: {line.next_step}")
            else:
                out.print(f"{line}", markup=False)
        if self.left_out:
            complain(f"and {self.left_out:,} lines more", "See all of them: --all")


@app.command("preview")
def preview_(
    file: File,
    transport_key: Transport = None,
    envelope: EnvelopeFile = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    jobs: Jobs = 2,
    every: Every = False,
    json: Json = False,
) -> None:
    """What would be entered, changed and refused, line by line; nothing is written.

    Exit code 1 where the import would be refused.

    Example: [bold]ami shipment preview pallet-17.csv --transport-key transport.key[/]
    """
    ledger = _Ledger(every, json)
    with _open(file, transport_key, envelope, config, database, jobs, json) as (
        settings,
        bars,
        got,
    ):
        with bars("weighed", got.spool.meters) as more:
            tally = preview(settings, got, ledger, more)
    if json:
        print_json({"tally": tally, "lines": ledger.lines})
    else:
        ledger.tell(file)
        _tell_tally(tally)
    if tally.refused:
        raise typer.Exit(1)


@app.command("import")
def import_(
    file: File,
    transport_key: Transport = None,
    envelope: EnvelopeFile = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    jobs: Jobs = 2,
    every: Every = False,
    json: Json = False,
) -> None:
    """Take a shipment in: all of it in one transaction, or, where a line is refused, nothing.

    The same file again does nothing, and says so.  Exit code 1 where it is refused.

    Example: [bold]ami shipment import pallet-17.csv --transport-key transport.key[/]
    """
    ledger, tally = _Ledger(every, json), None
    with _open(file, transport_key, envelope, config, database, jobs, json) as (
        settings,
        bars,
        got,
    ):
        try:
            with bars("taken in", got.spool.meters) as more:
                receipt = take(settings, got, by_command().actor, ledger, more)
        except NotTakenIn as error:
            tally = error.tally
        except AlreadyStored:  # by another command, meanwhile
            _unless_here(file, settings, json)
            raise
    if tally is not None:
        if json:
            print_json({"tally": tally, "lines": ledger.lines})
        else:
            ledger.tell(file)
        complain(f"{refused_of(tally.refused, tally.meters)}; nothing is taken in")
        raise typer.Exit(1)
    if json:
        print_json({"receipt": receipt, "again": False})
    else:
        ledger.tell(file)
        _tell_receipt(receipt)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """The shipments that were taken in, the latest first.

    Example: [bold]ami shipment list --json[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.receipts(connection, limit=limit))
    if json:
        print_json(found)
        return
    table = Table(
        "number", "file", "taken in (UTC)", "by", "meters", "entered", "changed", box=None
    )
    for each in found:
        counts = (each.meters, each.entered, each.changed)
        table.add_row(
            str(each.number), each.file, clock_text(each.taken_at), each.who, *map(str, counts)
        )
    show_(table)


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="The shipment's number.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """The receipt of one shipment.

    Example: [bold]ami shipment show 3[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.receipt(connection, number))
    if found is None:
        text = "See which there are: ami shipment list"
        wrong_usage(f"no shipment {number}", text, code="no-such-shipment")
    if json:
        print_json(found)
    else:
        _tell_receipt(found)


@dataclass(frozen=True, slots=True)
class _Bars:
    """A bar on a terminal's stderr for each thing; it hears how much more is done."""

    shown: Progress

    @contextmanager
    def __call__(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        bar = self.shown.add_task(what, total=total)
        yield lambda more: self.shown.advance(bar, more)
        self.shown.update(bar, completed=total)


@contextmanager
def _open(
    file: Path,
    transport_key: Path | None,
    envelope: Path | None,
    config: Path | None,
    database: str | None,
    jobs: int,
    json: bool,
) -> Iterator[tuple[Config, _Bars, Delivery]]:
    """The file, read.  Ends the command for what cannot be read or is here already."""
    try:
        settings = configured(config, database)
        if envelope is not None:
            storage = KeyStorage(envelope_file=envelope)
            settings = msgspec.structs.replace(settings, keys=storage)
        transport = TransportKey.found(transport_key)
        size = file.stat().st_size
        _unless_here(file, settings, json)
        with ExitStack() as open_until_the_end:
            bars = _Bars(open_until_the_end.enter_context(_progress(silent=json)))
            with bars("read", size) as more:
                spread = Workers(jobs if size > SPREAD_ABOVE else 1).map
                reading_it = read_in(file, settings, transport, spread=spread, progress=more)
                got = open_until_the_end.enter_context(reading_it)
            if got.empty:
                failed(f"{file} holds no meter; nothing is taken in", EMPTY, code="empty-shipment")
            yield settings, bars, got
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")
    except BadTransportKey as error:
        wrong_usage(str(error), code="wrong-key")
    except (BadConfig, KeyShared) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


def _unless_here(file: Path, settings: Config, json: bool) -> None:
    """Ends the command, with exit code 0, where the same file was taken in before."""
    receipt = receipt_of(settings, file)
    if receipt is None:
        return
    if json:
        print_json({"receipt": receipt, "again": True})
    else:
        at = clock_text(receipt.taken_at)
        text = f"{file} was taken in as shipment {receipt.number} at {at} UTC; nothing is done"
        out.print(text, markup=False)
    raise typer.Exit


def _progress(*, silent: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=silent or not err.is_terminal,
    )


def _tell_tally(tally: Tally) -> None:
    out.print(
        f"{_meters(tally.meters)}: {tally.entered:,} would be entered, {tally.changed:,} changed,"
        f" {tally.unchanged:,} as they should be, {tally.refused:,} refused"
    )
    out.print(f"keys: {tally.keys_new:,} new, {tally.keys_kept:,} stay as they are")


def _meters(count: int) -> str:
    return f"{count:,} meter" if count == 1 else f"{count:,} meters"


def _tell_receipt(receipt: Receipt) -> None:
    out.print(
        f"shipment {receipt.number}: {receipt.file}, taken in at {clock_text(receipt.taken_at)} UTC"
        f" by {receipt.who}",
        markup=False,
    )
    out.print(
        f"{_meters(receipt.meters)}: {receipt.entered:,} entered, {receipt.changed:,} changed,"
        f" {receipt.unchanged:,} as they were"
    )
    out.print(f"keys: {receipt.keys_new:,} new, {receipt.keys_kept:,} kept as they were")
    out.print(f"sha256 {receipt.digest}", markup=False)
