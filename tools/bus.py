"""`ami bus`: the utility's bus, and what did not get where it should."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.app.cim_bus import serving_bus
from headend.app.http import DoorTaken
from headend.config import BadConfig
from headend.config.bus import BusSettings, read
from headend.integration.bus.dead_letters import DeadLettersInFolder, UnknownLetter
from headend.integration.bus.routing import can_be_sent_again
from headend.integration.bus.traces import TracesInFolder, told
from headend.soap.door.route import UnsafeBind
from protocols.cim.bus.effects import DeadLetter
from protocols.cim.bus.topics import Topics
from tools.options import Json
from tools.terminal import err, failed, log_to_stderr, out, print_json, wrong_usage

app = typer.Typer(
    name="bus",
    help="CIM on a bus: router, SOAP at both ends, dead letters, traces.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Settings = Annotated[Path, typer.Argument(help="Settings of the bus (TOML).")]
Name = Annotated[str, typer.Argument(help="A dead letter, as `ami bus dead` names it.")]


@app.command()
def serve(
    settings: Settings,
    verbose: Annotated[bool, typer.Option(help="Log what happens.")] = False,
) -> None:
    """Run what the settings name: the router, SOAP doors, proxies of SOAP-only systems.

    Prints one JSON line with its doors when it is ready; stops on SIGINT or SIGTERM.

    Example: [bold]ami bus serve bus.toml[/]
    """
    log_to_stderr(verbose=verbose)
    try:
        asyncio.run(_serve(_settings(settings)))
    except (BadConfig, UnsafeBind) as error:
        wrong_usage(str(error))
    except DoorTaken as error:
        failed(str(error), "Give the [[door]] another port; 0 takes a free one")
    except ConnectionError as error:
        failed(str(error), "Start the broker, or check [broker] in the settings")


async def _serve(settings: BusSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving_bus(settings) as running:
        print_json({"router": settings.router, "doors": running.doors})
        await stop.wait()
        err.print("stopping")


@app.command()
def dead(settings: Settings, as_json: Json = False) -> None:
    """List messages that did not get where they should, and why.

    Example: [bold]ami bus dead bus.toml[/]
    """
    letters = _letters(_settings(settings))
    kept = [(name, letters.get(name)) for name in letters.names()]
    if as_json:
        print_json([_told(name, letter) for name, letter in kept])
        return
    table = Table("letter", "why", "source", "MessageID", "details", box=None)
    for name, letter in kept:
        table.add_row(
            name, letter.why, letter.source or "", letter.message_id or "", letter.details
        )
    out.print(table)


@app.command()
def show(name: Name, settings: Settings, as_json: Json = False) -> None:
    """Show a dead letter as it came.

    Example: [bold]ami bus show 20260706T140000.000000Z-0123456789ab bus.toml[/]
    """
    letter = _letter(_letters(_settings(settings)), name)
    text = letter.packet.payload.decode(errors="replace")
    if as_json:
        print_json({**_told(name, letter), "message": text})
        return
    for key, value in _told(name, letter).items():
        out.print(f"{key}: {value}", markup=False, highlight=False)
    out.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def again(name: Name, settings: Settings, as_json: Json = False) -> None:
    """Have the running router send a dead request again, as if it had just come.

    Example: [bold]ami bus again 20260706T140000.000000Z-0123456789ab bus.toml[/]
    """
    said = _settings(settings)
    letters = _letters(said)
    letter = _letter(letters, name)
    if not can_be_sent_again(letter, Topics(said.root)):
        failed(f"{name} is no request to the router", code="not-sent-again")
    letters.ask_again(name)
    if as_json:
        print_json({**_told(name, letter), "asked": True})
    else:
        out.print(f"{name}: the router sends it again within seconds", markup=False)


@app.command()
def trace(
    message_id: Annotated[str, typer.Argument(help="A request's MessageID.")],
    settings: Settings,
    as_json: Json = False,
) -> None:
    """Show each hop of a request and its replies: time, node, deed, way, octets and their SHA-256.

    Example: [bold]ami bus trace 8f2d7a52-5f0b-4f77-9a52-0d2a3d4f0001 bus.toml[/]
    """
    hops = TracesInFolder(_settings(settings).traces).of(message_id)
    if not hops:
        wrong_usage(f"no trace of a request {message_id}", code="no-such-message")
    if as_json:
        print_json(hops)
        return
    for hop in hops:
        out.print(told(hop), markup=False, highlight=False, soft_wrap=True)


def _settings(path: Path) -> BusSettings:
    try:
        return read(path)
    except BadConfig as error:
        wrong_usage(str(error))


def _letters(settings: BusSettings) -> DeadLettersInFolder:
    return DeadLettersInFolder(settings.dead_letters)


def _letter(letters: DeadLettersInFolder, name: str) -> DeadLetter:
    try:
        return letters.get(name)
    except UnknownLetter:
        wrong_usage(
            f"no dead letter {name}", "See what there is: ami bus dead", code="no-such-letter"
        )


def _told(name: str, letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter": name,
        "at": letter.at,
        "node": letter.node,
        "why": letter.why,
        "details": letter.details,
        "topic": letter.packet.topic,
        "source": letter.source,
        "message_id": letter.message_id,
    }
