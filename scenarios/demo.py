"""The demonstration: `demo.toml` played live, over the doors that a utility would use.

SOAP goes over HTTP, commands and results over the broker, everything is stored on disk; only the
field and the utility's other systems are stand-ins.  Whoever watches is told moment by moment, in
the steps of seed 004, table 2; the moments are what the parts said, at the times they gave.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from devices.concentrator.device import Settings
from devices.concentrator.errand import Patience
from devices.modem import CarrierView
from headend.app import Bus, Running, open_session, serving, session_at
from headend.clock import WallClock
from headend.config import Config, Soap
from headend.domain.order import Attempt, JournalLine, Order, State
from headend.domain.reason import ReasonCode
from headend.store import queries
from headend.store.queries import OrderFilter
from protocols.cim.control_types import ControlKind
from protocols.cim.envelope import Message
from protocols.commercial import messages as commercial_messages
from protocols.commercial.messages import ResultMessage
from protocols.concentrator.messages import Result, decode_upward
from scenarios import schema
from scenarios.field import Registry, registry_of, sim_of
from scenarios.live import LiveField, live_field
from scenarios.schema import OrderSpec, Scenario
from scenarios.stand_ins.carrier_portal import CarrierPortal, views_of
from scenarios.stand_ins.commercial import Answered, CommercialSystem, Post, Wanted
from scenarios.stand_ins.integration_platform import IntegrationPlatform

SOURCE = "COMERCIAL"
STORY = Path(__file__).with_name("demo.toml")
EXPECTED = (
    (State.DONE, None),
    (State.FAILED, ReasonCode.REFUSED_READ_WRITE_DENIED),
    (State.FAILED, ReasonCode.METER_DOES_NOT_ANSWER),
    (State.FAILED, ReasonCode.SIM_FAULT),
)
"""How each order of the story must end."""

BARRED = "C-002"  # loses its session soon after the start, by the story's fault

# Short, like the story's own times: the broker's last will comes after 1.5 times the keep-alive.
KEEPALIVE_S = 4
SETTINGS = Settings(patience=Patience(response_timeout_s=2.0, sessions_max=2, pause_s=0.5))
CONNECTED_WITHIN_S = 15.0
SILENT_WITHIN_S = 12.0  # for the last will; then the order goes out without it
PLAYED_WITHIN_S = 50.0
LOOK_S = 0.1


# --- what whoever watches is told -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """Step 1: the commercial system's SOAP message leaves."""

    at: datetime
    order: int  # which of the story, from 1
    wanted: Wanted
    octets: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Step 2: the head-end's answer, given once the order is stored."""

    at: datetime
    order: int
    answered: Answered
    seconds: float


@dataclass(frozen=True, slots=True)
class Moved:
    """Steps 3, 4 and 7: a line of the head-end's journal."""

    at: datetime
    order: int
    line: JournalLine


@dataclass(frozen=True, slots=True)
class Tried:
    """Steps 5 and 6: an attempt, with what travelled between concentrator and meter."""

    at: datetime
    order: int
    attempt: Attempt
    result: Result | None


@dataclass(frozen=True, slots=True)
class Queued:
    """Step 8: the result on the queue, as the integration platform read it."""

    at: datetime
    order: int
    message: ResultMessage
    octets: int


