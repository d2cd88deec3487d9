"""`ami serve`: the head-end, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headend import config as configuration
from headend.app.collector import start_settled
from headend.app.serving import DoorTaken, Occupied, Running, serving
from headend.app.sessions import Address, Bus, MosquittoFailed
from headend.config import BadConfig, Config, database_url
from headend.ports import StoreUnavailable
from headend.soap.door.route import UnsafeBind
from protocols.capture.recorder import Recorder
from scenarios.field import registry_of
from scenarios.fleet.provisioning import storage
from scenarios.own_keys import enter_keys, own_keys
from scenarios.schema import BadScenario, Scenario
from scenarios.stories import find
from tools.capture.capturing import CaptureFile, recording
from tools.terminal import (
    LogForm,
    complain,
    err,
    failed,
    log_to_stderr,
    print_json,
    wrong_usage,
)


def serve(
    config: Annotated[Path | None, typer.Option(help="Configuration file (TOML).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="SOAP port; 0 takes a free one.")
    ] = None,
    rest_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="REST port; 0 takes a free one.")
    ] = None,
    database: Annotated[str | None, typer.Option(help="Database URL, or a file's path.")] = None,
    mqtt: Annotated[
        str | None, typer.Option(help="Broker as HOST:PORT; without one, an own Mosquitto starts.")
    ] = None,
    broker_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the own Mosquitto.")
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(
            help="Register the meters of this scenario file or library story first, with the test"
            " keys of those that no concentrator speaks with."
        ),
    ] = None,
    capture: CaptureFile = None,
    verbose: Annotated[bool, typer.Option(help="Log what happens.")] = False,
    log: Annotated[
        LogForm, typer.Option(help="How lines of the log are written, on stderr.")
    ] = LogForm.TEXT,
) -> None:
    """Run the head-end: SOAP, REST where it has a port, broker if none is configured, store.

    Prints one JSON line with its addresses when it is ready; stops on SIGINT or SIGTERM.

    Example: [bold]ami serve --port 8080 --database ami.db --broker-port 18830[/]
    """
    log_to_stderr(verbose=verbose, form=log)
    try:
        settings = overridden(
            configuration.read(config) if config else Config(),
            port=port,
            rest_port=rest_port,
            database=database,
            mqtt=mqtt,
            broker_port=broker_port,
        )
        if registry is not None:
            settings = _with_envelope(settings, registry)
        with recording(capture, about="ami serve") as recorder:
            asyncio.run(_serve(settings, registry, recorder))
    except (BadConfig, BadScenario, UnsafeBind) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        failed(f"no database: {error}", _advice(settings.database))
    except Occupied as error:
        failed(str(error))
    except DoorTaken as error:
        failed(str(error), "Take another port: ami serve --port PORT (0 takes a free one)")
    except MosquittoFailed as error:
        failed(str(error), "Name a broker: ami serve --mqtt HOST:PORT")
    except ConnectionError as error:
        failed(
            str(error),
            "Start the broker, or check [mqtt.tls]; without one in the settings an own one starts.",
        )


def _advice(database: str) -> str:
    if not database.startswith("postgresql"):
        return "Name another: ami serve --database FILE"
    return (
        "Check that the server runs, that the user may make tables there, and the URL:"
        " ami serve --database postgresql://USER:PASSWORD@HOST/NAME"
    )


def overridden(
    config: Config,
    *,
    port: int | None = None,
    rest_port: int | None = None,
    database: str | None = None,
    mqtt: str | None = None,
    broker_port: int | None = None,
) -> Config:
    """The configuration with what the command line says.  Raises `BadConfig`."""
    if port is not None:
        config = msgspec.structs.replace(
            config, soap=msgspec.structs.replace(config.soap, port=port)
        )
    if rest_port is not None:
        config = msgspec.structs.replace(
            config, rest=msgspec.structs.replace(config.rest, port=rest_port)
        )
    if database is not None:
        config = msgspec.structs.replace(config, **_databases(config, database))
    if mqtt is not None:
        host, number = host_and_port(mqtt)
        broker = msgspec.structs.replace(config.mqtt, host=host, port=number)
        config = msgspec.structs.replace(config, mqtt=broker)
    if broker_port is not None:
        if config.mqtt.host is not None:
            raise BadConfig(
                f"--broker-port is for an own Mosquitto, but {config.mqtt.host} is to be the broker"
            )
        own = msgspec.structs.replace(config.mqtt, port=broker_port)
        config = msgspec.structs.replace(config, mqtt=own)
    return config


def host_and_port(text: str) -> tuple[str, int]:
    """A broker's HOST:PORT.  Raises `BadConfig`."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= 0xFFFF:
        raise BadConfig(f"--mqtt takes HOST:PORT, not {text!r}")
    return host, int(port)


