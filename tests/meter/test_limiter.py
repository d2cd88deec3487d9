"""Limiter, class 71, in a meter: trips, emergencies, and what never closes the relay."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter.device import Meter
from devices.meter.disconnect import ControlState, Trigger
from devices.meter.history import Deed
from devices.meter.identity import Identity
from devices.meter.limiter import (
    SCRIPT_DISCONNECT,
    SCRIPT_NONE,
    SCRIPT_RECONNECT,
    UNLIMITED,
    ActionItem,
    EmergencyProfile,
    Limiter,
    Side,
)
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType

START = 1_783_296_000.0  # 2026-07-06 00:00 UTC
READY = ControlState.READY_FOR_RECONNECTION


def meter(load_w: int = 3000, **built: int) -> Meter:
    return Meter(Identity(7, 1), ConstantLoad.of(load_w), MeterType(phases=1, **built))


def limit(device: Meter, watts: int, now: float) -> None:
    """As a SET of threshold_normal does."""
    device.advance(now)
    device.limiter.threshold_normal = watts
    device.settle(now)


def draw(device: Meter, watts: int, now: float) -> None:
    device.replace_load(ConstantLoad.of(watts), now=now)


def deeds(device: Meter) -> list[tuple[float, Deed]]:
    return [(each.at - START, each.deed) for each in device.history]


# The limiter by itself.

OBSERVATIONS = {
    # name: ((time, value)..., due at each); threshold 1000, over 60 s, under 30 s
    "never over": (((0, 900), (100, 1000)), (None, None)),
    "at the threshold is not over": (((0, 1000), (61, 1000)), (None, None)),
    "over, not long enough": (((0, 1001), (59.9, 1001)), (None, None)),
    "over, long enough": (((0, 1001), (60, 1001)), (None, SCRIPT_DISCONNECT)),
    "a dip begins the count anew": (
        ((0, 1001), (40, 900), (50, 1001), (100, 1001), (110, 1001)),
        (None, None, None, None, SCRIPT_DISCONNECT),
    ),
    "once for each crossing": (((0, 2000), (60, 2000), (600, 3000)), (None, 1, None)),
    "under action after a crossing down": (
        ((0, 2000), (60, 2000), (70, 0), (99, 0), (100, 0), (500, 0)),
        (None, SCRIPT_DISCONNECT, None, None, SCRIPT_RECONNECT, None),
    ),
}


@pytest.mark.parametrize(("seen", "due"), OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_what_falls_due(seen: tuple[tuple[float, int], ...], due: tuple[int | None, ...]):
    limiter = Limiter(
        threshold_normal=1000,
        min_over_s=60,
        min_under_s=30,
        under_action=ActionItem(selector=SCRIPT_RECONNECT),
    )
    found = []
    for now, value in seen:
        limiter.observe(value, now=now, meter_time=now)
        action = limiter.due(now)
        found.append(None if action is None else action.selector)
        if action is not None:
            limiter.done()
    assert tuple(found) == due


PROFILES = {
    # name: (profile, groups, time, active)
    "as delivered": (EmergencyProfile(), (), 0, False),
    "begins": (EmergencyProfile(3, 100, 50), (3,), 100, True),
    "just before": (EmergencyProfile(3, 100, 50), (3,), 99.99, False),
    "last moment": (EmergencyProfile(3, 100, 50), (3,), 149.99, True),
    "ended": (EmergencyProfile(3, 100, 50), (3,), 150, False),
    "another group": (EmergencyProfile(3, 100, 50), (1, 2), 120, False),
    "one of several groups": (EmergencyProfile(3, 100, 50), (1, 3), 120, True),
    "no activation time": (EmergencyProfile(3, None, 50), (3,), 120, False),
    "no duration": (EmergencyProfile(3, 100, 0), (3,), 100, False),
    "group 0 is a group": (EmergencyProfile(0, 100, 50), (0,), 100, True),
}


@pytest.mark.parametrize(("profile", "groups", "time", "active"), PROFILES.values(), ids=PROFILES)
def test_when_an_emergency_profile_is_active(
    profile: EmergencyProfile, groups: tuple[int, ...], time: float, active: bool
):
    limiter = Limiter(
        threshold_normal=1000, threshold_emergency=200, profile=profile, groups=groups
    )
    assert limiter.emergency_active(time) is active
    assert limiter.threshold_active(time) == (200 if active else 1000)


# In a meter, without anybody looking: it acts at its own deadlines.


def test_a_limit_below_the_load_trips_after_its_duration():
    device = meter(3000)
    limit(device, 2000, START)
    assert device.next_deadline() == START + 60
    device.advance(START + 59.9)
    assert device.output_on
    device.advance(START + 60)
    assert not device.output_on
    assert device.supply.state is READY
    assert deeds(device) == [(60, Deed.LIMITER_OVER), (60, Deed.RELAY_OPENED)]
    assert device.history[-1].cause == "limiter"
    assert device.history[-1].detail == "local_disconnect g"
    assert device.active_power(START + 61) == 0


def test_late_advancing_happens_at_the_time_it_was_due():
    device = meter(3000)
    limit(device, 2000, START)
    device.advance(START + 86_400)
    assert deeds(device) == [(60, Deed.LIMITER_OVER), (60, Deed.RELAY_OPENED)]


def test_a_limit_above_the_load_does_nothing():
    device = meter(2000)
    limit(device, 2000, START)
    assert device.next_deadline() is None
    device.advance(START + 86_400)
    assert device.output_on
    assert device.history == ()


def test_a_load_that_changes_by_itself_is_seen():
    device = meter(500)
    limit(device, 2000, START)
    draw(device, 2500, START + 100)
    device.advance(START + 160)
    assert not device.output_on


@pytest.mark.parametrize("mode", [1, 2, 3, 4, 5, 6])
def test_falling_load_and_rising_limit_never_reconnect(mode: int):
    """As delivered the under-threshold action is 'none', whatever the control mode permits."""
    device = meter(3000, control_mode=mode)
    limit(device, 2000, START)
    device.advance(START + 60)
    draw(device, 0, START + 100)
    limit(device, UNLIMITED, START + 200)
    device.advance(START + 86_400)
    assert not device.output_on
    assert device.supply.state is READY


RECONNECTS = {1: False, 2: False, 3: False, 4: False, 5: True, 6: True}


@pytest.mark.parametrize(("mode", "closes"), RECONNECTS.items())
def test_the_scripts_reconnect_only_where_the_control_mode_says_so(mode: int, closes: bool):
    device = meter(3000, control_mode=mode)
    device.limiter.under_action = ActionItem(selector=SCRIPT_RECONNECT)
    limit(device, 2000, START)
    device.advance(START + 119.9)
    assert not device.output_on
    draw(device, 100, START + 119.9)
    device.advance(START + 120)
    assert device.output_on is closes
    assert device.history[-1].deed is (Deed.RELAY_CLOSED if closes else Deed.SUPPLY_REFUSED)


def test_repeated_trips_lock_out_and_the_head_end_ends_it():
    device = meter(3000, control_mode=6)
    device.limiter.under_action = ActionItem(selector=SCRIPT_RECONNECT)
    limit(device, 2000, START)
    device.advance(START + 86_400)
    assert deeds(device) == [
        (60, Deed.LIMITER_OVER),
        (60, Deed.RELAY_OPENED),
        (120, Deed.LIMITER_UNDER),
        (120, Deed.RELAY_CLOSED),
        (180, Deed.LIMITER_OVER),
        (180, Deed.RELAY_OPENED),
        (240, Deed.LIMITER_UNDER),
        (240, Deed.RELAY_CLOSED),
        (300, Deed.LIMITER_OVER),
        (300, Deed.RELAY_OPENED),
        (360, Deed.LIMITER_UNDER),
        (360, Deed.LOCKED_OUT),
    ]
    now = START + 90_000
    draw(device, 500, now)
    device.switch(Trigger.REMOTE_RECONNECT, now=now, cause="client 1")
    device.settle(now)
    assert not device.output_on  # mode 6: the head-end permits, it does not close
    device.advance(now + 60)
    assert device.output_on
    assert device.history[-1].cause == "limiter"


def test_a_stuck_relay_lets_the_load_through_and_says_so():
    device = meter(3000)
    device.faults.relay_stuck = True
    limit(device, 2000, START)
    device.advance(START + 3600)
    assert device.output_on
    assert device.supply.state is READY
    assert deeds(device) == [(60, Deed.LIMITER_OVER), (60, Deed.RELAY_STUCK)]
    assert device.active_power(START + 3600) == 3000


def test_an_emergency_profile_limits_while_it_lasts():
    device = meter(3000)
    device.limiter.threshold_emergency = 1000
    device.limiter.groups = (7,)
    device.limiter.profile = EmergencyProfile(7, START + 500, 1000)
    device.settle(START)
    assert device.next_deadline() == START + 500
    device.advance(START + 559)
    assert device.output_on
    device.advance(START + 5000)
    assert deeds(device) == [(560, Deed.LIMITER_OVER), (560, Deed.RELAY_OPENED)]


def test_an_emergency_shorter_than_the_duration_trips_nothing():
    device = meter(3000)
    device.limiter.threshold_emergency = 1000
    device.limiter.groups = (7,)
    device.limiter.profile = EmergencyProfile(7, START + 500, 59)
    device.settle(START)
    device.advance(START + 5000)
    assert device.history == ()


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -17.3, 0.123456])
def test_an_emergency_begins_by_the_meter_s_own_clock(ahead_s: float):
    device = meter(3000)
    device.set_clock(START + ahead_s, now=START)
    device.limiter.threshold_emergency = 1000
    device.limiter.groups = (7,)
    device.limiter.profile = EmergencyProfile(7, START + 7200, 1000)
    device.settle(START)
    device.advance(START + 86_400)
    assert deeds(device)[0][0] == pytest.approx(7200 - ahead_s + 60, abs=0.01)


def test_times_of_zero_do_not_run_for_ever():
    device = meter(3000, control_mode=6, min_over_s=0, min_under_s=0)
    device.limiter.under_action = ActionItem(selector=SCRIPT_RECONNECT)
    limit(device, 2000, START)
    assert [deed for _, deed in deeds(device)].count(Deed.RELAY_OPENED) == 3
    assert device.history[-1].deed is Deed.LOCKED_OUT
    assert device.next_deadline() is None


def test_an_untouched_meter_has_no_deadline_and_no_limiter():
    device = meter(3000)
    device.advance(START)
    assert device.next_deadline() is None
    assert device._limiter is None
    assert device._supply is None


# Properties.

steps = st.lists(
    st.tuples(
        st.integers(0, 200),  # seconds since the step before
        st.one_of(
            st.tuples(st.just("load"), st.integers(0, 5000)),
            st.tuples(st.just("limit"), st.integers(0, 5000) | st.just(UNLIMITED)),
            st.tuples(st.just("emergency"), st.integers(0, 400)),
            st.tuples(st.just("stuck"), st.integers(0, 1)),
            st.tuples(st.just("trigger"), st.sampled_from(Trigger)),
        ),
    ),
    max_size=30,
)


Step = tuple[str, int | Trigger]


def do(device: Meter, step: Step, now: float) -> None:
    device.advance(now)
    match step:
        case "load", int(watts):
            draw(device, watts, now)
        case "limit", int(watts):
            limit(device, watts, now)
        case "emergency", int(duration_s):
            device.limiter.profile = EmergencyProfile(1, now + 10, duration_s)
            device.limiter.groups, device.limiter.threshold_emergency = (1,), 500
            device.settle(now)
        case "stuck", int(stuck):
            device.faults.relay_stuck = bool(stuck)
        case "trigger", Trigger() as trigger:
            device.switch(trigger, now=now, cause="somebody")
            device.settle(now)


def play(device: Meter, story: list[tuple[int, Step]], *, look_every_s: int = 0) -> float:
    now = START
    for wait_s, step in (*story, (10_000, ("look", 0))):
        for second in range(0, wait_s, look_every_s or 10_000):
            device.advance(now + second)
        now += wait_s
        do(device, step, now)
    return now


@given(story=steps, mode=st.integers(1, 6))
def test_the_limiter_never_closes_a_relay_without_a_script_for_it(
    story: list[tuple[int, Step]], mode: int
):
    device = meter(3000, control_mode=mode)
    play(device, story)
    assert not [
        each
        for each in device.history
        if each.deed is Deed.RELAY_CLOSED and each.cause == "limiter"
    ]


@given(story=steps, mode=st.integers(0, 6), script=st.sampled_from([SCRIPT_NONE, SCRIPT_RECONNECT]))
@settings(max_examples=200)
def test_relay_history_and_energy_tell_one_story(
    story: list[tuple[int, Step]], mode: int, script: int
):
    device = meter(3000, control_mode=mode)
    device.limiter.under_action = ActionItem(selector=script)
    end = play(device, story)
    moves = [e for e in device.history if e.deed in (Deed.RELAY_OPENED, Deed.RELAY_CLOSED)]
    on = True
    for each in moves:
        assert (each.deed is Deed.RELAY_CLOSED) is not on, "each move is a change"
        on = not on
        if each.deed is Deed.RELAY_CLOSED and each.cause == "limiter":
            assert (script, mode in (5, 6)) == (SCRIPT_RECONNECT, True)
    assert device.output_on is on
    assert [e.at for e in device.history] == sorted(e.at for e in device.history)
    trips = [e.at for e in moves if e.detail == "local_disconnect g"]
    acted = [
        e.at
        for e in device.history
        if e.detail.split()[0] in ("remote_reconnect", "manual_reconnect")
    ]
    for first, _, third in zip(trips, trips[1:], trips[2:], strict=False):
        if third - first < 1800 and not any(first <= at for at in acted):
            assert not [e for e in moves if e.at > third and e.detail == "local_reconnect h"]
    for opened, closed in itertools.pairwise(moves):
        if opened.deed is Deed.RELAY_OPENED:
            assert device.metering.energy(opened.at) == device.metering.energy(closed.at)
    assert device.metering.energy(end).active_import >= device.metering.energy(START).active_import


@given(story=steps)
def test_advancing_in_small_steps_or_at_once_is_the_same(
    story: list[tuple[int, Step]],
):
    patient, busy = meter(3000, control_mode=6), meter(3000, control_mode=6)
    for device in (patient, busy):
        device.limiter.under_action = ActionItem(selector=SCRIPT_RECONNECT)
    play(patient, story)
    play(busy, story, look_every_s=7)
    assert busy.history == patient.history


def test_over_side_is_kept_when_a_limit_is_rewritten():
    """A head-end that writes the same limit again does not start the clock anew."""
    device = meter(3000)
    limit(device, 2000, START)
    limit(device, 1000, START + 50)
    assert device.limiter.side is Side.OVER
    device.advance(START + 60)
    assert not device.output_on


def test_a_limit_raised_in_time_trips_nothing():
    device = meter(3000)
    limit(device, 2000, START)
    limit(device, 3000, START + 59)
    device.advance(START + 3600)
    assert device.output_on
