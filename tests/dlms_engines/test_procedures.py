"""The procedures alone, against a meter that is a dictionary: no bytes, no engine."""

from __future__ import annotations

import pytest

from protocols.concentrator.messages import Action, Result, Status
from protocols.dlms.procedures import (
    ACTING_REQUESTS,
    Outcome,
    Unanswered,
    to_result_fields,
)
from protocols.dlms.services import ActionRequest, SetRequest
from tests.dlms_engines import billing_cases, cases
from tests.dlms_engines.cases import check

CASES = cases.CASES | billing_cases.CASES
NO_WORD_OF_ITS_OWN = {"connect in mode 4", "reset demand", "load off"}
"""Their silence is the session's to judge, not theirs."""


def run(procedure, meter) -> Outcome:
    """What the session does, without association, wire and clock."""
    try:
        request = next(procedure)
        while True:
            request = procedure.send(meter.answer(request))
    except StopIteration as stop:
        return stop.value
    except Unanswered as error:
        return Outcome(Status.NO_ANSWER, detail=str(error))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outcome(case):
    meter = case.meter()
    outcome = run(case.procedure(), meter)
    check(case, outcome, meter)
    acting = [request for request in meter.asked if isinstance(request, ACTING_REQUESTS)]
    assert len(acting) == outcome.acted, "acts once where it says so, else never"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outcome_is_a_result_of_the_message_set(case):
    outcome = run(case.procedure(), case.meter())
    fields = to_result_fields(outcome)
    result = Result(
        id="1", at=None, order="o", attempt=1, meter="m", action=Action.READ_LIMIT, **fields
    )
    assert (result.status, result.acted) == (outcome.status, outcome.acted)
    assert (result.refusal, result.before) == (outcome.refusal, outcome.before)
    assert (result.limit, result.supply) == (outcome.limit, outcome.supply)


@pytest.mark.parametrize(
    "name", ["set limit", "remove limit", "connect in mode 4", "reset demand", "load off"]
)
def test_silence_at_each_step(name):
    """Without an answer the effect is unknown from the acting request on, and not before."""
    case = CASES[name]
    steps = 0
    while True:
        meter, procedure = case.meter(), case.procedure()
        request = next(procedure)
        try:
            for _ in range(steps):
                request = procedure.send(meter.answer(request))
        except StopIteration:
            break
        acted = any(isinstance(asked, ACTING_REQUESTS) for asked in [*meter.asked, request])
        try:
            procedure.throw(Unanswered("silence"))
        except StopIteration as stop:
            assert acted
            assert (stop.value.status, stop.value.acted) == (Status.UNKNOWN, True)
            assert stop.value.before == case.outcome.before
        except Unanswered:
            assert not acted or isinstance(request, ActionRequest) or name in NO_WORD_OF_ITS_OWN
        steps += 1
    assert steps >= 3


def test_the_limit_is_written_in_the_monitored_type():
    case = CASES["set limit in the type and scale of the meter"]
    meter = case.meter()
    run(case.procedure(), meter)
    (written,) = [request for request in meter.asked if isinstance(request, SetRequest)]
    assert [type(value).__name__ for value in written.values] == ["LongUnsigned"]
