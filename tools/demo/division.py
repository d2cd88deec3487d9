"""`ami demo --serve`: a living small division, and where to look."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from devices.clock import stopwatch
from headend.app.http import DoorTaken
from scenarios.division.process import ProcessLost
from scenarios.division.standing import Living, NoBroker, Wanted, living
from tools.order.command import http_post
from tools.terminal import err, failed, print_json

FIRST_PAGE_WITHIN_S = 30.0


def show(wanted: Wanted, *, json: bool, kept: bool) -> None:
    """Bring the division up, say where to look, and stay until SIGINT or SIGTERM."""
    try:
        asyncio.run(_Shown(wanted, json=json, kept=kept).run())
    except NoBroker:
        failed(
            "Mosquitto is not on this machine: the division's field could not reach its head-end",
            "Install mosquitto; ami demo without --serve does without one",
        )
    except (ProcessLost, DoorTaken, ConnectionError) as error:
        failed(str(error))


class _Shown:
    """One run, and how it is told."""

    def __init__(self, wanted: Wanted, *, json: bool, kept: bool) -> None:
        self._wanted, self._json, self._kept = wanted, json, kept
        self._console = Console(highlight=False, quiet=json)
        self._elapsed = stopwatch()

    async def run(self) -> None:
        """Until told to stop; raises what stopped the division by itself."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        staying = asyncio.create_task(self._stay())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({staying, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            err.print("stopping")
        for task in (staying, stopping):
            task.cancel()
        for ended in await asyncio.gather(staying, stopping, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _stay(self) -> None:
        size = self._wanted.size
        self._told(
            f"a division of {size.all_feeders} feeders and {size.all_meters} meters comes up"
        )
        async with living(self._wanted, http_post, self._told) as up:
            await first_page(up)
            if self._json:
                print_json(self._as_json(up))
            else:
                self._console.print(Text(f"\n{up.utility.name} is up.\n", "bold"))
                for what, where in _addresses(up):
                    line = Text.assemble((f"{what:<34}", "dim"), where)
                    self._console.print(line, soft_wrap=True)
                self._console.print(Text("\nCtrl-C ends it, and nothing is left." if not self._kept
                                         else "\nCtrl-C ends it.", "dim"))  # fmt: skip
            assert up.work is not None
            await asyncio.wait({up.work})
            await _cause(up.work)

    def _told(self, text: str) -> None:
        if not self._json:
            self._console.print(Text.assemble((f"{self._elapsed():6.1f} s  ", "dim"), text))

    def _as_json(self, up: Living) -> dict[str, object]:
        return {
            "seconds_to_first_page": round(self._elapsed(), 1),
            "web": up.running.web_url,
            "account": "admin",
            "one_time_password": up.running.first_password,
            "rest": up.running.rest_url,
            "soap": up.running.soap_url,
            "adapters": up.systems.adapters,
            "opc_ua": up.systems.servers,
            "bus": up.systems.bus,
            "feeders": len(up.utility.feeders),
            "meters": len(up.utility.meters),
            "database": self._wanted.database,
        }


async def first_page(up: Living) -> None:
    """Return when the first page has been answered.  Raises `ConnectionError` where none is."""
    address = f"{up.running.web_url}/"

    def ask() -> None:
        with urllib.request.urlopen(address, timeout=FIRST_PAGE_WITHIN_S) as answer:
            answer.read()

    try:
        await asyncio.to_thread(ask)
    except OSError as error:
        raise ConnectionError(f"no first page at {address}: {error}") from error


async def _cause(work: asyncio.Task[None]) -> None:
    """Raise why a part stopped by itself."""
    try:
        await work
    except BaseExceptionGroup as error:
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        raise cause from error


def _addresses(up: Living) -> Iterator[tuple[str, str]]:
    """What there is to look at, and where."""
    running, systems = up.running, up.systems
    yield "Look here", f"{running.web_url}/dashboard"
    yield "Log in as admin, once with", running.first_password or "the password that you chose"
    yield "REST, with a token", f"{running.rest_url}"
    yield "SOAP: forms for each message", f"{running.soap_url}/try"
    for name, address in systems.adapters.items():
        yield f"{name} by CIM", address
    if systems.bus is not None:
        yield "all of them, through the bus", systems.bus
    for name, address in systems.servers.items():
        yield f"{name} by OPC UA", address
    yield "Databases", str(up.wanted.folder)
