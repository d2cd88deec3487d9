"""Waves, and what is done with a campaign next."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.campaign import (
    EMERGENCY_PRIORITY,
    BadPlan,
    Campaign,
    CampaignState,
    Choice,
    Finish,
    GiveOut,
    Plan,
    Step,
    Stop,
    Tally,
    Wait,
    members,
    next_step,
)
from headend.domain.order import PRIORITY, URGENT_MAX, Kind
from tests.conftest import SIMULATED_START

RUNNING = CampaignState.RUNNING

SIZES = {
    # waves, meters: sizes
    "all at once": (("100%",), 7, [7]),
    "numbers, the last repeats": (("1", "5", "10"), 30, [1, 5, 10, 10, 4]),
    "parts are of all and rounded up": (("1%", "10%", "100%"), 250, [3, 25, 222]),
    "a part is one meter at least": (("0.1%", "100%"), 5, [1, 4]),
    "a tenth of ten is one, not two": (("10%",), 10, [1] * 10),
    "30 % of 10 is 3, whatever floats say": (("30%",), 10, [3, 3, 3, 1]),
    "larger than all": (("1000",), 3, [3]),
    "nothing": (("5",), 0, []),
}


@pytest.mark.parametrize("waves, meters, sizes", SIZES.values(), ids=SIZES)
def test_sizes_of_waves(waves: tuple[str, ...], meters: int, sizes: list[int]) -> None:
    assert Plan(waves).sizes(meters) == sizes


@pytest.mark.parametrize(
    "wrong",
    [
        {"waves": ()},
        {"waves": ("0",)},
        {"waves": ("-1",)},
        {"waves": ("0%",)},
        {"waves": ("101%",)},
        {"waves": ("nan%",)},
        {"waves": ("ten",)},
        {"waves": ("1.5",)},
        {"waves": ("٣",)},
        {"pace": 0},
        {"share": 1.1},
        {"stop_share": -0.1},
        {"stop_share": float("nan")},
    ],
    ids=str,
)
def test_plans_that_mean_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(BadPlan):
        Plan(**wrong)  # type: ignore[arg-type]


WAVE = st.one_of(
    st.integers(1, 50).map(str), st.integers(1, 1000).map(lambda tenths: f"{tenths / 10}%")
)


@given(st.lists(WAVE, min_size=1, max_size=5), st.integers(0, 200))
def test_each_meter_has_one_wave_and_waves_follow_each_other(waves: list[str], count: int) -> None:
    plan = Plan(tuple(waves))
    row = members(3, [f"M{number}" for number in range(count)], plan)
    assert [member.meter for member in row] == [f"M{number}" for number in range(count)]
    assert [member.place for member in row] == list(range(count))
    assert [len(list(of)) for _, of in groupby(row, lambda each: each.wave)] == plan.sizes(count)
    assert [wave for wave, _ in groupby(row, lambda each: each.wave)] == [
        *range(1, len(plan.sizes(count)) + 1)
    ]


def tally(wave: int, waiting: int = 0, under_way: int = 0, done: int = 0, failed: int = 0,
          pardoned: int = 0) -> Tally:  # fmt: skip
    return Tally(wave, waiting, under_way, done, failed, 0, pardoned)


STOPPED_AT_2 = tally(1, 6, 1, 0, 3)

STEPS: dict[str, tuple[CampaignState, Plan, list[Tally], Step]] = {
    "begins with the first wave": (
        RUNNING, Plan(), [tally(1, 5), tally(2, 10)], GiveOut(1, 5)
    ),
    "a pace is a part of a wave": (
        RUNNING, Plan(pace=3), [tally(1, 5)], GiveOut(1, 3)
    ),
    "a pace that is full": (RUNNING, Plan(pace=3), [tally(1, 2, 3)], Wait()),
    "a pace counts what earlier waves left": (
        RUNNING, Plan(pace=3, share=0.5), [tally(1, 0, 2, 8), tally(2, 5)], GiveOut(2, 1)
    ),
    "the next wave waits for all of the one before": (
        RUNNING, Plan(), [tally(1, 0, 1, 9), tally(2, 5)], Wait()
    ),
    "or for its share": (
        RUNNING, Plan(share=0.9), [tally(1, 0, 1, 9), tally(2, 5)], GiveOut(2, 5)
    ),
    "failures count as ends": (
        RUNNING, Plan(stop_share=0.5), [tally(1, 0, 0, 5, 5), tally(2, 5)], GiveOut(2, 5)
    ),
    "as many failures as allowed": (
        RUNNING, Plan(), [tally(1, 6, 0, 2, 2)], GiveOut(1, 6)
    ),
    "one more stops, in the middle of a wave": (
        RUNNING, Plan(), [STOPPED_AT_2], Stop(STOPPED_AT_2)
    ),
    "none allowed": (
        RUNNING, Plan(stop_share=0), [tally(1, 9, 0, 0, 1)], Stop(tally(1, 9, 0, 0, 1))
    ),
    "a late failure of an earlier wave stops too": (
        RUNNING, Plan(share=0.5), [tally(1, 0, 1, 6, 3), tally(2, 10)],
        Stop(tally(1, 0, 1, 6, 3)),
    ),
    "a person let these pass": (
        RUNNING, Plan(), [tally(1, 6, 1, 0, 3, pardoned=3)], GiveOut(1, 6)
    ),
    "nothing left to stop": (RUNNING, Plan(), [tally(1, 0, 0, 1, 9)], Finish()),
    "all given out": (RUNNING, Plan(), [tally(1, 0, 2, 8)], Wait()),
    "nobody was meant": (RUNNING, Plan(), [], Finish()),
    "paused gives nothing out": (CampaignState.PAUSED, Plan(), [tally(1, 5, 2)], Wait()),
    "stopped gives nothing out": (CampaignState.STOPPED, Plan(), [tally(1, 5, 0, 0, 5)], Wait()),
    "paused and nothing left is done": (CampaignState.PAUSED, Plan(), [tally(1, 0, 0, 5)],
                                        Finish()),
    "cancelled ends when what was sent has": (
        CampaignState.CANCELLED, Plan(), [tally(1, 0, 1, 4)], Wait()
    ),
}  # fmt: skip


@pytest.mark.parametrize("state, plan, tallies, step", STEPS.values(), ids=STEPS)
def test_next_step(state: CampaignState, plan: Plan, tallies: list[Tally], step: Step) -> None:
    assert next_step(state, plan, tallies) == step


@pytest.mark.parametrize("kind", Kind)
def test_a_campaign_waits_for_every_single_order_of_its_urgency(kind: Kind) -> None:
    campaign = Campaign(1, kind, "ana", SIMULATED_START, Choice(), Plan(), 1, "{}", emergency=False)
    urgent = [each for each in PRIORITY.values() if each <= URGENT_MAX]
    assert (campaign.priority <= URGENT_MAX) == (PRIORITY[kind] <= URGENT_MAX)
    assert campaign.priority > max(urgent)


def test_an_emergency_comes_before_everything() -> None:
    assert min(PRIORITY.values()) > EMERGENCY_PRIORITY
