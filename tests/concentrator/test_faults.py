"""Each fault, as the concentrator reports it: with what it saw, and nothing that it cannot know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices import faults
from devices.modem_failures import FAILURES
from devices.span import Span
from protocols.concentrator.messages import Action, FaultLog, LinkChanged, Offline, Online, Status
from protocols.dlms.codes import DataAccessResult
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

ALWAYS = Span()
OTHER = "90000002"

METER_FAULTS: dict[str, tuple[faults.Fault, Action, Status, bool]] = {
    # name: (fault, action, status, acted)
    "silent": (faults.SilentMeter(METER, ALWAYS), Action.SET_LIMIT, Status.NO_ANSWER, False),
    "refuses": (faults.RefusesLimit(METER, ALWAYS), Action.SET_LIMIT, Status.REFUSED, True),
    "ignores": (faults.IgnoresLimit(METER, ALWAYS), Action.SET_LIMIT, Status.NOT_APPLIED, True),
    "emergency": (faults.EmergencyActive(METER, ALWAYS), Action.SET_LIMIT, Status.EMERGENCY, True),
    "relay": (faults.StuckRelay(METER, ALWAYS), Action.DISCONNECT, Status.NOT_APPLIED, True),
    "load relay": (
        faults.StuckLoadRelay(METER, ALWAYS), Action.LOAD_OFF, Status.NOT_APPLIED, True,
    ),
    "no reset of a silent meter": (
        faults.SilentMeter(METER, ALWAYS), Action.RESET_DEMAND, Status.NO_ANSWER, False,
    ),
    "key": (faults.WrongKey(METER, ALWAYS), Action.SET_LIMIT, Status.KEY_REJECTED, False),
    "module": (faults.ModuleOff(METER, ALWAYS), Action.SET_LIMIT, Status.UNREACHABLE, False),
    "loss": (faults.Loss(METER, ALWAYS, 1.0), Action.SET_LIMIT, Status.NO_ANSWER, False),
    "noise": (faults.Noise(METER, ALWAYS, -9000), Action.SET_LIMIT, Status.UNREACHABLE, False),
    "table": (faults.AbsentFromTable(METER, ALWAYS), Action.SET_LIMIT, Status.NOT_IN_TABLE, False),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["own", "gurux"])
@pytest.mark.parametrize("fault, action, status, acted", METER_FAULTS.values(), ids=METER_FAULTS)
def test_one_meter_is_broken_and_its_neighbour_is_not(
    fault: faults.Fault, action: Action, status: Status, acted: bool, engine: str
) -> None:
    stage = Stage(engines=engine)
    faults.run(stage.world, [fault])
    stage.run(300)  # a module that went off has lost its registration by now
    stage.send(stage.execute(action), stage.execute(action, order="2", meter=OTHER))
    stage.run(300)
    (result,) = stage.head_end.results("1")
    assert (result.status, result.acted) == (status, acted)
    (neighbour,) = stage.head_end.results("2")
    assert (neighbour.status, neighbour.acted) == (Status.DONE, True)


def after(fault: faults.Fault, action: Action = Action.SET_LIMIT, *, wait_s: float = 300) -> Stage:
    stage = Stage()
    faults.run(stage.world, [fault])
    stage.run(wait_s)
    stage.send(stage.execute(action))
    stage.run(290)
    return stage


def test_silent_meter_but_its_module_acknowledges() -> None:
    (result,) = after(faults.SilentMeter(METER, ALWAYS)).head_end.results()
    assert result.link.registered and result.link.link_acks == result.link.frames_sent > 0


def test_loss_is_frames_without_acknowledgement() -> None:
    (result,) = after(faults.Loss(METER, ALWAYS, 1.0)).head_end.results()
    assert result.link.registered and result.link.frames_lost == result.link.frames_sent > 0
    assert {frame.fate for frame in result.frames} <= {"no-ack", "damaged"}


def test_module_off_sends_nothing() -> None:
    stage = after(faults.ModuleOff(METER, ALWAYS))
    (result,) = stage.head_end.results()
    assert not result.link.registered and result.link.frames_sent == 0
    assert [frame.fate for frame in result.frames] == ["no-route"]
    (changed,) = stage.head_end.of(LinkChanged)
    assert changed.link.meter == METER and not changed.link.registered


def test_the_meters_own_error_comes_back() -> None:
    fault = faults.RefusesLimit(METER, ALWAYS, DataAccessResult.HARDWARE_FAULT)
    (result,) = after(fault).head_end.results()
    assert (result.refusal.service, result.refusal.code) == ("set", 1)
    assert result.refusal.name == "hardware-fault"


def test_emergency_shows_both_thresholds() -> None:
    (result,) = after(faults.EmergencyActive(METER, ALWAYS, 500)).head_end.results()
    assert (result.limit.threshold_normal, result.limit.threshold_active) == ("3300", "500")
    assert result.limit.emergency_active


@pytest.mark.parametrize("engine", ["own", "gurux"])
def test_rolled_back_counter_is_taken_for_a_replay(engine: str) -> None:
    stage = Stage(engines=engine)
    stage.run(1)
    stage.send(stage.execute())
    stage.run(30)
    faults.run(stage.world, [faults.RolledBackCounter(METER, ALWAYS)])
    stage.send(stage.execute(order="2"))
    stage.run(200)
    (result,) = stage.head_end.results("2")
    assert (result.status, result.acted) == (Status.KEY_REJECTED, False)
    assert len(stage.deeds("limit-written")) == 1


def test_another_client_of_the_same_keys_has_used_higher_counters() -> None:
    stage = Stage()
    stage.run(1)
    stage.send(stage.execute())
    stage.run(30)
    stage.concentrator.flash.counters[METER].next_own = 1  # as from an old backup of the flash
    stage.send(stage.execute(order="2"))
    stage.run(200)
    (result,) = stage.head_end.results("2")
    assert (result.status, result.acted) == (Status.DONE, True)


def test_heavy_loss_is_overcome_by_retries() -> None:
    stage = after(faults.Loss(METER, ALWAYS, 0.3))
    (result,) = stage.head_end.results()
    assert result.status is Status.DONE and result.link.frames_lost > 0


LIFTED: dict[str, Callable[[Span], faults.Fault]] = {
    "silent": lambda span: faults.SilentMeter(METER, span),
    "refuses": lambda span: faults.RefusesLimit(METER, span),
    "ignores": lambda span: faults.IgnoresLimit(METER, span),
    "emergency": lambda span: faults.EmergencyActive(METER, span),
    "key": lambda span: faults.WrongKey(METER, span),
    "module": lambda span: faults.ModuleOff(METER, span),
    "loss": lambda span: faults.Loss(METER, span, 1.0),
    "noise": lambda span: faults.Noise(CONCENTRATOR, span, -9000),
    "table": lambda span: faults.AbsentFromTable(METER, span),
    "busy": lambda span: faults.Busy(CONCENTRATOR, span),
    "power": lambda span: faults.PowerCut(CONCENTRATOR, span),
    "network silent": lambda span: faults.NetworkSilent(CONCENTRATOR, span),
    "clock": lambda span: faults.ClockWrong(CONCENTRATOR, span, step_s=600, drift_ppm=500),
} | {
    failure: lambda span, failure=failure: faults.ModemFails(CONCENTRATOR, span, failure)
    for failure in FAILURES
}


@pytest.mark.parametrize("make", LIFTED.values(), ids=LIFTED)
def test_after_a_fault_all_is_well_again(make: Callable[[Span], faults.Fault]) -> None:
    stage = Stage()
    now = stage.env.now
    # Two that overlap: whole again only when both are over.
    faults.run(stage.world, [make(Span(now + 10, now + 100)), make(Span(now + 50, now + 400))])
    stage.run(1200)
    stage.send(stage.execute())
    stage.run(60)
    assert [result.status for result in stage.head_end.results()] == [Status.DONE]
    assert len(list(stage.world.log.of_kind("fault-over"))) == 2


def test_while_two_overlap_the_first_ones_end_heals_nothing() -> None:
    stage = Stage()
    now = stage.env.now
    faults.run(
        stage.world,
        [
            faults.SilentMeter(METER, Span(now, now + 100)),
            faults.SilentMeter(METER, Span(now + 50, now + 1000)),
        ],
    )
    stage.run(200)
    stage.send(stage.execute())
    stage.run(100)
    assert [result.status for result in stage.head_end.results()] == [Status.NO_ANSWER]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_modem_that_fails_is_silent_and_tells_when_it_is_back(failure: str) -> None:
    stage = Stage()
    stage.run(1)
    now = stage.env.now
    faults.run(stage.world, [faults.ModemFails(CONCENTRATOR, Span(now, now + 300), failure)])
    stage.run(60)
    assert not stage.head_end.of(Offline)  # silence: the broker still takes it for alive
    stage.run(60)
    assert len(stage.head_end.of(Offline)) == 1
    stage.run(700)
    assert len(stage.head_end.of(Online)) == 2
    (log,) = stage.head_end.of(FaultLog)
    expected = FAILURES[failure]
    assert {(entry.component, entry.code) for entry in log.entries} == {
        (expected.component, expected.code)
    }


def test_what_was_done_while_the_connection_was_gone_is_told_afterwards() -> None:
    stage = Stage()
    stage.run(1)
    stage.send(stage.execute())
    stage.run(0.5)
    now = stage.env.now
    faults.run(stage.world, [faults.ModemFails(CONCENTRATOR, Span(now, now + 600), "apn unknown")])
    stage.run(599)
    assert stage.deeds("limit-written") and not stage.head_end.results()
    stage.run(600)
    assert {result.status for result in stage.head_end.results()} == {Status.DONE}


def test_a_broker_that_refuses_is_tried_again_with_pauses() -> None:
    stage = Stage()
    stage.run(1)
    stage.wire.refuses = True
    tries = []
    connect = stage.wire.connect
    stage.wire.connect = lambda will, ears: (tries.append(stage.env.now), connect(will, ears))[1]  # type: ignore[method-assign]
    stage.concentrator.online.down("the broker closed the connection")
    stage.run(3600)
    pauses = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert pauses[0] < 10 and max(pauses) <= 181 and 20 < len(tries) < 60
    stage.wire.refuses = False
    stage.run(200)
    assert len(stage.head_end.of(Online)) == 2


def test_an_unknown_failure_of_a_modem_is_refused() -> None:
    with pytest.raises(ValueError, match="known"):
        faults.ModemFails(CONCENTRATOR, ALWAYS, "modem possessed")
