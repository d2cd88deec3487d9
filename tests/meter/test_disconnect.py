"""Disconnect control, class 70: every mode, state and trigger, from the Blue Book's own table."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meter.disconnect import (
    LOCKOUT_TRIPS,
    LOCKOUT_WINDOW_S,
    PERMITTED,
    ControlState,
    DisconnectControl,
    Outcome,
    Trigger,
    transition,
)

D, C, R = ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION

BLUE_BOOK = {
    # letter: (from, trigger, to); figure of clause 4.5.8
    "a": (D, Trigger.REMOTE_RECONNECT, C),
    "b": (C, Trigger.REMOTE_DISCONNECT, D),
    "c": (R, Trigger.REMOTE_DISCONNECT, D),
    "d": (D, Trigger.REMOTE_RECONNECT, R),
    "e": (R, Trigger.MANUAL_RECONNECT, C),
    "f": (C, Trigger.MANUAL_DISCONNECT, R),
    "g": (C, Trigger.LOCAL_DISCONNECT, R),
    "h": (R, Trigger.LOCAL_RECONNECT, C),
}

MODES = {
    # mode: (disconnection remote, manual, local; reconnection remote, manual, local)
    0: ("", "", "", "", "", ""),
    1: ("bc", "f", "g", "d", "e", ""),
    2: ("bc", "f", "g", "a", "e", ""),
    3: ("bc", "", "g", "d", "e", ""),
    4: ("bc", "", "g", "a", "e", ""),
    5: ("bc", "f", "g", "d", "e", "h"),
    6: ("bc", "", "g", "d", "e", "h"),
}


@pytest.mark.parametrize(
    ("mode", "state", "trigger"), [*itertools.product(MODES, ControlState, Trigger)]
)
def test_every_mode_state_and_trigger(mode: int, state: ControlState, trigger: Trigger):
    letters = "".join(MODES[mode])
    expected = [
        (letter, to)
        for letter, (begin, by, to) in BLUE_BOOK.items()
        if letter in letters and begin is state and by is trigger
    ]
    found = transition(mode, state, trigger)
    assert len(expected) <= 1
    if expected:
        assert found == expected[0]
    else:
        assert isinstance(found, Outcome)
        assert found is not Outcome.MOVED


WITHOUT_TRANSITION = {
    # name: (mode, state, trigger, outcome)
    "off is off": (4, D, Trigger.REMOTE_DISCONNECT, Outcome.ALREADY_THERE),
    "on is on": (4, C, Trigger.REMOTE_RECONNECT, Outcome.ALREADY_THERE),
    "ready is ready": (3, R, Trigger.REMOTE_RECONNECT, Outcome.ALREADY_THERE),
    "on is more than ready": (3, C, Trigger.REMOTE_RECONNECT, Outcome.ALREADY_THERE),
    "a trip leaves nothing to reconnect directly": (
        4, R, Trigger.REMOTE_RECONNECT, Outcome.NOT_NOW
    ),
    "a button does not lift a remote disconnection": (
        4, D, Trigger.MANUAL_RECONNECT, Outcome.NOT_NOW
    ),
    "no button to disconnect in mode 4": (
        4, C, Trigger.MANUAL_DISCONNECT, Outcome.NOT_PERMITTED
    ),
    "mode 4 never reconnects locally": (4, R, Trigger.LOCAL_RECONNECT, Outcome.NOT_PERMITTED),
    "mode 5 does not lift a remote disconnection locally": (
        5, D, Trigger.LOCAL_RECONNECT, Outcome.NOT_NOW
    ),
    "mode 0 never disconnects": (0, C, Trigger.REMOTE_DISCONNECT, Outcome.NOT_PERMITTED),
    "mode 0 never trips": (0, C, Trigger.LOCAL_DISCONNECT, Outcome.NOT_PERMITTED),
}  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "state", "trigger", "outcome"), WITHOUT_TRANSITION.values(), ids=WITHOUT_TRANSITION
)
def test_no_transition_says_why(mode: int, state: ControlState, trigger: Trigger, outcome: Outcome):
    assert transition(mode, state, trigger) is outcome


@given(
    mode=st.sampled_from(sorted(PERMITTED)),
    triggers=st.lists(st.tuples(st.sampled_from(Trigger), st.booleans()), max_size=40),
)
def test_the_relay_moves_by_permitted_transitions_only(
    mode: int, triggers: list[tuple[Trigger, bool]]
):
    control = DisconnectControl(mode)
    for now, (trigger, stuck) in enumerate(triggers):
        state, output = control.state, control.output_on
        move = control.apply(trigger, now=float(now), relay_stuck=stuck)
        if control.state is not state:
            assert BLUE_BOOK[move.transition] == (state, trigger, control.state)
            assert move.transition in PERMITTED[mode]
        if control.output_on is not output:
            assert not stuck
            assert control.output_on is (control.state is C)
            assert trigger.value.endswith("reconnect") or not control.output_on
        assert move.relay_followed is (control.output_on is (control.state is C))
        if not any(s for _, s in triggers):
            assert control.output_on is (control.state is C)


def test_a_stuck_relay_leaves_output_and_state_apart_until_it_is_told_again():
    control = DisconnectControl(4)
    move = control.apply(Trigger.REMOTE_DISCONNECT, now=0, relay_stuck=True)
    assert (move.outcome, move.transition, move.relay_followed) == (Outcome.MOVED, "b", False)
    assert (control.state, control.output_on) == (D, True)
    again = control.apply(Trigger.REMOTE_DISCONNECT, now=1)
    assert (again.outcome, again.relay_followed) == (Outcome.ALREADY_THERE, True)
    assert not control.output_on


# Lock-out.


def trip(control: DisconnectControl, now: float) -> None:
    assert control.apply(Trigger.LOCAL_DISCONNECT, now=now).transition == "g"


def tripped(mode: int, *times: float) -> DisconnectControl:
    control = DisconnectControl(mode)
    for now in times[:-1]:
        trip(control, now)
        assert control.apply(Trigger.LOCAL_RECONNECT, now=now).transition == "h"
    trip(control, times[-1])
    return control


LOCKOUTS = {
    # name: (times of trips, locked out)
    "two": ((0, 10), False),
    "three within the window": ((0, 10, LOCKOUT_WINDOW_S - 1), True),
    "three, the window long": ((0, 10, LOCKOUT_WINDOW_S), False),
    "three of four within": ((0, 3000, 3001, 3002), True),
    "four spread out": ((0, 1000, 2000, 3000), False),
}


@pytest.mark.parametrize(("times", "locked"), LOCKOUTS.values(), ids=LOCKOUTS)
def test_repeated_trips_bar_local_reconnection(times: tuple[float, ...], locked: bool):
    control = tripped(6, *times)
    move = control.apply(Trigger.LOCAL_RECONNECT, now=times[-1] + 1)
    assert move.outcome is (Outcome.LOCKED_OUT if locked else Outcome.MOVED)
    assert control.output_on is not locked


def test_a_lock_out_does_not_end_by_itself():
    control = tripped(6, 0, 1, 2)
    assert control.apply(Trigger.LOCAL_RECONNECT, now=1e9).outcome is Outcome.LOCKED_OUT


@pytest.mark.parametrize(
    ("trigger", "on"), [(Trigger.MANUAL_RECONNECT, True), (Trigger.REMOTE_RECONNECT, False)]
)
def test_a_person_or_the_head_end_ends_a_lock_out(trigger: Trigger, on: bool):
    control = tripped(6, 0, 1, 2)
    control.apply(trigger, now=3)
    assert not control.locked_out(3)
    assert control.output_on is on


def test_a_disconnection_does_not_end_a_lock_out():
    control = tripped(6, *range(LOCKOUT_TRIPS))
    control.apply(Trigger.REMOTE_DISCONNECT, now=9)
    assert control.locked_out(9)


# Writing the control mode.

MODE_WRITES = {
    # name: (state, output, mode, accepted)
    "known": (C, True, 6, True),
    "unknown": (C, True, 7, False),
    "negative": (C, True, -1, False),
    "always connected, while on": (C, True, 0, True),
    "always connected, while off": (D, False, 0, False),
    "always connected, after a trip": (R, False, 0, False),
    "always connected, relay open and stuck": (C, False, 0, False),
    "another mode, while off": (D, False, 5, True),
}


@pytest.mark.parametrize(
    ("state", "output", "mode", "accepted"), MODE_WRITES.values(), ids=MODE_WRITES
)
def test_a_parameter_never_switches_a_supply_on(
    state: ControlState, output: bool, mode: int, accepted: bool
):
    control = DisconnectControl(4, state, output)
    assert control.set_mode(mode) is accepted
    assert (control.state, control.output_on) == (state, output)
    assert control.mode == (mode if accepted else 4)
