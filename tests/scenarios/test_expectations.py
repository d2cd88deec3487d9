"""Each expectation holds where it is right and fails where it is off by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from devices.meter.load import ConstantLoad
from scenarios import stories
from scenarios.engine import run
from scenarios.expectations import expected
from scenarios.schema import BadScenario, Expect, parse
from scenarios.story import Story
from tests.scenarios.shared import THREE_ORDERS

# name: (what is so, what is not)
EXPECTATIONS: dict[str, tuple[Any, Any]] = {
    "orders": (3, 2),
    "done": (2, 3),
    "failed": ({"limit-not-representable": 1}, {"limit-not-representable": 2}),
    "refused_messages": (1, 0),
    "answers": (
        ("OK 0.3", "OK 0.3", "OK 0.3", "FAILED 2.15"),
        ("OK 0.3", "OK 0.3", "OK 0.3", "OK 0.3"),
    ),
    "replies": (3, 4),
    "events": (2, 1),
    "findings": ({"after the end": 0}, {"after the end": 1}),
    "limit": ({"90000001": "3300", "90000003": "none"}, {"90000001": "3301", "90000003": "none"}),
    "supply": ({"90000002": "disconnected"}, {"90000002": "connected"}),
    "load": ({"90000002": "on"}, {"90000002": "off"}),
    "periods": ({"90000001": 0}, {"90000001": 1}),
    "attempts_min": (1, 2),
    "done_within": ("10s", "1s"),
    "latency_p50": ("10s", "1s"),
    "latency_p95": ("10s", "1s"),
    "frames_lost_min": (0, 1),
    "frames_by_radio_min": (0, 1),
    "broadcasts_min": (0, 1),
    "link_changes_min": (0, 1_000),
    "level": ({"90000001": 1}, {"90000001": 2}),
    "readings": (0, 1),
    "firmware": ({"90000001": "ami-sim-1"}, {"90000001": "ami-sim-2"}),
    "activities": (
        {"state": {"answered": 1}, "clock": {"answered": 1}},
        {"state": {"answered": 1}},
    ),
    "tariffs": ({"90000001": "DEFAULT"}, {"90000001": "SUMMER"}),
    "campaigns": ((), ("done: 1 done, 0 failed, 0 waiting",)),
    "keys": ({}, {"90000001": "changed"}),  # where some are changed: test_half_done_keys.py
}
HEAD = 'about = "No order."\nstart = 2026-07-06T10:00:00\nduration = "1m"\n[expect]\n'
ON_A_GRID = HEAD.replace("1m", "4h").replace(
    "[expect]",
    "[field]\nmeters = 12\ngrid = true\nwrong_phase_share = 0.4\noutages = 'none'\n[expect]",
)
CONFLICT = """
[[order]]
at = "3m"
meter = "90000001"
kind = "set-limit"
amount = "1100"
message_id = "1"
"""
ASKED = """
[[ask]]
at = "3m"
concentrator = "C-001"
kind = "state"

