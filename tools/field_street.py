"""`ami field --tcp`: many meters of one process on TCP, without concentrators or a broker."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import AbstractAsyncContextManager
from typing import Any

from devices.chance import octets
from devices.clock import wall_clock
from devices.field_spec import FIRST_METER
from devices.gateway.street import by_logical_device, on_ports
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT, Identity, client_system_title
from devices.meter.load import DailyLoad
from devices.meter.state import STANDARD
from tools.terminal import err, failed, print_json, wrong_usage

HOST = "127.0.0.1"
METERS = 1_000


def serve(tcp: str, *, meters: int | None, one_port: bool, seed: int) -> None:
    """Serve until SIGINT or SIGTERM; one JSON line tells where, as soon as all listen."""
    first, last = _ports(tcp)
    count = meters or (METERS if one_port or last is None else last - first + 1)
    if one_port and last is not None:
        wrong_usage("--by-logical-device takes one port: --tcp PORT")
    if not one_port and last is not None and last - first + 1 != count:
        wrong_usage(f"{last - first + 1} ports for {count} meters")
    if not one_port and first and first + count > 65_536:
        wrong_usage(f"there are no {count} ports from {first} on")
    field = [_meter(seed, FIRST_METER + at) for at in range(count)]
    try:
        asyncio.run(_serve(field, first, one_port=one_port, seed=seed))
    except OSError as error:
        failed(f"cannot listen at {HOST}, {tcp}: {error.strerror}", "Choose other ports: --tcp")
    except ValueError as error:
        wrong_usage(str(error))


def _ports(text: str) -> tuple[int, int | None]:
    """One port, or the first and the last."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    ports = [] if found is None else [int(each) for each in found.groups() if each is not None]
    if not ports or ports[-1] > 65_535 or ports != sorted(ports):
        wrong_usage(f"--tcp takes a port or a range such as 20000-20999, not {text!r}")
    return ports[0], ports[1] if len(ports) == 2 else None


async def _serve(field: list[Meter], first: int, *, one_port: bool, seed: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    serving: AbstractAsyncContextManager[Any]
    if one_port:
        serving = by_logical_device(field, HOST, first, now=wall_clock)
    else:
        ports = [first + at if first else 0 for at in range(len(field))]
        serving = on_ports(field, HOST, ports, now=wall_clock)
    async with serving as opened:
        print_json({**_described(field, seed), **_where(opened)})
        await stop.wait()
        err.print("stopping")


def _where(opened: Any) -> dict[str, object]:
    if isinstance(opened, list):
        return {"host": HOST, "ports": opened}
    port, devices = opened
    return {"host": HOST, "port": port, "logical_devices": [devices[0], devices[-1]]}


def _described(field: list[Meter], seed: int) -> dict[str, object]:
    """What a client needs; keys are those of `ami fleet provision` with the same seed."""
    return {
        "seed": seed,
        "meters": len(field),
        "first_meter": field[0].identity.index,
        "last_meter": field[-1].identity.index,
        "client": MANAGEMENT_CLIENT,
        "client_system_title": client_system_title(seed, MANAGEMENT_CLIENT).hex().upper(),
    }


def _meter(seed: int, index: int) -> Meter:
    units = tuple(4 + each % 12 for each in octets(seed, "household", str(index), count=3))
    load = DailyLoad(unit_w=units, unit_var=tuple(watts // 4 for watts in units))
    return Meter(Identity(seed, index), load, STANDARD)
