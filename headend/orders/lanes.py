"""One bounded lane a concentrator: claims orders that are due and takes a step with each.

The queue itself is the store; a lane holds no order that is not leased to this process, so a lane
that dies loses nothing and several processes may serve one store.  One meter's orders run one at a
time, in order of acceptance: that rule is part of the claim.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from headend import trouble
from headend.config import OrderPolicy
from headend.domain.order import Order
from headend.orders.breakage import Breakages
from headend.orders.step import Stepping
from headend.ports import Clock, Store, StoreUnavailable, Transaction, Unreadable

POLL_S = 5.0  # how soon another process's work, or a lease that ran out, is noticed
AFTER_ERROR_S = 60.0  # a step is not taken again at once where its breakage cannot be written down

_log = structlog.get_logger("orders")


@dataclass(slots=True)
class _Lane:
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    running: set[asyncio.Task[None]] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    def finished(self, step: asyncio.Task[None]) -> None:
        self.running.discard(step)
        self.bell.set()


@dataclass(slots=True)
class Lanes:
    """All lanes of this process."""

    store: Store
    clock: Clock
    stepping: Stepping
    policy: OrderPolicy
    worker: str
    breakages: Breakages
    errors: list[Exception] = field(default_factory=list)
    stopped: bool = False  # nothing is sent: after a restoration, or without the worker's name
    _lanes: dict[str, _Lane] = field(default_factory=dict)

    async def take_over(self) -> None:
        """Give back what this worker's last life had leased, and say so in the journals of those
        orders; before anything wakes a lane."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            tx.note_taken_over(self.worker, at=now)
            tx.release_all(self.worker)

        await self.store.run(work)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                try:
                    self.wake(await self.store.run(lambda tx: tx.concentrators_with_work()))
                except Exception as error:
                    trouble.note(self.errors, _log, "no look for work", error)
                await asyncio.sleep(POLL_S)
        finally:
            await self._stop()

    async def stand_down(self) -> None:
        """Leave every step where it is, as who is killed does, and claim nothing until
        `stand_up`."""
        self.stopped = True
        await self._stop()

    async def stand_up(self) -> None:
        """Go on after `stand_down`, as in a new life.  Raises `StoreUnavailable`."""
        await self.take_over()
        self.stopped = False

    def wake(self, concentrators: Iterable[str]) -> None:
        """Let the lanes of these concentrators look for work now."""
        if self.stopped:
            return  # `run` begins with all that there is
        for name in concentrators:
            lane = self._lanes.get(name)
            if lane is None:
                lane = self._lanes[name] = _Lane()
                lane.task = asyncio.create_task(self._serve(name, lane), name=f"lane {name}")
            lane.bell.set()

    async def _serve(self, name: str, lane: _Lane) -> None:
        while self._lanes.get(name) is lane:
            try:
                await self._turn(name, lane)
            except Exception as error:
                trouble.note(self.errors, _log, "the lane rests", error, concentrator=name)
                await asyncio.sleep(POLL_S)

    async def _turn(self, name: str, lane: _Lane) -> None:
        """Serve a lane until it has nothing left to do."""
        while True:
            lane.bell.clear()
            now = self.clock.now()
            while (free := self.policy.lane_width - len(lane.running)) > 0:
                # Reads never take the last place: what is urgent need not wait for them to end.
                order = await self._claim(name, urgent=free == 1 < self.policy.lane_width)
                if order is None:
                    break
                task = asyncio.create_task(self._step(order), name=f"order {order.number}")
                lane.running.add(task)
                task.add_done_callback(lane.finished)
            due = await self._next_due(name, now)
            if due is None and not lane.running and not lane.bell.is_set():
                del self._lanes[name]
                return
            await self._wait(lane, due)

    async def _wait(self, lane: _Lane, due: datetime | None) -> None:
        timeout = None
        if due is not None and len(lane.running) < self.policy.lane_width:
            timeout = max(0.0, (due - self.clock.now()).total_seconds())
        try:
            async with asyncio.timeout(timeout):
                await lane.bell.wait()
        except TimeoutError:
            pass

    async def _next_due(self, name: str, after: datetime) -> datetime | None:
        """What was due before and not claimed waits for a release, which rings the bell."""
        return await self.store.run(lambda tx: tx.next_due(name, after=after))

    async def _claim(self, name: str, *, urgent: bool) -> Order | None:
        now = self.clock.now()
        # Longer than any step: a command, its grace, and a read-back as long as a command.
        lease = timedelta(seconds=3 * self.policy.attempt_window_s + 600)
        while True:
            try:
                return await self.store.run(
                    lambda tx: tx.claim(
                        name,
                        worker=self.worker,
                        now=now,
                        lease_until=now + lease,
                        urgent=urgent,
                    )
                )
            except Unreadable as error:
                await self._broke(error.number, error)  # it rests; the next one, then

    async def _step(self, order: Order) -> None:
        try:
            with bound_contextvars(
                order=order.number, meter=order.meter, concentrator=order.concentrator
            ):
                await self.stepping.take(order)
        except StoreUnavailable as error:
            trouble.note(self.errors, _log, "step not taken", error, order=order.number)
            await asyncio.sleep(AFTER_ERROR_S)
            await self._release(order.number)
        except Exception as error:
            # One order's trouble must not stop its concentrator's lane; it is kept, and told.
            await self._broke(order.number, error)
        else:
            await self._release(order.number)

    async def _broke(self, number: int, error: Exception) -> None:
        """Write a breakage down, which gives the lease back, at once or at last."""
        trouble.note(self.errors, _log, "step broke", error, order=number)
        try:
            await self.breakages.note(number, error)
        except Exception as worse:
            trouble.note(
                self.errors, _log, "a breakage could not be written down", worse, order=number
            )
            await asyncio.sleep(AFTER_ERROR_S)
            await self._release(number)

    async def _release(self, number: int) -> None:
        try:
            await self.store.run(lambda tx: tx.release(number, worker=self.worker))
        except Exception as error:
            trouble.note(self.errors, _log, "not released, its lease will end", error, order=number)

    async def _stop(self) -> None:
        tasks = [
            task for lane in self._lanes.values() for task in (lane.task, *lane.running) if task
        ]
        self._lanes.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
