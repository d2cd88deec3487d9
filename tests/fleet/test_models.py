"""The parts of a fleet's field: outages by their distribution, routes by another algorithm, loads
by adding up."""

from __future__ import annotations

import heapq
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.channel.exchanges import Routes
from devices.channel.link import RATIO_WITHOUT_LOSS_CDB
from devices.channel.medium import Medium
from devices.channel.place import Phase, Place, along_streets, path_to
from devices.meter.load import Energy, PhaseLoad, power_integral
from devices.meter.stepped_load import SteppedLoad
from devices.outages import USUAL
from scenarios.fleet.absences import absences
from scenarios.fleet.routes import HOPS_MAX, Reals, _transmissions, losses, routes

BEGIN = 20_640 * 86_400.0


def test_meters_are_away_when_their_outages_say_so() -> None:
    some = range(90_000_001, 90_000_201)
    found = absences(9, some, BEGIN, BEGIN + 2 * 86_400)
    assert 0 < found.silent.sum() < 10
    for moment in (0, 1, 40_000, 86_399, 2 * 86_400 - 1):
        away = found.away(BEGIN + moment)
        for meter, index in enumerate(some):
            spans = USUAL.spans(9, str(index), BEGIN)
            known = takewhile(lambda span: (span.start or 0) < BEGIN + 2 * 86_400, spans)
            assert away[meter] == any(span.covers(BEGIN + moment) for span in known)
        assert away[found.silent].all()


def street(count: int) -> tuple[list[str], list[Place]]:
    places = [along_streets(index) for index in range(count)]
    return [str(90_000_001 + index) for index in range(count)], places


def test_a_hop_costs_what_its_cable_costs() -> None:
    meters, places = street(9)
    found = losses(3, "C-001", meters, places)
    path = path_to(3, transformer="C-001", meter=meters[4], place=places[4])
    assert (found.down_cdb[0, 5], found.up_cdb[0, 5]) == (path.loss_down_cdb, path.loss_up_cdb)
    # 4 and 8 stand on one branch, 8 m apart; 4 and 5 on two, 23 m from the transformer each.
    assert found.down_cdb[5, 9] == 472 + 1650 * 8 // 100
    assert found.down_cdb[5, 6] == found.up_cdb[6, 5] == 472 + 1650 * 46 // 100


@pytest.mark.parametrize("noise_cdb", [0, 300, 600])
def test_routes_are_as_short_as_dijkstras(noise_cdb: int) -> None:
    meters, places = street(100)
    places = [Place(each.distance_m, each.nodes_passed, Phase.ALL) for each in places]
    between = losses(7, "C-001", meters, places)
    found = routes(between, Medium(), noise_cdb)
    snr = RATIO_WITHOUT_LOSS_CDB - noise_cdb
    cost = _transmissions(snr - between.down_cdb, snr - between.up_cdb, Medium())
    best = dijkstra(cost)
    for meter in range(100):
        hops = int(found.hops[meter])
        assert 1 <= hops <= HOPS_MAX
        assert spent(found, meter) == pytest.approx(best[meter + 1], abs=1e-6)
    assert found.hops.max() > 1 or not noise_cdb  # the far ends need repeaters by day


def spent(found: Routes, meter: int) -> float:
    """What the hops of a route cost by their ratios."""
    hops = slice(0, int(found.hops[meter]))
    down, up = found.snr_down_cdb[meter, hops], found.snr_up_cdb[meter, hops]
    square = np.full((len(down) + 1, len(down) + 1), -9_999)
    square[0, 1:], back = down, square.copy()
    back[0, 1:] = up
    return float(_transmissions(square, back, Medium())[0, 1:].sum())


def dijkstra(cost: Reals) -> list[float]:
    best = [float("inf")] * len(cost)
    best[0] = 0.0
    waiting = [(0.0, 0)]
    while waiting:
        far, at = heapq.heappop(waiting)
        if far > best[at]:
            continue
        for to in range(1, len(cost)):
            if (total := far + float(cost[at, to])) < best[to]:
                best[to] = total
                heapq.heappush(waiting, (total, to))
    return best


WATTS = st.integers(-20_000, 20_000)


@given(
    st.lists(st.tuples(WATTS, WATTS, st.integers(2000, 2600)), min_size=1, max_size=5),
    st.integers(0, 6 * 900_000),
)
def test_a_stepped_loads_energy_is_the_sum_of_its_quarter_hours(
    steps: list[tuple[int, int, int]], since_ms: int
) -> None:
    before = Energy(5, 6, 7, 8)
    watts, vars_, volts = (np.array([part, part]) for part in zip(*steps, strict=True))
    load = SteppedLoad(100, watts, vars_, volts, before)
    begin, total = 100 * 900.0, before
    for number, (power, reactive, voltage) in enumerate(steps):
        last = number == len(steps) - 1
        here_ms = max(0, since_ms - number * 900_000)
        phase = PhaseLoad(power, reactive, voltage)
        total += power_integral((phase, phase), here_ms if last else min(here_ms, 900_000))
        assert load.at(begin + number * 900 + 1) == (phase, phase)
        ahead = load.next_change(begin + number * 900)
        assert ahead == (None if last else begin + (number + 1) * 900)
    assert load.energy(begin + since_ms / 1000) == total
    assert load.energy(begin - 5) == before
    assert load.at(begin - 5)[0].active_w == 0
    assert load.next_change(begin - 5) == begin


def test_arrays_of_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same phases"):
        SteppedLoad(0, np.zeros((3, 4), int), np.zeros((3, 4), int), np.zeros((1, 4), int))
