"""One thing goes wrong at one moment of an errand, for every moment of it.

The errand takes some three seconds; the disturbance is put at each tenth of a second of it.
"""

from __future__ import annotations

from collections import Counter

import pytest

from devices import faults
from devices.span import Span
from protocols.concentrator.messages import Action, Result, Status
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

MOMENTS = [moment / 10 for moment in range(40)]
EFFECT = {
    Action.SET_LIMIT: "limit-written",
    Action.DISCONNECT: "relay-opened",
    Action.RESET_DEMAND: "period-ended",
}
ACTIONS = tuple(EFFECT)
FURTHER = {Action.RESET_DEMAND: [1.85, 4.5]}
"""Its script leaves between two tenths, and what is read back behind it takes longer."""

DISTURBANCES = {
    "reboot": lambda now: faults.Reboot(CONCENTRATOR, Span(now, now + 20)),
    "power cut": lambda now: faults.PowerCut(CONCENTRATOR, Span(now, now + 20)),
    "nothing comes through": lambda now: faults.Loss(METER, Span(now, now + 6), 1.0),
    "module off": lambda now: faults.ModuleOff(METER, Span(now, now + 3)),
    "meter silent": lambda now: faults.SilentMeter(METER, Span(now, now + 15)),
    "connection gone": lambda now: faults.ModemFails(
        CONCENTRATOR, Span(now, now + 30), "no network"
    ),
}
# What an attempt may end with, and whether the meter shows its effect then (None: either).
MAY_END = {
    "reboot": {(Status.DONE, True): True, (Status.UNKNOWN, True): None},
    "power cut": {
        (Status.DONE, True): True,
        (Status.UNKNOWN, True): None,
        (Status.UNREACHABLE, False): False,  # it works again, and nobody has joined yet
    },
    "nothing comes through": {
        (Status.DONE, True): True,
        (Status.NO_ANSWER, True): False,
        (Status.NO_ANSWER, False): False,
    },
    "module off": {(Status.DONE, True): True, (Status.NO_ANSWER, True): False},
    "meter silent": {(Status.DONE, True): True, (Status.NO_ANSWER, True): False},
    "connection gone": {(Status.DONE, True): True},
}
MUST_BE_SEEN = {
    "reboot": {(Status.DONE, True), (Status.UNKNOWN, True)},
    "power cut": {(Status.DONE, True), (Status.UNKNOWN, True)},
    "nothing comes through": {(Status.DONE, True), (Status.NO_ANSWER, True)},
    "module off": {(Status.DONE, True)},
    "meter silent": {(Status.DONE, True), (Status.NO_ANSWER, True)},
    "connection gone": {(Status.DONE, True)},
}


def ended(stage: Stage) -> Result:
    """The one result of the one attempt, whose bytes are the same each time it was told."""
    told = {
        raw
        for raw, message in zip(stage.head_end.raw, stage.head_end.heard, strict=True)
        if isinstance(message, Result)
    }
    assert len(told) == 1
    return stage.head_end.results()[0]


@pytest.mark.parametrize("engine", ["own", "gurux"])
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_disturbed_at_every_moment(disturbance: str, action: Action, engine: str) -> None:
    seen: Counter[tuple[Status, bool]] = Counter()
    moments = [*MOMENTS, *FURTHER.get(action, ())]
    for moment in moments if engine == "own" else MOMENTS[::4]:
        stage = Stage(engines=engine, meters=1)
        stage.run(1)
        stage.send(stage.execute(action))
        stage.run(moment + 0.01)
        faults.run(stage.world, [DISTURBANCES[disturbance](stage.env.now)])
        stage.run(400)
        result = ended(stage)
        end = (result.status, result.acted)
        effects = stage.deeds(EFFECT[action])
        assert end in MAY_END[disturbance], f"at {moment} s: {end}"
        assert len(effects) <= 1, f"at {moment} s: acted {len(effects)} times"
        effect = MAY_END[disturbance][end]
        assert effect is None or bool(effects) is effect, f"at {moment} s: {end}, {effects}"
        seen[end] += 1
    if engine == "own":
        assert MUST_BE_SEEN[disturbance] <= set(seen)


@pytest.mark.parametrize("action", ACTIONS)
def test_withdrawn_at_every_moment(action: Action) -> None:
    seen = set()
    for moment in MOMENTS:
        stage = Stage(meters=1)
        stage.run(1)
        command = stage.execute(action)
        stage.send(command)
        stage.run(moment + 0.01)
        stage.send(stage.withdraw(command))
        stage.run(100)
        result = ended(stage)
        effects = stage.deeds(EFFECT[action])
        assert (result.status, result.acted, len(effects)) in {
            (Status.CANCELLED, False, 0),
            (Status.DONE, True, 1),
        }
        seen.add(result.status)
    assert seen == {Status.CANCELLED, Status.DONE}


@pytest.mark.parametrize("action", ACTIONS)
def test_not_after_at_every_moment(action: Action) -> None:
    """Whatever is left of its time when it comes, nothing acts when it is over."""
    seen = set()
    for moment in MOMENTS:
        stage = Stage(meters=1)
        faults.run(stage.world, [faults.Loss(METER, Span(), 0.3)])
        stage.run(1)
        command = stage.execute(action, within=moment + 0.05)
        stage.send(command)
        stage.run(100)
        result = ended(stage)
        effects = stage.deeds(EFFECT[action])
        over = command.not_after.timestamp()
        assert all(effect["done_at"] / 1e6 <= over for effect in effects)
        if result.status is Status.STALE:
            assert not effects and not result.acted
        seen.add(result.status)
    assert {Status.STALE, Status.DONE} <= seen
