"""SimPy on asyncio's time: the same order on the live loop and on the simulated one."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import simpy

from devices.clock import FieldDriver, run_simulated, world

START = datetime(2026, 7, 6, tzinfo=UTC)
TICK_S = 0.002


def device(
    env: simpy.Environment, name: str, period: int, log: list[str]
) -> Generator[simpy.Event, Any, None]:
    for turn in range(4):
        yield env.timeout(period * TICK_S)
        log.append(f"{name}{turn}")


async def field_of_three(log: list[str]) -> None:
    env = world(START)
    processes = [env.process(device(env, name, n, log)) for name, n in (("a", 2), ("b", 3))]
    store = simpy.Store(env)

    def receiver() -> Generator[simpy.Event, Any, None]:
        while True:
            log.append((yield store.get()))

    def sender() -> Generator[simpy.Event, Any, None]:
        yield env.timeout(5 * TICK_S)
        yield store.put("frame")

    env.process(receiver())
    env.process(sender())
    driver = FieldDriver(env)
    done = asyncio.get_running_loop().create_future()
    simpy.AllOf(env, processes).callbacks.append(lambda _: done.set_result(None))
    driver.start()
    await done
    driver.stop()


def test_the_live_and_the_simulated_loop_give_the_same_order():
    live: list[str] = []
    simulated: list[str] = []
    asyncio.run(field_of_three(live))
    run_simulated(field_of_three(simulated), start=START)
    assert live == simulated
    assert len(live) == 9
    assert "frame" in live


def test_events_happen_at_their_time_and_asyncio_sees_the_same_time():
    async def main() -> tuple[list[float], float]:
        env = world(START)
        seen: list[float] = []

        def process() -> Generator[simpy.Event, Any, None]:
            for _ in range(3):
                yield env.timeout(900)
                seen.append(env.now - START.timestamp())

        env.process(process())
        FieldDriver(env).start()
        await asyncio.sleep(2000)
        return seen, asyncio.get_running_loop().time()

    assert run_simulated(main(), start=START) == ([900, 1800], 2000)


def test_entering_brings_the_world_to_the_present_first():
    async def main() -> tuple[float, list[float]]:
        env = world(START)
        fired: list[float] = []

        def process(delay_s: float) -> Generator[simpy.Event, Any, None]:
            yield env.timeout(delay_s)
            fired.append(env.now - START.timestamp())

        driver = FieldDriver(env)
        driver.start()
        await asyncio.sleep(7)
        entered = driver.enter(lambda: (env.process(process(3)), env.now)[1])
        await asyncio.sleep(60)
        return entered - START.timestamp(), fired

    assert run_simulated(main(), start=START) == (7, [10])


def test_entering_leaves_nothing_behind_in_the_world():
    async def main() -> float:
        env = world(START)
        driver = FieldDriver(env)
        driver.start()
        await asyncio.sleep(7)
        driver.enter(lambda: None)
        return env.peek()

    assert run_simulated(main(), start=START) == simpy.core.Infinity


def test_the_world_may_enter_itself():
    async def main() -> list[str]:
        env = world(START)
        driver = FieldDriver(env)
        log: list[str] = []

        def process() -> Generator[simpy.Event, Any, None]:
            yield env.timeout(1)
            driver.enter(lambda: log.append("inside"))

        env.process(process())
        driver.start()
        await asyncio.sleep(2)
        driver.enter(lambda: driver.enter(lambda: log.append("nested")))
        return log

    assert run_simulated(main(), start=START) == ["inside", "nested"]


def failing(env: simpy.Environment) -> Generator[simpy.Event, Any, None]:
    yield env.timeout(TICK_S)
    raise LookupError("no such feeder")


def test_a_process_that_fails_ends_a_simulated_run():
    async def main() -> None:
        env = world(START)
        env.process(failing(env))
        FieldDriver(env).start()
        await asyncio.sleep(3600)

    with pytest.raises(LookupError, match="no such feeder"):
        run_simulated(main(), start=START)


def test_a_process_that_fails_live_is_told_and_stops_the_world():
    async def main() -> None:
        logged: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, c: logged.append(c["exception"]))
        env = world(START)
        env.process(failing(env))
        driver = FieldDriver(env)
        driver.start()
        with pytest.raises(LookupError, match="no such feeder"):
            await asyncio.wait_for(driver.failed, 10)
        assert [str(error) for error in logged] == ["no such feeder"]
        with pytest.raises(RuntimeError, match="the world has stopped"):
            driver.enter(lambda: None)

    asyncio.run(main())


def test_a_stopped_world_does_nothing_more():
    async def main() -> list[str]:
        env = world(START)
        log: list[str] = []
        env.process(device(env, "a", 1000, log))
        driver = FieldDriver(env)
        driver.start()
        await asyncio.sleep(3)
        driver.stop()
        await asyncio.sleep(3600)
        return log

    assert run_simulated(main(), start=START) == ["a0"]


def test_a_driver_keeps_one_timer_however_often_it_is_entered():
    async def main() -> int:
        env = world(START)
        env.process(device(env, "a", 10**6, []))
        driver = FieldDriver(env)
        driver.start()
        for _ in range(1000):
            driver.enter(lambda: None)
        return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    assert run_simulated(main(), start=START) <= 2  # the one, and the cancelled one before it


def test_nobody_imports_the_simpy_that_sleeps():
    root = Path(__file__).parents[2]
    for package in ("protocols", "devices", "headend", "scenarios", "tools"):
        for path in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    assert node.attr != "RealtimeEnvironment", path
                elif isinstance(node, ast.Import):
                    assert all(alias.name != "simpy.rt" for alias in node.names), path
                elif isinstance(node, ast.ImportFrom):
                    assert node.module != "simpy.rt", path
                    assert all(a.name not in ("rt", "RealtimeEnvironment") for a in node.names)