@dataclass(frozen=True, slots=True)
class Replied:
    """Step 9: the XML that the commercial system stored."""

    at: datetime
    order: int
    message: Message


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of this order: every channel is settled."""

    at: datetime
    order: int


Moment = Sent | Acknowledged | Moved | Tried | Queued | Replied | Ended
Tell = Callable[[Moment], None]


@dataclass(frozen=True, slots=True)
class Played:
    """One order of the story, at its end."""

    spec: OrderSpec
    expected: tuple[State, ReasonCode | None]
    order: Order | None  # None: it never came into the store
    replies: tuple[Message, ...]  # final replies that the commercial system stored
    unsettled: tuple[str, ...]  # channels still owed something

    @property
    def ok(self) -> bool:
        """Whether it ended as it should, and everybody heard of it once."""
        if self.order is None or len(self.replies) != 1 or self.unsettled:
            return False
        return (self.order.state, self.order.reason) == self.expected


# --- the stage ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stage:
    """Everything that takes part, up and connected."""

    scenario: Scenario
    running: Running
    devices: LiveField
    commercial: CommercialSystem
    config: Config
    _entries: Registry
    _wanted: dict[int, Wanted] = field(default_factory=dict)  # by the story's number
    _told: set[object] = field(default_factory=set)  # keys of what was told
    _pending: list[Moment] = field(default_factory=list)  # seen, and not told yet

    @property
    def over_mqtt(self) -> bool:
        return not isinstance(self.running.broker, Bus)

    async def play(self, tell: Tell) -> tuple[Played, ...]:
        """Send the story's orders and return when all have ended, or their time is over."""
        watching = asyncio.create_task(self._watch(tell))
        try:
            async with asyncio.timeout(PLAYED_WITHIN_S):
                await self._send_all()
                await self._until(lambda: all(map(self._settled, self._wanted)))
        except TimeoutError:
            pass  # what has not ended shows in the outcome
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._tell_news(tell)
        return tuple(self._played(n) for n in range(1, len(self.scenario.order) + 1))

    async def _send_all(self) -> None:
        """The first order by itself, then those that fail; last those to a concentrator which the
        broker has to give up first."""
        await self._send(1)
        await self._until(lambda: self._settled(1))
        lost = {meter.name for meter in self._entries.meters if meter.concentrator == BARRED}
        rest = list(enumerate(self.scenario.order[1:], 2))
        for number, spec in rest:
            if lost.isdisjoint(spec.names()):
                await self._send(number)
        await self._fallen_silent(BARRED)
        for number, _ in rest:
            if number not in self._wanted:
                await self._send(number)

    async def _send(self, number: int) -> None:
        spec = self.scenario.order[number - 1]
        chance = self.running.head_end.settling.chance
        wanted = Wanted(
            kind=ControlKind(spec.kind),
            meters=spec.names(),
            amount=spec.amount,
            unit=spec.unit,
            any_day=spec.any_day,
            message_id=chance.uuid(),
            correlation_id=chance.uuid(),
        )
        self._wanted[number] = wanted
        loop, now = asyncio.get_running_loop(), self.commercial.now
        began, at = loop.time(), now()
        octets = len(self.commercial.envelope(wanted))
        self._pending.append(Sent(at, number, wanted, octets))
        answered = await self.commercial.send(wanted)
        self._pending.append(Acknowledged(now(), number, answered, loop.time() - began))

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(LOOK_S)

    async def _fallen_silent(self, concentrator: str) -> None:
        """Wait for the broker's word that a concentrator is gone."""
        connectivity = self.running.head_end.field.connectivity
        try:
            async with asyncio.timeout(SILENT_WITHIN_S):
                await self._until(lambda: connectivity(concentrator).online is False)
        except TimeoutError:
            pass  # the head-end then has less evidence, and says so

    # --- watching --------------------------------------------------------------------------------

    async def _watch(self, tell: Tell) -> None:
        while True:
            self._tell_news(tell)
            await asyncio.sleep(LOOK_S)

    def _tell_news(self, tell: Tell) -> None:
        """What the stand-ins saw and what is new in the store, in the order in which it happened:
        whatever the store held when a stand-in saw something is found now."""
        fresh, self._pending = self._pending, []
        for number in self._wanted:
            fresh += self._news(number)
        for moment in sorted(fresh, key=lambda moment: moment.at):
            tell(moment)
        for number in self._wanted:
            if number not in self._told and self._settled(number):
                self._told.add(number)
                tell(Ended(self.commercial.now(), number))

    def _news(self, number: int) -> Iterator[Moment]:
        order = self._order(number)
        if order is None:
            return
        for index, line in enumerate(self._ask(queries.journal, order.number)):
            if (key := ("journal", order.number, index)) not in self._told:
                self._told.add(key)
                yield Moved(line.at, number, line)
        for attempt in self._ask(queries.attempts, order.number):
            key = ("attempt", order.number, attempt.number)
            if attempt.ended_at is not None and key not in self._told:
                self._told.add(key)
                result = decode_upward(attempt.exchanges) if attempt.exchanges else None
                yield Tried(
                    attempt.ended_at,
                    number,
                    attempt,
                    result if isinstance(result, Result) else None,
                )

    def heard(self, moment: Callable[[int], Moment], correlation_id: str | None) -> None:
        """Take note of what a stand-in saw, where it belongs to the story."""
        self._pending += (
            moment(number)
            for number, wanted in self._wanted.items()
            if wanted.correlation_id == correlation_id
        )

    def _ask(self, query: Callable[..., Any], *arguments: Any) -> Any:
        return self.running.head_end.store.read(lambda connection: query(connection, *arguments))

    def _order(self, number: int) -> Order | None:
        if (wanted := self._wanted.get(number)) is None:
            return None
        which = OrderFilter(correlation_id=wanted.correlation_id)
        found: list[Order] = self._ask(queries.orders, which)
        return found[0] if found else None

    def _replies(self, number: int) -> tuple[Message, ...]:
        correlation = self._wanted[number].correlation_id if number in self._wanted else None
        return tuple(
            message
            for message in self.commercial.replies.values()
            if message.header is not None and message.header.correlation_id == correlation
        )

    def _unsettled(self, order: Order) -> tuple[str, ...]:
        rows = self._ask(queries.outgoing_of, order.number)
        return tuple(sorted({row.channel for row in rows if row.settled_at is None}))

    def _settled(self, number: int) -> bool:
        order = self._order(number)
        return order is not None and order.final and not self._unsettled(order)

    def _played(self, number: int) -> Played:
        order = self._order(number)
        return Played(
            self.scenario.order[number - 1],
            EXPECTED[number - 1],
            order,
            self._replies(number),
            () if order is None else self._unsettled(order),
        )


