"""`ami field --tcp`: many meters of one process on TCP, without concentrators or a broker."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.chance import octets
from devices.clock import wall_clock
from devices.field_spec import FIRST_METER
from devices.gateway.field_memory import FieldMemory
from devices.gateway.lines import Framing, Opened
from devices.gateway.sockets import TooFewSockets
from devices.gateway.street import by_logical_device, on_ports
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT, SERVER_SAP, Identity, client_system_title
from devices.meter.load import DailyLoad
from devices.meter.state import STANDARD
from tools.authentication import Auth
from tools.field.state import too_few_sockets
from tools.meter.command import description
from tools.terminal import err, failed, print_json, wrong_usage

HOST = "127.0.0.1"
METERS = 1_000


class CannotListen(Exception):
    """A port is taken, or not ours to take."""


class CannotWriteKeys(Exception):
    """The folder takes no files."""


@dataclass(frozen=True, slots=True)
class Street:
    """What was asked for: where, how many, behind one port or each at its own."""

    tcp: str
    meters: int | None
    one_port: bool
    seed: int
    keys: Path | None


def serve(street: Street, memory: FieldMemory | None) -> None:
    """Serve until SIGINT or SIGTERM; one JSON line tells where, as soon as all listen.

    Raises OSError and Unusable where the memory does.
    """
    tcp, one_port = street.tcp, street.one_port
    first, last = _ports(tcp)
    count = street.meters or (METERS if one_port or last is None else last - first + 1)
    if one_port and last is not None:
        wrong_usage("--by-logical-device takes one port: --tcp PORT")
    if not one_port and last is not None and last - first + 1 != count:
        wrong_usage(f"{last - first + 1} ports for {count} meters")
    if not one_port and first and first + count > 65_536:
        wrong_usage(f"there are no {count} ports from {first} on")
    field = [_meter(street.seed, FIRST_METER + at) for at in range(count)]
    if memory is not None:
        for meter in field:
            memory.recall(meter, now=wall_clock())
    try:
        asyncio.run(_serve(field, first, street, memory))
    except TooFewSockets as error:
        too_few_sockets(error)
    except CannotListen as error:
        failed(f"cannot listen at {HOST}, {tcp}: {error}", "Choose other ports: --tcp")
    except CannotWriteKeys as error:
        failed(f"--keys {street.keys}: {error}", "Name a folder that you may write to")
    except ValueError as error:
        wrong_usage(str(error))


def _ports(text: str) -> tuple[int, int | None]:
    """One port, or the first and the last."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    ports = [] if found is None else [int(each) for each in found.groups() if each is not None]
    if not ports or ports[-1] > 65_535 or ports != sorted(ports):
        wrong_usage(f"--tcp takes a port or a range such as 20000-20999, not {text!r}")
    return ports[0], ports[1] if len(ports) == 2 else None


async def _serve(
    field: list[Meter], first: int, street: Street, memory: FieldMemory | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    broken: list[OSError] = []

    def keep(meter: Meter) -> None:
        if memory is None:
            return
        try:
            memory.keep(meter, now=wall_clock())
        except OSError as error:
            broken.append(error)
            stop.set()
            raise  # nothing leaves

    serving: AbstractAsyncContextManager[Any]
    if street.one_port:
        serving = by_logical_device(field, HOST, first, now=wall_clock, keep=keep)
    else:
        ports = [first + at if first else 0 for at in range(len(field))]
        serving = on_ports(field, HOST, ports, now=wall_clock, keep=keep)
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(serving)
        except TooFewSockets:
            raise
        except OSError as error:
            if error in broken:
                raise
            raise CannotListen(error.strerror) from error
        if street.keys is not None:
            write_keys(street.keys, field, opened)
        print_json({**_described(field, street.seed), **_where(opened)})
        await stop.wait()
        if broken:
            raise broken[0]
        err.print("stopping")


def _where(opened: Any) -> dict[str, object]:
    if isinstance(opened, list):
        return {"host": HOST, "ports": opened}
    port, devices = opened
    return {"host": HOST, "port": port, "logical_devices": [devices[0], devices[-1]]}


def _described(field: list[Meter], seed: int) -> dict[str, object]:
    """What a client needs beside keys, which are those of `ami fleet provision` with the same
    seed."""
    return {
        "seed": seed,
        "meters": len(field),
        "first_meter": field[0].identity.index,
        "last_meter": field[-1].identity.index,
        "client": MANAGEMENT_CLIENT,
        "client_system_title": client_system_title(seed, MANAGEMENT_CLIENT).hex().upper(),
    }


def write_keys(folder: Path, field: list[Meter], opened: Any) -> None:
    """One file for each meter, named by its number, that a probe takes as its key file.

    Raises `CannotWriteKeys`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for at, meter in enumerate(field):
            if isinstance(opened, list):
                port, device = opened[at], SERVER_SAP
            else:
                port, device = opened[0], opened[1][at]
            line = Opened("tcp", Framing.WRAPPER, HOST, port)
            content = {**description(meter, Auth.GMAC, [line]), "server": device}
            path = folder / f"{meter.identity.number}.json"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w") as writing:
                json.dump(content, writing)
    except OSError as error:
        raise CannotWriteKeys(error.strerror) from error


def _meter(seed: int, index: int) -> Meter:
    units = tuple(4 + each % 12 for each in octets(seed, "household", str(index), count=3))
    load = DailyLoad(unit_w=units, unit_var=tuple(watts // 4 for watts in units))
    return Meter(Identity(seed, index), load, STANDARD)
