"""`ami job`: packages for technicians' devices, and what comes back of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from headend.app.access import by_command
from headend.app.jobs import (
    BadAddress,
    Exported,
    Imported,
    JobDesk,
    KeyShared,
    KeysUnreadable,
    NoSuchJob,
    NotEnrolled,
    NotExported,
    Revoked,
    StoreUnavailable,
    Wanted,
    job_desk,
)
from headend.clock import WallClock
from headend.config import BadConfig
from headend.domain.job import Authorisation
from headend.store.queries import job_devices, job_page, jobs
from protocols.concentrator.messages import Status
from protocols.dlms.keys import Keys
from protocols.jobs.cards import decode_card, encode_card
from protocols.jobs.errors import JobRefused
from tools.database.opening import configured, reading
from tools.job.keys import BadKeys, read_keys
from tools.job.refusals import refused_file
from tools.job.told import imported_row, job_row, page_row, state_of, tell_imported, tell_page
from tools.moments import duration
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, wrong_usage
from tools.terminal import show as show_

T = TypeVar("T")

PASSPHRASE = "AMI_JOB_PASSPHRASE"

app = typer.Typer(
    help="Jobs for technicians: enrol, export, list, show, revoke, import.", no_args_is_help=True
)

Models = Annotated[Path | None, typer.Option(help="Folder of your meter models.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or how it begins.")]


_CODES: dict[type[Exception], str] = {
    KeyShared: "key-shared",
    NoSuchJob: "no-such-job",
    NotEnrolled: "not-enrolled",
    NotExported: "not-exported",
}

# --- devices --------------------------------------------------------------------------------------


@app.command()
def enrol(
    card: Annotated[Path, typer.Argument(help="The device's card: ami probe job enrol --out.")],
    name: Annotated[str, typer.Option(help="What the device is called from now on.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="Write the head-end's card here, for the device.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
) -> None:
    """Take a technician's device in, once.  Compare both fingerprints by voice.

    Example: [bold]ami job enrol laptop.card --name laptop-7 --out head-end.card[/]
    """
    octets = _octets(card)

    async def work(desk: JobDesk) -> tuple[str, str]:
        await desk.enrolment.enrol(name, octets)
        return decode_card(octets).fingerprint, desk.card.fingerprint

    theirs, ours = _run(config, database, None, lambda desk: _with_card(desk, work, to))
    out.print(f"{name} is enrolled, its fingerprint is\n  {theirs}", markup=False)
    out.print(f"the head-end's is\n  {ours}", markup=False)


async def _with_card(desk: JobDesk, work: Callable[[JobDesk], Awaitable[T]], to: Path | None) -> T:
    done = await work(desk)
    if to is not None:
        to.write_bytes(encode_card(desk.card))
    return done


@app.command()
def devices(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """The devices that may get packages.

    Example: [bold]ami job devices[/]
    """
    with reading(database, config) as reader:
        found = reader.read(job_devices)
    if json:
        print_json([{"name": d.name, "title": d.title, "since": d.enrolled_at} for d in found])
        return
    table = Table("device", "system title", "enrolled (UTC)", box=None)
    for each in found:
        table.add_row(each.name, each.title, clock_text(each.enrolled_at))
    show_(table)


@app.command()
def keys(
    file: Annotated[Path, typer.Argument(help="Meters' keys, TOML; see docs/jobs.md.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    models: Models = None,
) -> None:
    """Install the keys that meters have for their job client.  They are kept sealed.

    Example: [bold]ami job keys keys.toml[/]
    """
    try:
        known = read_keys(file)
    except BadKeys as error:
        wrong_usage(str(error))

    async def work(desk: JobDesk) -> int:
        for each in known:
            pair = Keys(each.encryption, each.authentication, master=each.master)
            await desk.install_keys(each.meter, pair, each.next_counter)
        return len(known)

    out.print(f"{_run(config, database, models, work)} meters' keys are installed")


# --- packages -------------------------------------------------------------------------------------


@app.command()
def export(
    to: Annotated[str, typer.Option("--to", help="The device, as it is enrolled.")],
    file: Annotated[Path, typer.Option("--out", help="Where to write the package.")],
    valid: Annotated[str, typer.Option(help="How long it may be worked, such as 12h.")] = "12h",
    meters: Annotated[
        str, typer.Option(help="Meters with commas between: all their waiting orders.")
    ] = "",
    orders: Annotated[str, typer.Option(help="Orders with commas between: just these.")] = "",
    write: Annotated[
        bool,
        typer.Option("--read-write/--read-only", help="Whether orders are carried out at all."),
    ] = True,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help=f"Ask for a passphrase, or take {PASSPHRASE}.")
    ] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Hand orders over to a technician's device: a signed file that only that device opens.

    Example: [bold]ami job export --to laptop-7 --meters 4711,4712 --valid 12h --out day.job[/]
    """
    if not meters and not orders:
        wrong_usage("which meters?  --meters 4711,4712, or --orders 88,89")
    if file.exists():
        wrong_usage(f"{file} is there already. Try: another --out")
    wanted = Wanted(
        to,
        timedelta(seconds=duration("--valid", valid)),
        Authorisation.READ_AND_WRITE if write else Authorisation.READ_ONLY,
        tuple(_listed(meters)),
        _numbers(orders),
        _passphrase() if passphrase else None,
        by_command().actor,
    )

    async def work(desk: JobDesk) -> Exported:
        exported = await desk.export.make(wanted)
        _written(file, exported.job.package)
        return exported

    exported = _run(config, database, models, work)
    for left in exported.left_out:
        typer.echo(f"not in the package: {left}", err=True)
    if json:
        print_json(
            {
                "job": exported.job.id,
                "file": str(file),
                "expires_at": exported.job.expires_at,
                "meters": exported.meters,
                "orders": exported.orders,
                "left_out": [str(left) for left in exported.left_out],
            }
        )
        return
    until = clock_text(exported.job.expires_at)
    out.print(f"job {exported.job.id} for {to}, until {until}Z: {file}", markup=False)
    out.print(f"  meters: {', '.join(exported.meters)}", markup=False)
    out.print(f"  orders: {', '.join(map(str, exported.orders)) or 'none'}", markup=False)


