"""The modem: every failure at its step with its code, retries, recovery, what others see."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import world
from devices.modem import (
    IMPLICIT_DETACH_MS,
    LOG_LINES_MAX,
    PAUSE_FIRST_MS,
    PAUSE_MAX_MS,
    PAUSE_SPREAD,
    STEP_MS,
    Modem,
    ModemFault,
    Pace,
    Registry,
    StepChanged,
)
from devices.modem_failures import FAILURES, Step, failure_named
from devices.span import Span

START = datetime(2026, 7, 6, tzinfo=UTC)
T0 = START.timestamp()
COLD_START_S = sum(STEP_MS.values()) / 1000


def modem_with(*faults: tuple[str, float | None, float | None]) -> Modem:
    """A modem switched on at T0; faults by seconds after it."""
    modem = Modem(Random(1), now=T0)
    for failure, start, end in faults:
        modem.add_fault(fault(failure, start, end))
    return modem


def fault(failure: str, start: float | None = None, end: float | None = None) -> ModemFault:
    span = Span(None if start is None else T0 + start, None if end is None else T0 + end)
    return ModemFault(failure, span)


def run(modem: Modem, until: float) -> list[StepChanged]:
    """As a process would: sleep to each deadline.  Times come back as seconds after T0."""
    changes: list[StepChanged] = []
    while (due := modem.next_deadline()) is not None and due <= T0 + until:
        changes += modem.advance(due)
    changes += modem.advance(T0 + until)
    return [
        StepChanged(round(change.at - T0, 3), change.before, change.after) for change in changes
    ]


def entries(modem: Modem) -> list[tuple[str, int]]:
    return [(entry.component, entry.code) for entry in modem.fault_log()]


def test_a_cold_start_takes_every_step_once() -> None:
    modem = modem_with()
    changes = run(modem, 60)
    assert [change.after for change in changes] == list(Step)[2:]
    assert [change.before for change in changes] == list(Step)[1:-1]
    assert changes[-1].at == COLD_START_S == 28
    assert modem.online and modem.next_deadline() is None and modem.fault_log() == ()


# Every failure: the step it stops at, and what the modem says.
TRANSITIONS = {
    "power lost": (Step.POWER, "power", 0),
    "modem dead": (Step.BOOT, "modem", 0),
    "sim missing": (Step.SIM, "sim", 10),
    "sim pin": (Step.SIM, "sim", 11),
    "sim broken": (Step.SIM, "sim", 13),
    "no network": (Step.REGISTRATION, "network", 30),
    "network not allowed": (Step.REGISTRATION, "network", 32),
    "sim barred": (Step.REGISTRATION, "sim", 103),
    "plmn not allowed": (Step.REGISTRATION, "network", 111),
    "roaming not allowed": (Step.REGISTRATION, "network", 113),
    "packet service not allowed": (Step.ATTACH, "network", 107),
    "apn unknown": (Step.PDP, "apn", 27),
    "apn authentication": (Step.PDP, "apn", 29),
    "apn not subscribed": (Step.PDP, "apn", 33),
    "session timeout": (Step.SESSION, "network", 31),
}
by_failure = pytest.mark.parametrize(
    "failure, step, component, code",
    [(name, *row) for name, row in TRANSITIONS.items()],
    ids=TRANSITIONS,
)


def test_the_table_of_transitions_is_complete() -> None:
    assert list(TRANSITIONS) == list(FAILURES)
    assert {step for step, _, _ in TRANSITIONS.values()} == set(Step) - {Step.ONLINE}


@by_failure
def test_a_failure_holds_the_modem_at_its_step(
    failure: str, step: Step, component: str, code: int
) -> None:
    modem = modem_with((failure, None, None))
    changes = run(modem, 3600)
    assert modem.step is step and not modem.online
    assert all(change.after <= step for change in changes)
    if step is Step.POWER:  # who has no supply writes nothing
        assert entries(modem) == []
    else:
        assert set(entries(modem)) == {(component, code)}
        first = modem.fault_log()[0]
        assert first.text == FAILURES[failure].text
        passed_ms = sum(STEP_MS[before] for before in Step if Step.BOOT <= before <= step)
        assert first.at.timestamp() == T0 + passed_ms / 1000


@by_failure
def test_a_failure_throws_an_online_modem_back_and_its_end_lets_it_return(
    failure: str, step: Step, component: str, code: int
) -> None:
    modem = modem_with((failure, 1000, 2000))
    changes = run(modem, 3000)
    assert changes[6] == StepChanged(1000, Step.ONLINE, step)
    assert changes[-1].after is Step.ONLINE and modem.online
    last_pause_s = PAUSE_MAX_MS * (1 + 1 / PAUSE_SPREAD) / 1000
    assert 2000 < changes[-1].at < 2000 + last_pause_s + COLD_START_S
    back = [change.after for change in changes[7:]]
    assert back == [later for later in Step if later > step]
    log = modem.fault_log()
    assert {(entry.component, entry.code) for entry in log} == {(component, code)}
    if step is Step.POWER:
        (line,) = log
        assert line.at.timestamp() == T0 + 2000
        assert line.text == "supply returned; it was lost at 2026-07-06T00:16:40Z"
    else:
        assert log[0].at.timestamp() == T0 + 1000
        assert all(T0 + 1000 <= entry.at.timestamp() < T0 + 2000 for entry in log)


@by_failure
def test_failures_are_found_by_component_and_code(
    failure: str, step: Step, component: str, code: int
) -> None:
    assert failure_named(component, code) == failure


FIRST = {
    "power": "power lost",
    "modem": "modem dead",
    "sim": "sim missing",
    "network": "no network",
    "apn": "apn unknown",
}


@pytest.mark.parametrize("component, failure", FIRST.items(), ids=FIRST)
def test_a_component_without_a_code_fails_in_its_first_way(component: str, failure: str) -> None:
    assert failure_named(component) == failure


UNKNOWN = {
    "another component's code": ("sim", 27, "its codes: 10, 11, 13, 103"),
    "no such component": ("aerial", None, "its codes: none"),
    "no such component, with a code": ("aerial", 10, "its codes: none"),
}


@pytest.mark.parametrize("component, code, says", UNKNOWN.values(), ids=UNKNOWN)
def test_failures_that_no_component_has(component: str, code: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        failure_named(component, code)


@pytest.mark.parametrize("name", FAILURES)
def test_codes_stand_in_the_text_too(name: str) -> None:
    failure = FAILURES[name]
    assert failure.code == 0 or str(failure.code) in failure.text


def test_pauses_double_to_a_limit_and_are_spread() -> None:
    modem = modem_with(("no network", None, None))
    run(modem, 4000)
    times = [entry.at.timestamp() for entry in modem.fault_log()]
    pauses = [round((later - earlier) * 1000) for earlier, later in pairwise(times)]
    pauses_least = [min(PAUSE_FIRST_MS << number, PAUSE_MAX_MS) for number in range(len(pauses))]
    for pause, least in zip(pauses, pauses_least, strict=True):
        assert least <= pause < least * (1 + 1 / PAUSE_SPREAD)
    assert pauses_least[-1] == PAUSE_MAX_MS
    assert len({pause - least for pause, least in zip(pauses, pauses_least, strict=True)}) > 3


def test_two_modems_do_not_retry_as_one() -> None:
    logs = []
    for seed in (1, 2):
        modem = Modem(Random(seed), now=T0)
        modem.add_fault(fault("no network"))
        modem.advance(T0 + 600)
        logs.append([entry.at for entry in modem.fault_log()])
    assert logs[0][0] == logs[1][0] and logs[0][1] != logs[1][1]


def test_an_earlier_step_wins() -> None:
    """APN refused, and then the SIM breaks: the modem is held at the SIM, then at the APN."""
    modem = modem_with(("apn unknown", 100, 900), ("sim broken", 200, 600))
    run(modem, 1500)
    assert modem.online
    codes = {code for _, code in entries(modem)}
    assert codes == {27, 13}
    at = {
        code: [e.at.timestamp() - T0 for e in modem.fault_log() if e.code == code] for code in codes
    }
    assert at[27][0] == 100 and at[13][0] == 200
    assert not [moment for moment in at[27] if 200 <= moment < 600]


def test_two_losses_of_power_that_overlap_are_one() -> None:
    modem = modem_with(("power lost", 100, 300), ("power lost", 200, 500))
    changes = run(modem, 1000)
    assert [change.at for change in changes if change.after is Step.POWER] == [100]
    assert [change.at for change in changes if change.before is Step.POWER] == [500]
    assert len(modem.fault_log()) == 1


def test_a_modem_switched_on_without_power() -> None:
    modem = modem_with(("power lost", None, 100))
    assert run(modem, 50)[0].after is Step.POWER
    assert modem.next_deadline() == T0 + 100
    run(modem, 200)
    assert modem.online


def test_power_lost_for_ever_leaves_nothing_to_wait_for() -> None:
    modem = modem_with(("power lost", 50, None))
    run(modem, 60)
    assert modem.next_deadline() is None


def test_a_fault_entered_late_acts_at_once() -> None:
    modem = modem_with()
    run(modem, 100)
    modem.add_fault(fault("sim missing", 40, 400))
    assert modem.next_deadline() == T0 + 100
    (change,) = modem.advance(T0 + 100)
    assert (change.at, change.after) == (T0 + 100, Step.SIM)


def test_a_fault_that_is_over_does_nothing() -> None:
    modem = modem_with()
    run(modem, 100)
    modem.add_fault(fault("sim missing", 40, 90))
    assert modem.next_deadline() is None
    assert run(modem, 200) == [] and modem.fault_log() == ()


def test_a_fault_that_falls_between_two_tries_passes_unnoticed() -> None:
    modem = modem_with(("no network", None, 25), ("sim barred", 25, 26))
    run(modem, 200)
    assert {code for _, code in entries(modem)} == {30} and modem.online


def test_the_log_is_a_ring() -> None:
    modem = modem_with(("no network", None, None))
    modem.advance(T0 + 3 * 86_400)
    log = modem.fault_log()
    assert len(log) == LOG_LINES_MAX
    assert log[-1].at.timestamp() > T0 + 3 * 86_400 - 400
    since = log[-10].at
    assert modem.fault_log(since) == log[-10:]


def test_no_such_failure() -> None:
    with pytest.raises(ValueError, match="no such failure: 'sim stolen'; known: power lost, "):
        ModemFault("sim stolen", Span())


faults = st.builds(
    lambda failure, start, length: (failure, float(start), float(start + length)),
    st.sampled_from(list(FAILURES)),
    st.integers(0, 2000),
    st.integers(1, 1500),
)


@settings(max_examples=150)
@given(st.lists(faults, max_size=4), st.lists(st.integers(0, 4000), max_size=12))
def test_how_often_time_is_told_changes_nothing(
    given_faults: list[tuple[str, float, float]], moments: list[int]
) -> None:
    at_deadlines, at_moments = modem_with(*given_faults), modem_with(*given_faults)
    expected = run(at_deadlines, 5000)
    changes: list[StepChanged] = []
    for moment in [*sorted(moments), 5000]:
        changes += at_moments.advance(T0 + moment)
    assert [
        StepChanged(round(change.at - T0, 3), change.before, change.after) for change in changes
    ] == expected
    assert at_moments.fault_log() == at_deadlines.fault_log()
    assert at_moments.online  # every fault is long over
    held = [change for change in expected if change.after < change.before]
    assert len(held) <= len(given_faults)


def test_a_process_of_the_world_can_drive_it() -> None:
    """Deadlines reached by adding floats fire: no step is taken late or twice."""
    env = world(START)
    modem = modem_with(("apn unknown", 100.1, 333.3))
    seen: list[StepChanged] = []

    def process() -> simpy.events.ProcessGenerator:
        wakes = 0
        while (due := modem.next_deadline()) is not None:
            yield env.timeout(max(0.0, due - env.now))
            seen.extend(modem.advance(env.now))
            wakes += 1
            assert wakes < 50

    env.process(process())
    env.run(until=T0 + 1000)
    reference = modem_with(("apn unknown", 100.1, 333.3))
    reference.advance(T0 + 1000)
    assert modem.online and modem.fault_log() == reference.fault_log()
    assert [change.after for change in seen].count(Step.ONLINE) == 2


# What the portal shows an hour into each failure of a modem that was on line:
# (registry, registered two minutes later, PDP rejection, contact goes on)
CARRIER = {
    "power lost": (Registry.ACTIVE, True, None, False),
    "modem dead": (Registry.ACTIVE, True, None, False),
    "sim missing": (Registry.ACTIVE, False, None, False),
    "sim pin": (Registry.ACTIVE, False, None, False),
    "sim broken": (Registry.ACTIVE, False, None, False),
    "no network": (Registry.ACTIVE, True, None, False),
    "network not allowed": (Registry.ACTIVE, False, None, True),
    "sim barred": (Registry.BARRED, False, None, True),
    "plmn not allowed": (Registry.ACTIVE, False, None, True),
    "roaming not allowed": (Registry.ACTIVE, False, None, True),
    "packet service not allowed": (Registry.ACTIVE, True, None, True),
    "apn unknown": (Registry.ACTIVE, True, 27, True),
    "apn authentication": (Registry.ACTIVE, True, 29, True),
    "apn not subscribed": (Registry.ACTIVE, True, 33, True),
    "session timeout": (Registry.ACTIVE, True, None, True),
}


@pytest.mark.parametrize(
    "failure, registry, registered, rejection, contact",
    [(name, *row) for name, row in CARRIER.items()],
    ids=CARRIER,
)
def test_what_the_carrier_sees(
    failure: str, registry: Registry, registered: bool, rejection: int | None, contact: bool
) -> None:
    modem = modem_with((failure, 1000, 9000))
    run(modem, 1120)
    view = modem.seen_by_carrier(T0 + 1120)
    assert (view.registry, view.registered, view.last_pdp_rejection) == (
        registry,
        registered,
        rejection,
    )
    assert (view.last_pdp_rejection_at is None) is (rejection is None)
    assert view.last_contact is not None
    assert (view.last_contact.timestamp() > T0 + 1000) is contact
    run(modem, 9000 + 600)
    after = modem.seen_by_carrier(T0 + 9600)
    assert (after.registry, after.registered, after.last_pdp_rejection) == (
        Registry.ACTIVE,
        True,
        None,
    )
    assert after.last_contact is not None and after.last_contact.timestamp() == T0 + 9600


def test_from_outside_silence_is_silence() -> None:
    """The portal cannot tell power, modem and coverage apart, nor the SIM's ways to fail."""
    views = {}
    for failure in FAILURES:
        modem = modem_with((failure, 1000, None))
        run(modem, 6000)
        views[failure] = modem.seen_by_carrier(T0 + 6000)
    assert views["power lost"] == views["modem dead"] == views["no network"]
    assert views["sim missing"] == views["sim pin"] == views["sim broken"]
    assert views["power lost"] == views["sim missing"]
    assert not views["power lost"].registered


