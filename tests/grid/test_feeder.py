"""A feeder's meters: what they see when somebody is cut off, and that energy closes."""

from __future__ import annotations

import pytest

from devices.channel.place import Phase, Place, along_streets
from devices.field_spec import FieldSpec, transformers
from devices.grid.counted import ORIGIN_DAY
from devices.grid.feeder import Feeder
from devices.grid.feeder_loads import CustomerLoad, HeadLoad
from devices.grid.field_grid import FieldGrid, standard_offset_min
from devices.grid.street import street_of
from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.identity import Identity
from devices.meter.load import SLOT_S, Energy, PhaseLoad, power_integral
from devices.meter.meter_type import MeterType

SEED = 7
EVENING = 20_640 * 86_400 + 23 * 3_600 + 20 * 60  # 2026-07-06, 19:20 in Chile
METERS = tuple(str(90_000_001 + index) for index in range(12))


def places() -> list[tuple[str, Place]]:
    found = [(name, along_streets(index, spacing_m=40)) for index, name in enumerate(METERS)]
    last = found[-1][1]
    found[-1] = (METERS[-1], Place(last.distance_m, last.nodes_passed, Phase.ALL, last.branch))
    return found


@pytest.fixture
def feeder() -> Feeder:
    return Feeder(SEED, street_of(SEED, "T-001", places()), -240, {METERS[0]: (5_000,)})


def meter_of(feeder: Feeder, name: str) -> Meter:
    phases = feeder.connections(name)
    return Meter(Identity(SEED, int(name)), CustomerLoad(feeder, name), MeterType(phases=phases))


def by_steps(load: CustomerLoad | HeadLoad, begin: float, end: float) -> Energy:
    """The integral of `at`, quarter hour by quarter hour."""
    total, at = Energy(), begin
    while at < end:
        until = min(end, (at // SLOT_S + 1) * SLOT_S)
        total += power_integral(load.at(at), round((until - at) * 1000))
        at = until
    return total


def test_energies_are_the_integrals_of_powers(feeder: Feeder) -> None:
    end = EVENING + 40 * 3_600 + 123
    for load in (
        CustomerLoad(feeder, METERS[3]),
        CustomerLoad(feeder, METERS[-1]),
        HeadLoad(feeder),
    ):
        assert load.energy(end) - load.energy(EVENING) == by_steps(load, EVENING, end)


def test_energies_count_from_the_origin(feeder: Feeder) -> None:
    load = CustomerLoad(feeder, METERS[3])
    assert load.energy(ORIGIN_DAY * 86_400) == Energy()
    assert load.energy(EVENING).active_import > 1_000 * 3_600_000 * 1_000  # years: above 1 MWh


def test_a_customer_cut_off_raises_the_voltage_of_its_neighbours(feeder: Feeder) -> None:
    cut, neighbour, elsewhere = METERS[0], METERS[4], METERS[1]
    assert feeder.street.customers[0].branch == feeder.street.customers[4].branch
    before = {name: meter_of(feeder, name).phases(EVENING) for name in (neighbour, elsewhere)}
    head_before = HeadLoad(feeder).at(EVENING)
    meter = meter_of(feeder, cut)
    meter.switch(Trigger.REMOTE_DISCONNECT, now=EVENING, cause="test")
    after = HeadLoad(feeder).at(EVENING)
    assert sum(p.active_w for p in head_before) - sum(p.active_w for p in after) >= 5_000
    for name, (there,) in before.items():
        (now,) = CustomerLoad(feeder, name).at(EVENING)
        assert now.active_w == there.active_w
        assert now.voltage_dv != there.voltage_dv or name == elsewhere
    # What was, stays: the past is not solved again.
    assert HeadLoad(feeder).at(EVENING - 1) == HeadLoad(
        Feeder(SEED, feeder.street, -240, {METERS[0]: (5_000,)})
    ).at(EVENING - 1)


def test_energy_closes_whoever_is_cut_and_comes_back(feeder: Feeder) -> None:
    meters = {name: meter_of(feeder, name) for name in METERS}
    begin, end = EVENING - 7_200, EVENING + 30 * 3_600
    moments = [
        (EVENING + 61, METERS[0], False),
        (EVENING + 61, METERS[-1], False),
        (EVENING + 3_000.5, METERS[5], False),
        (EVENING + 5_000, METERS[0], True),
        (EVENING + 90_000, METERS[5], True),
    ]
    for now, name, on in moments:
        meters[name].metering.supply_changed(on, now=now)
    (first, lost_before), (last, lost) = feeder.head_totals(begin), feeder.head_totals(end)
    head = (last - first).active_import - (last - first).active_export
    customers = [
        each.metering.energy(end) - each.metering.energy(begin) for each in meters.values()
    ]
    drawn = sum(each.active_import - each.active_export for each in customers)
    assert abs(head - drawn - (lost - lost_before)) / head < 1e-3
    assert lost > lost_before
    assert (last - first) == by_steps(HeadLoad(feeder), begin, EVENING + 61) + sum(
        (
            by_steps(HeadLoad(feeder), one, other)
            for one, other in zip(
                [EVENING + 61, EVENING + 3_000.5, EVENING + 5_000, EVENING + 90_000],
                [EVENING + 3_000.5, EVENING + 5_000, EVENING + 90_000, end],
                strict=True,
            )
        ),
        Energy(),
    )


def test_a_lost_phase_of_a_customer_draws_nothing(feeder: Feeder) -> None:
    load = CustomerLoad(feeder, METERS[-1])
    before = sum(phase.active_w for phase in HeadLoad(feeder).at(EVENING))
    share = load.at(EVENING)[1].active_w
    load.switched(True, now=EVENING, without=1)
    after = sum(phase.active_w for phase in HeadLoad(feeder).at(EVENING))
    assert before - after >= share > 0


def test_the_grid_s_time_does_not_go_back(feeder: Feeder) -> None:
    feeder.switched(METERS[1], (False,), now=EVENING)
    with pytest.raises(ValueError, match="does not go back"):
        feeder.switched(METERS[2], (False,), now=EVENING - 1)


def test_a_feeder_keeps_a_bounded_number_of_days(feeder: Feeder) -> None:
    load = CustomerLoad(feeder, METERS[2])
    for number in range(30):
        feeder.switched(METERS[number % 12], (number % 2 == 0,), now=EVENING + number)
        for day in range(3):
            load.at(EVENING + day * 86_400)
    assert len(feeder._solved) <= 40
    assert len(feeder._drawn) <= 40 * 12


def test_what_a_meter_shows_does_not_depend_on_who_asked_before() -> None:
    def made() -> FieldGrid:
        return FieldGrid(SEED, FieldSpec(transformers(40, 2), grid=True))

    first, second = made(), made()
    names = [str(90_000_001 + index) for index in range(40)]
    shown: dict[str, tuple[PhaseLoad, ...]] = {}
    for name in names:
        shown[name] = first.load_of(name).at(EVENING)
    for name in reversed(names):
        assert second.load_of(name).at(EVENING) == shown[name]
    assert second.head("T-002").at(EVENING) == first.head("T-002").at(EVENING)


def test_the_sun_knows_no_daylight_saving() -> None:
    assert standard_offset_min(FieldSpec(transformers(1)).zone) == -240
