"""The simulated clock: it jumps, it never spins, and it refuses what runs in real time."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import (
    REFUSED_METHODS,
    ClockRefusal,
    SimulatedLoop,
    SimulationStuck,
    run_simulated,
    wall_clock,
)

START = datetime(2026, 7, 6, tzinfo=UTC)


def simulated() -> SimulatedLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    return loop


def test_waiting_costs_nothing_and_the_date_follows():
    async def main() -> tuple[float, datetime]:
        await asyncio.sleep(30 * 86400)
        return simulated().time(), simulated().utc()

    began = time.perf_counter()
    assert run_simulated(main(), start=START) == (30 * 86400, START + timedelta(days=30))
    assert time.perf_counter() - began < 10


def test_timers_fire_in_order_of_their_time_and_at_it():
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, simulated().time()))

    async def main() -> None:
        await asyncio.gather(wait("late", 3.5), wait("soon", 0.25), wait("between", 1.0))

    run_simulated(main(), start=START)
    assert seen == [("soon", 0.25), ("between", 1.0), ("late", 3.5)]


@given(st.lists(st.integers(0, 3), max_size=40), st.sets(st.integers(0, 39)))
def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set(
    moments: list[int], cancelled: set[int]
):
    """Whatever else is due: asyncio's own heap lets any other timer swap two equal ones."""
    fired: list[tuple[int, int]] = []

    async def main() -> None:
        loop = simulated()
        timers = [
            loop.call_later(moment, fired.append, (moment, place))
            for place, moment in enumerate(moments)
        ]
        for place in cancelled & set(range(len(timers))):
            timers[place].cancel()
        await asyncio.sleep(4)

    run_simulated(main(), start=START)
    kept = [(moment, place) for place, moment in enumerate(moments) if place not in cancelled]
    assert fired == sorted(kept)


def test_time_limits_and_intervals_work_unchanged():
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return simulated().time()

    assert run_simulated(main(), start=START) == 5


@pytest.mark.parametrize("already_s", [0, 2**24 - 1, 2**24 + 1, 2**28, 2**32])
def test_the_clock_does_not_spin_when_old(already_s: int):
    """With asyncio's own resolution of 1 ns this hangs from 2**24 s (194 days) on."""

    async def main() -> float:
        await asyncio.sleep(already_s)
        for _ in range(100):
            await asyncio.sleep(0.1)
        return simulated().time()

    assert run_simulated(main(), start=START) == pytest.approx(already_s + 10, abs=1e-4)


def test_a_start_needs_a_zone_and_may_have_any():
    with pytest.raises(ValueError, match="time zone"):
        SimulatedLoop(datetime(2026, 7, 6))
    loop = SimulatedLoop(datetime(2026, 7, 6, tzinfo=timezone(timedelta(hours=-4))))
    assert loop.utc() == datetime(2026, 7, 6, 4, tzinfo=UTC)
    assert loop.utc().utcoffset() == timedelta(0)
    loop.close()


# What runs in real time raises.


async def _streams() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def _streams_by_name() -> None:
    await asyncio.open_connection("localhost", 9)


async def _stream_server() -> None:
    await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


async def _unix_stream() -> None:
    await asyncio.open_unix_connection("/nowhere")


async def _own_socket() -> None:
    socket.socket()


async def _own_connection() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=0.01)


async def _executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)


async def _to_thread() -> None:
    await asyncio.to_thread(int)


async def _own_thread() -> None:
    threading.Thread(target=int).start()


async def _subprocess() -> None:
    await asyncio.create_subprocess_exec("true")


async def _shell() -> None:
    await asyncio.create_subprocess_shell("true")


async def _own_subprocess() -> None:
    subprocess.run(["true"])


async def _signals() -> None:
    asyncio.get_running_loop().add_signal_handler(15, int)


REAL = (
    _streams,
    _streams_by_name,
    _stream_server,
    _unix_stream,
    _own_socket,
    _own_connection,
    _executor,
    _to_thread,
    _own_thread,
    _subprocess,
    _shell,
    _own_subprocess,
    _signals,
)


@pytest.mark.parametrize("main", REAL, ids=lambda main: main.__name__.strip("_"))
def test_real_time_is_refused(main: Callable[[], Any]):
    with pytest.raises(ClockRefusal, match="simulated clock"):
        run_simulated(main(), start=START)


