"""What stands at the other end of a concentrator's uplink in these tests: a wire and a listener."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import simpy

from devices.clock import world as simulated
from devices.concentrator.device import Settings
from devices.concentrator.table import EnginePolicy, only
from devices.field_spec import FieldSpec, one_transformer
from devices.gateway.uplink import Ears, Will
from devices.meter import billing
from devices.world import World
from protocols.concentrator.demand import DemandMark
from protocols.concentrator.messages import (
    Action,
    Downward,
    Execute,
    FaultLog,
    ReceiptToConcentrator,
    Result,
    Upward,
    Withdraw,
    decode_upward,
    encode,
)
from protocols.plc.noise import MAINS, Noise

START = datetime(2026, 7, 6, 10, tzinfo=UTC)
METER = "90000001"
CONCENTRATOR = "C-001"
DELAY_S = 0.1
KEEPALIVE_S = 60.0


class Wire:
    """An uplink that is a pair of queues: in order, late by DELAY_S, silent while it is cut."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.arrived: Callable[[str, bytes], None] = lambda topic, payload: None
        self.refuses = False
        self._ears: Ears | None = None
        self._will: Will | None = None
        self._cut = False
        self._generation = 0
        self._waiting: deque[bytes] = deque()  # the broker's queue of the persistent session

    @property
    def connected(self) -> bool:
        return self._ears is not None

    def connect(self, will: Will, ears: Ears) -> None:
        self._generation += 1
        generation = self._generation

        def opened() -> None:
            if generation != self._generation:
                return
            if self._cut or self.refuses:
                ears.down("no answer")
                return
            self._publish_will()  # of the connection before, which the broker took for alive
            self._ears, self._will = ears, will
            ears.up()
            while self._waiting and self._ears is not None:
                self._down(self._waiting.popleft())

        self._after(DELAY_S, opened)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._ears is not None and not self._cut:
            self._after(DELAY_S, lambda: self.arrived(topic, payload))

    def drop(self) -> None:
        self._generation += 1
        self._ears = None
        if self._will is not None:
            generation = self._generation
            self._after(
                1.5 * KEEPALIVE_S,
                lambda: self._publish_will() if generation == self._generation else None,
            )

    def cut(self) -> None:
        self._cut = True

    def restore(self) -> None:
        self._cut = False

    def send(self, payload: bytes) -> None:
        """A message from the head-end."""
        if self._ears is None or self._cut:
            self._waiting.append(payload)
        else:
            self._down(payload)

    def _down(self, payload: bytes) -> None:
        def arrive() -> None:
            if self._ears is None or self._cut:
                self._waiting.append(payload)
            else:
                self._ears.message("down", payload)

        self._after(DELAY_S, arrive)

    def _publish_will(self) -> None:
        will, self._will = self._will, None
        if will is not None:
            self.arrived(will.topic, will.payload)

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.env.timeout(delay_s).callbacks.append(lambda _: action())


class HeadEnd:
    """Hears everything, and receipts what wants a receipt, except what it is unlucky with."""

    def __init__(self, wire: Wire, *, rng: Random | None = None, deaf: float = 0.0) -> None:
        self.wire = wire
        self.heard: list[Upward] = []
        self.raw: list[bytes] = []
        self._rng = rng or Random(0)
        self.deaf = deaf
        self._sent = 0
        wire.arrived = self._arrived

    def _arrived(self, topic: str, payload: bytes) -> None:
        if self.deaf and self._rng.random() < self.deaf:
            return
        message = decode_upward(payload)
        self.heard.append(message)
        self.raw.append(payload)
        if isinstance(message, Result | FaultLog):
            self.send(ReceiptToConcentrator(id=self.new_id(), at=self.now(), of=message.id))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wire.env.now, UTC)

    def send(self, message: Downward) -> None:
        self.wire.send(encode(message))

    def new_id(self) -> str:
        self._sent += 1
        return f"H{self._sent}"

    def of(self, kind: type) -> list:
        return [message for message in self.heard if isinstance(message, kind)]

    def results(self, order: str = "1", attempt: int | None = None) -> list[Result]:
        return [
            result
            for result in self.of(Result)
            if result.order == order and attempt in (None, result.attempt)
        ]


class Stage:
    """One transformer with a few meters, its concentrator, and a head-end."""

    def __init__(
        self,
        *,
        seed: int = 1,
        meters: int = 3,
        engines: EnginePolicy | str = "own",
        deaf: float = 0.0,
        rng: Random | None = None,
        radio: str | None = None,
        access: str = "prime",
        noise: Noise = MAINS,
        **settings: object,
    ) -> None:
        self.env = simulated(START)
        self.wire = Wire(self.env)
        self.head_end = HeadEnd(self.wire, rng=rng, deaf=deaf)
        policy = only(engines) if isinstance(engines, str) else engines
        self.spec = FieldSpec(
            (replace(one_transformer(meters), radio=radio, access=access),),
            settings=Settings(**settings),
            engines=policy,
            noise=noise,
        )
        self.world = World(self.env, self.spec, seed, uplinks=lambda name: self.wire)
        self.concentrator = self.world.concentrators[CONCENTRATOR]
        self.world.start()

    def run(self, seconds: float) -> None:
        self.env.run(until=self.env.now + seconds)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.env.now, UTC)

    def execute(
        self,
        action: Action = Action.SET_LIMIT,
        *,
        order: str = "1",
        attempt: int = 1,
        meter: str = METER,
        amount: str | None = None,
        unit: str | None = None,
        within: float = 300.0,
        not_after: datetime | None = None,
        timed: bool = True,
    ) -> Execute:
        if action is Action.SET_LIMIT:
            amount, unit = amount or "3300", unit or "W"
        since: DemandMark | None = None
        if action is Action.RESET_DEMAND:  # as the head-end read it before
            since = DemandMark(billing.counted(self.world.meter(meter), self.env.now))
        return Execute(
            since=since,
            id=self.head_end.new_id(),
            at=self.now() if timed else None,
            order=order,
            attempt=attempt,
            meter=meter,
            action=action,
            not_after=not_after or self.now() + timedelta(seconds=within),
            amount=amount,
            unit=unit,
        )

    def withdraw(self, command: Execute) -> Withdraw:
        return Withdraw(
            id=self.head_end.new_id(),
            at=self.now(),
            order=command.order,
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
        )

    def send(self, *messages: Downward) -> None:
        for message in messages:
            self.head_end.send(message)

    def deeds(self, *kinds: str, meter: str = METER) -> list[dict]:
        return [
            line
            for line in self.world.log.of_kind("meter")
            if line["meter"] == meter and (not kinds or line["deed"] in kinds)
        ]
