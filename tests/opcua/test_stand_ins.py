"""SIMOCE and SCADA of one utility: the same from the same seed, and true to the field below."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devices.grid.field_grid import FieldGrid
from headend.opcua.reach import Reach, wanted
from headend.opcua.space import Kind, Node, Quality, Sample, Space
from scenarios.utility.field import field_of
from scenarios.utility.making import make
from scenarios.utility.measuring import QUANTITIES, FeederHeads, Quantity
from scenarios.utility.naming import System, feeder_key, transformer_key
from scenarios.utility.opcua import heads_of
from scenarios.utility.quality_events import (
    UNBALANCE_LIMIT_PERCENT,
    QualityKind,
    drawn,
    events_of,
    interruptions,
)
from scenarios.utility.scada import Scada
from scenarios.utility.simoce import KEPT_DAYS, Simoce
from scenarios.utility.tree import Tree
from tests.opcua.hosting import AT, SetClock
from tests.opcua.utility import HEADS, PLAN, UTILITY, analog_key, point

DAY = timedelta(days=1)
TODAY = int(AT.timestamp()) // 86_400
FEEDER = UTILITY.feeders[2]


def quantity(measurement: str, phases: str = "ABC") -> Quantity:
    return next(it for it in QUANTITIES if (it.measurement, it.phases) == (measurement, phases))


async def _everything(space: Space, parent: str = "") -> list[Node]:
    found: list[Node] = []
    for node in await space.children(parent, "", 10_000):
        found += [node, *await _everything(space, node.id)]
    return found


async def _told(seed: int) -> list[tuple[Node, Sample | None, tuple[Sample, ...]]]:
    """All nodes of both with their values now, and some history."""
    clock, utility = SetClock(), make(seed, AT, PLAN)
    heads = heads_of(utility, clock)
    found = []
    spaces: list[Space] = [Simoce(utility, heads, clock), Scada(utility, heads, clock)]
    for space in spaces:
        nodes = await _everything(space)
        variables = [it for it in nodes if it.kind not in (Kind.FOLDER, Kind.OBJECT)]
        values = await space.present(variables)
        for node in nodes:
            kept: tuple[Sample, ...] = ()
            if node.history and node.kind is Kind.ANALOG:
                kept = tuple(await space.history(node, Reach(AT - DAY / 24, None), 100))
            found.append((node, values.get(node.id), kept))
    return found


async def test_the_same_seed_gives_the_same_values() -> None:
    first, again, other = await _told(7), await _told(7), await _told(8)
    assert first == again
    assert [each[0].kind for each in first] == [each[0].kind for each in other]
    assert first != other


def test_a_feeder_carries_what_its_customers_draw() -> None:
    """And the losses of its transformers' cables, which are small."""
    grid = FieldGrid(UTILITY.seed, field_of(UTILITY))
    second = int((AT - 3 * DAY).timestamp())
    for feeder in UTILITY.feeders:
        drawn_w = losses_w = 0
        for transformer in UTILITY.transformers:
            if transformer.feeder == feeder:
                below = grid.feeder(transformer_key(transformer))
                day, slot = below.at(second)
                losses_w += int(day.losses_w[slot])
                drawn_w += sum(
                    phase.active_w
                    for meter in UTILITY.meters
                    if meter.transformer == transformer
                    for phase in below.phases(str(meter.index), second)
                )
        carried = FeederHeads(UTILITY, {}).at(feeder, quantity("ThreePhaseActivePower"), second)
        # Each of three phases is rounded to a watt, and the losses once.
        assert carried * 1000 == pytest.approx(drawn_w + losses_w, abs=2)
        assert 0 <= losses_w < abs(drawn_w) / 10


def test_the_quantities_of_a_feeder_agree() -> None:
    """Current is apparent power by voltage, the total is the sum of the phases."""
    heads, second = FeederHeads(UTILITY, {}), int(AT.timestamp())
    for feeder in UTILITY.feeders:

        def now(measurement: str, phases: str = "ABC", feeder=feeder) -> float:  # type: ignore[no-untyped-def]
            return heads.at(feeder, quantity(measurement, phases), second)

        for phase in "ABC":
            volts, amperes = now("PhaseVoltage", phase), now("LineCurrent", phase)
            apparent = (now("ActivePower", phase) ** 2 + now("ReactivePower", phase) ** 2) ** 0.5
            assert volts * amperes == pytest.approx(apparent, abs=volts * 0.006)
            nominal = feeder.substation.kilovolts / 3**0.5
            assert 0.9 * nominal < volts < 1.1 * nominal
        assert now("ThreePhaseActivePower") == pytest.approx(
            sum(now("ActivePower", phase) for phase in "ABC"), abs=0.002
        )


def test_ten_minutes_are_an_average_of_quarter_hours() -> None:
    heads, power = FeederHeads(UTILITY, {}), quantity("ThreePhaseActivePower")
    begin = int(AT.timestamp())
    quarters = [heads.at(FEEDER, power, begin + 900 * place) for place in range(2)]
    tens = [heads.average(FEEDER, power, begin + 600 * k, begin + 600 * (k + 1)) for k in range(3)]
    assert tens == pytest.approx([quarters[0], sum(quarters) / 2, quarters[1]], abs=0.002)


