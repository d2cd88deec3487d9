"""A meter in a SimPy world, on the clock of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import simpy

from devices.clock import FieldDriver, world
from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.history import Deed
from devices.meter.identity import Identity
from devices.meter.installed import InstalledMeter
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType

START = datetime(2026, 7, 6, tzinfo=UTC)


def installed() -> tuple[simpy.Environment, InstalledMeter]:
    env = world(START)
    meter = Meter(Identity(7, 1), ConstantLoad.of(3000), MeterType(phases=1))
    return env, InstalledMeter(env, meter)


def limit(watts: int) -> Callable[[Meter, float], None]:
    def write(meter: Meter, now: float) -> None:
        meter.limiter.threshold_normal = watts
        meter.settle(now)

    return write


def test_an_untouched_meter_puts_nothing_into_the_world():
    env, _ = installed()
    assert env.peek() == simpy.core.Infinity


def test_it_trips_in_the_world_s_time():
    env, here = installed()
    env.run(until=env.now + 10)
    here.do(limit(2000))
    env.run(until=env.now + 59)
    assert here.meter.output_on
    env.run(until=env.now + 2)
    assert not here.meter.output_on
    assert [e.at - START.timestamp() for e in here.meter.history] == [70, 70]


def test_a_timer_that_was_overtaken_does_nothing():
    env, here = installed()
    here.do(limit(2000))
    env.run(until=env.now + 30)
    here.do(limit(5000))
    env.run(until=env.now + 10)
    here.do(limit(1000))
    env.run(until=env.now + 3600)
    assert [(e.at - START.timestamp(), e.deed) for e in here.meter.history] == [
        (100, Deed.LIMITER_OVER),
        (100, Deed.RELAY_OPENED),
    ]
    assert here.meter.next_deadline() is None


async def test_it_trips_on_the_clock_of_the_loop():
    env, here = installed()
    driver = FieldDriver(env)
    driver.start()
    await asyncio.sleep(0.25)
    driver.enter(lambda: here.do(limit(2000)))
    await asyncio.sleep(61)
    assert not here.meter.output_on
    driver.enter(lambda: here.do(lambda meter, now: meter.press(Trigger.MANUAL_RECONNECT, now=now)))
    assert here.meter.output_on
    await asyncio.sleep(61)
    opened = [e for e in here.meter.history if e.deed is Deed.RELAY_OPENED]
    assert [round(e.at - START.timestamp(), 3) for e in opened] == [60.25, 121.25]
