"""What chance adds to a plot: all of it playable, the same for a seed, another for another."""

from __future__ import annotations

from scenarios import stories
from scenarios.field import faults_of
from scenarios.scatter import AT_CONCENTRATORS, AT_METERS, scattered
from scenarios.schema import seconds

_, DAY = stories.find("a-bad-day")
SEEDS = range(1, 101)
DAYS = [scattered(DAY, seed) for seed in SEEDS]


def test_the_seed_decides() -> None:
    assert scattered(DAY, 5) == scattered(DAY, 5)
    assert len({repr(day) for day in DAYS}) == len(DAYS)


def test_a_story_without_it_stays_as_it_is() -> None:
    _, plain = stories.find("a-limit-is-set-and-read-back")
    assert scattered(plain, 5) is plain


def test_everything_happens_in_time() -> None:
    assert DAY.scatter is not None
    begin, end = seconds(DAY.scatter.begin), seconds(DAY.scatter.end)
    for day in DAYS:
        for fault in day.fault:
            assert begin <= seconds(fault.at) <= end
            assert fault.until is None or seconds(fault.until) > seconds(fault.at)
        for order in day.order:
            assert begin <= seconds(order.at)


def test_every_fault_has_a_target() -> None:
    for day in DAYS:
        assert len(faults_of(day)) == DAY.scatter.faults


def test_every_kind_occurs() -> None:
    assert {fault.kind for day in DAYS for fault in day.fault} == {*AT_METERS, *AT_CONCENTRATORS}
    orders = [order for day in DAYS for order in day.order]
    assert {order.kind for order in orders} == {
        "set-limit",
        "remove-limit",
        "connect",
        "disconnect",
    }
    assert {order.carrier for order in orders} == {"attribute", "option", "meter-config"}
    assert {order.style for order in orders} == {"typed", "generic"}
    for each in ("deadline", "until", "cancel_at", "soap_reply"):
        assert any(getattr(order, each) for order in orders), each
    assert {event.do for day in DAYS for event in day.event} == {
        "crash-head-end",
        "commercial-down",
        "commercial-up",
    }


def test_orders_meet_at_the_same_meters() -> None:
    """Otherwise nothing would supersede or wait for anything."""
    for day in DAYS:
        meters = [name for order in day.order for name in order.names()]
        assert len(set(meters)) <= DAY.scatter.meters < len(meters)


def test_every_concentrator_has_its_share() -> None:
    """The first of the meters are not all at one transformer."""
    from scenarios.field import registry_of

    home = {meter.name: meter.concentrator for meter in registry_of(DAY).meters}
    meters = {name for day in DAYS for order in day.order for name in order.names()}
    assert {home[name] for name in meters} == {"C-001", "C-002", "C-003"}


def test_absences_do_not_overlap() -> None:
    for day in DAYS:
        away_until = 0.0
        for event in day.event:
            if event.do == "crash-head-end":
                assert seconds(event.at) >= away_until
                away_until = seconds(event.at) + seconds(event.down)
