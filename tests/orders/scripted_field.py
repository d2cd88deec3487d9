"""A field of a few lines: one concentrator's memory, meters' states, and a script of mishaps.

Without a script it keeps the rules that the head-end relies on (protocols/concentrator): a repeat
is answered from memory, what was withdrawn is never begun, a result comes again until it is
receipted.  `effects` is the truth that tests hold against what the head-end concluded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from headend.config import FieldPolicy
from headend.ports import Clock, Command, Connectivity, FieldListener, Report
from protocols.concentrator.demand import DemandRead
from protocols.concentrator.effect import LOOK
from protocols.concentrator.messages import Action, LimitRead, Result, Status, SupplyRead

ROUND_TRIP_S = 2.0
REPEAT_S = 20.0  # a concentrator repeats a result so often
UNLIMITED = Decimal(99_999)

_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Say:
    """What comes of one command that acts.

    `status` is what the concentrator remembers of it.  `heard` False: that word does not arrive in
    time.  `acts`: whether the meter's state changes; by itself, if it ends well.
    """

    status: Status = Status.DONE
    sent: bool = True
    arrives: bool = True
    accepted: bool = True
    heard: bool = True
    acts: bool | None = None
    after_s: float = ROUND_TRIP_S
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def acted(self) -> bool:
        return self.status is Status.DONE if self.acts is None else self.acts


NOT_SENT = Say(sent=False, arrives=False, accepted=False, heard=False)
LOST = Say(arrives=False, accepted=False, heard=False)  # the command is gone; nobody knows
CUT_OFF = Say(heard=False)  # carried out; the line broke before the result
BUSY = Say(Status.BUSY)
UNREACHABLE = Say(Status.UNREACHABLE)
NO_WORD = Say(Status.UNKNOWN, acts=True)  # the meter did it; its answer was lost
NO_EFFECT = Say(Status.UNKNOWN, acts=False)  # the meter never got it; nobody knows


@dataclass(slots=True)
class Meter:
    """What a meter shows."""

    limit: Decimal = UNLIMITED
    supply_on: bool = True
    load_on: bool = True
    resets: int = 98  # of one octet's two digits: begins again behind 99


@dataclass(slots=True)
class ScriptedField:
    """Implements `ports.Field`."""

    clock: Clock
    patience: FieldPolicy = FieldPolicy()
    script: deque[Say] = field(default_factory=deque)
    withdrawals: deque[bool] = field(default_factory=deque)  # False: nobody answers
    looks: deque[Status] = field(default_factory=deque)  # how a reading ends, if not well
    connected: Connectivity = Connectivity(True)
    broker_up: bool = True
    meters: dict[str, Meter] = field(default_factory=dict)
    commands: list[tuple[float, Command]] = field(default_factory=list)
    reads: list[tuple[float, Command]] = field(default_factory=list)
    withdrawn: list[tuple[float, Command]] = field(default_factory=list)
    effects: list[Command] = field(default_factory=list)
    memory: dict[_Key, tuple[str, Result]] = field(default_factory=dict)
    receipted: set[str] = field(default_factory=set)
    listener: FieldListener | None = None
    handed_over: set[_Key] = field(default_factory=set)
    waiting: set[_Key] = field(default_factory=set)
    begun: set[_Key] = field(default_factory=set)

    # --- ports.Field ---

    def open(self, concentrator: str) -> bool:
        return self.broker_up

    def connectivity(self, concentrator: str) -> Connectivity:
        return self.connected

    def listen(self, listener: FieldListener) -> None:
        self.listener = listener

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        now_s = asyncio.get_running_loop().time()
        if command.action in LOOK.values():
            self.reads.append((now_s, command))
            await asyncio.sleep(ROUND_TRIP_S)
            status = self.looks.popleft() if self.looks else Status.DONE
            return Report(True, True, self._result(command, Say(status, acts=False)))
        if self.connected.online is False:
            return Report(sent=False)
        key = (command.order, command.attempt)
        self.commands.append((now_s, command))
        self.waiting.add(key)
        try:
            return await self._perform(key, command, on_accepted)
        finally:
            self.waiting.discard(key)

    async def _perform(
        self,
        key: _Key,
        command: Command,
        on_accepted: Callable[[], Awaitable[None]] | None,
    ) -> Report:
        if key in self.memory:  # a repeat
            await asyncio.sleep(ROUND_TRIP_S)
            return self._hand_over(key)
        say = Say() if key in self.begun or not self.script else self.script.popleft()
        if not say.sent:
            return Report(sent=False)
        self.begun.add(key)
        if say.arrives:
            self._carry_out(key, command, say)
        if not say.accepted:
            await asyncio.sleep(self.patience.ack_timeout_s)
            return Report(sent=True)
        if on_accepted is not None:
            await on_accepted()
        if say.heard:
            await asyncio.sleep(say.after_s)
            return self._hand_over(key)
        until = command.not_after + timedelta(seconds=self.patience.result_grace_s)
        await asyncio.sleep((until - self.clock.now()).total_seconds())
        return Report(True, accepted=True)

    async def withdraw(self, command: Command) -> Report:
        self.withdrawn.append((asyncio.get_running_loop().time(), command))
        if self.connected.online is False:
            return Report(sent=False)
        if self.withdrawals and not self.withdrawals.popleft():
            await asyncio.sleep(self.patience.withdraw_timeout_s)
            return Report(sent=True)
        await asyncio.sleep(ROUND_TRIP_S)
        key = (command.order, command.attempt)
        if key not in self.memory:
            result = self._result(command, Say(Status.CANCELLED))
            self.memory[key] = (command.concentrator, result)
        return self._hand_over(key)

    def _hand_over(self, key: _Key) -> Report:
        self.handed_over.add(key)
        return Report(True, True, self.memory[key][1])

    async def stored(self, command: Command) -> None:
        key = (command.order, command.attempt)
        if key in self.handed_over:
            self.receipted.add(self.memory[key][1].id)

    # --- what concentrator and meter do ---

    async def repeat(self) -> None:
        """Send results again that are not receipted, until cancelled."""
        while True:
            await asyncio.sleep(REPEAT_S)
            for key, (concentrator, result) in list(self.memory.items()):
                if result.id not in self.receipted and key not in self.waiting and self.listener:
                    await self.listener.late_result(concentrator, result)
                    self.receipted.add(result.id)

    def meter(self, name: str) -> Meter:
        return self.meters.setdefault(name, Meter())

    def _carry_out(self, key: _Key, command: Command, say: Say) -> None:
        # A later attempt of an order that ended well is answered from memory.
        for (order, _), (_, past) in self.memory.items():
            if order == command.order and past.status is Status.DONE:
                say = replace(say, status=Status.DONE, acts=False)
        meter = self.meter(command.meter)
        before = self._limit(meter)
        if command.since is not None and command.since.resets != meter.resets:
            say = replace(say, acts=False)  # a period has ended since: nothing is sent to the meter
        if say.acted:
            self.effects.append(command)
            match command.action:
                case Action.SET_LIMIT:
                    assert command.amount is not None
                    meter.limit = command.amount
                case Action.REMOVE_LIMIT:
                    meter.limit = UNLIMITED
                case Action.CONNECT | Action.ARM:  # at an armed meter a hand presses at once
                    meter.supply_on = True
                case Action.DISCONNECT:
                    meter.supply_on = False
                case Action.LOAD_OFF | Action.LOAD_ON:
                    meter.load_on = command.action is Action.LOAD_ON
                case Action.RESET_DEMAND:
                    assert command.since is not None, "nobody looked first"
                    meter.resets = (meter.resets + 1) % 100
        result = self._result(command, say, before)
        self.memory[key] = (command.concentrator, result)

    def _result(self, command: Command, say: Say, before: LimitRead | None = None) -> Result:
        meter = self.meter(command.meter)
        look = LOOK.get(command.action, command.action)
        limits = look is Action.READ_LIMIT
        shown = say.status is Status.DONE
        on, load = meter.supply_on, meter.load_on
        return Result(
            id=f"result-{len(self.memory)}-{command.order}-{command.attempt}",
            at=self.clock.now(),
            order=str(command.order),
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
            status=say.status,
            acted=say.acted,
            before=before if limits else None,
            limit=self._limit(meter) if shown and limits else None,
            supply=SupplyRead(on, int(on), 4) if shown and look is Action.READ_SUPPLY else None,
            load=SupplyRead(load, int(load), 4) if shown and look is Action.READ_LOAD else None,
            demand=DemandRead(meter.resets) if shown and look is Action.READ_DEMAND else None,
            **say.extra,
        )

    @staticmethod
    def _limit(meter: Meter) -> LimitRead:
        text, unlimited = str(meter.limit), meter.limit == UNLIMITED
        return LimitRead(text, text, "W", unlimited=unlimited)
