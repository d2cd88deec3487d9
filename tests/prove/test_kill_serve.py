"""`ami serve` is killed at random moments while orders flow: nothing is lost, nothing is doubled.

Held against three witnesses that know nothing of each other: the commercial system's own book of
what it sent and heard, the head-end's database, and the meters' histories.

AMI_KILLS sets the number of kills of the long proof, AMI_SEED its seed.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from devices.meter.history import Deed
from devices.world import World
from headend.domain.order import Order, State
from protocols.cim.control_types import ControlKind
from scenarios.expectations import invariants
from scenarios.stand_ins.commercial import Wanted
from scenarios.story import Record, Story
from tests import databases
from tests.prove.stage import Stage, staged

KILLS = int(os.environ.get("AMI_KILLS", "50"))
SEED = int(os.environ.get("AMI_SEED", "1"))
SENDERS = 4
METERS = 60
CONCENTRATORS = 6
WHILE_STARTING = 0.2  # share of kills before it is ready
FIRST_LIMIT_W = 3000  # contracts end at 10 kW
LIMITS = 7000  # distinct amounts

pytestmark = [pytest.mark.requires("mosquitto"), pytest.mark.xdist_group("kill-serve")]


pytest_generate_tests = databases.on_both


@databases.sqlite_only("on PostgreSQL the two workers do as much")
@pytest.mark.live
def test_three_kills(tmp_path: Path) -> None:
    print(asyncio.run(_kill(tmp_path, kills=3, seed=7)))


@databases.postgresql_only
@pytest.mark.live
def test_two_workers_one_of_them_killed(tmp_path: Path) -> None:
    """On one database and one broker, which gives each message to any of them."""
    print(asyncio.run(_kill(tmp_path, kills=1, seed=8, workers=2)))


@pytest.mark.prove
def test_many_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulthandler.cancel_dump_traceback_later()  # pytest's, for tests that hang: this one is long
    counts = asyncio.run(_kill(tmp_path, kills=KILLS, seed=SEED))
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:<40} {value}" for name, value in counts.items()))


async def _kill(directory: Path, *, kills: int, seed: int, workers: int = 1) -> dict[str, object]:
    """Let orders flow, kill so often, wait for every end, and hold it all together."""
    async with staged(
        directory, meters=METERS, concentrators=CONCENTRATORS, seed=seed, workers=workers
    ) as stage:
        enough = asyncio.Event()
        senders = [
            asyncio.create_task(_send(stage, Random(f"{seed}/sender/{number}"), number, enough))
            for number in range(SENDERS)
        ]
        try:
            cut_short = await _strike(stage, Random(f"{seed}/kill"), kills)
            enough.set()
            await asyncio.gather(*senders)
        finally:
            for sender in senders:
                sender.cancel()
        await _ask_again(stage, Random(f"{seed}/again"))
        await stage.settled(timeout_s=240.0)
        for serve in (stage.serve, *stage.others):
            await serve.stop()
        story = stage.story()
        counts = {"kills of ami serve": stage.serve.kills, **cut_short, **_counts(stage, story)}
        assert stage.serve.kills == kills
        assert _lost(stage, story) == []
        assert _heard_wrongly(stage) == []
        assert [check for check in invariants(story) if not check.ok] == []
        assert sum(record.order.state is State.DONE for record in story.records) > kills
        return counts


async def _strike(stage: Stage, rng: Random, kills: int) -> dict[str, int]:
    """Kill it so often, and start it again each time.  Tells what the kills cut short."""
    ready = True
    cut_short = Counter({"kills before it was ready": 0})
    for _ in range(kills):
        if not ready:
            if rng.random() < WHILE_STARTING:
                await asyncio.sleep(rng.uniform(0.0, 3.0))
                cut_short["kills before it was ready"] += 1
            else:
                await stage.serve.ready()
        await asyncio.sleep(rng.uniform(0.0, 2.5))
        await stage.serve.kill()
        records = stage.records()
        cut_short["orders queued, summed over kills"] += _standing(records, State.QUEUED)
        cut_short["orders under way, summed over kills"] += _standing(
            records, State.DISPATCHED, State.EXECUTING, State.UNKNOWN
        )
        cut_short["results owed, summed over kills"] += sum(
            out.settled_at is None for record in records for out in record.outgoing
        )
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        await stage.serve.launch()
        ready = False
    await stage.serve.ready()
    return dict(cut_short)


def _standing(records: tuple[Record, ...], *states: State) -> int:
    return sum(record.order.state in states for record in records)


async def _send(stage: Stage, rng: Random, number: int, enough: asyncio.Event) -> None:
    """Order without a pause worth speaking of, until it is enough."""
    meters = stage.world.meter_names
    count = 0
    while not enough.is_set():
        count += 1
        wanted = _wanted(rng, meters, number=number, count=count)
        answered = await stage.order(wanted)
        assert answered.taken, answered.text
        await asyncio.sleep(rng.uniform(0.05, 0.8))


def _wanted(rng: Random, meters: tuple[str, ...], *, number: int, count: int) -> Wanted:
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


async def _ask_again(stage: Stage, rng: Random) -> None:
    """Send some acknowledged messages once more: each gets its first answer."""
    for message_id in rng.sample(sorted(stage.acknowledged), k=min(20, len(stage.acknowledged))):
        first = stage.acknowledged[message_id]
        again = await stage.order(stage.wanted[message_id])
        assert (again.text, again.transaction_id) == (first.text, first.transaction_id)


_ACTS = {Deed.LIMIT_WRITTEN, Deed.RELAY_OPENED, Deed.RELAY_CLOSED}


def _carried_out(world: World) -> int:
    """Commands of clients that changed something at a meter."""
    return sum(
        deed.deed in _ACTS and deed.cause.startswith("client")
        for name in world.meter_names
        for deed in world.meter(name).history
    )


def _orders(story: Story) -> list[Order]:
    return [record.order for record in story.records]


def _lost(stage: Stage, story: Story) -> list[str]:
    """Acknowledged messages whose orders are not all there, and orders nobody sent."""
    stored = Counter(
        (order.transaction_id, order.message_id, order.meter, str(order.amount))
        for order in _orders(story)
    )
    sent = Counter(
        (answer.transaction_id, message_id, meter, str(stage.wanted[message_id].amount))
        for message_id, answer in stage.acknowledged.items()
        for meter in stage.wanted[message_id].meters
    )
    assert set(stage.acknowledged) == set(stage.wanted), "every sender went on to an answer"
    return [f"lost {key}" for key in sent - stored] + [f"more of {key}" for key in stored - sent]


def _heard_wrongly(stage: Stage) -> list[str]:
    """Messages that did not get exactly one final reply for each of their orders."""
    heard: Counter[str | None] = Counter()
    for reply in stage.commercial.replies.values():
        assert reply.header is not None and reply.header.source is not None
        heard[reply.header.correlation_id] += 1
    due = Counter({wanted.correlation_id: len(wanted.meters) for wanted in stage.wanted.values()})
    return [
        f"{correlation}: {heard[correlation]} replies, {due[correlation]} due"
        for correlation in sorted({*heard, *due}, key=str)
        if heard[correlation] != due[correlation]
    ]


def _counts(stage: Stage, story: Story) -> dict[str, object]:
    orders = _orders(story)
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
        "changes that meters made by command": _carried_out(stage.world),
        "lost": len(_lost(stage, story)),
        "doubled": len(found["nothing was done twice"]) + len(found["one reply an order"]),
    }