[[ask]]
at = "4m"
concentrator = "C-001"
kind = "clock"
"""


@pytest.fixture(scope="module")
def told() -> Story:
    orders = THREE_ORDERS.replace("[expect]", "")
    first = 'amount = "3300"\n'
    return run(
        parse(
            orders.replace(first, f'{first}message_id = "1"\n', 1) + CONFLICT + ASKED + "[expect]"
        )
    )


JOINING = {"90000003": True, "90000004": False, "90000005": False, "90000006": False}
COLLECTED: dict[str, tuple[Any, Any]] = {
    "availability": ({"90000001": (0.9, 1.0)}, {"90000001": (0.0, 0.5)}),
    "discovered": (JOINING, JOINING | {"90000004": True}),
    "blocks_lost_min": (3, 4),
    "blocks_lost_max": (3, 2),
}
OF_THEIR_OWN = {
    "clocks",
    "energy_closes",
    "wrong_phase_records",
    "completeness",
    "completeness_lag",
    "last_gasps",
    "pushes",
    "incidents",
    "alarm_p95",
    "done_within_by_kind",
}  # tests below


@pytest.fixture(scope="module")
def collected() -> Story:
    """Meters that join by themselves and are read; the memory that was lost is added by hand."""
    story = run(stories.find("a-foreign-meter-that-does-not-conform-is-refused")[1])
    first, *others = story.uploads
    return replace(story, uploads=(replace(first, dropped=3), *others))


@pytest.mark.parametrize("name", COLLECTED)
def test_expectation_of_what_is_collected(collected: Story, name: str) -> None:
    right, wrong = COLLECTED[name]
    assert [*_ok(collected, name, right).values()] == [True]
    assert [*_ok(collected, name, wrong).values()] == [False]


def test_availability_of_a_concentrator_and_of_whom_nobody_knows(collected: Story) -> None:
    whole = {"C-001": (0.5, 1.0)}
    assert [*_ok(collected, "availability", whole).values()] == [True]
    assert [*_ok(collected, "availability", {"C-009": (0.0, 1.0)}).values()] == [False]


def test_clocks_that_are_off_at_the_end() -> None:
    fault = '[[fault]]\nkind = "meter-clock"\ntarget = "90000002"\nstep_s = -40\n'
    story = run(parse(fault.join(HEAD.split("[expect]")[:1] + ["[expect]"])))
    assert [*_ok(story, "clocks", {"90000001": 0.1, "90000002": 41.0}).values()] == [True]
    assert [*_ok(story, "clocks", {"90000001": 0.1, "90000002": 39.0}).values()] == [False]


def test_completeness_and_its_lag(collected: Story) -> None:
    """By the end of the first half hour hardly anything had come; with a lag of an hour nothing was
    due by then."""
    early = {"30m": 0.9}
    assert [*_ok(collected, completeness=early, completeness_lag="0s").values()] == [False]
    assert [*_ok(collected, completeness=early, completeness_lag="1h").values()] == [True]


@pytest.mark.parametrize(
    "name", sorted({*Expect.__struct_fields__} - OF_THEIR_OWN - COLLECTED.keys())
)
def test_expectation(told: Story, name: str) -> None:
    right, wrong = EXPECTATIONS[name]
    assert _ok(told, name, right) == {name: True}
    assert _ok(told, name, wrong) == {name: False}


def test_what_is_not_expected_is_not_checked(told: Story) -> None:
    assert _ok(told) == {}


def test_nothing_done_is_not_done_soon() -> None:
    story = run(parse(HEAD))
    assert _ok(story, "done_within", "1h") == {"done_within": False}
    assert _ok(story, "latency_p95", "1h") == {"latency_p95": False}


def _ok(
    told: Story, name: str | None = None, value: Any = None, **expected_of_it: Any
) -> dict[str, bool]:
    expect = Expect(**expected_of_it if name is None else {name: value})
    scenario = msgspec.structs.replace(told.scenario, expect=expect)
    story = replace(told, scenario=scenario)
    return {check.name: check.ok for check in expected(story)}


def test_orders_of_one_kind_are_done_in_time(told: Story) -> None:
    """The disconnect is; a kind that nobody asked for is not."""
    for kind, within, ok in (
        ("disconnect", "10s", True),
        ("disconnect", "1s", False),
        ("connect", "1h", False),
    ):
        assert [*_ok(told, "done_within_by_kind", {kind: within}).values()] == [ok]


def test_last_gasps_and_other_pushes_are_counted() -> None:
    """Six of 24 fit the line; later all say that power is back, some of them thrice."""
    story = run(stories.find("without-radio-few-last-gasps-fit-the-line")[1])
    assert [*_ok(story, "last_gasps", "6 of 24").values()] == [True]
    assert [*_ok(story, "last_gasps", "7 of 24").values()] == [False]
    one = ("outage at concentrator C-001 of 24, ended",)
    assert [*_ok(story, "incidents", one).values()] == [True]
    assert [*_ok(story, "incidents", ()).values()] == [False]
    kept = len(story.pushes)
    assert kept > 24
    assert [*_ok(story, "pushes", {"all": kept, "plain": kept, "late": 0}).values()] == [True]
    assert [*_ok(story, "pushes", {"all": 6}).values()] == [False]


def test_energy_closes_until_somebody_passes_by_the_meter() -> None:
    story = run(parse(ON_A_GRID))
    assert _ok(story, "energy_closes", 0.001) == {"energy_closes": True}
    customer = story.world.meter("90000003").metering
    there, customer.load = customer.load, ConstantLoad.of(0)
    assert _ok(story, "energy_closes", 0.001) == {"energy_closes": False}
    customer.load = there
    story.world.meter("80000001").metering.load = ConstantLoad.of(2_000, 2_000, 2_000)
    assert _ok(story, "energy_closes", 0.001) == {"energy_closes": False}


def test_records_that_are_wrong_are_counted() -> None:
    story = run(parse(ON_A_GRID))
    true = {each.name: each.place.phase for each in story.world.spec.transformers[0].modules}
    wrong = sum(true[each.name].value != each.recorded_phase for each in story.registered)
    assert len(story.registered) == 13 and 0 < wrong < 12
    for count in (wrong - 1, wrong, wrong + 1):
        held = {"wrong_phase_records": count == wrong}
        assert _ok(story, "wrong_phase_records", count) == held
    none = tuple(replace(each, recorded_phase=None) for each in story.registered)
    unknown = replace(story, registered=none)
    assert _ok(unknown, "wrong_phase_records", 13) == {"wrong_phase_records": True}


@pytest.mark.parametrize("name", ["energy_closes", "wrong_phase_records"])
def test_what_needs_a_grid(name: str) -> None:
    with pytest.raises(BadScenario, match=f"{name} needs a grid"):
        parse(f"{HEAD}{name} = 1\n".replace("[expect]", "[field]\ngrid = false\n[expect]"))


def test_how_soon_alarms_come(collected: Story) -> None:
    """None came in this story; where some do, their slowest is held against it."""
    assert [*_ok(collected, "alarm_p95", "60s").values()] == [False]
    told = run(stories.find("an-alarm-is-here-within-a-minute")[1])
    assert [*_ok(told, "alarm_p95", "60s").values()] == [True]
    assert [*_ok(told, "alarm_p95", "0.01s").values()] == [False]
