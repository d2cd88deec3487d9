"""Both ways to meters as one field: through a concentrator, or straight to the meter.

Which one a command takes stands in the registry: an order's lane is a concentrator or a network
segment (`domain.meter.Meter.lane`).  Behind a concentrator it also stands there whether the
concentrator speaks with the meter, or carries what the head-end says to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headend.domain.meter import is_direct
from headend.field.carried_keys import CarriedKeys
from headend.ports import Command, Connectivity, Field, FieldListener, Report, Store
from protocols.concentrator.messages import Action


@dataclass(frozen=True, slots=True)
class Ways:
    """Implements `ports.Field` by two others."""

    concentrators: Field
    direct: Field
    store: Store
    keys: CarriedKeys

    async def _way(self, command: Command) -> Field:
        """A meter by gateway takes its turn in its concentrator's lane, and we speak with it."""
        if not is_direct(command.concentrator):
            meter = await self.store.run(lambda tx: tx.meter(command.meter))
            if meter is not None and meter.by_gateway:
                return self.direct
        return self._of(command.concentrator)

    def _of(self, lane: str) -> Field:
        return self.direct if is_direct(lane) else self.concentrators

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        way = await self._way(command)
        if command.action is Action.CHANGE_KEYS and way is self.concentrators:
            return await self.keys.change(command, on_accepted, again)
        return await way.perform(command, on_accepted=on_accepted, again=again)

    async def withdraw(self, command: Command) -> Report:
        return await (await self._way(command)).withdraw(command)

    async def stored(self, command: Command) -> None:
        await (await self._way(command)).stored(command)

    def open(self, concentrator: str) -> bool:
        return self._of(concentrator).open(concentrator)

    def connectivity(self, concentrator: str) -> Connectivity:
        return self._of(concentrator).connectivity(concentrator)

    def listen(self, listener: FieldListener) -> None:
        self.concentrators.listen(listener)
        self.direct.listen(listener)
