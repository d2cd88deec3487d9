"""`ami field`: a scenario's field on a real broker, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from devices.gateway.field_memory import FieldMemory
from devices.gateway.sockets import TooFewSockets
from devices.grid.errors import NotConverged
from headend import certificates
from headend.app.sessions import Address
from headend.clock import WallClock
from headend.config import BadConfig
from protocols.capture.recorder import Recorder
from scenarios.live import Credentials, LiveField, live_field
from scenarios.no_solution import explained
from scenarios.schema import BadScenario, Scenario, parse
from scenarios.stories import find
from tools.capture.capturing import CaptureFile, recording
from tools.field.ports import BadPorts, CannotListen, concentrator_ports
from tools.field.state import remembered, too_few_sockets
from tools.field.street import Street, serve
from tools.serve import host_and_port
from tools.terminal import err, failed, log_to_stderr, print_json, wrong_usage

CONNECTED_WITHIN_S = 10.0
LOOK_EVERY_S = 1.0
METERS_EACH = 60
QUIET = """
about = "Nothing happens by itself."
start = 2026-07-06T00:00:00
duration = "24h"
[expect]
"""


def field(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="Scenario file (devices, faults), or the name of a library story."
        ),
    ] = None,
    meters: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="So many, in place of the file's.")
    ] = None,
    concentrators: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="So many, in place of the file's.")
    ] = None,
    tcp: Annotated[
        str | None,
        typer.Option(
            metavar="PORTS",
            help="No concentrators and no broker: meters on TCP ports of the loopback, such as"
            " 20000-20999, or with --by-logical-device all on one.",
        ),
    ] = None,
    by_logical_device: Annotated[
        bool, typer.Option(help="One port; each meter is a logical device, from 16 on.")
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write each meter's test keys there, with --tcp: NUMBER.json, for"
            " ami probe --key-file.",
        ),
    ] = None,
    mqtt: Annotated[str, typer.Option(help="The broker, as HOST:PORT.")] = "127.0.0.1:1883",
    mqtt_tls: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Speak TLS, with the certificates in this folder: authority.pem, and each"
            " concentrator's own, such as C-001.pem and C-001.key.",
        ),
    ] = None,
    concentrator_port: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]PORT",
            help="Where ami probe speaks with a concentrator itself, on a TCP port of the loopback;"
            " PORT alone is for all of them, one after the other.  0 takes a free one.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keeps what is written to each meter, and its counters, over a restart;"
            " concentrators begin as delivered.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes meters, keys and luck; default: the file's.")
    ] = None,
    capture: CaptureFile = None,
    verbose: Annotated[bool, typer.Option(help="Log what happens.")] = False,
) -> None:
    """Run the simulated field live: each concentrator with its own session at the broker.

    Prints one JSON line when all are connected; stops on SIGINT or SIGTERM.  A fault "at 10s" comes
    ten seconds after the start.  Orders and expectations in the file are left out; let a head-end
    know the same meters with: ami serve --registry FILE

    Example: [bold]ami field the-meter-is-silent --mqtt 127.0.0.1:1883[/]
    Example: [bold]ami field --meters 6000 --concentrators 100 --mqtt 127.0.0.1:1883[/]
    Example: [bold]ami field the-meter-is-silent --concentrator-port C-001=20500[/]
    Example: [bold]ami field --meters 1000 --tcp 20000-20999 --keys keys --state meters[/]
    """
    log_to_stderr(verbose=verbose)
    if tcp is not None:
        if file is not None or concentrators is not None or concentrator_port:
            wrong_usage("--tcp is for meters alone: no FILE, and nothing about concentrators")
        street = Street(tcp, meters, by_logical_device, 1 if seed is None else seed, keys)
        with remembered(state) as memory:
            serve(street, memory)
        return
    if keys is not None:
        wrong_usage("--keys is for meters on --tcp: others are spoken with by concentrators")
    if by_logical_device or (file is None and meters is None and concentrators is None):
        wrong_usage("Name a FILE, or --meters and --concentrators, or --tcp")
    try:
        scenario, broker = _scenario(file, meters, concentrators), Address(*host_and_port(mqtt))
        credentials = _credentials(mqtt_tls)
        with (
            remembered(state) as memory,
            recording(capture, about=f"ami field {file}") as recorder,
            explained(),
        ):
            asyncio.run(
                _run(scenario, broker, credentials, seed, recorder, concentrator_port or (), memory)
            )
    except BadScenario as error:
        wrong_usage(str(error), error.advice, code=error.code)
    except (BadConfig, BadPorts) as error:
        wrong_usage(str(error))
    except ConnectionError as error:
        failed(
            f"no broker at {mqtt}: {error}",
            "Start one (ami serve prints the address of its own), and name it: --mqtt HOST:PORT."
            "  Where it asks for certificates: --mqtt-tls FOLDER",
        )
    except TooFewSockets as error:
        too_few_sockets(error)
    except CannotListen as error:
        failed(str(error), "Choose other ports: --concentrator-port")


def _scenario(file: str | None, meters: int | None, concentrators: int | None) -> Scenario:
    """The file's, or one in which nothing happens; with as many devices as wanted.

    Raises `BadScenario`.
    """
    scenario = parse(QUIET) if file is None else find(file)[1]
    count = concentrators or scenario.field.concentrators
    spread = msgspec.structs.replace(
        scenario.field,
        concentrators=count,
        meters=meters or (METERS_EACH * count if concentrators else scenario.field.meters),
    )
    return msgspec.structs.replace(scenario, field=spread)


def _credentials(folder: Path | None) -> Credentials | None:
    """Each concentrator's own certificate.  What it gives raises `BadConfig` for one that cannot
    be used."""
    if folder is None:
        return None

    def of(concentrator: str) -> ssl.SSLContext:
        tls = certificates.in_folder(folder, concentrator)
        certificates.check(tls, "--mqtt-tls", WallClock().now())
        return certificates.to_servers(tls)

    return of


async def _run(
    scenario: Scenario,
    broker: Address,
    credentials: Credentials | None,
    seed: int | None,
    recorder: Recorder | None,
    local_ports: Sequence[str],
    memory: FieldMemory | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_unless_explained)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    async with (
        live_field(
            scenario,
            broker,
            credentials=credentials,
            seed=seed,
            recorder=recorder,
            memory=memory,
        ) as field,
        concentrator_ports(field, local_ports) as opened,
    ):
        within_s = CONNECTED_WITHIN_S + len(field.concentrators) / 2  # of a busy machine
        coming_up: asyncio.Future[Any] = asyncio.ensure_future(field.connected(within_s))
        await asyncio.wait({coming_up, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not coming_up.done():
            coming_up.cancel()
            return
        coming_up.result()
        print_json(_describe(field, broker, opened))
        watching = asyncio.create_task(_watch(field))
        await asyncio.wait({stopping, field.failed}, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if not stopping.done():
            field.failed.result()
        err.print("stopping")


async def _watch(field: LiveField) -> None:
    """Say when the broker is gone, and when it is back; what a modem's fault does is no news."""
    before: list[str] = []
    away = False
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        waiting = field.without_session()
        if not away and waiting and before:  # seen twice: one that just comes up is not meant
            away = True
            count, of = len(waiting), len(field.concentrators)
            err.print(
                f"the broker is away: {count} of {of} concentrators have no session:"
                f" {field.told(waiting)}; they try again by themselves",
                soft_wrap=True,
            )
        elif away and not waiting:
            away = False
            err.print("the broker is back: every concentrator with a network has its session")
        before = waiting


def _unless_explained(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A world that stops for want of a power flow ends the command, which says so in words."""
    if not isinstance(context.get("exception"), NotConverged):
        loop.default_exception_handler(context)


def _describe(
    field: LiveField, broker: Address, opened: list[dict[str, object]]
) -> dict[str, object]:
    names = [meter.name for each in field.world.spec.transformers for meter in each.meters]
    told: dict[str, object] = {"concentrator_ports": opened} if opened else {}
    return {
        "mqtt": f"{broker.host}:{broker.port}",
        "seed": field.world.seed,
        "concentrators": list(field.concentrators),
        "meters": len(names),
        "first_meter": names[0],
        "last_meter": names[-1],
        **told,
    }