def test_the_network_forgets_a_silent_modem_after_the_implicit_detach() -> None:
    modem = modem_with(("power lost", 1000, None))
    run(modem, 1001)
    limit = 1000 + IMPLICIT_DETACH_MS / 1000
    seen = {moment: modem.seen_by_carrier(T0 + moment).registered for moment in (limit - 1, limit)}
    assert seen == {limit - 1: True, limit: False}


def test_a_sim_that_was_never_heard() -> None:
    modem = modem_with(("sim missing", None, None))
    run(modem, 1000)
    view = modem.seen_by_carrier(T0 + 1000)
    assert not view.registered and view.last_contact is None


def test_a_fault_without_an_end_is_ended() -> None:
    modem = modem_with(("sim barred", 100, None), ("apn unknown", 5_000, None))
    modem.advance(T0 + 200)
    assert modem.step is Step.REGISTRATION
    modem.end_faults("sim barred", T0 + 200)
    assert modem.seen_by_carrier(T0 + 200).registry is Registry.ACTIVE
    modem.advance(T0 + 200 + PAUSE_MAX_MS / 1000 * (1 + 1 / PAUSE_SPREAD) + COLD_START_S)
    assert modem.online
    modem.advance(T0 + 5_000)
    assert modem.step is Step.PDP  # another kind, and still to come: it was left as it is


def test_a_fault_that_has_an_end_keeps_it() -> None:
    modem = modem_with(("sim barred", 100, 300))
    modem.advance(T0 + 200)
    modem.end_faults("sim barred", T0 + 200)
    assert modem.seen_by_carrier(T0 + 299).registry is Registry.BARRED


def test_a_modem_in_a_hurry() -> None:
    pace = Pace(step_ms=dict.fromkeys(Step, 100), pause_first_ms=1_000, pause_max_ms=1_000)
    modem = Modem(Random(1), now=T0, pace=pace)
    assert modem.advance(T0 + 0.6)[-1].at == pytest.approx(T0 + 0.6)
    assert modem.online
    modem.add_fault(fault("sim barred", 1, 31))
    modem.advance(T0 + 31)
    tries = [entry.at.timestamp() for entry in modem.fault_log()]
    assert all(1.0 <= later - earlier < 1.25 for earlier, later in pairwise(tries))
    assert len(tries) >= 24
    modem.advance(T0 + 31 + 1.25 + 0.4)
    assert modem.online
