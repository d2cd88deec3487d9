"""Keep-alives have the line: a message waits for those before it, and they for a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import faults
from devices.network.line_time import SHARE_MAX, KeepAliveTime
from devices.network.upkeep import ROUND_S, Network
from devices.span import Span
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage


@dataclass
class Slots:
    """A network as far as the line's time is concerned."""

    lasts_us: list[int] = field(default_factory=list)

    def keep_alive_us(self) -> list[int]:
        return self.lasts_us


def line(*lasts_us: int) -> KeepAliveTime:
    return KeepAliveTime([cast(Network, Slots([*lasts_us]))], now=0.0)


MOMENTS = {
    # four modules: one each 16 s, of one second; when a message asks; how long it waits
    "before anything is due": (15.9, 0.0),
    "at the moment": (16.0, 1.0),
    "in the middle": (16.25, 0.75),
    "after it": (17.0, 0.0),
    "a round later": (80.5, 0.5),
}


@pytest.mark.parametrize(("now", "waits_s"), MOMENTS.values(), ids=MOMENTS)
def test_a_message_waits_for_a_keep_alive_under_way(now: float, waits_s: float) -> None:
    assert line(*[1_000_000] * 4).wait_s(now) == pytest.approx(waits_s)


def test_those_that_fell_due_during_a_message_go_before_the_next() -> None:
    it = line(*[1_000_000] * 4)
    assert it.wait_s(15.0) == 0.0
    it.ended(40.0)  # a long message: two fell due meanwhile
    assert it.wait_s(40.0) == pytest.approx(2.0)
    assert it.wait_s(42.0) == 0.0


def test_a_module_without_a_route_takes_nothing() -> None:
    assert line(0, 0, 0, 0).wait_s(16.0) == line().wait_s(16.0) == 0.0


def test_a_network_that_would_need_the_whole_line_leaves_half() -> None:
    it = line(*[2 * 16_000_000] * 4)
    waited = sum(it.wait_s(float(now)) for now in range(1, 100 * ROUND_S, 64))
    assert waited <= 100 * ROUND_S * SHARE_MAX
    assert waited > 0


@given(
    st.lists(st.integers(0, 300_000), min_size=1, max_size=40),
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 9)), max_size=30),
)
def test_nobody_is_served_twice_and_nobody_overlaps(
    lasts_us: list[int], messages: list[tuple[float, float]]
) -> None:
    """Against the queue simulated one by one."""
    it = line(*lasts_us)
    apart_s = ROUND_S / len(lasts_us)
    number, free, now = 1, 0.0, 0.0
    for pause_s, lasts_s in messages:
        now += min(pause_s, ROUND_S / 2)
        while number * apart_s <= now:
            due, lasting_s = number * apart_s, lasts_us[number % len(lasts_us)] / 1e6
            free = max(free, due) + lasting_s if lasting_s else free
            number += 1
        expected_s = max(0.0, free - now)
        waited_s = it.wait_s(now)
        assert waited_s == pytest.approx(expected_s, abs=1e-6)
        now += waited_s + lasts_s
        free = max(free, now)
        it.ended(now)


def test_a_power_cut_loses_the_network_and_a_restart_does_not() -> None:
    stage = Stage(meters=3)
    stage.run(1)
    network = stage.world.networks[CONCENTRATOR].power_line
    assert network.registered(METER)
    now = stage.env.now
    faults.run(stage.world, [faults.Reboot(CONCENTRATOR, Span(now, now + 5))])
    stage.run(6)
    assert network.registered(METER)
    now = stage.env.now
    faults.run(stage.world, [faults.PowerCut(CONCENTRATOR, Span(now, now + 5))])
    stage.run(4)
    assert not network.registered(METER)
    assert network.keep_alive_us() == [0, 0, 0]
    stage.run(60 + 2 * ROUND_S)  # it boots, and modules join in its rounds
    assert network.registered(METER)
    turns = [line["turn"] for line in stage.world.log.of_kind("link") if line["meter"] == METER]
    assert turns == ["lost", "registered"]
