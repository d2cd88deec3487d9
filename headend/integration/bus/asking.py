"""Asking by the bus, awaited: one answer to each question, within its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headend.integration.bus.node import Ground, Inward, Node
from protocols.cim.bus.effects import Answered, Followed
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.requester import Requester
from protocols.cim.envelope import Kind

Following = Callable[[str, Letter], None]
"""Takes a question's key and a further message to it."""


class Asking:
    """A requester's end.  `following` hears of pages and outcomes that come after an answer."""

    def __init__(
        self, machine: Requester, ground: Ground, following: Following = lambda key, letter: None
    ) -> None:
        self._machine = machine
        self._following = following
        self._waiting: dict[str, list[asyncio.Future[Letter]]] = {}
        self._node = Node(machine, ground, self._take)

    @property
    def name(self) -> str:
        """Our name on the bus."""
        return self._machine.name

    @property
    def open_count(self) -> int:
        """How many questions wait for their answer."""
        return self._machine.open_count

    async def start(self) -> None:
        """Hear replies."""
        await self._node.start()

    async def stop(self) -> None:
        """Open questions are cancelled."""
        await self._node.stop()
        for futures in self._waiting.values():
            for future in futures:
                future.cancel()
        self._waiting.clear()

    async def ask(
        self,
        key: str,
        letter: Letter,
        *,
        timeout_s: float,
        destination: str | None = None,
        directly: bool = False,
    ) -> Letter:
        """The answer to a question; Reply FAILED 4.1 where none came in time.

        Whoever asks the same under the same key meanwhile gets the same answer.  Raises
        `protocols.cim.bus.requester.KeyInUse` for another question under an open one's key, and
        `ValueError` for what is no request or no destination.
        """
        if letter.kind is not Kind.REQUEST:
            raise ValueError(f"a {letter.kind} is no question")
        effects = self._machine.ask(
            key,
            letter,
            timeout_s=timeout_s,
            now=self._node.now(),
            destination=destination,
            directly=directly,
        )
        answered: asyncio.Future[Letter] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answered)
        self._node.carry_out(effects)
        return await answered

    def _take(self, effect: Inward) -> None:
        match effect:
            case Answered(key, letter):
                for future in self._waiting.pop(key, ()):
                    if not future.done():
                        future.set_result(letter)
            case Followed(key, letter):
                self._following(key, letter)