@pytest.mark.parametrize("name", REFUSED_METHODS)
def test_each_method_that_touches_the_world_raises(name: str):
    async def main() -> None:
        getattr(asyncio.get_running_loop(), name)("127.0.0.1", 0)

    with pytest.raises(ClockRefusal, match=name):
        run_simulated(main(), start=START)


def test_no_method_of_a_loop_that_does_io_was_forgotten():
    """A method is refused, or is known to need nothing but the loop itself."""
    harmless = set(
        "call_at call_exception_handler call_later call_soon call_soon_threadsafe close "
        "create_future create_task default_exception_handler get_debug get_exception_handler "
        "get_task_factory is_closed is_running pending run_forever run_in_executor "
        "run_until_complete set_debug set_default_executor set_exception_handler set_task_factory "
        "shutdown_asyncgens shutdown_default_executor start stop time utc".split()
    )
    public = {name for name in dir(SimulatedLoop) if not name.startswith("_")}
    assert public - harmless == set(REFUSED_METHODS)


def test_another_thread_is_refused():
    outcome: list[BaseException] = []
    entered, told = threading.Event(), threading.Event()
    loops: list[SimulatedLoop] = []

    def intrude() -> None:
        entered.wait(10)
        try:
            loops[0].call_soon_threadsafe(int)
        except ClockRefusal as error:
            outcome.append(error)
        told.set()

    thread = threading.Thread(target=intrude)
    thread.start()

    async def main() -> None:
        loops.append(simulated())
        entered.set()
        told.wait(10)

    run_simulated(main(), start=START)
    thread.join(10)
    assert "another thread" in str(outcome[0])


def test_its_own_thread_may_call_threadsafe():
    async def main() -> list[int]:
        seen: list[int] = []
        simulated().call_soon_threadsafe(seen.append, 1)
        await asyncio.sleep(0)
        return seen

    assert run_simulated(main(), start=START) == [1]


def test_sockets_and_threads_work_again_outside():
    run_simulated(asyncio.sleep(1), start=START)
    left, right = socket.socketpair()
    left.close()
    right.close()

    async def live() -> int:
        return await asyncio.to_thread(lambda: 7)

    assert asyncio.run(live()) == 7


# A simulation that cannot go on says so, and says who waits.


async def wait_for_a_reply_that_never_comes() -> None:
    await asyncio.Event().wait()


def test_stuck_names_every_task_that_waits_and_where():
    async def main() -> None:
        other = asyncio.create_task(wait_for_a_reply_that_never_comes(), name="the concentrator")
        await other

    with pytest.raises(SimulationStuck) as caught:
        run_simulated(main(), start=START)
    text = str(caught.value)
    assert "no timer is set" in text
    assert "the concentrator" in text
    assert "test_simulated_loop.py" in text or "Event.wait" in text


def test_time_that_stands_still_is_stuck(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("devices.clock.STANDSTILL_ITERATIONS_MAX", 1000)

    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(SimulationStuck, match="stands still at 2026-07-06 00:00:00"):
        run_simulated(main(), start=START)


def test_an_error_in_a_callback_ends_the_run():
    async def main() -> None:
        simulated().call_later(1, lambda: 1 / 0)
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        run_simulated(main(), start=START)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "forgotten"])
def test_an_error_in_a_task_nobody_awaits_ends_the_run(keep: bool):
    async def fail() -> None:
        raise LookupError("no such meter")

    async def main() -> None:
        kept = [asyncio.create_task(fail())]
        if not keep:
            kept.clear()
        await asyncio.sleep(10)

    with pytest.raises(LookupError):
        run_simulated(main(), start=START)


def test_tasks_left_over_end_in_order_of_creation():
    ended: list[int] = []

    async def linger(number: int) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(number)

    async def main() -> None:
        tasks = [asyncio.create_task(linger(number)) for number in range(200)]
        await asyncio.sleep(1)
        del tasks

    run_simulated(main(), start=START)
    assert ended == list(range(200))


def test_the_machine_s_clock_is_for_the_live_loop_only():
    async def main() -> None:
        wall_clock()

    with pytest.raises(ClockRefusal, match="simulated time"):
        run_simulated(main(), start=START)
    assert wall_clock() == pytest.approx(time.time(), abs=60)
