"""Orders without a pause, and what must hold of them whatever was killed or restarted meanwhile.

Held against witnesses that know nothing of each other: the commercial system's own book of what it
sent and heard, the head-end's database, and the meters' histories.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from devices.meter.history import Deed
from devices.world import World
from headend.domain.order import Order, State
from protocols.cim.control_types import ControlKind
from scenarios.expectations import invariants
from scenarios.stand_ins.commercial import Wanted
from scenarios.story import Story
from tests.prove.stage import Stage

SENDERS = 4
FIRST_LIMIT_W = 3000  # contracts end at 10 kW
LIMITS = 7000  # distinct amounts
REFUSED_S = 0.2  # a head-end without its database is asked again


async def send_orders(
    stage: Stage, rng: Random, number: int, enough: asyncio.Event, *, unavailable: bool = False
) -> None:
    """Order without a pause worth speaking of, until it is enough.  An order is refused where the
    head-end may be without its database (`unavailable`): it is sent until it is taken."""
    meters = stage.world.meter_names
    count = 0
    while not enough.is_set():
        count += 1
        wanted = wanted_by_chance(rng, meters, number=number, count=count)
        while not (answered := await stage.order(wanted)).taken:
            assert unavailable, answered.text
            del stage.acknowledged[wanted.message_id]
            await asyncio.sleep(REFUSED_S)
        await asyncio.sleep(rng.uniform(0.05, 0.8))


def wanted_by_chance(rng: Random, meters: tuple[str, ...], *, number: int, count: int) -> Wanted:
    kind = rng.choice([ControlKind.SET_LIMIT] * 4 + [ControlKind.CONNECT, ControlKind.DISCONNECT])
    amount = None
    if kind is ControlKind.SET_LIMIT:  # no amount comes twice, so that each write has one order
        amount = str(FIRST_LIMIT_W + (SENDERS * count + number) % LIMITS)
    return Wanted(
        kind=kind,
        meters=tuple(rng.sample(meters, k=rng.choice([1, 1, 1, 2, 5]))),
        amount=amount,
        message_id=f"m-{number}-{count}",
        correlation_id=f"c-{number}-{count}",
        any_day=True,
        generic=rng.random() < 0.2,
    )


async def ask_again(stage: Stage, rng: Random) -> None:
    """Send some acknowledged messages once more: each gets its first answer."""
    for message_id in rng.sample(sorted(stage.acknowledged), k=min(20, len(stage.acknowledged))):
        first = stage.acknowledged[message_id]
        again = await stage.order(stage.wanted[message_id])
        assert (again.text, again.transaction_id) == (first.text, first.transaction_id)


_ACTS = {Deed.LIMIT_WRITTEN, Deed.RELAY_OPENED, Deed.RELAY_CLOSED}


def carried_out(world: World) -> int:
    """Commands of clients that changed something at a meter."""
    return sum(
        deed.deed in _ACTS and deed.cause.startswith("client")
        for name in world.meter_names
        for deed in world.meter(name).history
    )


def orders_of(story: Story) -> list[Order]:
    return [record.order for record in story.records]


def lost(stage: Stage, story: Story) -> list[str]:
    """Acknowledged messages whose orders are not all there, and orders nobody sent."""
    stored: Counter[tuple[str | None, ...]] = Counter(
        (order.transaction_id, order.message_id, order.meter, str(order.amount))
        for order in orders_of(story)
    )
    sent: Counter[tuple[str | None, ...]] = Counter(
        (answer.transaction_id, message_id, meter, str(stage.wanted[message_id].amount))
        for message_id, answer in stage.acknowledged.items()
        for meter in stage.wanted[message_id].meters
    )
    assert set(stage.acknowledged) == set(stage.wanted), "every sender went on to an answer"
    return [f"lost {key}" for key in sent - stored] + [f"more of {key}" for key in stored - sent]


def heard_wrongly(stage: Stage) -> list[str]:
    """Messages that did not get exactly one final reply for each of their orders."""
    heard: Counter[str | None] = Counter()
    for reply in stage.commercial.replies.values():
        assert reply.header is not None and reply.header.source is not None
        heard[reply.header.correlation_id] += 1
    due: Counter[str | None] = Counter(
        {wanted.correlation_id: len(wanted.meters) for wanted in stage.wanted.values()}
    )
    return [
        f"{correlation}: {heard[correlation]} replies, {due[correlation]} due"
        for correlation in sorted({*heard, *due}, key=str)
        if heard[correlation] != due[correlation]
    ]


def counts_of(stage: Stage, story: Story) -> dict[str, object]:
    orders = orders_of(story)
    ended = Counter(str(o.reason) for o in orders if o.final and o.state is not State.DONE)
    commercial = stage.commercial
    distinct = len(commercial.replies) + len(commercial.events)
    found = {check.name: check.value for check in invariants(story)}
    return {
        "messages acknowledged": len(stage.acknowledged),
        "sent again under the same MessageID": stage.resent,
        "orders acknowledged": len(orders),
        "done": sum(order.state is State.DONE for order in orders),
        "ended otherwise": dict(ended),
        "still open": sum(not order.final for order in orders),
        "final replies heard, distinct": len(commercial.replies),
        "events heard, distinct": len(commercial.events),
        "deliveries, with repeats": commercial.received,
        "repeated deliveries": commercial.received - distinct,
        "changes that meters made by command": carried_out(stage.world),
        "lost": len(lost(stage, story)),
        "doubled": len(found["nothing was done twice"]) + len(found["one reply an order"]),
    }
