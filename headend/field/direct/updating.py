"""One session's share of a meter's firmware: `protocols.dlms.firmware_update` over a conversation.

What must be remembered is in the store before the next message leaves.  A session that breaks after
the meter took blocks has come further, so it is no failed try: blocks are finite, and each session
that counts as well done has brought one at least.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from headend.domain.failure import Failure
from headend.domain.meter_image import MeterImage, MeterUpdate
from headend.domain.reason import ReasonCode
from headend.field.direct.conversation import Conversation
from headend.field.wanted_image import wanted
from headend.ports import Clock, Command, Store, Transaction
from protocols.concentrator.messages import Status
from protocols.concentrator.meter_firmware import Stage
from protocols.dlms.firmware_update import Advance, Memory, Remember, Talk
from protocols.dlms.procedures import Outcome

RESTART = timedelta(minutes=10)
"""How long after its activation a meter may still tell its old version: an assumption; simulated
meters take 25 s, and the Blue Book sets no time."""


@dataclass(slots=True)
class Updating:
    """See the module."""

    store: Store
    clock: Clock
    command: Command
    label: MeterImage
    _known: MeterUpdate = field(init=False)

    async def go_on(self, conversation: Conversation) -> Outcome | Failure:
        """As far as the command's time and the line allow."""
        found = await self.store.run(self._look)
        if found is None:
            return Failure(ReasonCode.IMAGE_UNKNOWN, "it was taken from the shelf")
        octets, self._known = found
        advance = Advance(
            wanted(self.label),
            octets,
            _memory(self._known),
            go_on=lambda: self.clock.now() < self.command.not_after,
            activate=self.command.activate,
            starting=self._starting(),
        )
        outcome = await self._drive(advance, conversation)
        if isinstance(outcome, Failure) and self._moved(advance):
            return Outcome(Status.UNDERWAY, True, update=advance.told, detail=str(outcome))
        if isinstance(outcome, Outcome) and outcome.update is None:
            return replace(outcome, update=advance.told)
        return outcome

    async def _drive(self, advance: Advance, conversation: Conversation) -> Outcome | Failure:
        steps = advance.steps()
        answer: Any = None
        try:
            while True:
                match steps.send(answer):
                    case Remember(memory):
                        await self._remember(memory)
                        answer = None
                    case Talk(procedure):
                        answer = await conversation.perform(procedure)
                        if isinstance(answer, Failure):
                            return answer
                    case step:
                        assert_never(step)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome

    def _look(self, tx: Transaction) -> tuple[bytes, MeterUpdate] | None:
        image = tx.image(self.label.image)
        if image is None:
            return None
        command = self.command
        known = tx.meter_update(command.meter, image.image)
        new = MeterUpdate(
            command.meter, image.image, command.order, Stage.TRANSFERRING, self.clock.now()
        )
        return image.octets, known or new

    async def _remember(self, memory: Memory) -> None:
        now = self.clock.now()
        self._known = replace(
            self._known,
            at=now,
            initiated=memory.initiated,
            resumed=memory.resumed,
            anew=memory.anew,
            activated_at=now if memory.activated else None,
        )
        await self.store.run(lambda tx: tx.put_meter_update(self._known))

    def _starting(self) -> bool:
        at: datetime | None = self._known.activated_at
        return at is not None and self.clock.now() < at + RESTART

    def _moved(self, advance: Advance) -> bool:
        """Whether this session brought the image further before it broke."""
        return advance.told.sent > 0


def _memory(known: MeterUpdate) -> Memory:
    return Memory(known.initiated, known.resumed, known.anew, known.activated_at is not None)
