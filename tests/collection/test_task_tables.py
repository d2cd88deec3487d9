"""Concentrators get the table of tasks that the configuration wants, once each, and again only when
they say that they have another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.task_tables import LOOK_S, TaskTables
from headend.collection.tasks import BadTask
from headend.config import BadConfig, CollectionPolicy, CollectionTask, parse
from headend.domain.collecting import TaskTable
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.models import Shelf
from headend.ports import Transaction
from headend.store.store import SqlStore
from protocols.concentrator.collecting import SetTasks
from protocols.concentrator.messages import Downward, Online
from tests import databases
from tests.conftest import SIMULATED_START

pytest_generate_tests = databases.on_both

LOAD = CollectionTask(name="load", objects=("load-profile",))
DAILY = CollectionTask(name="daily", objects=("1.0.99.2.0.255",), every="1d", after_s=18_000)
REGISTERS = CollectionTask(
    name="now", kind="registers", objects=("active-energy-import", "1.0.32.7.0.255")
)


@dataclass(slots=True)
class Way:
    """The way to concentrators that store what they get, unless it is broken."""

    broken: bool = False
    delivered: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        assert isinstance(message, SetTasks)
        await asyncio.sleep(0.1)
        if not self.broken:
            names = tuple(task.name for task in message.tasks)
            self.delivered.append((concentrator, message.version, names))
        return not self.broken


@asynccontextmanager
async def keeper(
    store: SqlStore, way: Way, *tasks: CollectionTask, there: tuple[str, ...] = ()
) -> AsyncIterator[TaskTables]:
    policy = CollectionPolicy(task=tasks)
    clock = LoopClock(SIMULATED_START)
    tables = TaskTables(store, clock, SeededChance(1), Shelf(), way, policy, "", lambda: there)
    work = asyncio.create_task(tables.run())
    yield tables
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert tables.errors == []


@asynccontextmanager
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore(databases.memory(), live=False)
    await store.run(lambda tx: tx.put_concentrators([Concentrator("C-1"), Concentrator("C-2")]))
    yield store
    await store.close()


def online(name: str, tasks: int = 0) -> Online:
    now = LoopClock(SIMULATED_START).now()
    return Online(id="x", at=now, concentrator=name, boot=1, firmware="f", tasks=tasks)


async def says(tables: TaskTables, name: str, tasks: int = 0) -> None:
    await tables.online(name, online(name, tasks))
    await asyncio.sleep(1)


async def kept(store: SqlStore, name: str) -> TaskTable | None:
    return await store.run(lambda tx: tx.task_table(name))


async def test_a_table_is_sent_once_and_kept_over_restarts() -> None:
    way = Way()
    async with store() as memory:
        async with keeper(memory, way, LOAD) as tables:
            await says(tables, "C-1")
            await says(tables, "C-1", tasks=1)  # after a reboot: it has it
        async with keeper(memory, way, LOAD) as tables:
            await says(tables, "C-1", tasks=1)
            assert way.delivered == [("C-1", 1, ("load",))]
            table = await kept(memory, "C-1")
            assert table is not None
            assert table.settled


async def test_another_configuration_is_another_version() -> None:
    way = Way()
    async with store() as memory:
        async with keeper(memory, way, LOAD) as tables:
            await says(tables, "C-1")
        async with keeper(memory, way, LOAD, DAILY) as tables:
            await says(tables, "C-1", tasks=1)
        async with keeper(memory, way) as tables:  # and one that wants nothing any more
            await says(tables, "C-1", tasks=2)
    assert way.delivered == [("C-1", 1, ("load",)), ("C-1", 2, ("load", "daily")), ("C-1", 3, ())]


async def test_a_device_that_was_replaced_gets_it_again() -> None:
    way = Way()
    async with store() as memory, keeper(memory, way, LOAD) as tables:
        await says(tables, "C-1")
        await says(tables, "C-1", tasks=0)
    assert way.delivered == [("C-1", 1, ("load",))] * 2


async def test_one_that_knows_more_than_we_do_gets_a_higher_version() -> None:
    """Our database is younger than its table: what it has would else be taken for ours."""
    way = Way()
    async with store() as memory, keeper(memory, way, LOAD) as tables:
        await says(tables, "C-1", tasks=7)
    assert way.delivered == [("C-1", 8, ("load",))]


async def test_it_is_tried_again_and_nobody_waits_for_another() -> None:
    way = Way(broken=True)
    async with store() as memory, keeper(memory, way, LOAD) as tables:
        await says(tables, "C-1")
        table = await kept(memory, "C-1")
        assert table is not None
        assert not table.settled
        way.broken = False
        await says(tables, "C-2")
        await asyncio.sleep(CollectionPolicy().retry_s)
    assert sorted(way.delivered) == [("C-1", 1, ("load",)), ("C-2", 1, ("load",))]


async def test_a_stranger_gets_none_and_who_needs_none_hears_nothing() -> None:
    way = Way()
    async with store() as memory:
        async with keeper(memory, way, LOAD) as tables:
            await says(tables, "C-9")
        async with keeper(memory, way) as tables:
            await says(tables, "C-1")
    assert way.delivered == []


GROUPS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    # name: (group, meters of the task at C-1, and at C-2; None: it has no such task)
    "everyone": ({}, "", ""),
    "a concentrator, whoever is behind it": ({"concentrators": ("C-1",)}, "", None),
    "a model": ({"models": ("special",)}, "M2", None),
    "two models": ({"models": ("special", "generic")}, "M1 M2", "M3"),
    "a place": ({"place": "R1"}, None, "M3"),
    "a place that nobody knows": ({"place": "R9"}, None, None),
    "names": ({"meters": ("M3", "M1", "M4", "M77")}, "M1", "M3"),
    "a model behind a concentrator": (
        {"models": ("generic",), "concentrators": ("C-2",)}, None, "M3",
    ),
}  # fmt: skip


async def hung(memory: SqlStore) -> None:
    """M1 and M2 behind C-1, M3 behind C-2 in the region R1, M4 nowhere."""
    began = SIMULATED_START
    point = Place("P3", PlaceKind.SERVICE_POINT, "R1")

    def work(tx: Transaction) -> None:
        tx.put_meters(
            [
                Meter("M1", "C-1"), Meter("M2", "C-1", model="special"), Meter("M3", "C-2"),
                Meter("M4"),
            ]
        )  # fmt: skip
        tx.put_places([Place("R1", PlaceKind.REGION), point])
        tx.add_installation(Installation("M3", "P3", began))

    await memory.run(work)


@pytest.mark.parametrize("name", GROUPS)
async def test_a_task_is_for_its_group(name: str) -> None:
    group, *wanted = GROUPS[name]
    way, task = Way(), msgspec.structs.replace(LOAD, **group)
    async with store() as memory, keeper(memory, way, DAILY, task) as tables:
        await hung(memory)
        for concentrator, meters in zip(("C-1", "C-2"), wanted, strict=True):
            await says(tables, concentrator)
            table = await kept(memory, concentrator)
            assert table is not None and table.settled
            found = {each.name: each.meters for each in table.tasks}
            assert found.pop("daily") == ()
            assert found == ({} if meters is None else {"load": tuple(meters.split())})


async def test_a_table_follows_the_registry_where_its_tasks_name_groups() -> None:
    way, task = Way(), msgspec.structs.replace(LOAD, models=("special",))
    async with store() as memory, keeper(memory, way, task, there=("C-1",)) as tables:
        await hung(memory)
        await says(tables, "C-1")
        await asyncio.sleep(2 * LOOK_S)
        assert [version for _, version, _ in way.delivered] == [1], "nothing has changed"
        await memory.run(lambda tx: tx.put_meters([Meter("M1", "C-1", model="special")]))
        await asyncio.sleep(LOOK_S + 1)
        table = await kept(memory, "C-1")
        assert table is not None and table.settled
        assert [each.meters for each in table.tasks] == [("M1", "M2")]
        gone = [Meter(name, "C-2", model="special") for name in ("M1", "M2")]
        await memory.run(lambda tx: tx.put_meters(gone))
        await asyncio.sleep(LOOK_S + 1)
    assert way.delivered == [("C-1", 1, ("load",)), ("C-1", 2, ("load",)), ("C-1", 3, ())]


def test_words_and_names_become_objects() -> None:
    policy = CollectionPolicy(task=(LOAD, DAILY, REGISTERS))
    tables = TaskTables(None, None, None, Shelf(), Way(), policy)  # type: ignore[arg-type]
    found = [[(o.class_id, o.name) for o in task.objects] for task in tables.wanted()]
    assert found == [
        [(7, "1.0.99.1.0.255")],
        [(7, "1.0.99.2.0.255")],
        [(3, "1.0.1.8.0.255"), (3, "1.0.32.7.0.255")],
    ]


def test_what_nobody_can_read_is_told_before_the_start() -> None:
    wrong = CollectionTask(name="load", objects=("lod-profile",))
    policy = CollectionPolicy(task=(wrong,))
    tables = TaskTables(None, None, None, Shelf(), Way(), policy)  # type: ignore[arg-type]
    with pytest.raises(BadTask, match="lod-profile.*load-profile"):
        tables.wanted()


@pytest.mark.parametrize("zone", ["America/Santiag", "America", "../etc/passwd", "a\0b"])
def test_a_zone_that_nobody_knows_is_told_before_the_start(zone: str) -> None:
    def tables(*tasks: CollectionTask) -> TaskTables:
        policy = CollectionPolicy(task=tasks)
        return TaskTables(None, None, None, Shelf(), Way(), policy, zone)  # type: ignore[arg-type]

    with pytest.raises(BadTask, match="is no time zone"):
        tables(LOAD).wanted()
    assert tables().wanted() == ()


BAD_TASKS = {
    "two buffers in one task": 'name = "a"\nobjects = ["load-profile", "daily-profile"]',
    "no object": 'name = "a"\nobjects = []',
    "another period": 'name = "a"\nobjects = ["load-profile"]\nevery = "7min"',
    "registers by month": 'name = "a"\nkind = "registers"\nobjects = ["clock"]\nevery = "1mo"',
    "a place that is no word": 'name = "a"\nobjects = ["load-profile"]\nplace = 7',
    "a spread below nought": 'name = "a"\nobjects = ["load-profile"]\nspread_s = -1',
    "a name with a space": 'name = "a b"\nobjects = ["load-profile"]',
}


@pytest.mark.parametrize("text", BAD_TASKS.values(), ids=BAD_TASKS)
def test_a_bad_task_in_the_configuration(text: str) -> None:
    with pytest.raises(BadConfig):
        parse(f"[[collection.task]]\n{text}\n")
