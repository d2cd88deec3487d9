"""`ami probe firmware`: bring an image to the meter, verify it, and have it started.

The transfer's state is the meter's: after a cut `--resume` sends what is missing.  Activation has
it verified and asks first, because the meter starts anew with what it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from headend.app.probe import Failure, ReasonCode
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.procedures import (
    Patience,
    activate_image,
    read_image_status,
    standard_name,
    transfer_image,
    verify_image,
)
from protocols.dlms.values import OctetString
from tools.probe.asking import confirmed
from tools.probe.command import group, verb
from tools.probe.desk import Desk, Purpose
from tools.probe.periods import seconds
from tools.probe.progress import bar
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.supply import DryRun, Yes
from tools.probe.talk import Stopped, Talk
from tools.probe.values import text_of
from tools.terminal import err, wrong_usage

app = group("firmware", "Firmware: how a transfer stands, transfer, verify, activate.")

LOOKS = 60
_TO_VERIFY = frozenset(
    {
        ImageStatus.INITIATED,
        ImageStatus.VERIFICATION_INITIATED,
        ImageStatus.VERIFICATION_FAILED,
    }
)
COLUMNS = (Column("identifier", "image"), Column("size", "size", "octets"))
Wait = Annotated[
    str, typer.Option("--wait", help="How long between two looks while the meter works.")
]


@verb("status", of=app)
async def status(desk: Desk) -> Report:
    """Tell how a transfer stands, and what the meter holds to activate.

    Example: [bold]ami probe firmware status --role management[/]
    """
    async with desk.talk(Purpose.ACT) as talk:
        return await _standing(talk)


@verb("transfer", of=app)
async def transfer(
    desk: Desk,
    file: Annotated[Path, typer.Argument(help="The image, as its maker gave it out.")],
    identifier: Annotated[
        str, typer.Option("--identifier", help="What the meter calls it; the file's name.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="The meter holds a part of this very image.")
    ] = False,
    wait: Wait = "5s",
    dry_run: DryRun = False,
) -> Report:
    """Bring an image to the meter and have it verified.  Nothing is started by that.

    Example: [bold]ami probe firmware transfer image.bin --resume[/]
    """
    try:
        image = file.read_bytes()
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}")
    if not image:
        wrong_usage(f"{file} is empty")
    desk.dry_run = dry_run
    patience = Patience(seconds(wait), LOOKS)
    async with desk.talk(Purpose.ACT) as talk:
        with bar("image", silent=desk.quiet) as shown:
            done = await talk.act(
                transfer_image(
                    image,
                    (identifier or file.stem).encode(),
                    activate=False,
                    resume=resume,
                    patience=patience,
                    progress=shown.step,
                ),
                image=file.name,
                octets=len(image),
            )
        report = await _standing(talk)
    facts = (
        Fact("blocks", "blocks", done.blocks),
        Fact("blocks_sent", "sent in this run", done.blocks_sent),
        *report.facts,
    )
    note = "verified; to start it: ami probe firmware activate"
    journal = {"image": file.name, "status": standard_name(done.status)}
    return desk.report("", facts=facts, tables=report.tables, notes=(note,), journal=journal)


@verb("verify", of=app)
async def verify(desk: Desk, wait: Wait = "5s", dry_run: DryRun = False) -> Report:
    """Have the meter verify the image that it holds.

    Example: [bold]ami probe firmware verify[/]
    """
    desk.dry_run = dry_run
    patience = Patience(seconds(wait), LOOKS)
    async with desk.talk(Purpose.ACT) as talk:
        await talk.act(verify_image(patience=patience))
        return await _standing(talk)


@verb("activate", of=app)
async def activate(
    desk: Desk,
    yes: Yes = False,
    unverified: Annotated[
        bool,
        typer.Option("--unverified", help="Start it although the meter did not verify it."),
    ] = False,
    wait: Wait = "5s",
    dry_run: DryRun = False,
) -> Report:
    """Have the meter verify the image where it has not yet, and start it.  Asks first.

    What it did not verify is refused, and started only with --unverified.

    Example: [bold]ami probe firmware activate --dry-run[/]
    """
    desk.dry_run = dry_run
    patience = Patience(seconds(wait), LOOKS)
    async with desk.talk(Purpose.ACT) as talk:
        standing = await _verified(talk, patience)
        if standing.status is ImageStatus.ACTIVATION_SUCCESSFUL:
            return _started(desk, standing.status, ("it was started before; nothing was sent",))
        held = standing.held
        question = f"Meter {desk.meter}: start {held}? It will not measure for a moment."
        if not standing.startable:
            if not unverified or standing.status is ImageStatus.NOT_INITIATED:
                raise Stopped(standing.refusal())
            warning = f"NOT VERIFIED: {standing.in_words}. It may never start again."
            err.print(Text(warning, style="bold red"), soft_wrap=True)
            question = f"Meter {desk.meter}: start {held}, which it did NOT verify?"
        await confirmed(desk, question, yes=yes)
        found = await talk.act(
            activate_image(patience=patience), image=held, verified=standing.startable
        )
    notes: tuple[str, ...] = ()
    if found is ImageStatus.ACTIVATION_INITIATED:
        notes = ("the meter fell silent, as it does while it starts: look again in a minute",)
    return _started(desk, found, notes)


def _started(desk: Desk, found: ImageStatus, notes: tuple[str, ...]) -> Report:
    fact = Fact("status", "status", standard_name(found))
    return desk.report("", facts=(fact,), notes=notes, journal={"status": standard_name(found)})


@dataclass(frozen=True, slots=True)
class _Standing:
    """What image_transfer_status says of what would be started, and why if it was not verified."""

    status: ImageStatus
    held: str
    why: str = ""

    @property
    def startable(self) -> bool:
        """Whether the meter itself says that the image is whole and its own."""
        verified = ImageStatus.VERIFICATION_SUCCESSFUL
        return self.status in (verified, ImageStatus.ACTIVATION_INITIATED)

    @property
    def in_words(self) -> str:
        said = f"image_transfer_status is {int(self.status)}, {standard_name(self.status)}"
        return f"{said} ({self.why})" if self.why else said

    def refusal(self) -> Failure:
        """Why nothing is started, and what to do."""
        if self.status is ImageStatus.NOT_INITIATED:
            why = f"the meter holds no image: {self.in_words}"
            return Failure(ReasonCode.NOT_APPLIED, why, "ami probe firmware transfer FILE")
        next_step = (
            "ami probe firmware transfer FILE brings it anew (--resume sends what is missing);"
            " --unverified starts it all the same"
        )
        why = f"the meter did not verify the image: {self.in_words}"
        return Failure(ReasonCode.NOT_APPLIED, why, next_step)


async def _verified(talk: Talk, patience: Patience) -> _Standing:
    """The image's state, after the meter was asked to verify what it had not yet."""
    found, images = await talk.do(read_image_status())
    why = ""
    if found in _TO_VERIFY:
        try:
            await talk.act(verify_image(patience=patience))
        except Stopped as stopped:  # a line that is lost stops the next question as well
            why = stopped.failure.why
        found, images = await talk.do(read_image_status())
    held = ", ".join(_name(each.identification) for each in images) or "what it holds"
    return _Standing(found, held, why)


async def _standing(talk: Talk) -> Report:
    found, images = await talk.do(read_image_status())
    rows = tuple((_name(each.identification), each.size) for each in images)
    tables = (Table("images", "To activate", COLUMNS, rows),) if rows else ()
    fact = Fact("status", "status", standard_name(found))
    journal = {"status": standard_name(found)}
    return talk.desk.report("", facts=(fact,), tables=tables, journal=journal)


def _name(identification: bytes) -> str:
    return text_of(OctetString(identification))
