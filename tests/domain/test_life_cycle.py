"""A meter's life: every step in every stage, and random walks in which flags and stage agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.life_cycle import (
    COMMISSIONED,
    REFUSALS,
    TRANSITIONS,
    Refusal,
    Step,
    beneath,
    stage_of,
    taken,
)
from headend.domain.meter import GATEWAY, Meter, Stage

STEPS = tuple(step for step in Step if step is not Step.RECEIVE)

# The use case's order of things, with what it allows on the way.
WALKS: dict[str, tuple[list[Step], list[Stage]]] = {
    "the ordinary life": (
        [Step.INSTALL, Step.COMMISSION, Step.LINK, Step.SERVE, Step.REMOVE, Step.RESTOCK],
        [
            Stage.INSTALLED,
            Stage.COMMISSIONED,
            Stage.LINKED,
            Stage.IN_SERVICE,
            Stage.REMOVED,
            Stage.IN_STOCK,
        ],
    ),
    "found by a concentrator first": (
        [Step.INSTALL, Step.LINK, Step.COMMISSION],
        [Stage.INSTALLED, Stage.INSTALLED, Stage.LINKED],
    ),
    "blocked in service": (
        [Step.INSTALL, Step.COMMISSION, Step.LINK, Step.SERVE, Step.BLOCK, Step.UNBLOCK],
        [
            Stage.INSTALLED,
            Stage.COMMISSIONED,
            Stage.LINKED,
            Stage.IN_SERVICE,
            Stage.BLOCKED,
            Stage.IN_SERVICE,
        ],
    ),
    "moved to another concentrator": (
        [Step.INSTALL, Step.COMMISSION, Step.LINK, Step.UNLINK, Step.LINK, Step.LINK],
        [
            Stage.INSTALLED,
            Stage.COMMISSIONED,
            Stage.LINKED,
            Stage.COMMISSIONED,
            Stage.LINKED,
            Stage.LINKED,
        ],
    ),
}


def after(meter: Meter, step: Step) -> Meter | Refusal:
    return taken(meter, step, concentrator="C1" if step is Step.LINK else None)


@pytest.mark.parametrize(("steps", "stages"), WALKS.values(), ids=WALKS)
def test_walks(steps: list[Step], stages: list[Stage]) -> None:
    meter = Meter("4711", stage=Stage.IN_STOCK)
    for step, stage in zip(steps, stages, strict=True):
        following = after(meter, step)
        assert isinstance(following, Meter)
        assert stage_of(following) is stage
        meter = following


def test_each_step_is_taken_or_refused_in_each_stage_and_never_both() -> None:
    for step in STEPS:
        assert set(TRANSITIONS[step]) | set(REFUSALS[step]) == set(Stage)
        assert not set(TRANSITIONS[step]) & set(REFUSALS[step])


def agree(meter: Meter) -> None:
    """What orders look at says the same as the stage."""
    stage, under = stage_of(meter), beneath(meter)
    assert meter.blocked is (stage is Stage.BLOCKED)
    assert meter.commissioned is (under in COMMISSIONED)
    if under in (Stage.LINKED, Stage.IN_SERVICE):
        assert meter.lane is not None
    if under is Stage.COMMISSIONED or stage is Stage.REMOVED:
        assert meter.lane is None
    assert meter.stage is under


@given(st.lists(st.sampled_from(STEPS), max_size=30))
def test_flags_and_stage_agree_whatever_is_tried(steps: list[Step]) -> None:
    meter = Meter("4711", stage=Stage.IN_STOCK)
    for step in steps:
        following = after(meter, step)
        if isinstance(following, Refusal):
            assert (following.step, following.stage) == (step, stage_of(meter))
            assert following.why and "METER" not in following.next_step
        else:
            meter = following
            agree(meter)


FLAGS = {
    "nobody kept its life": (Meter("1"), Stage.INSTALLED),
    "entered as commissioned": (Meter("1", commissioned=True), Stage.COMMISSIONED),
    "entered as commissioned and linked": (Meter("1", "C1", commissioned=True), Stage.LINKED),
    "entered by its address": (Meter("1", commissioned=True, address="tcp://[::1]"), Stage.LINKED),
    "blocked": (Meter("1", "C1", commissioned=True, blocked=True), Stage.BLOCKED),
    "in stock, with a place promised": (Meter("1", "C1", stage=Stage.IN_STOCK), Stage.IN_STOCK),
    "flags changed since": (Meter("1", stage=Stage.IN_SERVICE), Stage.INSTALLED),
    "link lost since": (Meter("1", commissioned=True, stage=Stage.LINKED), Stage.COMMISSIONED),
    "linked since": (Meter("1", "C1", commissioned=True, stage=Stage.COMMISSIONED), Stage.LINKED),
}


@pytest.mark.parametrize(("meter", "stage"), FLAGS.values(), ids=FLAGS)
def test_where_nothing_else_is_known_the_flags_tell(meter: Meter, stage: Stage) -> None:
    assert stage_of(meter) is stage


def test_a_gateway_s_meter_stays_one_when_its_concentrator_changes() -> None:
    meter = Meter("1", "C1", commissioned=True, address=GATEWAY)
    moved = taken(meter, Step.LINK, concentrator="C2")
    assert moved == replace(meter, concentrator="C2", stage=Stage.LINKED)
