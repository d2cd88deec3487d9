"""`ami probe job`: a technician's package, worked offline at the meters."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from headend.app.visits import (
    BadAddress,
    BadEnvelope,
    BadKit,
    BadModel,
    JobKit,
    JobRefused,
    JobShelf,
    NotAllowed,
    OpenJob,
    Rehearsal,
    Step,
    Visit,
    WrongPassphrase,
    default_folder,
    job_kit,
)
from headend.models import Framing
from protocols.concentrator.messages import ACTING, Status
from protocols.jobs.cards import HeadEndCard, decode_card, encode_card
from protocols.jobs.errors import Refused
from tools.job.refusals import refused_file
from tools.options import Json
from tools.terminal import failed, out, print_json, wrong_usage

T = TypeVar("T")

KIT_PASSPHRASE, PASSPHRASE = "AMI_PROBE_PASSPHRASE", "AMI_JOB_PASSPHRASE"

app = typer.Typer(
    name="job", help="A package of the head-end, worked offline.", no_args_is_help=True
)

Kit = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="AMI_PROBE_HOME", help="The folder of this device's keys, jobs, journal."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--kit-key", help=f"Key file of the kit; else {KIT_PASSPHRASE}, or a question."),
]
Models = Annotated[
    Path | None, typer.Option(envvar="AMI_PROBE_MODELS", help="Folder of your meter models.")
]
Which = Annotated[
    str, typer.Option("--job", help="Which job, where several are open.", show_default=False)
]


@app.command()
def enrol(
    to: Annotated[
        Path | None, typer.Option("--out", help="Write this device's card, for the head-end.")
    ] = None,
    head_end: Annotated[
        Path | None, typer.Option(help="Believe the head-end of this card, and no other.")
    ] = None,
    kit: Kit = None,
    kit_key: KeyFile = None,
) -> None:
    """Make this device's keys, and exchange cards with the head-end.  Once.

    Example: [bold]ami probe job enrol --out laptop.card[/]
    """
    with _told():
        opened = _kit(kit, kit_key, None)
        if to is not None:
            to.write_bytes(encode_card(opened.keys.card))
        out.print(f"this device's fingerprint is\n  {opened.keys.card.fingerprint}", markup=False)
        if head_end is not None:
            card = decode_card(_octets(head_end))
            if not isinstance(card, HeadEndCard):
                wrong_usage(f"{head_end} is a device's card. Try: ami job enrol {head_end}")
            opened.believe(card)
            out.print(f"the head-end's is\n  {card.fingerprint}", markup=False)


@app.command("open")
def open_(
    package: Annotated[Path, typer.Argument(help="The package: ami job export --out.")],
    kit: Kit = None,
    kit_key: KeyFile = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Take a package over.  It is checked whole, and stays sealed on this device.

    Example: [bold]ami probe job open day.job[/]
    """
    with _told():
        opened = _kit(kit, kit_key, models)
        file = _octets(package)
        _tell(_with_passphrase(lambda phrase: opened.open(file, passphrase=phrase)), json)