def test_an_interruption_is_seen_everywhere() -> None:
    """Nothing flows while it lasts, the average tells its share, the breaker is open."""
    second = int(AT.timestamp())
    heads = FeederHeads(UTILITY, {FEEDER.number: ((second + 120, second + 420),)})
    whole = FeederHeads(UTILITY, {})
    for each in (quantity("ThreePhaseActivePower"), quantity("PhaseVoltage", "A")):
        average = heads.average(FEEDER, each, second, second + 600)
        expected = whole.average(FEEDER, each, second, second + 600) / 2
        assert average == pytest.approx(expected, abs=0.01)
        assert heads.at(FEEDER, each, second + 200) == 0
        assert heads.at(FEEDER, each, second + 420) > 0
    states = [heads.is_off(FEEDER, second + after) for after in (119, 120, 419, 420)]
    assert states == [False, True, True, False]


def test_events_are_of_their_day_and_told_apart() -> None:
    """For two months of each feeder; unbalances are what the voltages show."""
    numbers: set[str] = set()
    kinds: set[QualityKind] = set()
    for feeder in UTILITY.feeders:
        for day in range(TODAY - 60, TODAY):
            found = events_of(HEADS, feeder, day)
            assert [it.begin for it in found] == sorted(it.begin for it in found)
            for each in found:
                assert (
                    each.begin // 86_400 == (each.begin + round(each.seconds) - 1) // 86_400 == day
                )
                assert each.number not in numbers
                numbers.add(each.number)
                kinds.add(each.kind)
                if each.kind is QualityKind.UNBALANCE:
                    assert each.percent > UNBALANCE_LIMIT_PERCENT
    assert kinds >= {it for it in QualityKind if it is not QualityKind.UNBALANCE}


def test_interruptions_are_those_of_the_events() -> None:
    off = interruptions(UTILITY, TODAY - 90, TODAY)
    for feeder in UTILITY.feeders:
        drawn_off = [
            (it.begin, it.begin + round(it.seconds))
            for day in range(TODAY - 90, TODAY + 1)
            for it in drawn(UTILITY.seed, feeder, day)
            if it.kind is QualityKind.INTERRUPTION
        ]
        assert off[feeder.number] == tuple(drawn_off)
        assert all(
            end <= begin for (_, end), (begin, _) in zip(drawn_off, drawn_off[1:], strict=False)
        )


HISTORY: dict[str, tuple[Reach, int, list[int]]] = {
    # name: (reach, limit, minutes after noon)
    "forward": (Reach(AT - DAY, AT - DAY + timedelta(minutes=31)), 100, [0, 10, 20, 30]),
    "its end is out": (Reach(AT - DAY, AT - DAY + timedelta(minutes=30)), 100, [0, 10, 20]),
    "between": (Reach(AT - DAY + timedelta(seconds=1), AT - DAY + DAY / 144), 100, []),
    "backwards": (Reach(AT - DAY, AT - DAY - timedelta(minutes=20), True), 100, [0, -10]),
    "bounded": (Reach(AT - DAY, None), 2, [0, 10]),
    "back without end": (Reach(AT - DAY, None, True), 2, [0, -10]),
    "up to now": (Reach(AT - timedelta(minutes=15), None), 100, [1430, 1440]),
    "the future": (Reach(AT + DAY, None), 100, []),
}


@pytest.mark.parametrize("reach, limit, minutes", HISTORY.values(), ids=HISTORY)
async def test_a_history_of_simoce(reach: Reach, limit: int, minutes: list[int]) -> None:
    space = Simoce(UTILITY, HEADS, SetClock())
    id = analog_key(System.SIMOCE, FEEDER, QUANTITIES[0]).replace(".", "/")
    node = (await space.nodes([id]))[id]
    found = await space.history(node, reach, limit)
    assert [(it.at - (AT - DAY)) / timedelta(minutes=1) for it in found] == minutes
    assert all((it.value is None) is (it.quality is Quality.BAD) for it in found)


async def test_what_is_older_than_it_keeps_is_gone() -> None:
    space = Simoce(UTILITY, HEADS, SetClock())
    id = f"{feeder_key(System.SIMOCE, FEEDER)}/{point(System.SIMOCE, QUANTITIES[0])}"
    node = (await space.nodes([id]))[id]
    (first,) = await space.history(node, wanted(datetime(2000, 1, 1, tzinfo=UTC), AT, 0), 1)
    assert first.at == AT - KEPT_DAYS * DAY
    source = (await space.nodes([feeder_key(System.SIMOCE, FEEDER)])).popitem()[1]
    assert await space.events(source, wanted(AT, AT + DAY, 0), 100) == []


def test_two_nodes_of_one_name_are_refused() -> None:
    node = Node("a", "A", Kind.FOLDER)
    for other in (Node("a", "B", Kind.FOLDER), Node("b", "A", Kind.FOLDER)):
        with pytest.raises(ValueError, match="one name"):
            Tree([node, other])
