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

from headend.domain.order import State
from scenarios.expectations import invariants
from scenarios.story import Record
from tests import databases
from tests.prove.flow import SENDERS, ask_again, counts_of, heard_wrongly, lost, send_orders
from tests.prove.stage import Stage, staged

KILLS = int(os.environ.get("AMI_KILLS", "50"))
SEED = int(os.environ.get("AMI_SEED", "1"))
METERS = 60
CONCENTRATORS = 6
WHILE_STARTING = 0.2  # share of kills before it is ready

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
            asyncio.create_task(
                send_orders(stage, Random(f"{seed}/sender/{number}"), number, enough)
            )
            for number in range(SENDERS)
        ]
        try:
            cut_short = await _strike(stage, Random(f"{seed}/kill"), kills)
            enough.set()
            await asyncio.gather(*senders)
        finally:
            for sender in senders:
                sender.cancel()
        await ask_again(stage, Random(f"{seed}/again"))
        await stage.settled(timeout_s=240.0)
        for serve in (stage.serve, *stage.others):
            await serve.stop()
        story = stage.story()
        counts = {"kills of ami serve": stage.serve.kills, **cut_short, **counts_of(stage, story)}
        assert stage.serve.kills == kills
        assert lost(stage, story) == []
        assert heard_wrongly(stage) == []
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
