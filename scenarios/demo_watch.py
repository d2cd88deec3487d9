"""Watches the demonstration: what the stand-ins saw and what the head-end has stored, as moments in
the order in which they happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headend.app.head_end import HeadEnd
from headend.domain.evidence import Source
from headend.domain.order import Order
from headend.store import queries
from headend.store.queries import OrderFilter
from protocols.cim.envelope import Message
from protocols.commercial import messages as commercial_messages
from protocols.concentrator.messages import Result, decode_upward
from scenarios.demo_moments import Ended, Moment, Moved, Queued, Replied, Tell, Tried
from scenarios.stand_ins.commercial import CommercialSystem, Wanted
from scenarios.stand_ins.integration_platform import IntegrationPlatform


@dataclass(slots=True)
class Watch:
    """Knows the story's orders by their numbers, and what of them was told."""

    head_end: HeadEnd
    commercial: CommercialSystem
    wanted: dict[int, Wanted] = field(default_factory=dict)  # by the story's number
    _told: set[object] = field(default_factory=set)  # keys of what was told
    _pending: list[Moment] = field(default_factory=list)  # seen, and not told yet

    def note(self, moment: Moment) -> None:
        """Take note of a moment, to be told with the next news."""
        self._pending.append(moment)

    def tell_news(self, tell: Tell) -> None:
        """What the stand-ins saw and what is new in the store, in the order in which it happened:
        whatever the store held when a stand-in saw something is found now."""
        fresh, self._pending = self._pending, []
        for number in self.wanted:
            fresh += self._news(number)
        for moment in sorted(fresh, key=lambda moment: moment.at):
            tell(moment)
        for number in self.wanted:
            if number not in self._told and self.settled(number):
                self._told.add(number)
                tell(Ended(self.commercial.now(), number))

    def _news(self, number: int) -> Iterator[Moment]:
        order = self.order(number)
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

    def explained(self, number: int) -> bool:
        """Whether the concentrator's own log has come, and everybody has been told."""
        order = self.order(number)
        heard = order is not None and any(e.source is Source.FAULT_LOG for e in order.evidence)
        return heard and self.settled(number)

    def heard(self, moment: Callable[[int], Moment], correlation_id: str | None) -> None:
        """Take note of what a stand-in saw, where it belongs to the story."""
        self._pending += (
            moment(number)
            for number, wanted in self.wanted.items()
            if wanted.correlation_id == correlation_id
        )

    def _ask(self, query: Callable[..., Any], *arguments: Any) -> Any:
        return self.head_end.store.read(lambda connection: query(connection, *arguments))

    def order(self, number: int) -> Order | None:
        """The order as it is stored; None before it is."""
        if (wanted := self.wanted.get(number)) is None:
            return None
        which = OrderFilter(correlation_id=wanted.correlation_id)
        found: list[Order] = self._ask(queries.orders, which)
        return found[0] if found else None

    def replies(self, number: int) -> tuple[Message, ...]:
        """The final replies that the commercial system has stored."""
        correlation = self.wanted[number].correlation_id if number in self.wanted else None
        return tuple(
            message
            for message in self.commercial.replies.values()
            if message.header is not None and message.header.correlation_id == correlation
        )

    def unsettled(self, order: Order) -> tuple[str, ...]:
        """The channels that owe somebody a word of it."""
        rows = self._ask(queries.outgoing_of, order.number)
        return tuple(sorted({row.channel for row in rows if row.settled_at is None}))

    def settled(self, number: int) -> bool:
        """Whether it has ended and everybody has been told."""
        order = self.order(number)
        return order is not None and order.final and not self.unsettled(order)

    def beside(self, platform: IntegrationPlatform) -> Callable[[str, bytes], Awaitable[None]]:
        """The platform's ear, and a note of what it heard."""

        async def hear(topic: str, payload: bytes) -> None:
            now = self.commercial.now
            message = commercial_messages.decode_result(payload)
            at = now()
            self.heard(
                lambda number: Queued(at, number, message, len(payload)), message.correlation_id
            )
            await platform.hear(topic, payload)
            stored = self.commercial.replies.get(message.message_id)
            if stored is not None:  # an event is stored elsewhere
                self.heard(lambda number: Replied(now(), number, stored), message.correlation_id)

        return hear
