"""`ami firmware`: meters' firmware on the head-end's shelf, and orders that bring it to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table

from headend.config import BadConfig
from headend.domain.meter_image import MeterImage, MeterUpdate
from headend.domain.order import Order, State
from headend.domain.reason import REASONS
from headend.ports import StoreUnavailable
from headend.store.image_queries import arrivals, sums
from tools.database.opening import ADVICE, configured, reading
from tools.moments import duration
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, show, styled, wrong_usage

if TYPE_CHECKING:
    from headend.app.images import ImageDesk

app = typer.Typer(
    name="firmware",
    help="Meters' firmware: images on the shelf, and the way to the meters.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

SOURCE = "AMI-CLI"
SHORT = 12
"""Digits of a SHA-256 that a person is shown; as many as tell images apart are taken."""
METERS_SHOWN = 50

ImageName = Annotated[str, typer.Argument(help="The image: its SHA-256, or how that begins.")]

T = TypeVar("T")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="The image, as its maker gave it out.")],
    model: Annotated[str, typer.Option(help="The model of meters that it was made for.")],
    version: Annotated[str, typer.Option(help="The version that a meter tells when it runs it.")],
    identifier: Annotated[
        str, typer.Option(help="What the meter is told that it is called; the version if left out.")
    ] = "",
    signature: Annotated[
        str, typer.Option(help="The signature that the meter must show of it, hexadecimal.")
    ] = "",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Put an image on the shelf.  It is stored once, and refused for a model that nobody knows.

    Example: [bold]ami firmware add sim-2.bin --model sim-3p --version ami-sim-2[/]
    """
    try:
        octets, proof = file.read_bytes(), bytes.fromhex(signature)
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")
    except ValueError:
        wrong_usage(f"--signature {signature}: no hexadecimal digits")

    async def added(desk: ImageDesk) -> MeterImage:
        return await desk.add(
            octets, model=model, version=version, identifier=identifier, signature=proof
        )

    label = _at_desk(config, database, added)
    if json:
        print_json(_row(label))
    else:
        out.print(f"{label.image[:SHORT]}: {label.version} for {label.model}, {label.size} octets")


@app.command("list")
def list_(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """The shelf: which images there are.

    Example: [bold]ami firmware list --database ami.db[/]
    """
    labels = _at_desk(config, database, lambda desk: desk.labels())
    if json:
        print_json([_row(label) for label in labels])
        return
    table = Table("image", "model", "version", "octets", "since (UTC)", "by")
    for label in labels:
        since = clock_text(label.added_at)
        size = f"{label.size:,}"
        table.add_row(label.image[:SHORT], label.model, label.version, size, since, label.added_by)
    show(table)


@app.command("show")
def show_(
    image: ImageName, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """One image, and how far it has come at which meters.

    Example: [bold]ami firmware show 3f2a --database ami.db[/]
    """
    label = _named(image, _at_desk(config, database, lambda desk: desk.labels()))
    with reading(configured(config, database).database) as reader:
        counted = reader.read(lambda rows: sums(rows, label.image))
        found = reader.read(lambda rows: arrivals(rows, label.image, METERS_SHOWN))
    if json:
        meters = [_arrival(each) for each in found]
        print_json({**_row(label), "stages": counted, "meters": meters})
        return
    out.print(f"{label.image}\n{label.version} for {label.model}, {label.size} octets")
    out.print(", ".join(f"{stage} {count}" for stage, count in counted.items()) or "at no meter")
    table = Table("meter", "stage", "blocks", "sent", "since (UTC)")
    for each in found:
        came = f"{each.blocks - each.missing} of {each.blocks}"
        table.add_row(each.meter, each.stage, came, str(each.sent), clock_text(each.at))
    if found:
        show(table)


@app.command()
def install(
    image: ImageName,
    meters: Annotated[list[str], typer.Argument(help="The meters' numbers.")],
    at: Annotated[
        str | None, typer.Option(help="When to start it, ISO 8601 with a zone; at once without.")
    ] = None,
    within: Annotated[str, typer.Option(help="After which it has failed.")] = "168h",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Order an image for meters.  The running head-end brings it; exit code 1 where one is refused.

    Example: [bold]ami firmware install 3f2a 4711 4712 --at 2026-07-07T03:00:00-04:00[/]
    """
    from headend.app.images import Overloaded

    start, patience = _time(at), timedelta(seconds=duration("--within", within))

    async def placed(desk: ImageDesk) -> list[Order]:
        label = _named(image, await desk.labels())
        return [
            await desk.place(meter, label.image, source=SOURCE, at=start, within=patience)
            for meter in dict.fromkeys(meters)
        ]

    try:
        orders = _at_desk(config, database, placed)
    except Overloaded:
        failed("too many orders are waiting", "look at them: ami order list")
    if json:
        print_json([_order(order) for order in orders])
    for order in orders if not json else ():
        why = "" if order.reason is None else f": {REASONS[order.reason].text}"
        out.print(f"meter {order.meter}: {styled(order.state)}, order {order.number}{why}")
    if any(order.state is State.REJECTED for order in orders):
        raise typer.Exit(1)


def _at_desk(
    config: Path | None, database: str | None, work: Callable[[ImageDesk], Awaitable[T]]
) -> T:
    """Do something at the shelf.  Ends the command where that is not possible."""
    from headend.app.images import BadImage, images  # the other commands need not wait for it

    async def done() -> T:
        async with images(configured(config, database)) as desk:
            return await work(desk)

    try:
        return asyncio.run(done())
    except (BadConfig, BadImage) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


def _named(image: str, labels: list[MeterImage]) -> MeterImage:
    found = [label for label in labels if label.image.startswith(image.lower())]
    if len(found) != 1:
        what = "no image" if not found else f"{len(found)} images"
        advice = "See which there are: ami firmware list"
        wrong_usage(f"{what} of that name: {image}", advice, code="no-such-image")
    return found[0]


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        wrong_usage(f"--at {text}: no time; write it like 2026-07-07T03:00:00-04:00")
    if found.tzinfo is None:
        wrong_usage(f"--at {text}: a time without a zone; write it like 2026-07-07T03:00:00-04:00")
    return found.astimezone(UTC)


def _row(label: MeterImage) -> dict[str, object]:
    names = ("image", "model", "version", "identifier", "size", "signature", "added_at", "added_by")
    return {name: getattr(label, name) for name in names}


def _arrival(each: MeterUpdate) -> dict[str, object]:
    names = ("meter", "order", "stage", "blocks", "missing", "sent", "at")
    return {name: getattr(each, name) for name in names}


def _order(order: Order) -> dict[str, object]:
    names = ("meter", "number", "state", "reason", "image", "activate_at", "deadline")
    return {name: getattr(order, name) for name in names}
