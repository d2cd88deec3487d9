"""The way to meters through concentrators: commands down, words up (protocols/concentrator).

A command that acts is not sent into silence (`presence`), so that one that finds nobody is known to
have had no effect.  A command is sent
again until the concentrator says that it has stored it, and then waited for until its time has run
out.  What the broker acknowledges counts for nothing.  A result is receipted once `stored` tells
that it is kept; without a receipt the concentrator sends it again, and a result that nobody waits
for any more goes to the listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from headend.config import FieldPolicy
from headend.field import relay
from headend.field.broker import Broker, BrokerUnavailable
from headend.field.presence import Presence
from headend.field.wanted_image import wanted
from headend.ports import Chance, Clock, Command, Connectivity, FieldListener, Report
from protocols.concentrator import messages, topics

log = structlog.get_logger(__name__)

HANDOVER_S = 60.0
"""How long a result that was handed to whoever waited may take to be stored.  Repeats of it are
held back meanwhile; after that they go to the listener like any late result."""

_Key = tuple[str, int, int]

Hearer = Callable[[str, Any], Awaitable[bool]]
"""Takes a message of one kind from a concentrator; True once it is stored and may be receipted."""


@dataclass(slots=True, eq=False)
class _Wait:
    """One conversation under way: what was sent, and what has come of it."""

    command: Command
    news: asyncio.Event = field(default_factory=asyncio.Event)
    stored: bool = False
    result: messages.Result | None = None
    result_ids: set[str] = field(default_factory=set)

    @property
    def key(self) -> _Key:
        return self.command.concentrator, self.command.order, self.command.attempt


class Concentrators:
    """Implements `ports.Field`.  Subscribe by `start` before the broker's session is opened."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        chance: Chance,
        policy: FieldPolicy | None = None,
        *,
        group: str | None = None,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._chance = chance
        self._policy = policy or FieldPolicy()
        self._group = group  # of workers that take turns at the broker
        self._listener: FieldListener | None = None
        self._presence = Presence(broker, clock, chance, self._policy)
        self._waits: dict[_Key, _Wait] = {}
        self._sent: dict[str, _Wait] = {}  # by the id of the message that went down
        self._handed_over: dict[_Key, set[str]] = {}  # ids of results that wait to be stored
        self._receipts: set[asyncio.Task[None]] = set()
        self._hearers: dict[type[messages.FromConcentrator], list[Hearer]] = {}
        self._deliveries: dict[str, tuple[str, asyncio.Event]] = {}  # by message: to whom, stored

    async def start(self) -> None:
        """Listen to every concentrator."""
        await self._broker.subscribe(topics.ALL_STATUS, self._status)
        await self._broker.subscribe(topics.ALL_UP, self._up)
        if self._group is not None:
            await self._broker.subscribe(relay.every(self._group), self._relayed)

    def present(self) -> list[tuple[str, messages.Online]]:
        """The concentrators that are on line, and by which word."""
        return self._presence.present()

    # --- ports.Field -----------------------------------------------------------------------------

    def listen(self, listener: FieldListener) -> None:
        self._listener = listener

    def open(self, concentrator: str) -> bool:
        return self._broker.connected

    def connectivity(self, concentrator: str) -> Connectivity:
        return self._presence.connectivity(concentrator)

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        execute = messages.Execute(
            id=self._chance.uuid(),
            order=str(command.order),
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
            not_after=command.not_after,
            amount=None if command.amount is None else f"{command.amount:f}",
            unit=command.unit,
            objects=tuple(
                messages.ObjectWanted(each.class_id, each.name, each.attribute)
                for each in command.objects
            ),
            clock=command.clock,
            tariff=command.tariff,
            since=command.since,
            keys=command.keys,
            firmware=None
            if command.image is None
            else wanted(command.image, activate=command.activate),
        )
        if command.action in messages.ACTING and not await self._presence.is_there(
            command.concentrator
        ):
            return Report(sent=False)
        left_s = (command.not_after - self._clock.now()).total_seconds()
        left_s += self._policy.result_grace_s
        # Past its time a command is still sent: it may be a repeat, answered from memory.
        patience_s = max(left_s, self._policy.ack_timeout_s)
        return await self._converse(command, execute, patience_s, on_accepted)

    async def withdraw(self, command: Command) -> Report:
        withdraw = messages.Withdraw(
            id=self._chance.uuid(),
            order=str(command.order),
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
        )
        return await self._converse(command, withdraw, self._policy.withdraw_timeout_s, None)

    async def stored(self, command: Command) -> None:
        key = (command.concentrator, command.order, command.attempt)
        for message_id in sorted(self._handed_over.pop(key, ())):
            self._receipt(command.concentrator, message_id)

    # --- what is not an order --------------------------------------------------------------------

    def hear(self, kind: type[messages.FromConcentrator], hearer: Hearer) -> None:
        """Name one more who takes messages of a kind that is no part of an order."""
        self._hearers.setdefault(kind, []).append(hearer)

    async def _spread(self, concentrator: str, message: messages.FromConcentrator) -> bool:
        """Let everybody know who wants to; whether anybody has stored it."""
        stored = False
        for hearer in self._hearers.get(type(message), ()):
            stored = await hearer(concentrator, message) or stored
        return stored

    async def deliver(self, concentrator: str, message: messages.Downward) -> bool:
        """Send until the concentrator says that it has stored the message; False where no such
        word came in time."""
        stored = asyncio.Event()
        self._deliveries[message.id] = (concentrator, stored)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._policy.ack_timeout_s
        try:
            while not stored.is_set() and loop.time() < until:
                await self.tell(concentrator, message)
                again = min(until, loop.time() + self._policy.ack_timeout_s / 2)
                try:
                    async with asyncio.timeout_at(again):
                        await stored.wait()
                except TimeoutError:
                    pass
            return stored.is_set()
        finally:
            del self._deliveries[message.id]

    async def tell(self, concentrator: str, message: messages.Downward) -> bool:
        """Send once; False where it did not leave."""
        dated = msgspec.structs.replace(message, at=self._clock.now())
        try:
            await self._broker.publish(topics.down(concentrator), messages.encode(dated))
        except BrokerUnavailable as error:
            log.info("not sent", concentrator=concentrator, why=str(error))
            return False
        return True

    # --- a conversation --------------------------------------------------------------------------

    async def _converse(
        self,
        command: Command,
        message: messages.Execute | messages.Withdraw,
        patience_s: float,
        on_accepted: Callable[[], Awaitable[None]] | None,
    ) -> Report:
        if self.connectivity(command.concentrator).online is False:
            return Report(sent=False)
        wait = _Wait(command)
        if wait.key in self._waits:
            raise RuntimeError(f"somebody waits for {wait.key} already")
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        self._waits[wait.key] = self._sent[message.id] = wait
        try:
            stored_by = min(until, loop.time() + self._policy.ack_timeout_s)
            if not await self._send(wait, message, stored_by):
                return Report(sent=False)
            if wait.stored and wait.result is None:
                if on_accepted is not None:
                    await on_accepted()
                await _pause(wait, lambda: wait.result is not None, until)
            return Report(True, wait.stored or wait.result is not None, wait.result)
        finally:
            del self._waits[wait.key], self._sent[message.id]
            if wait.result is not None:
                self._handed_over[wait.key] = wait.result_ids
                loop.call_later(HANDOVER_S, self._handed_over.pop, wait.key, None)

    async def _send(
        self, wait: _Wait, message: messages.Execute | messages.Withdraw, until: float
    ) -> bool:
        """Send until it is known to be stored, or `until`.  False: nothing left this process."""
        loop = asyncio.get_running_loop()
        topic = topics.down(wait.command.concentrator)
        sent = False
        while True:
            wait.news.clear()
            if self.connectivity(wait.command.concentrator).online is not False:
                dated = msgspec.structs.replace(message, at=self._clock.now())
                try:
                    await self._broker.publish(topic, messages.encode(dated))
                    sent = True
                except BrokerUnavailable as error:
                    sent = sent or error.sent
                    if not sent:
                        return False
            again = min(until, loop.time() + self._policy.ack_timeout_s / 2)
            # A concentrator that came back is sent the command at once: `news`, and not stored.
            await _pause(wait, wait.news.is_set, again)
            if wait.stored or wait.result is not None or loop.time() >= until:
                return True

    def _receipt(self, concentrator: str, message_id: str) -> None:
        """Send a receipt, without waiting: nobody behind it should wait for the broker either."""
        task = asyncio.create_task(self._send_receipt(concentrator, message_id), name="receipt")
        self._receipts.add(task)
        task.add_done_callback(self._receipts.discard)

    async def _send_receipt(self, concentrator: str, message_id: str) -> None:
        receipt = messages.ReceiptToConcentrator(
            id=self._chance.uuid(), at=self._clock.now(), of=message_id
        )
        try:
            await self._broker.publish(topics.down(concentrator), messages.encode(receipt))
        except BrokerUnavailable:
            log.info("receipt not sent", concentrator=concentrator, of=message_id)  # it asks again

    # --- what comes up ---------------------------------------------------------------------------

    async def _up(self, topic: str, payload: bytes) -> None:
        if (read := _read(topic, payload)) is None:
            return
        concentrator, message = read
        self._presence.note_heard(concentrator)
        if isinstance(message, relay.ANSWERS) and not self._asked(concentrator, message):
            await self._hand_on(concentrator, payload)
        match message:
            case messages.Accepted() | messages.ReceiptFromConcentrator():
                self._take_word(concentrator, message)
            case messages.Result():
                await self._spread(concentrator, message)  # before anybody takes it for settled
                if await self._is_others(concentrator, message):
                    await self._hand_on(concentrator, payload)
                else:
                    await self._take_result(concentrator, message)
            case messages.FaultLog():
                if self._listener is not None:
                    await self._listener.learned(concentrator, message.entries)
                    self._receipt(concentrator, message.id)
            case messages.LinkChanged(link=link):
                log.debug("link changed", concentrator=concentrator, meter=link.meter)
                if link.registered and self._listener is not None:
                    await self._listener.meter_reachable(concentrator, link.meter)
                await self._spread(concentrator, message)
            case messages.Online() | messages.Offline():
                log.warning("a status outside its topic", topic=topic)
            case _:
                if await self._spread(concentrator, message):
                    self._receipt(concentrator, message.id)

    def _take_word(
        self, concentrator: str, message: messages.Accepted | messages.ReceiptFromConcentrator
    ) -> None:
        """That a message of ours is stored."""
        if isinstance(message, messages.Accepted):
            if key := _key(concentrator, message):
                self._note_stored(self._waits.get(key))
            return
        wait = self._sent.get(message.of)
        if wait is not None and wait.command.concentrator == concentrator:
            self._note_stored(wait)
        addressee, stored = self._deliveries.get(message.of, (None, None))
        if stored is not None and addressee == concentrator:
            stored.set()

    # --- where several workers take turns --------------------------------------------------------

    async def _relayed(self, topic: str, payload: bytes) -> None:
        """Another worker had this, and could not place it."""
        concentrator = relay.concentrator_of(topic)
        message = messages.decode_upward(payload)
        self._presence.note_heard(concentrator)
        match message:
            case messages.Accepted() | messages.ReceiptFromConcentrator():
                self._take_word(concentrator, message)
            case messages.Result():
                key = _key(concentrator, message)
                if key in self._waits or key in self._handed_over:
                    await self._take_result(concentrator, message)
            case messages.State() | messages.TunnelOpened() | messages.TunnelAnswer():
                await self._spread(concentrator, message)
            case messages.TunnelClosed():
                await self._spread(concentrator, message)

    def _asked(self, concentrator: str, message: messages.Upward) -> bool:
        """Whether an answer can be told to be to a question of ours."""
        match message:
            case messages.Accepted():
                return _key(concentrator, message) in self._waits
            case messages.ReceiptFromConcentrator(of=of):
                return of in self._sent or of in self._deliveries
        return False

    async def _is_others(self, concentrator: str, result: messages.Result) -> bool:
        """Whether another worker is just carrying out the order that a result is of."""
        key = _key(concentrator, result)
        if self._group is None or self._listener is None or key is None:
            return False
        if key in self._waits or key in self._handed_over:
            return False
        return await self._listener.in_other_hands(int(result.order))

    async def _hand_on(self, concentrator: str, payload: bytes) -> None:
        if self._group is None:
            return
        try:
            await self._broker.publish(relay.topic(self._group, concentrator), payload)
        except BrokerUnavailable:
            log.info("not handed on", concentrator=concentrator)  # its sender says it again

    def _note_stored(self, wait: _Wait | None) -> None:
        if wait is not None:
            wait.stored = True
            wait.news.set()

    async def _take_result(self, concentrator: str, result: messages.Result) -> None:
        key = _key(concentrator, result)
        wait = self._waits.get(key) if key else None
        if wait is not None:
            if (result.meter, result.action) != (wait.command.meter, wait.command.action):
                log.error("a result names another command", concentrator=concentrator, of=result.id)
                return
            wait.result = wait.result or result
            wait.result_ids.add(result.id)
            wait.news.set()
        elif key in self._handed_over:
            self._handed_over[key].add(result.id)
        elif self._listener is not None:
            await self._listener.late_result(concentrator, result)
            self._receipt(concentrator, result.id)

    async def _status(self, topic: str, payload: bytes) -> None:
        if (read := _read(topic, payload)) is None:
            return
        concentrator, message = read
        if not isinstance(message, messages.Online | messages.Offline):
            log.warning("no status, on a status topic", topic=topic)
            return
        if message.concentrator != concentrator:
            log.error("a status in another's name", topic=topic, name=message.concentrator)
            return
        known = self._presence.session(concentrator)
        if known is not None and known.word == message.id:
            return  # the retained word again, after our own reconnection
        if isinstance(message, messages.Online):
            await self._came_online(concentrator, message, again=known is not None)
        elif known is None or (known.online and message.boot >= known.boot):
            # A will of an earlier start is late: the device runs again, and has said so.
            since = self._presence.went(concentrator, message)
            await self._spread(concentrator, message)
            if self._listener is not None:
                await self._listener.went_offline(concentrator, since)

    async def _came_online(self, concentrator: str, word: messages.Online, *, again: bool) -> None:
        self._presence.came(concentrator, word)
        if again:  # it was away, noticed or not: what it has not stored goes again
            for wait in self._waits.values():
                if wait.command.concentrator == concentrator:
                    wait.news.set()
        await self._spread(concentrator, word)
        if self._listener is not None:
            await self._listener.came_online(concentrator, word.at)


def _read(topic: str, payload: bytes) -> tuple[str, messages.Upward] | None:
    try:
        return topics.concentrator_of(topic), messages.decode_upward(payload)
    except (ValueError, messages.UnknownMessage) as error:
        log.warning("not understood", topic=topic, octets=len(payload), why=str(error))
        return None


def _key(concentrator: str, message: messages.Accepted | messages.Result) -> _Key | None:
    if not (message.order.isascii() and message.order.isdecimal()):
        return None
    return concentrator, int(message.order), message.attempt


async def _pause(wait: _Wait, done: Callable[[], bool], until: float) -> None:
    """Wait for news until `done`, or until the loop's time `until`."""
    try:
        async with asyncio.timeout_at(until):
            while not done():
                await wait.news.wait()
                if not done():
                    wait.news.clear()
    except TimeoutError:
        pass
