"""Answering on the bus: a system behind its queue, asked side by side and each request once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from headend import trouble
from headend.integration.bus.node import Ground, Inward, Node
from protocols.cim.bus.effects import Perform
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.responder import Responder
from protocols.cim.errors import ReplyError, RequestRefused

_log = structlog.get_logger("bus")

System = Callable[[Letter, str], Awaitable[bytes]]
"""Takes a request and its requester's name, gives the octets of the reply; what it gives to an
event is passed over.  It may raise `RequestRefused`, whose first error becomes the reply."""


class Answering:
    """A destination's end.  `errors` keeps what should not have happened in the system behind."""

    def __init__(self, machine: Responder, ground: Ground, system: System) -> None:
        self._machine = machine
        self._system = system
        self._tasks: set[asyncio.Task[None]] = set()
        self._node = Node(machine, ground, self._take)
        self.errors: list[Exception] = []

    async def start(self) -> None:
        """Take requests."""
        await self._node.start()

    async def stop(self) -> None:
        """What is being performed is cancelled; its requester asks again, or gives up in time."""
        await self._node.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def follow(self, key: str, octets: bytes) -> None:
        """Send a further message to a request that was answered."""
        self._node.carry_out(self._machine.follow(key, octets, now=self._node.now()))

    def _take(self, effect: Inward) -> None:
        if isinstance(effect, Perform):
            task = asyncio.create_task(self._perform(effect), name=f"bus {self._machine.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _perform(self, asked: Perform) -> None:
        try:
            answer = await self._system(asked.letter, asked.requester)
        except RequestRefused as refused:
            self._fail(asked, refused.errors[0])
        except Exception as error:
            trouble.note(self.errors, _log, "a system on the bus failed", error)
            details = f"ERROR_INTERNO: {self._machine.name} no pudo atender la petición"
            self._fail(asked, ReplyError("5.3", details))
        else:
            self._node.carry_out(self._machine.answer(asked.key, answer, now=self._node.now()))

    def _fail(self, asked: Perform, error: ReplyError) -> None:
        self._node.carry_out(self._machine.fail(asked.key, error, now=self._node.now()))
