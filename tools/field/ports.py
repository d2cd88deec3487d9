"""`ami field --concentrator-port`: where technicians' probes speak with the concentrators
themselves."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from devices.concentrator.local_identity import MANAGEMENT
from devices.concentrator.local_port import LocalPort
from devices.gateway.concentrator_port import ports
from devices.meter.identity import SERVER_SAP, client_system_title
from scenarios.live import LiveField

HOST = "127.0.0.1"
PORT_MAX = 65_535


class BadPorts(ValueError):
    """The option names no ports, or a concentrator that there is not."""


def wanted_ports(options: Sequence[str], concentrators: Sequence[str]) -> dict[str, int]:
    """The TCP port of each concentrator named: NAME=PORT, or PORT alone for all of them, one after
    the other from there on; 0 takes free ones.  Raises `BadPorts`.

    >>> wanted_ports(["20500"], ["C-001", "C-002"])
    {'C-001': 20500, 'C-002': 20501}
    """
    wanted: dict[str, int] = {}
    for option in options:
        found = re.fullmatch(r"(?:(.+)=)?(\d{1,5})", option)
        if found is None:
            raise BadPorts(f"--concentrator-port takes NAME=PORT or PORT, not {option!r}")
        name, first = found[1], int(found[2])
        if name is not None and name not in concentrators:
            raise BadPorts(f"{name}: the field has {concentrators[0]} to {concentrators[-1]}")
        for at, each in enumerate(concentrators if name is None else [name]):
            wanted[each] = first + at if first else 0
    if any(port > PORT_MAX for port in wanted.values()):
        raise BadPorts(f"ports end at {PORT_MAX}")
    return wanted


class CannotListen(Exception):
    """A port is taken, or not ours to take."""


@asynccontextmanager
async def concentrator_ports(
    field: LiveField, options: Sequence[str]
) -> AsyncIterator[list[dict[str, object]]]:
    """The ports, open; each with what a client needs.  Raises `BadPorts` and
    `CannotListen`."""
    wanted = wanted_ports(options, field.concentrators)
    world = field.world
    local = {name: LocalPort(world.concentrators[name], seed=world.seed) for name in wanted}
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(ports(wanted, local, HOST, world.enter))
        except OSError as error:
            raise CannotListen(f"cannot listen at {HOST}: {error.strerror}") from error
        yield [_described(local[name], port, world.seed) for name, port in opened.items()]


def _described(local: LocalPort, port: int, seed: int) -> dict[str, object]:
    keys = local.identity.keys(MANAGEMENT.sap)
    return {
        "concentrator": local.concentrator.name,
        "host": HOST,
        "port": port,
        "framing": "wrapper",
        "model": "sim-concentrator",
        "client": MANAGEMENT.sap,
        "server": SERVER_SAP,
        "encryption_key": keys.encryption.hex().upper(),
        "authentication_key": keys.authentication.hex().upper(),
        "client_system_title": client_system_title(seed, MANAGEMENT.sap).hex().upper(),
        "system_title": local.identity.system_title.hex().upper(),
        "test_keys": True,
    }
