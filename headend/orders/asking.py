"""Asking the field: an order as a command, and what can be learned where no answer comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from headend.domain.evidence import Evidence, Source, folded
from headend.domain.order import Order
from headend.domain.reason import ReasonCode
from headend.orders.breaker import Breaker
from headend.ports import CarrierPortal, Clock, Command, Field, Report, Store
from protocols.concentrator.messages import Action

# How far back a concentrator's fault log is told of as its history.
HISTORY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks concentrators, and those who know of a concentrator that does not answer."""

    store: Store
    clock: Clock
    field: Field
    portal: CarrierPortal | None
    breaker: Breaker

    def offline(self, order: Order) -> bool:
        """Whether the broker has told that the order's concentrator is gone."""
        return self.field.connectivity(concentrator_of(order)).online is False

    async def completed(self, command: Command, order: Order) -> Command:
        """The order's command with what is looked up for it: the label of its image, and whether
        the time has come to start that."""
        if order.image is None:
            return command
        name = order.image
        label = await self.store.run(lambda tx: tx.image_label(name))
        due = order.activate_at is None or self.clock.now() >= order.activate_at
        return replace(command, image=label, activate=due)

    async def why_unreachable(self, order: Order) -> tuple[Evidence, ...]:
        """Everything that can be learned now about a silent concentrator.

        What its own log said of late is told as history and suggests nothing: a log that was heard
        explains a silence that has ended.  The log of this silence comes after it, by `Hearing`.
        """
        name = concentrator_of(order)
        since = self.clock.now() - HISTORY
        known, history = await self.store.run(
            lambda tx: (tx.concentrator(name), tx.evidence_about(name, since))
        )
        found = [replace(item, suggests=None) for item in folded(history)]
        session = self.field.connectivity(name)
        if session.online is False and session.since is not None:
            text = f"the broker published {name}'s last will: its session broke"
            reason = ReasonCode.CONCENTRATOR_UNREACHABLE
            found.append(Evidence(Source.LAST_WILL, session.since, text, reason))
        if self.portal is not None and known is not None and known.sim is not None:
            said = await self.portal.ask(known.sim)
            if said is not None:
                found.append(said)
        return tuple(found)

    def feed_breaker(self, order: Order, report: Report, evidence: tuple[Evidence, ...]) -> None:
        """Let the circuit breaker know whether the concentrator gave a word, or what tells of its
        silence."""
        if report.accepted or report.result is not None:
            self.breaker.succeeded(concentrator_of(order))
        else:
            self.breaker.failed(concentrator_of(order), self.clock.now(), evidence)


def concentrator_of(order: Order) -> str:
    """The concentrator that a queued order goes to."""
    assert order.concentrator is not None, "an order without a concentrator is never queued"
    return order.concentrator


def command_of(order: Order) -> Command:
    """The command of an order's last attempt that may act."""
    assert order.not_after is not None
    return Command(
        order=order.number,
        attempt=order.commanded,
        concentrator=concentrator_of(order),
        meter=order.meter,
        action=Action(order.kind),
        not_after=order.not_after,
        amount=order.amount,
        unit=order.unit,
        objects=order.objects,
        clock=order.clock,
        tariff=order.tariff,
        since=order.demand_before,
    )


def own_of(report: Report) -> tuple[Evidence, ...] | None:
    """What our own line saw; None where a concentrator is between us and the meter."""
    return report.evidence if report.direct else None
