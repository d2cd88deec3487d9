"""Gateway mode: tunnels between the head-end and meters, whose contents are closed to us.

A tunnel has the meter's turn for as long as it stands.  It carries each frame once: what it brings
may act, and whether it does, only head-end and meter can read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.power_line import PowerLine, answer_after_s, longest_down_s
from devices.concentrator.table import Entry
from devices.concentrator.turns import URGENT, Turns
from protocols.concentrator.gateway import (
    CloseTunnel,
    Closing,
    Fate,
    OpenTunnel,
    TunnelAnswer,
    TunnelClosed,
    TunnelFrame,
    TunnelOpened,
)

TUNNELS_MAX = 8
IDLE_MAX_S = 600

Waits = Generator[simpy.Event, Any, None]


@dataclass(slots=True, eq=False)
class _Tunnel:
    """One that stands or waits for the meter's turn."""

    name: str
    meter: str
    idle_s: float
    news: simpy.Event
    frames: deque[TunnelFrame] = field(default_factory=deque)
    carried: int = 0  # the sequence that was carried last
    answer: TunnelAnswer | None = None  # to it
    closing: bool = False


class Tunnels:
    """See the module."""

    def __init__(
        self, line: PowerLine, desk: Desk, clock: OwnClock, table: dict[str, Entry], turns: Turns
    ) -> None:
        self._line = line
        self._env = line.env
        self._desk = desk
        self._clock = clock
        self._table = table
        self._turns = turns
        self._tunnels: dict[str, _Tunnel] = {}
        self._processes: dict[str, simpy.Process] = {}

    def halt(self) -> None:
        """The power is gone, and every tunnel with it."""
        for process in self._processes.values():
            if process.is_alive:
                process.interrupt("no power")
        self._tunnels, self._processes = {}, {}

    def received(self, message: OpenTunnel | TunnelFrame | CloseTunnel) -> None:
        """A message of gateway mode."""
        tunnel = self._tunnels.get(message.tunnel)
        if isinstance(message, OpenTunnel):
            self._open(message)
        elif tunnel is None:
            self._closed(message.tunnel, Closing.UNKNOWN)
        elif isinstance(message, CloseTunnel):
            tunnel.closing = True
            self._wake(tunnel)
        elif message.sequence == tunnel.carried and tunnel.answer is not None:
            self._desk.tell(tunnel.answer)  # the message came twice
        elif message.sequence > tunnel.carried:
            tunnel.frames.append(message)
            self._wake(tunnel)

    def _open(self, message: OpenTunnel) -> None:
        if message.tunnel in self._tunnels:
            return  # the message came twice; its answer is on its way
        others = self._tunnels.values()
        if message.meter not in self._table:
            self._closed(message.tunnel, Closing.NOT_IN_TABLE)
        elif len(others) >= TUNNELS_MAX or any(each.meter == message.meter for each in others):
            self._closed(message.tunnel, Closing.BUSY)
        else:
            idle_s = min(max(message.idle_s, 1), IDLE_MAX_S)
            tunnel = _Tunnel(message.tunnel, message.meter, idle_s, self._env.event())
            self._tunnels[tunnel.name] = tunnel
            self._processes[tunnel.name] = self._env.process(self._serve(tunnel))

    def _closed(self, tunnel: str, why: Closing) -> None:
        closed = TunnelClosed(id=self._desk.new_id(), at=self._desk.now(), tunnel=tunnel, why=why)
        self._desk.tell(closed)

    def _wake(self, tunnel: _Tunnel) -> None:
        tunnel.news.succeed()
        tunnel.news = self._env.event()

    def _serve(self, tunnel: _Tunnel) -> Waits:
        try:
            yield self._env.timeout(0)
            with self._turns.of(tunnel.meter).request(priority=URGENT) as turn:
                yield turn
                why = yield from self._carry_all(tunnel)
        except simpy.Interrupt:
            return
        del self._tunnels[tunnel.name], self._processes[tunnel.name]
        self._closed(tunnel.name, why)

    def _carry_all(self, tunnel: _Tunnel) -> Generator[simpy.Event, Any, Closing]:
        """Frames, one after the other, until the end; why it ended."""
        entry = self._table.get(tunnel.meter)
        if entry is None:
            return Closing.NOT_IN_TABLE
        if not entry.leg.registered:
            return Closing.NO_ROUTE
        opened = TunnelOpened(id=self._desk.new_id(), at=self._desk.now(), tunnel=tunnel.name)
        self._desk.tell(opened)
        while True:
            if tunnel.frames:
                yield from self._carry(tunnel, entry, tunnel.frames.popleft())
                continue
            if tunnel.closing:
                return Closing.ASKED
            news = tunnel.news
            yield news | self._env.timeout(tunnel.idle_s)
            if not news.triggered:
                return Closing.IDLE

    def _carry(self, tunnel: _Tunnel, entry: Entry, frame: TunnelFrame) -> Waits:
        if frame.sequence <= tunnel.carried:
            return
        fate, heard = Fate.STALE, b""
        behind_s = self._clock.behind_s(frame.at, self._env.now)
        with self._line.medium.request(priority=URGENT) as turn:
            yield turn
            yield from self._line.cleared()
            left_s = self._clock.left_s(frame.not_after, behind_s, self._env.now)
            tunnel.carried = frame.sequence
            answers: list[bytes] = []
            # It leaves now or never: while it is on its way, its time must not run out either.
            if left_s > longest_down_s(entry.leg, len(frame.octets)):
                carried, answers = yield from self._line.down(entry.leg, frame.octets)
                acknowledged = carried.acknowledged or bool(answers)
                fate = Fate.CARRIED if acknowledged else Fate.NOT_ACKNOWLEDGED
                if carried.no_route:
                    fate = Fate.NO_ROUTE
        for octets in answers:
            yield self._env.timeout(answer_after_s(entry.leg))
            heard += (yield from self._line.up(entry.leg, octets)).received or b""
        tunnel.answer = TunnelAnswer(
            id=self._desk.new_id(),
            at=self._desk.now(),
            tunnel=tunnel.name,
            sequence=frame.sequence,
            fate=fate,
            octets=heard,
        )
        self._desk.tell(tunnel.answer)