def _databases(config: Config, database: str) -> dict[str, str]:
    """The two databases where the first has this URL or path: the legacy one lies beside it, unless
    the configuration has a place for it."""
    url = database_url(database)
    path = url.removeprefix("sqlite:///")
    if path == url or config.legacy_database != Config().legacy_database:
        return {"database": url}
    beside = Path(path)
    legacy = beside.parent / (f"{beside.stem}-legacy{beside.suffix or '.db'}")
    return {"database": url, "legacy_database": f"sqlite:///{legacy}"}


async def _serve(config: Config, registry: str | None, recorder: Recorder | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(config, recorder=recorder) as running:
        if running.first_password is not None:
            err.print(
                f"First start. Log in at {running.web_url} as  admin  with the one-time password"
                f"  {running.first_password}  and choose another; it is not told again.",
                soft_wrap=True, markup=False, highlight=False,
            )  # fmt: skip
        if registry is not None:
            await _register(running, find(registry)[1])
        print_json(
            {
                "soap": running.soap_url,
                "web": running.web_url,
                "rest": running.rest_url,
                "opcua": running.opcua_url,
                "mqtt": _where(running.broker),
                "database": configuration.without_password(config.database),
            }
        )
        if running.head_end.ordering.lanes.stopped:
            complain(
                "this head-end came back from a backup: it hears and accepts, and sends nothing",
                "See where it stands: ami backup status; let it send: ami backup resume",
            )
        stopping = asyncio.create_task(stop.wait())
        with start_settled():
            await asyncio.wait({stopping, running.work}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            stopping.cancel()
            raise _first_cause(running.work)
        err.print("stopping")


def _first_cause(work: asyncio.Task[None]) -> BaseException:
    """Why the head-end stopped by itself."""
    error = work.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error or RuntimeError("the head-end stopped by itself")


def _where(broker: Address | Bus) -> str | None:
    """The broker's address; None, and a word about it, where nobody can reach it from outside."""
    if isinstance(broker, Bus):
        complain(
            "Mosquitto is not on this machine: messages go over a bus inside this process,"
            " which no concentrator can reach.  Orders are accepted and wait.",
            "Install mosquitto, or name a broker: ami serve --mqtt HOST:PORT",
        )
        return None
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return f"{host}:{broker.port}"


async def _register(running: Running, story: Scenario) -> None:
    entries = registry_of(story)
    await running.head_end.register(entries.concentrators, entries.meters)
    if running.head_end.ground.vault is not None:
        await enter_keys(running.head_end.ground.vault, story, story.seed)


def _with_envelope(config: Config, registry: str) -> Config:
    """The configuration with something to seal the test keys of a story's meters by, where it has
    nothing of its own and some meters are spoken with by the head-end itself.

    Raises `BadConfig` and `BadScenario`.
    """
    story = find(registry)[1]
    if config.keys.envelope_file is not None or not any(own_keys(story, story.seed)):
        return config
    return msgspec.structs.replace(config, keys=storage(config.database, None, story.seed).keys)
