"""Both ways to meters as one field: through a concentrator, or straight to the meter.

Which one a command takes stands in the registry: an order's lane is a concentrator or a network
segment (`domain.meter.Meter.lane`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headend.domain.meter import is_direct
from headend.ports import Command, Connectivity, Field, FieldListener, Report


@dataclass(frozen=True, slots=True)
class Ways:
    """Implements `ports.Field` by two others."""

    concentrators: Field
    direct: Field

    def _of(self, lane: str) -> Field:
        return self.direct if is_direct(lane) else self.concentrators

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        way = self._of(command.concentrator)
        return await way.perform(command, on_accepted=on_accepted, again=again)

    async def withdraw(self, command: Command) -> Report:
        return await self._of(command.concentrator).withdraw(command)

    async def stored(self, command: Command) -> None:
        await self._of(command.concentrator).stored(command)

    def open(self, concentrator: str) -> bool:
        return self._of(concentrator).open(concentrator)

    def connectivity(self, concentrator: str) -> Connectivity:
        return self._of(concentrator).connectivity(concentrator)

    def listen(self, listener: FieldListener) -> None:
        self.concentrators.listen(listener)
        self.direct.listen(listener)