@asynccontextmanager
async def stage(directory: Path, post: Callable[[str], Post]) -> AsyncIterator[Stage]:
    """Bring everything up; databases go into `directory`.

    `post` makes the commercial system's way to the SOAP door at an address.  Raises what
    `headend.app.serving` and `scenarios.live` raise.
    """
    scenario = schema.read(STORY)
    config = Config(
        database=f"sqlite:///{directory / 'ami.db'}",
        legacy_database=f"sqlite:///{directory / 'ami-legacy.db'}",
        soap=Soap(port=0),
        orders=scenario.order_policy(),
        field=scenario.field_policy(),
        delivery=scenario.delivery(),
    )
    clock = WallClock()
    views: dict[str, Callable[[], CarrierView]] = {}
    async with (
        serving(config, portal=CarrierPortal(views, clock.now)) as running,
        live_field(scenario, running.broker, settings=SETTINGS, keepalive_s=KEEPALIVE_S) as devices,
    ):
        views |= views_of(devices.world, sim_of)
        entries = registry_of(scenario)
        await running.head_end.register(entries.concentrators, entries.meters)
        commercial = CommercialSystem(SOURCE, post(running.soap_url), clock.now)
        set_up = Stage(scenario, running, devices, commercial, config, entries)
        session = session_at(running.broker, "integration-platform")
        platform = IntegrationPlatform(commercial, session.publish, config.delivery.topic_root)
        await session.subscribe(platform.topic, _watched(platform, set_up))
        async with open_session(session):
            await devices.connected(CONNECTED_WITHIN_S)
            yield set_up


def _watched(
    platform: IntegrationPlatform, stage: Stage
) -> Callable[[str, bytes], Awaitable[None]]:
    """The platform's ear, and a word to whoever watches."""

    async def hear(topic: str, payload: bytes) -> None:
        now = stage.commercial.now
        message = commercial_messages.decode_result(payload)
        at = now()
        stage.heard(
            lambda number: Queued(at, number, message, len(payload)), message.correlation_id
        )
        await platform.hear(topic, payload)
        stored = stage.commercial.replies.get(message.message_id)
        if stored is not None:  # an event is stored elsewhere
            stage.heard(lambda number: Replied(now(), number, stored), message.correlation_id)

    return hear
