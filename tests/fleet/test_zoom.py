"""One concentrator of a fleet, and the same one under a whole head-end that is live on the
simulated clock: its broker, its task table, its receipts and its hourly questions, the world's log
written.  What is stored is the same octet by octet, and it comes in as late."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from devices.clock import FieldDriver, run_simulated
from devices.clock import world as simulated
from devices.world import World
from headend.app.fleet import LeasedKeys, fleet_desk
from headend.app.head_end import build
from headend.app.sessions import Bus, BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import CollectionPolicy, CollectionTask, Config, OrderPolicy
from headend.store.store import SqlStore
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.collection import collect
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.district import District
from scenarios.fleet.island import Delegated, world_of
from scenarios.fleet.provisioning import key_box, provision, storage
from scenarios.fleet.receiving import DAILY
from scenarios.fleet.workers import Workers
from scenarios.uplink import BusUplink
from tests.fleet.collecting import DAY, rows

WHOLE_S = 8 * 3600
INTERVALS = "SELECT meter, at, * FROM intervals ORDER BY meter, at"
BLOCKS = "SELECT meter, number, octets FROM collected_blocks ORDER BY meter, number"
LATENESS = """SELECT meter, received_at FROM collected_blocks ORDER BY meter, number"""

TASK = CollectionTask(
    name=DAILY.name, objects=("1.0.99.1.0.255",), every="1d", after_s=900.0, whole_days=True
)


class NobodyCalls:
    """There are no orders here, so that nobody waits for an outcome."""

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        raise AssertionError(address)


CASES = {
    "a quiet night": (City(24, seed=5, per_concentrator=24), Conditions()),
    "power line alone": (City(24, seed=6, per_concentrator=24), Conditions(radio=None)),
    "a fault": (City(18, seed=11, per_concentrator=18), Conditions(fault_share=1, fault_s=1800)),
}


@pytest.mark.parametrize("city, conditions", CASES.values(), ids=CASES)
def test_zoomed_in_the_same_is_stored_as_late(
    city: City, conditions: Conditions, tmp_path: Path
) -> None:
    stores = []
    for name in ("fleet", "live"):
        (tmp_path / name).mkdir()
        stores.append(storage(f"sqlite:///{tmp_path / name / 'fleet.db'}", None, city.seed))
    fleet, live = stores
    collect(city, fleet, Workers(1), jobs=1, first_day=DAY, days=1, conditions=conditions)
    frames = zoom(city, conditions, live)
    assert frames > 1_000  # each was encoded, carried, and written into the world's log
    assert rows(fleet, INTERVALS) == rows(live, INTERVALS)
    assert rows(fleet, BLOCKS) == rows(live, BLOCKS) != []
    late, late_live = (
        [seconds(came) for _, came in rows(store, LATENESS)] for store in (fleet, live)
    )
    assert len(late) == len(late_live)
    # What differs is which draws of the mobile network's delay fell to which message.
    assert max(abs(one - other) for one, other in zip(late, late_live, strict=True)) < 2.0
    assert distance(late, late_live) < critical(len(late), len(late_live))


def zoom(city: City, conditions: Conditions, config: Config) -> int:
    """The same concentrator under the head-end itself; how many transfers the line carried."""
    district = District(city, 0, DAY, 1)
    provision(city, config, jobs=1)
    given = tuple(delegated(config, lease) for lease in leases(config, district))
    start = datetime.fromtimestamp(district.first_midnight, UTC)
    return run_simulated(_live(district, conditions, config, given, start), start=start)


async def _live(
    district: District,
    conditions: Conditions,
    config: Config,
    given: tuple[Delegated, ...],
    start: datetime,
) -> int:
    bus, driver = Bus(), FieldDriver(simulated(start))

    def uplink(name: str) -> BusUplink:
        @cache
        def delay_s() -> Callable[[int], float]:
            return world.wan_delay_s(name)

        return BusUplink(
            bus, name, enter=lambda act: world.enter(act), delay_s=lambda octets: delay_s()(octets)
        )

    world: World = world_of(
        driver.env, district, conditions, given, uplink=uplink, driver=driver, write_log=True
    )
    client = BusClient(bus, "head-end")
    head_end = build(
        Config(
            database=config.database,
            legacy_database=config.database.replace("fleet.db", "legacy.db"),
            keys=config.keys,
            orders=OrderPolicy(zone="UTC"),
            collection=CollectionPolicy(task=(TASK,)),
        ),
        clock=LoopClock(start),
        chance=SeededChance(district.city.seed, "head-end"),
        broker=client,
        callback=NobodyCalls(),
        store=SqlStore(config.database, live=False),
        live=False,
    )
    await head_end.listen()
    await client.connect()
    work = asyncio.ensure_future(head_end.run())
    driver.start()
    world.enter(world.start)
    done, _ = await asyncio.wait({work}, timeout=WHOLE_S)
    assert not done and not head_end.errors
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await head_end.close()
    driver.stop()
    return sum(len(line["frames"]) for line in world.log.of_kind("transfer"))


def leases(config: Config, district: District) -> list[LeasedKeys]:
    desk = fleet_desk(config)
    found = desk.lease([str(index) for index in district.indices], CLIENT, 8192)
    desk.close()
    return found


def delegated(config: Config, lease: LeasedKeys) -> Delegated:
    keys = key_box(config).opened(lease)
    return Delegated(lease.meter, keys, lease.own, lease.end, lease.peer)


def seconds(came: object) -> int:
    """Whole ones after the midnight."""
    at = datetime.fromisoformat(str(came))
    return round(at.replace(tzinfo=UTC).timestamp()) - (DAY + 1) * 86_400


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Kolmogorov's and Smirnov's, between two samples."""
    return max(
        abs(
            sum(each <= moment for each in one) / len(one)
            - sum(each <= moment for each in other) / len(other)
        )
        for moment in (*one, *other)
    )


def critical(one: int, other: int) -> float:
    """Of that distance at 1 %, asymptotically."""
    return 1.628 * math.sqrt((one + other) / (one * other))
