"""A meter in a SimPy world, on the clock of an event loop: it acts when it is due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import simpy

from devices.clock import FieldDriver, world
from devices.deadlines import Deadlines
from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.history import Deed
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType

START = datetime(2026, 7, 6, tzinfo=UTC)


class Place:
    """A meter and its deadlines."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.meter = Meter(Identity(7, 1), ConstantLoad.of(3000), MeterType(phases=1))
        self._deadlines = Deadlines(env, self.meter)

    def limit(self, watts: int) -> None:
        self.meter.advance(self.env.now)
        self.meter.limiter.threshold_normal = watts
        self.meter.settle(self.env.now)
        self._deadlines.touch()

    def press(self) -> None:
        self.meter.press(Trigger.MANUAL_RECONNECT, now=self.env.now)
        self._deadlines.touch()


def test_an_untouched_meter_puts_nothing_into_the_world():
    env = world(START)
    Place(env)
    assert env.peek() == simpy.core.Infinity


def test_it_trips_in_the_world_s_time():
    env = world(START)
    here = Place(env)
    env.run(until=env.now + 10)
    here.limit(2000)
    env.run(until=env.now + 59)
    assert here.meter.output_on
    env.run(until=env.now + 2)
    assert not here.meter.output_on
    assert [e.at - START.timestamp() for e in here.meter.history] == [70, 70]


def test_a_timer_that_was_overtaken_does_nothing():
    env = world(START)
    here = Place(env)
    here.limit(2000)
    env.run(until=env.now + 30)
    here.limit(5000)
    env.run(until=env.now + 10)
    here.limit(1000)
    env.run(until=env.now + 3600)
    assert [(e.at - START.timestamp(), e.deed) for e in here.meter.history] == [
        (100, Deed.LIMITER_OVER),
        (100, Deed.RELAY_OPENED),
    ]
    assert here.meter.next_deadline() is None


async def test_it_trips_on_the_clock_of_the_loop():
    env = world(START)
    here = Place(env)
    driver = FieldDriver(env)
    driver.start()
    await asyncio.sleep(0.25)
    driver.enter(lambda: here.limit(2000))
    await asyncio.sleep(61)
    assert not here.meter.output_on
    driver.enter(here.press)
    assert here.meter.output_on
    await asyncio.sleep(61)
    opened = [e for e in here.meter.history if e.deed is Deed.RELAY_OPENED]
    assert [round(e.at - START.timestamp(), 3) for e in opened] == [60.25, 121.25]
