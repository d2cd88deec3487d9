"""Lines straight to simulated meters: the network of a mobile operator, by the wrapper.

Each octet takes the time of the WAN both ways.  A line that is cut, or whose router is off line,
carries nothing and breaks where it is in use, without a word to either end.  A router whose port
has no link takes connections, and nothing answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from devices.meter.server import Endpoint
from devices.world import World
from headend.app.head_end import Arrivals, Line, LineLost, LineUnavailable
from headend.domain.meter import Meter
from protocols.capture.recorder import Recorder
from protocols.link import ApduReceived, SetLine
from protocols.sans_io import NEED_DATA
from protocols.wrapper import encode
from protocols.wrapper.link import WrapperServer

WAITING_MAX = 1 << 20
CONNECT_TIMEOUT_S = 15.0
HEAD_END = "head-end"
"""The client's name in captures."""


class SimulatedLine:
    """`headend.field.direct.line.Line` to one meter of the world."""

    kind: Literal["tcp"] = "tcp"
    stream = True
    setting: SetLine | None = None

    def __init__(
        self,
        world: World,
        meter: str,
        delay_s: Callable[[int], float],
        recorder: Recorder | None = None,
    ) -> None:
        self.name = f"meter {meter}"
        self._recorder = recorder
        self._world = world
        self._meter = meter
        self._delay_s = delay_s
        self._arrivals = Arrivals(WAITING_MAX)
        self._far = WrapperServer()
        self._link: Endpoint | None = None
        self._clear_at = {"up": 0.0, "down": 0.0}  # a stream keeps its order

    async def open(self) -> None:
        await asyncio.sleep(2 * self._delay_s(40))
        if self._cut:
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise LineUnavailable(f"{self.name} cannot be reached", "no answer", "look for it")
        self._arrivals, self._far = Arrivals(WAITING_MAX), WrapperServer()
        self._link = self._world.enter(lambda: self._world.open_line(self._meter))

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._world.enter(lambda: self._world.close_line(self._meter, link))

    async def write(self, octets: bytes) -> None:
        self._arrivals.check()
        self._carry("down", octets, self._arrive)

    async def drain(self) -> None:
        """Nothing: what is written is on its way."""

    async def read(self) -> bytes:
        return await self._arrivals.take()

    async def set_line(self, setting: SetLine) -> None:
        """Nothing: a connection has no speed."""

    @property
    def _cut(self) -> bool:
        return not self._world.line_stands(self._meter)

    def _carry(self, way: str, octets: bytes, then: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        at = max(loop.time() + self._delay_s(len(octets)), self._clear_at[way])
        self._clear_at[way] = at
        loop.call_at(at, self._through, octets, then)

    def _through(self, octets: bytes, then: Callable[[bytes], None]) -> None:
        if self._cut:
            self._arrivals.end(LineLost(f"{self.name} is gone", "the line was cut", "try again"))
        else:
            then(octets)

    def _arrive(self, octets: bytes) -> None:
        link = self._link
        if link is None or not self._world.own_lines.carries(self._meter):
            return  # to the router, whose port leads nowhere
        now = asyncio.get_running_loop().time()
        self._far.receive_data(octets, now=now)
        while (event := self._far.next_event()) is not NEED_DATA:
            if isinstance(event, ApduReceived):
                self._note(event, event.apdu, up=False)
                self._answer(link, event, now)
        while (answer := self._far.data_to_send()) is not None:
            self._carry("up", answer, self._arrivals.put)

    def _answer(self, link: Endpoint, asked: ApduReceived, now: float) -> None:
        ends = {"client": asked.source, "server": asked.destination}
        for apdu in self._world.enter(
            lambda: self._world.ask(self._meter, link, asked.apdu, **ends)
        ):
            self._note(asked, apdu, up=True)
            self._far.send(apdu, client=asked.source, server=asked.destination, now=now)

    def _note(self, asked: ApduReceived, apdu: bytes, *, up: bool) -> None:
        """For the run's capture: what arrived at the meter, and what it answered."""
        if self._recorder is None:
            return
        ends = (asked.destination, asked.source) if up else (asked.source, asked.destination)
        now_us = round(self._world.enter(lambda: self._world.env.now) * 1e6)
        self._recorder.wrapper(now_us, HEAD_END, self._meter, encode(*ends, apdu), up=up)


@dataclass(frozen=True, slots=True)
class SimulatedDialling:
    """The head-end's way to the lines of a world."""

    world: World
    delay_s: Callable[[str], Callable[[int], float]]
    recorder: Recorder | None = None

    async def line_to(self, meter: Meter) -> Line:
        return SimulatedLine(self.world, meter.name, self.delay_s(meter.name), self.recorder)
