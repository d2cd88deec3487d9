"""A concentrator of sixty lines, for tests of the head-end's side alone.

It keeps the rules of docs/concentrator-messages.md that the head-end relies on: it stores before it
answers, answers repeats from memory, and repeats results until they are receipted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from headend.field.broker import Broker, BrokerUnavailable
from headend.ports import Clock
from protocols.concentrator import messages, topics


class StandIn:
    """Answers every command as `status` says, `work_s` after it came."""

    def __init__(self, broker: Broker, clock: Clock, name: str = "C1") -> None:
        self.broker, self.clock, self.name = broker, clock, name
        self.status = messages.Status.DONE
        self.work_s: float | None = 1.0  # None: never
        self.accepts = True
        self.answers_knocks = True
        self.repeat_s = 10.0
        self.heard: list[messages.Downward] = []
        self.executed: list[tuple[str, int]] = []
        self.memory: dict[tuple[str, int], messages.Result] = {}
        self.receipted: set[str] = set()
        self.repeating: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.ids = 0

    async def start(self) -> None:
        await self.broker.subscribe(topics.down(self.name), self._down)

    async def online(self, *, boot: int = 1) -> None:
        word = messages.Online(
            id=self._id(), at=self.clock.now(), concentrator=self.name, boot=boot, firmware="1"
        )
        await self.broker.publish(topics.status(self.name), messages.encode(word), retain=True)

    def will(self, *, boot: int = 1) -> bytes:
        """The last will of a session that begins now."""
        offline = messages.Offline(
            id=self._id(), at=self.clock.now(), concentrator=self.name, boot=boot
        )
        return messages.encode(offline)

    async def say(self, message: messages.Upward) -> None:
        await self.broker.publish(topics.up(self.name), messages.encode(message))

    def result(
        self, order: str, attempt: int, meter: str, action: messages.Action
    ) -> messages.Result:
        return messages.Result(
            id=self._id(),
            at=self.clock.now(),
            order=order,
            attempt=attempt,
            meter=meter,
            action=action,
            status=self.status,
            acted=self.status is messages.Status.DONE,
        )

    def commands(self) -> list[messages.Execute]:
        return [message for message in self.heard if isinstance(message, messages.Execute)]

    def knocks(self) -> int:
        return sum(isinstance(message, messages.ReadFaultLog) for message in self.heard)

    async def _down(self, topic: str, payload: bytes) -> None:
        message = messages.decode_downward(payload)
        self.heard.append(message)
        match message:
            case messages.Execute() if self.accepts:
                self._begin(self._execute(message))
            case messages.Withdraw() if self.accepts:
                self._begin(self._withdraw(message))
            case messages.ReceiptToConcentrator(of=of):
                self.receipted.add(of)
            case messages.ReadFaultLog() if self.answers_knocks:
                receipt = messages.ReceiptFromConcentrator(
                    id=self._id(), at=self.clock.now(), of=message.id
                )
                self._begin(self._try(receipt))

    async def _execute(self, command: messages.Execute) -> None:
        key = (command.order, command.attempt)
        known = key in self.memory or key in self.executed
        if not known:
            self.executed.append(key)
        await self._try(
            messages.Accepted(
                id=self._id(), at=self.clock.now(), order=command.order, attempt=command.attempt
            )
        )
        if not known:
            if self.work_s is None:
                return
            await asyncio.sleep(self.work_s)
            self.memory[key] = self.result(*key, command.meter, command.action)
        if key in self.memory:
            await self._repeat(self.memory[key])

    async def _withdraw(self, message: messages.Withdraw) -> None:
        key = (message.order, message.attempt)
        if key not in self.memory:
            self.status = messages.Status.CANCELLED
            self.memory[key] = self.result(*key, message.meter, message.action)
        await self._repeat(self.memory[key])

    async def _repeat(self, result: messages.Result) -> None:
        """Once, also when it was receipted before: it was asked for.  Then until it is, with
        growing pauses."""
        await self._try(result)
        if result.id in self.repeating:
            return
        self.repeating.add(result.id)
        pause_s = self.repeat_s
        while True:
            await asyncio.sleep(pause_s)
            if result.id in self.receipted:
                break
            await self._try(result)
            pause_s = min(2 * pause_s, 8 * self.repeat_s)
        self.repeating.remove(result.id)

    async def _try(self, message: messages.Upward) -> None:
        try:
            await self.say(message)
        except BrokerUnavailable:
            pass  # its sender repeats what matters

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _id(self) -> str:
        self.ids += 1
        return f"{self.name}-{self.ids}"
