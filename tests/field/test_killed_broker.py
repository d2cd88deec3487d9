"""Orders flow while the broker is killed under them: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import FieldPolicy
from headend.field.concentrators import Concentrators
from headend.ports import Command
from protocols.concentrator.messages import Action, FaultEntry, Result, Status
from tests.field.live_broker import kill, mosquitto, session
from tests.field.standin import StandIn

ORDERS = 150
KILLS = 3
POLICY = FieldPolicy(ack_timeout_s=2.0, result_grace_s=1.0)


class Nobody:
    """Hears results that come again because their receipt was lost; they are stored already."""

    async def late_result(self, concentrator: str, result: Result) -> None:
        pass

    async def came_online(self, concentrator: str, at: datetime) -> None:
        pass

    async def went_offline(self, concentrator: str, at: datetime) -> None:
        pass

    async def learned(self, concentrator: str, entries: Sequence[FaultEntry]) -> None:
        pass


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_each_order_has_one_effect_and_one_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = WallClock()
    done: dict[int, int] = {}
    killed = asyncio.Event()
    async with (
        mosquitto(tmp_path) as broker,
        session(broker.port, "C1") as line,
        session(broker.port, "hes") as hes,
    ):
        there = StandIn(line, clock)
        there.work_s, there.repeat_s = 0.01, 0.5
        await there.start()
        field = Concentrators(hes, clock, SystemChance(), POLICY)
        field.listen(Nobody())
        await field.start()
        await there.online()

        async def order(number: int) -> None:
            if number > ORDERS // 2:
                await killed.wait()  # some of the orders come after the last kill
            command = Command(
                order=number,
                attempt=1,
                concentrator="C1",
                meter=f"M{number}",
                action=Action.SET_LIMIT,
                not_after=clock.now() + timedelta(seconds=60),
                amount=Decimal(3450),
                unit="W",
            )
            while number not in done:
                report = await field.perform(command)
                if report.result is None:
                    await asyncio.sleep(0.1)  # unsent, or not accepted in time: asked again
                    continue
                assert report.result.status is Status.DONE
                done[number] = int(report.result.order)
                await field.stored(command)

        async def killing() -> None:
            for _ in range(KILLS):
                target = len(done) + ORDERS // 10
                while len(done) < min(target, ORDERS // 2):
                    await asyncio.sleep(0.005)
                await kill(broker)
            killed.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(killing())
            limit = asyncio.Semaphore(10)

            async def in_turn(number: int) -> None:
                async with limit:
                    await order(number)

            for number in range(1, ORDERS // 2 + 1):
                group.create_task(in_turn(number))
            for number in range(ORDERS // 2 + 1, ORDERS + 1):
                group.create_task(order(number))
        while len(there.receipted) < ORDERS:  # and each result is receipted in the end
            await asyncio.sleep(0.01)
        for task in list(there.tasks):
            task.cancel()
    assert done == {number: number for number in range(1, ORDERS + 1)}
    assert sorted(there.executed) == sorted((str(number), 1) for number in range(1, ORDERS + 1))
    assert [record for record in caplog.records if record.name == "asyncio"] == []
