"""`ami cim serve` and `ami cim utility`: adapters as a process, and a whole utility to try them."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from headend.app.cim_adapters import serving_adapters
from headend.app.http import DoorTaken
from headend.app.sessions import MosquittoFailed
from headend.clock import WallClock
from headend.config import BadConfig
from headend.config.adapters import AdapterSettings, read
from headend.soap.door.route import UnsafeBind
from scenarios.utility.making import make
from scenarios.utility.standing import standing
from tools.terminal import err, failed, log_to_stderr, print_json, wrong_usage

Verbose = Annotated[bool, typer.Option(help="Log what happens.")]


def serve(
    settings: Annotated[Path, typer.Argument(help="Settings of the adapters (TOML).")],
    verbose: Verbose = False,
) -> None:
    """Run the adapters that the settings name, by SOAP, on the bus, or both.

    Prints one JSON line with their addresses when they are ready; stops on SIGINT or SIGTERM.

    Example: [bold]ami cim serve adapters.toml[/]
    """
    log_to_stderr(verbose=verbose)
    try:
        asyncio.run(_serve(read(settings)))
    except (BadConfig, UnsafeBind) as error:
        wrong_usage(str(error))
    except DoorTaken as error:
        failed(str(error), "Give the [door] another port; 0 takes a free one")
    except ConnectionError as error:
        failed(str(error), "Start the broker, or check [broker] in the settings")


async def _serve(settings: AdapterSettings) -> None:
    stop = _stopped()
    async with serving_adapters(settings) as running:
        print_json({"adapters": running.doors, "on_bus": running.on_bus})
        await stop.wait()
        err.print("stopping")


def utility(
    seed: Annotated[int, typer.Option(help="Which utility: one seed, one utility.")] = 7,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for databases and settings, kept afterwards.")
    ] = None,
    head_end: Annotated[
        str | None, typer.Option(help="SOAP address of a head-end that is up, to join the bus.")
    ] = None,
    meters: Annotated[
        str | None,
        typer.Option(help="A head-end's database for the AMI adapter [an invented one]."),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Start an invented utility: its systems, an adapter for each, a broker, a router, SOAP doors.

    All on free ports of this machine.  Prints one JSON line with the addresses when it is up; stops
    on SIGINT or SIGTERM.

    Example: [bold]ami cim utility --seed 7[/]
    """
    log_to_stderr(verbose=verbose)
    try:
        with _folder(keep) as folder:
            asyncio.run(_stand(seed, folder, head_end, meters))
    except FileExistsError as error:
        named = error.filename or error
        wrong_usage(f"{named} is there already", "Name an empty folder with --keep")
    except BadConfig as error:
        wrong_usage(str(error))
    except (MosquittoFailed, ConnectionError, DoorTaken) as error:
        failed(str(error))


async def _stand(seed: int, folder: Path, head_end: str | None, meters: str | None) -> None:
    stop = _stopped()
    made = make(seed, WallClock().now())
    if meters is not None and "://" not in meters:
        meters = str(Path(meters).absolute())  # its settings lie in a folder of their own
    async with standing(made, folder, head_end=head_end, meters=meters) as up:
        print_json(
            {
                "adapters": up.adapters,
                "opc_ua": up.servers,
                "bus": up.bus,
                "broker": up.broker,
                "folder": str(up.folder),
            }
        )
        await stop.wait()
        err.print("stopping")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="ami-utility-") as directory:
        yield Path(directory)


def _stopped() -> asyncio.Event:
    """Set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
