"""`ami probe firmware`: bring an image to the meter, verify it, and have it started.

The transfer's state is the meter's: after a cut `--resume` sends what is missing.  Activation asks
first, because the meter starts anew with what it was given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
from tools.probe.talk import Talk
from tools.probe.values import text_of
from tools.terminal import wrong_usage

app = group("firmware", "Firmware: how a transfer stands, transfer, verify, activate.")

LOOKS = 60
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
    async with desk.talk(Purpose.ACT) as talk:
        await talk.act(verify_image(patience=Patience(seconds(wait), LOOKS)))
        return await _standing(talk)


@verb("activate", of=app)
async def activate(
    desk: Desk, yes: Yes = False, wait: Wait = "5s", dry_run: DryRun = False
) -> Report:
    """Have the meter start the image that it verified.  Asks first.

    Example: [bold]ami probe firmware activate --dry-run[/]
    """
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT) as talk:
        _, images = await talk.do(read_image_status())
        held = ", ".join(_name(each.identification) for each in images) or "what it holds"
        question = f"Meter {desk.meter}: start {held}? It will not measure for a moment."
        await confirmed(desk, question, yes=yes)
        found = await talk.act(activate_image(patience=Patience(seconds(wait), LOOKS)), image=held)
    notes: tuple[str, ...] = ()
    if found is ImageStatus.ACTIVATION_INITIATED:
        notes = ("the meter fell silent, as it does while it starts: look again in a minute",)
    fact = Fact("status", "status", standard_name(found))
    return desk.report("", facts=(fact,), notes=notes, journal={"status": standard_name(found)})


async def _standing(talk: Talk) -> Report:
    found, images = await talk.do(read_image_status())
    rows = tuple((_name(each.identification), each.size) for each in images)
    tables = (Table("images", "To activate", COLUMNS, rows),) if rows else ()
    fact = Fact("status", "status", standard_name(found))
    journal = {"status": standard_name(found)}
    return talk.desk.report("", facts=(fact,), tables=tables, journal=journal)


def _name(identification: bytes) -> str:
    return text_of(OctetString(identification))
