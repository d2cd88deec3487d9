"""Broker, database and workers are each killed while orders and uploads go on: nothing is lost, and
nothing is done twice.

Workers on one PostgreSQL and one Mosquitto: two in the long proof, one in the suite.  AMI_RESTARTS
sets how often the long proof kills each of the three, AMI_SEED its seed.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from headend.domain.order import State
from headend.store.store import Reader, SqlStore
from scenarios.expectations import invariants
from tests import databases
from tests.field import live_broker
from tests.prove.flow import ask_again, counts_of, heard_wrongly, lost, send_orders
from tests.prove.stage import Stage, staged
from tests.prove.uploader import Uploader

RESTARTS = int(os.environ.get("AMI_RESTARTS", "10"))
SEED = int(os.environ.get("AMI_SEED", "1"))
UPLOADERS = ("Z-1", "Z-2")

pytestmark = [
    pytest.mark.requires("mosquitto", "postgresql"),
    pytest.mark.xdist_group("kill-serve"),
]


@pytest.mark.live
def test_each_is_killed_once(tmp_path: Path) -> None:
    print(asyncio.run(_restart(tmp_path, each=1, seed=5, meters=6, senders=1, workers=1)))


@pytest.mark.prove
def test_each_is_killed_often(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulthandler.cancel_dump_traceback_later()  # pytest's, for tests that hang: this one is long
    counts = asyncio.run(
        _restart(tmp_path, each=RESTARTS, seed=SEED, meters=60, senders=4, workers=2)
    )
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:<40} {value}" for name, value in counts.items()))


async def _restart(
    directory: Path, *, each: int, seed: int, meters: int, senders: int, workers: int
) -> dict[str, object]:
    """Let orders and uploads flow, kill each of the three so often, and hold it all together."""
    async with AsyncExitStack() as stack:
        server = databases.new_cluster()
        stack.callback(server.end)
        url = server.new(databases.WITH_TABLES)
        stage = await stack.enter_async_context(
            staged(
                directory, meters=meters, concentrators=3, seed=seed, workers=workers, database=url
            )
        )
        uploaders = [await _uploader(stack, stage, url, name, seed) for name in UPLOADERS]
        enough = asyncio.Event()
        flows = [
            asyncio.create_task(
                send_orders(
                    stage, Random(f"{seed}/sender/{number}"), number, enough, unavailable=True
                )
            )
            for number in range(senders)
        ] + [asyncio.create_task(uploader.run(enough)) for uploader in uploaders]
        try:
            await _strike(stage, server, Random(f"{seed}/kill"), each)
            enough.set()
            await asyncio.gather(*flows)
        finally:
            for flow in flows:
                flow.cancel()
        await ask_again(stage, Random(f"{seed}/again"))
        await stage.settled(timeout_s=240.0)
        for serve in (stage.serve, *stage.others):
            await serve.stop()
        story, kept = stage.story(), _kept(url, uploaders)
        counts = {"times each was killed": each, **counts_of(stage, story), **kept}
        assert lost(stage, story) == []
        assert heard_wrongly(stage) == []
        assert [check for check in invariants(story) if not check.ok] == []
        assert kept["blocks or rows lost"] == kept["blocks or rows doubled"] == 0
        assert kept["uploads receipted"] > each
        assert sum(record.order.state is State.DONE for record in story.records) > 0
        return counts


async def _strike(stage: Stage, server: databases.Cluster, rng: Random, each: int) -> None:
    """Kill broker, database and a worker so often, in an order made by chance."""

    async def worker() -> None:
        serve = rng.choice([stage.serve, *stage.others])
        await serve.kill()
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        await serve.launch()
        await serve.ready()

    async def database() -> None:
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        await asyncio.to_thread(server.start)

    async def broker() -> None:
        await live_broker.kill(stage.broker)

    blows = [worker, database, broker] * each
    rng.shuffle(blows)
    for blow in blows:
        await asyncio.sleep(rng.uniform(0.2, 2.5))
        await blow()


async def _uploader(
    stack: AsyncExitStack, stage: Stage, url: str, name: str, seed: int
) -> Uploader:
    session = await stack.enter_async_context(live_broker.session(stage.broker.port, name))
    uploader = Uploader(session, name, Random(f"{seed}/{name}"))
    store = SqlStore(url, live=True)
    await uploader.register(store)
    await store.close()
    return uploader


def _kept(url: str, uploaders: list[Uploader]) -> Counter[str]:
    reader, kept = Reader(url), Counter[str]()
    try:
        for uploader in uploaders:
            kept.update(reader.read(uploader.kept))
        return kept
    finally:
        reader.close()
