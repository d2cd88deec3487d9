"""The invented utility, up: its systems, an adapter for each, a broker, the router, a SOAP door.

SIAD, VIP and the repository are databases, SIMOCE and SCADA OPC UA servers fed by feeders' loads,
and AMI is a head-end's database with the meters and a day of some.
Everything lies in one folder, settings included, so that what runs can be read there, and run by
the commands for it.  Each adapter is asked by SOAP and on the bus; behind the bus's own SOAP door a
client reaches them all by noun, without knowing which system answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from headend.app.cim_adapters import serving_adapters
from headend.app.cim_bus import serving_bus
from headend.app.sessions import Bus, find_broker
from headend.clock import WallClock
from headend.config import Config
from headend.config.adapters import read as read_adapters
from headend.config.bus import read as read_bus
from protocols.cim.profile import reading
from scenarios.utility import ami, databases
from scenarios.utility.model import Utility
from scenarios.utility.opcua import systems

ASKERS: Final = ("TABLERO", "COMERCIAL", "AMI-CLI")
"""Who may ask for anything: a dashboard, the commercial system, and `ami cim` by its own name."""
DOOR: Final = "PUERTA"
ZONE: Final = ZoneInfo("America/Santiago")
"""Of the invented head-end: whose days its pages are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where it is reached.  `broker` and `bus` are None where this machine has no Mosquitto."""

    folder: Path
    adapters: dict[str, str]  # each adapter's SOAP address
    servers: dict[str, str]  # the OPC UA servers behind SIMOCE's and SCADA's
    bus: str | None  # the SOAP door in front of the bus
    broker: str | None  # mqtt://HOST:PORT


@asynccontextmanager
async def standing(
    utility: Utility, folder: Path, *, head_end: str | None = None, meters: str | None = None
) -> AsyncIterator[Standing]:
    """The utility, for as long as the context lasts.  `head_end` is the SOAP address of one that is
    up already: the bus then brings it what is no adapter's; `meters` is a head-end's database that
    the AMI adapter shows in place of the invented one.

    Raises `FileExistsError` where the folder has a utility's databases.
    """
    files = databases.write(utility, folder)
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(systems(utility, WallClock()))
        servers = {"simoce": up.simoce.url, "scada": up.scada.url}
        sources = {
            **{name: f'kind = "sql", database = "{path.name}"' for name, path in files.items()},
            **{name: f'kind = "opc-ua", url = "{url}"' for name, url in servers.items()},
        }
        if meters is None:
            clock, meters = WallClock(), "ami.db"
            await ami.write(utility, folder / meters, int(clock.now().timestamp()), ZONE)
        sources["ami"] = f'kind = "head-end", database = "{meters}"'
        where = await find_broker(Config(), stack)
        port = None if isinstance(where, Bus) else where.port
        (folder / "adapters.toml").write_text(_adapters(sources, port), encoding="utf-8")
        settings = read_adapters(folder / "adapters.toml")
        adapters = await stack.enter_async_context(serving_adapters(settings))
        bus: str | None = None
        if port is not None:
            (folder / "bus.toml").write_text(_bus([*sources], port, head_end), encoding="utf-8")
            said = read_bus(folder / "bus.toml")
            bus = (await stack.enter_async_context(serving_bus(said))).doors[DOOR]
        yield Standing(
            folder=folder,
            adapters=adapters.doors,
            servers={reading.profile(name).name: url for name, url in servers.items()},
            bus=bus,
            broker=None if port is None else f"mqtt://127.0.0.1:{port}",
        )


def _adapters(sources: dict[str, str], port: int | None) -> str:
    """The settings of the adapters."""
    lines = ["[door]", "port = 0", ""]
    if port is not None:
        lines += ["[broker]", f"port = {port}", ""]
    for source in ASKERS:
        lines += ["[[permit]]", f'source = "{source}"', 'verbs = ["get"]', ""]
    for adapter, source in sources.items():
        lines += ["[[adapter]]", f'profile = "{adapter}"', f"source = {{ {source} }}", ""]
    return "\n".join(lines)


def _bus(adapters: Iterable[str], port: int, head_end: str | None) -> str:
    """The settings of router and door: a route for each class of each adapter."""
    lines = ["[broker]", f"port = {port}", "", "[[door]]", f'name = "{DOOR}"', "port = 0", ""]
    lines += ["[[speaker]]", f'name = "{DOOR}"', f"speaks_for = {_list(ASKERS)}", ""]
    for source in ASKERS:
        lines += ["[[permit]]", f'source = "{source}"', ""]
    for noun, destination in _routes(adapters):
        lines += ["[[route]]", 'verb = "get"', f'noun = "{noun}"', f'destination = "{destination}"']
        lines.append("")
    if head_end is not None:
        lines += ["[[route]]", 'destination = "HES"', ""]
        lines += ["[[system]]", 'name = "HES"', f'address = "{head_end}"', "idempotent = true"]
    return "\n".join(lines) + "\n"


def _routes(adapters: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Noun and destination.  A class that several systems show goes to the first of them, and to
    another where the requester names it."""
    for adapter in adapters:
        profile = reading.profile(adapter)
        for cls in profile.classes:
            yield cls.name, profile.name


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