@app.command()
def status(
    job: Which = "",
    kit: Kit = None,
    kit_key: KeyFile = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """What a job holds, and what is done of it.

    Example: [bold]ami probe job status[/]
    """
    with _told():
        _tell(_job(_kit(kit, kit_key, models), job), json)


@app.command()
def run(
    port: Annotated[
        str,
        typer.Option(envvar="AMI_PROBE_PORT", help="/dev/ttyUSB0, tcp://HOST:PORT or udp://…"),
    ],
    framing: Annotated[
        Framing | None, typer.Option(help="The model's, one after the other, if not given.")
    ] = None,
    meter: Annotated[
        str | None, typer.Option(help="Its number, where it does not say who it is.")
    ] = None,
    read: Annotated[bool, typer.Option(help="Read its registers as well.")] = True,
    yes: Annotated[bool, typer.Option("--yes", help="Cut the supply without a question.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; nothing that acts is.")
    ] = False,
    job: Which = "",
    kit: Kit = None,
    kit_key: KeyFile = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Carry out what the package holds for the meter at the other end of the line.

    Example: [bold]ami probe job run --port /dev/ttyUSB0[/]
    """
    with _told():
        opened = _job(_kit(kit, kit_key, models), job)
        if dry_run:
            rehearsal = asyncio.run(opened.rehearse(port, framing=framing, name=meter))
            _tell_rehearsal(rehearsal, json)
            if rehearsal.failure is not None:
                raise typer.Exit(1)
            return
        if not yes and _cuts(opened, meter):
            typer.confirm("An order of this package cuts the supply. Go on?", abort=True, err=True)
        visit = asyncio.run(opened.visit(port, framing=framing, name=meter, read=read))
        _tell_visit(visit, json)
        if visit.failure is not None or any(_bad(step) for step in visit.steps):
            raise typer.Exit(1)


@app.command()
def result(
    to: Annotated[Path, typer.Option("--out", help="Where to write the result.")],
    part: Annotated[
        bool, typer.Option("--part", help="What is done so far; the job goes on.")
    ] = False,
    job: Which = "",
    kit: Kit = None,
    kit_key: KeyFile = None,
    models: Models = None,
) -> None:
    """Close the job and write its signed result, for `ami job import`.

    Example: [bold]ami probe job result --out day.result[/]
    """
    with _told():
        opened = _job(_kit(kit, kit_key, models), job)
        octets = opened.folder.lines() if part else opened.close()
        to.write_bytes(octets)
        what = "so far" if part else "whole; the job is closed"
        out.print(f"{to}: {len(opened.work.book.records)} lines, {what}", markup=False)


# --- what is told ---------------------------------------------------------------------------------


def _tell(job: OpenJob, json: bool) -> None:
    package, told = job.work.package, job.work.book.accounts()
    rows = [
        {
            "meter": meter.name,
            "address": meter.address,
            "orders": [
                {
                    "order": order.number,
                    "action": order.action,
                    "amount": order.amount,
                    "unit": order.unit,
                    "not_before": order.not_before,
                    "not_after": order.not_after,
                    "done": order.number in told and told[order.number].done,
                }
                for order in meter.orders
            ],
        }
        for meter in package.meters
    ]
    if json:
        print_json(
            {
                "job": package.job,
                "expires_at": package.expires_at,
                "authorisation": package.authorisation,
                "closed": job.work.book.over,
                "meters": rows,
            }
        )
        return
    state = "closed" if job.work.book.over else f"until {package.expires_at:%Y-%m-%d %H:%M}Z"
    out.print(f"job {package.job}  {package.authorisation}  {state}", markup=False)
    for meter in package.meters:
        out.print(f"  meter {meter.name}  {meter.address or ''}".rstrip(), markup=False)
        for order in meter.orders:
            what = f"{order.action} {order.amount or ''} {order.unit or ''}".strip()
            done = order.number in told and told[order.number].done
            until = "done" if done else f"until {order.not_after:%H:%M}Z"
            out.print(f"    order {order.number}: {what}  {until}", markup=False)


def _tell_visit(visit: Visit, json: bool) -> None:
    if json:
        print_json(
            {
                "meter": visit.meter.name,
                "failure": None if visit.failure is None else str(visit.failure),
                "orders": [
                    {"order": step.order.number, "status": step.status, "said": step.said}
                    for step in visit.steps
                ],
                "read": [record.read for record in visit.read],
            }
        )
        return
    out.print(f"meter {visit.meter.name}", markup=False)
    if visit.failure is not None:
        out.print(f"  {visit.failure}", markup=False)
    for step in visit.steps:
        out.print(f"  order {step.order.number}: {step.order.action}, {step.said}", markup=False)
    if visit.read:
        out.print(f"  {len(visit.read)} values read", markup=False)


def _tell_rehearsal(rehearsal: Rehearsal, json: bool) -> None:
    if json:
        print_json(
            {
                "meter": rehearsal.meter.name,
                "dry_run": True,
                "failure": None if rehearsal.failure is None else str(rehearsal.failure),
                "orders": [
                    {
                        "order": step.order.number,
                        "action": step.order.action,
                        "said": step.said,
                        "withheld": [
                            {"layer": layer, "octets": octets.hex().upper()}
                            for layer, octets in step.withheld
                        ],
                    }
                    for step in rehearsal.steps
                ],
            }
        )
        return
    out.print(f"meter {rehearsal.meter.name}: a dry run, nothing that acts was sent", markup=False)
    if rehearsal.failure is not None:
        out.print(f"  {rehearsal.failure}", markup=False)
    for step in rehearsal.steps:
        out.print(f"  order {step.order.number}: {step.order.action}, {step.said}", markup=False)
        for layer, octets in step.withheld:
            out.print(f"    {layer:<6} {octets.hex(' ').upper()}", markup=False)


def _bad(step: Step) -> bool:
    return step.status is not None and step.status is not Status.DONE


def _cuts(job: OpenJob, meter: str | None) -> bool:
    cutting = {action for action in ACTING if action.value == "disconnect"}
    return any(
        order.action in cutting
        for each in job.work.package.meters
        if meter in (None, each.name)
        for order in job.work.pending(each)
    )


# --- what is given --------------------------------------------------------------------------------


class _told:
    """Ends the command with a sentence where something is refused."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BadAddress | BadModel):
            wrong_usage(str(error))
        if isinstance(error, BadEnvelope | BadKit | WrongPassphrase):
            wrong_usage(str(error), code="wrong-key")
        if isinstance(error, JobRefused):
            refused_file(error)
        if isinstance(error, NotAllowed):
            failed(str(error), code="not-allowed")


def _kit(kit: Path | None, key: Path | None, models: Path | None) -> JobKit:
    folder = kit or default_folder()
    if key is not None:
        return job_kit(key, folder, models=models)
    phrase = os.environ.get(KIT_PASSPHRASE)
    if phrase is None:
        new = not JobShelf(folder).enrolled
        asked = "New passphrase for this device's keys" if new else "Passphrase of this device"
        phrase = typer.prompt(asked, hide_input=True, err=True, confirmation_prompt=new)
    return job_kit(phrase, folder, models=models)


def _job(kit: JobKit, begins: str) -> OpenJob:
    known = [each for each in kit.store.jobs() if each.startswith(begins)]
    if not known:
        wrong_usage(
            "no such job is open here",
            "Open its package: ami probe job open FILE",
            code="no-such-job",
        )
    if len(known) == 1:
        return _opened(kit, known[0])
    going = [job for job in map(partial(_opened, kit), known) if not job.work.book.over]
    if len(going) != 1:
        wrong_usage(f"{len(known)} jobs are here. Try: --job ID, one of {', '.join(known)}")
    return going[0]


def _opened(kit: JobKit, id_: str) -> OpenJob:
    return _with_passphrase(lambda phrase: kit.job(id_, passphrase=phrase))


def _with_passphrase(work: Callable[[str | None], T]) -> T:
    """Try without a passphrase, and ask for one where the package wants it."""
    given = os.environ.get(PASSPHRASE)
    try:
        return work(given)
    except JobRefused as error:
        if error.why is not Refused.PASSPHRASE or given is not None:
            raise
    return work(typer.prompt("Passphrase of the package", hide_input=True, err=True))


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        wrong_usage(f"{path}: {error.strerror}", code="no-such-file")