@app.command("list")
def list_(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """All jobs, the latest first.

    Example: [bold]ami job list[/]
    """
    with reading(database, config) as reader:
        found = reader.read(jobs)
    now = WallClock().now()
    if json:
        print_json([job_row(job, now) for job in found])
        return
    table = Table("job", "device", "made (UTC)", "expires (UTC)", "state", "allows", box=None)
    for job in found:
        table.add_row(
            job.id, job.device, clock_text(job.made_at), clock_text(job.expires_at),
            state_of(job, now), job.authorisation,
        )  # fmt: skip
    show_(table)


@app.command()
def show(
    job: JobId,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    file: Annotated[
        Path | None, typer.Option("--out", help="Write the job's package once more.")
    ] = None,
    json: Json = False,
) -> None:
    """One job: its orders and counters, what disagreed, and what to do next.

    Example: [bold]ami job show 3f2a[/]
    """
    with reading(database, config) as reader:
        found = reader.read(jobs)
        id_ = _meant([each.id for each in found], job)
        page = reader.read(lambda connection: job_page(connection, id_))
    assert page is not None
    if file is not None:
        _written(file, page.job.package)
    if json:
        print_json(page_row(page))
    else:
        tell_page(page)


@app.command()
def revoke(
    job: JobId,
    why: Annotated[str, typer.Option(help="Why, for the journal.")] = "revoked by an operator",
    line: Annotated[
        list[str] | None,
        typer.Option(help="METER=tcp://HOST:PORT: change this meter's keys now; once for each."),
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Take a job back.  A device in the field hears of it only with its next package.

    Example: [bold]ami job revoke 3f2a --why "laptop lost"[/]
    """
    lines = dict(_pair(each) for each in line or ())

    async def work(desk: JobDesk) -> tuple[Revoked, dict[str, str]]:
        known = await desk.store.run(lambda tx: [each.id for each in tx.jobs()])
        revoked = await desk.revocation.revoke(_meant(known, job), why)
        told = {}
        for lease in revoked.keys:
            if lease.meter in lines:
                outcome = await desk.change_keys(lease, lines[lease.meter])
                told[lease.meter] = str(outcome.status)
        return revoked, told

    revoked, told = _run(config, database, models, work)
    left = [lease.meter for lease in revoked.keys if told.get(lease.meter) != Status.DONE]
    if json:
        print_json(
            {
                "job": revoked.job.id,
                "state": revoked.job.state,
                "already": revoked.already,
                "orders_back": revoked.orders,
                "keys_to_change": left,
            }
        )
        return
    was = f"was {revoked.job.state} already" if revoked.already else "is revoked"
    out.print(f"job {revoked.job.id} {was}", markup=False)
    if revoked.orders:
        out.print(f"  back in the queue: {', '.join(map(str, revoked.orders))}")
    for meter, status in told.items():
        out.print(f"  keys of {meter}: {status}", markup=False)
    for meter in left:
        out.print(
            f"  the keys of meter {meter} are still in that package. Try:"
            f" ami job revoke {revoked.job.id} --line {meter}=tcp://HOST:PORT",
            markup=False,
        )


@app.command("import")
def import_(
    result: Annotated[Path, typer.Argument(help="The result: ami probe job result --out.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Take a result in: orders end, readings are kept, counters go on.  Twice is once.

    Exit code 1 where something disagrees.

    Example: [bold]ami job import day.result[/]
    """
    octets = _octets(result)

    async def work(desk: JobDesk) -> Imported:
        return await desk.reconciliation.take_in(octets)

    imported = _run(config, database, None, work)
    if json:
        print_json(imported_row(imported))
    else:
        tell_imported(imported)
    if imported.conflicts:
        raise typer.Exit(1)


# --- what is given --------------------------------------------------------------------------------


def _run(
    config: Path | None,
    database: str | None,
    models: Path | None,
    work: Callable[[JobDesk], Awaitable[T]],
) -> T:
    """Do something at the desk; end the command where it cannot be done."""

    async def at_the_desk() -> T:
        desk = await job_desk(configured(config, database), models=models)
        try:
            return await work(desk)
        finally:
            await desk.close()

    try:
        return asyncio.run(at_the_desk())
    except (BadConfig, BadAddress) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        failed(f"no database: {error}", "Name the head-end's own: --database FILE")
    except JobRefused as error:
        refused_file(error)
    except KeysUnreadable as error:
        wrong_usage(str(error), "Give the envelope key that sealed them", code="wrong-key")
    except (KeyShared, NoSuchJob, NotEnrolled, NotExported) as error:
        wrong_usage(str(error), code=_CODES[type(error)])


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        wrong_usage(f"{path}: {error.strerror}", code="no-such-file")


def _written(path: Path, octets: bytes) -> None:
    """A new file that only its owner reads, on disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        failed(f"{path}: {error.strerror}", "The package is kept: ami job show JOB --out FILE")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _listed(text))
    except ValueError:
        wrong_usage(f"--orders takes numbers with commas between, not {text!r}")


def _pair(text: str) -> tuple[str, str]:
    meter, equals, where = text.partition("=")
    if not equals:
        wrong_usage(f"--line takes METER=tcp://HOST:PORT, not {text!r}")
    return meter, where


def _meant(known: list[str], begins: str) -> str:
    found = [each for each in known if each.startswith(begins)]
    if len(found) == 1:
        return found[0]
    if not found:
        wrong_usage(f"there is no job {begins}", "See them with: ami job list", code="no-such-job")
    wrong_usage(f"{len(found)} jobs begin with {begins}")


def _passphrase() -> str:
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given
    answer: str = typer.prompt("Passphrase of the package", hide_input=True, err=True,
                               confirmation_prompt=True)  # fmt: skip
    return answer
