"""Whatever is repeated, withdrawn, lost or rebooted: an attempt acts at most once, and in time, and
ends once, in the same words.

The meter's own history, which nobody in the field can read, is held against what the head-end was
told.  Each attempt sets a limit of its own amount, so that each write names its attempt.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from devices import faults
from devices.span import Span
from protocols.concentrator.messages import Accepted, Execute, Result, Status
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

NOTHING_SENT = {Status.STALE, Status.CANCELLED, Status.BUSY, Status.NOT_IN_TABLE}


@dataclass(frozen=True)
class Send:
    order: int
    attempt: int
    meter: int
    within_s: int


@dataclass(frozen=True)
class Again:
    """A message that was sent already comes once more."""

    which: int


@dataclass(frozen=True)
class Withdraws:
    which: int
    before_it_arrives: bool


@dataclass(frozen=True)
class Breaks:
    kind: str
    meter: int
    for_s: int
    share: float


@dataclass(frozen=True)
class Waits:
    seconds: float


SENDS = st.builds(
    Send,
    order=st.integers(1, 4),
    attempt=st.integers(1, 3),
    meter=st.integers(0, 1),
    within_s=st.sampled_from([300, 2, 3, 60, 300]),
)
MOMENTS = st.builds(Waits, seconds=st.integers(1, 40).map(lambda tenths: tenths / 10))
BREAKS = st.builds(
    Breaks,
    kind=st.sampled_from(
        ["reboot", "power", "loss", "module", "silent", "network", "modem", "busy"]
    ),
    meter=st.integers(0, 1),
    for_s=st.sampled_from([1, 5, 20, 90]),
    share=st.sampled_from([0.5, 0.7, 0.9, 1.0]),
)
STEPS = st.one_of(
    SENDS,
    SENDS,
    MOMENTS,
    MOMENTS,
    BREAKS,
    BREAKS,
    st.builds(Again, which=st.integers(0, 9)),
    st.builds(Withdraws, which=st.integers(0, 9), before_it_arrives=st.booleans()),
    st.builds(Waits, seconds=st.sampled_from([5.0, 30.0, 120.0])),
)


def amount(order: int, attempt: int) -> int:
    return 1000 + 100 * order + attempt


def fault(step: Breaks, now: float) -> faults.Fault:
    span = Span(now, now + step.for_s)
    meter = str(int(METER) + step.meter)
    match step.kind:
        case "reboot":
            return faults.Reboot(CONCENTRATOR, span)
        case "power":
            return faults.PowerCut(CONCENTRATOR, span)
        case "loss":
            return faults.Loss(meter, span, step.share)
        case "module":
            return faults.ModuleOff(meter, span)
        case "silent":
            return faults.SilentMeter(meter, span)
        case "network":
            return faults.NetworkSilent(CONCENTRATOR, span)
        case "modem":
            return faults.ModemFails(CONCENTRATOR, span, "no network")
        case "slow":
            return faults.ClockWrong(CONCENTRATOR, span, step_s=-step.for_s)
        case _:
            return faults.Busy(CONCENTRATOR, span)


def play(
    steps: list[Breaks], seed: int, engine: str
) -> tuple[Stage, dict[tuple[str, int], Execute]]:
    stage = Stage(seed=seed, meters=2, engines=engine, deaf=0.2, rng=Random(seed), queue_max=3)
    stage.run(1)
    sent: dict[tuple[str, int], Execute] = {}
    order_meter: dict[int, int] = {}
    for step in steps:
        known = list(sent.values())
        match step:
            case Send(order, attempt, meter, within_s):
                key = (str(order), attempt)
                if key not in sent:
                    meter = order_meter.setdefault(order, meter)
                    sent[key] = stage.execute(
                        order=key[0],
                        attempt=attempt,
                        meter=str(int(METER) + meter),
                        amount=str(amount(order, attempt)),
                        within=within_s,
                    )
                stage.send(sent[key])
            case Again(which) if known:
                stage.send(known[which % len(known)])
            case Withdraws(which, before) if known:
                command = known[which % len(known)]
                if before:  # one that was never sent: an attempt beyond those that are
                    key = (command.order, command.attempt + 10)
                    order = int(command.order)
                    sent.setdefault(
                        key,
                        stage.execute(
                            order=key[0],
                            attempt=key[1],
                            meter=command.meter,
                            amount=str(amount(order, key[1])),
                        ),
                    )
                    command = sent[key]
                stage.send(stage.withdraw(command))
            case Breaks():
                faults.run(stage.world, [fault(step, stage.env.now)])
            case Waits(seconds):
                stage.run(seconds)
    # All is whole again; the head-end hears everything and asks once more for each attempt.
    stage.head_end.deaf = 0.0
    stage.run(1800)
    stage.send(*sent.values())
    stage.run(1800)
    return stage, sent


def check(stage: Stage, sent: dict[tuple[str, int], Execute]) -> None:
    written = defaultdict(list)
    for meter in {command.meter for command in sent.values()}:
        for deed in stage.deeds("limit-written", meter=meter):
            written[deed["value"]].append(deed["done_at"] / 1e6)
    contents = defaultdict(set)
    results: dict[tuple[str, int], Result] = {}
    for raw, message in zip(stage.head_end.raw, stage.head_end.heard, strict=True):
        if isinstance(message, Result) and message.status is not Status.BUSY:
            contents[message.order, message.attempt].add(raw)
            results[message.order, message.attempt] = message
    done = defaultdict(list)
    for key, command in sent.items():
        order, attempt = key
        writes = written[amount(int(order), attempt)]
        assert len(writes) <= 1, f"{key} executed {len(writes)} times"
        assert all(at <= command.not_after.timestamp() for at in writes), f"{key} acted too late"
        assert len(contents[key]) == 1, f"{key} ended in {len(contents[key])} ways"
        result = results[key]
        if result.status in NOTHING_SENT or not result.acted:
            assert not writes, f"{key}: {result.status}, acted {result.acted}, but it was written"
        if result.status is Status.DONE and result.acted:
            assert len(writes) == 1
            done[order] += writes
        if result.status in (Status.NOT_APPLIED, Status.NO_ANSWER):
            assert not writes
    for order, writes in done.items():
        assert len(writes) == 1, f"order {order} was carried out {len(writes)} times"
        later = [
            at
            for key in sent
            if key[0] == order
            for at in written[amount(int(order), key[1])]
            if at > writes[0]
        ]
        assert not later, f"order {order} acted again after it was done"
    accepted = {(m.order, m.attempt) for m in stage.head_end.of(Accepted)}
    assert accepted <= set(results)


@pytest.mark.parametrize("engine, examples", [("own", 120), ("gurux", 25)], ids=["own", "gurux"])
def test_whatever_happens(engine: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEPS, min_size=4, max_size=25), st.integers(0, 1000))
    def attempt(steps: list, seed: int) -> None:
        check(*play(steps, seed, engine))

    attempt()


@pytest.mark.prove
@pytest.mark.parametrize("engine, examples", [("own", 3000), ("gurux", 300)], ids=["own", "gurux"])
def test_whatever_happens_for_long(engine: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEPS, min_size=4, max_size=40), st.integers(0, 1_000_000))
    def attempt(steps: list, seed: int) -> None:
        check(*play(steps, seed, engine))

    attempt()
