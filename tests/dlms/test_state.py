"""The one table: who speaks where, and that both roles can walk all of it."""

from __future__ import annotations

import pytest

from protocols.dlms.state import SPOKEN_BY, TRANSITIONS, Role, State, Step, mermaid

CLIENT_SPEAKS = {
    State.IDLE,
    State.CHALLENGED,
    State.ASSOCIATED,
    State.GET_BLOCK_SENT,
    State.SET_BLOCK_TAKEN,
    State.ACTION_BLOCK_TAKEN,
    State.ACTION_RETURN_SENT,
}
GIVING_UP = {Step.ABANDONED, Step.DISCONNECTED}


@pytest.mark.parametrize(("state", "step"), TRANSITIONS, ids=lambda part: part.name)
def test_only_one_side_speaks_in_each_state(state: State, step: Step) -> None:
    if step not in GIVING_UP:
        assert SPOKEN_BY[step] is (Role.CLIENT if state in CLIENT_SPEAKS else Role.SERVER)
        following = TRANSITIONS[state, step]
        rests = (State.IDLE, State.ASSOCIATED)
        assert (following in CLIENT_SPEAKS) is not (state in CLIENT_SPEAKS) or following in rests


def reached(start: State) -> set[State]:
    seen, new = {start}, {start}
    while new:
        new = {after for (state, _), after in TRANSITIONS.items() if state in new} - seen
        seen |= new
    return seen


def test_every_state_is_reached_and_left() -> None:
    assert reached(State.IDLE) == set(State)
    for state in State:
        assert State.IDLE in reached(state)


def test_every_step_is_taken_somewhere() -> None:
    assert {step for _, step in TRANSITIONS} == set(Step)


def test_nothing_is_asked_before_the_proof() -> None:
    """From an HLS association under way, only the proof leads to where GET, SET, ACTION are."""
    before = (State.CHALLENGED, State.PROVING)
    opening = [
        step
        for (state, step), after in TRANSITIONS.items()
        if state in before and after not in (State.IDLE, State.RELEASING, *before)
    ]
    assert opening == [Step.PROOF_ACCEPTED]


def test_diagram_has_every_arrow() -> None:
    assert mermaid().count("-->") == len(TRANSITIONS) + 1
    assert "    ASSOCIATED --> GETTING: GET-Request\n" in mermaid()
