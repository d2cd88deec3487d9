"""Generated feeders: solved against arithmetic done by hand, and held to what must always be so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.channel.place import Phase, Place, along_streets
from devices.grid.customers import ONE, PERIOD_DAYS, day_of, habits_of
from devices.grid.errors import NotConverged
from devices.grid.phase_records import recorded_phases
from devices.grid.solved_day import drawn_on, solved
from devices.grid.street import (
    CABLES,
    SIZES,
    Customer,
    Street,
    network_of,
    source_matrix,
    street_of,
)
from devices.grid.zbus import LoadNetwork, solve

SEED = 7
DAY = 20_640  # 2026-07-06, a Monday


def a_street(meters: int = 55) -> Street:
    places = [(str(90_000_001 + index), along_streets(index)) for index in range(meters)]
    return street_of(SEED, "T-001", places)


def two_buses(z: complex, v0: float = 230.0) -> LoadNetwork:
    one = np.array([[z]])
    return LoadNetwork(
        ("far",), one, np.array([v0 + 0j]), np.array([0]), np.zeros((3, 1), complex), np.zeros(3)
    )


@pytest.mark.parametrize("watts, ohm", [(1_000, 0.5), (10_000, 0.5), (20_000, 0.6), (-5_000, 0.4)])
def test_a_resistance_and_a_load_solve_as_the_quadratic_says(watts: int, ohm: float) -> None:
    """P = V (V0 - V) / R, so V = V0 / 2 + sqrt(V0**2 / 4 - P R)."""
    found = solve(two_buses(complex(ohm)), np.array([[complex(watts)]]))
    assert found.voltage[0, 0] == pytest.approx(115 + (115**2 - watts * ohm) ** 0.5, abs=1e-6)
    assert found.losses_w[0] == pytest.approx(abs(found.current[0, 0]) ** 2 * ohm)


def test_more_than_a_line_can_carry_is_said_with_its_node() -> None:
    """A resistance of 0.5 ohm at 230 V carries at most 230**2 / 4 / 0.5 = 26.45 kW."""
    solve(two_buses(0.5 + 0j), np.array([[26_000 + 0j]]), iterations_max=2_000)
    with pytest.raises(NotConverged, match="far") as caught:
        solve(two_buses(0.5 + 0j), np.array([[1_000 + 0j], [27_000 + 0j]]))
    assert caught.value.node == "far"
    assert caught.value.step == 1
    assert caught.value.mismatch_pu > 0


def test_one_phase_drops_voltage_on_its_cable_its_neutral_and_the_transformer() -> None:
    cable, size = CABLES[1], SIZES[0]
    customer = Customer("90000001", 0, Place(100, 0, Phase.B))
    street = Street("T", size, (cable,) * 4, (customer,))
    network = network_of(street)
    line = complex(cable.r_ohm_km, cable.x_ohm_km) / 10
    assert network.z[0, 0] == pytest.approx(2 * line + source_matrix(size)[1, 1])
    assert np.degrees(np.angle(network.v0[0])) == pytest.approx(-120)


def test_three_equal_phases_leave_the_neutral_without_current() -> None:
    customer = Customer("90000001", 0, Place(200, 0, Phase.ALL))
    street = Street("T", SIZES[1], (CABLES[0],) * 4, (customer,))
    found = solve(network_of(street), np.full((1, 3), 4_000 + 1_000j))
    line = complex(CABLES[0].r_ohm_km, CABLES[0].x_ohm_km) * 0.2
    drop = found.head_voltage[0, 0] - found.voltage[0, 0]
    assert drop == pytest.approx(found.current[0, 0] * line)
    assert found.losses_w[0] == pytest.approx(3 * abs(found.current[0, 0]) ** 2 * line.real)


def test_energy_closes_to_the_watt() -> None:
    street = a_street()
    day = solved(network_of(street), *drawn_on(SEED, street, DAY))
    missing = day.head_watts.sum(axis=1) - day.watts.sum(axis=1) - day.losses_w
    assert abs(missing).max() <= 2  # three phases and the losses, rounded
    assert day.losses_w.min() > 0
    assert 2_070 < day.voltage_dv.min() < day.voltage_dv.max() < 2_530


@given(st.lists(st.integers(-3_000, 6_000), min_size=12, max_size=12), st.integers(1, 400))
def test_power_balances_whatever_is_drawn(watts: list[int], first_m: int) -> None:
    places = [
        (str(index), along_streets(index, first_m=first_m, spacing_m=20)) for index in range(1, 13)
    ]
    network = network_of(street_of(SEED, "T", places))
    found = solve(network, np.array([watts], dtype=complex) * (1 + 0.2j))
    drawn = found.voltage * found.current.conj()
    assert np.allclose(drawn, np.array([watts]) * (1 + 0.2j), atol=1e-3)
    assert found.head_power.sum().real == pytest.approx(
        sum(watts) + found.losses_w[0], abs=1e-3 * max(1.0, abs(sum(watts)))
    )


def test_no_customer_depends_on_another() -> None:
    few, many = a_street(8), a_street(20)
    assert (drawn_on(SEED, few, DAY)[0] == drawn_on(SEED, many, DAY)[0][:, :8]).all()


def test_a_load_comes_again_after_four_weeks_and_not_before() -> None:
    first, again, other = (
        day_of(SEED, "90000004", 1, DAY + days)[0] for days in (0, PERIOD_DAYS, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_seeds_differ_and_customers_differ() -> None:
    days = [day_of(seed, str(meter), 1, DAY)[0] for seed in (1, 2) for meter in (1, 2)]
    assert len({each.tobytes() for each in days}) == 4


def test_customers_are_as_the_models_page_says() -> None:
    """Shares, power factors and energies of a thousand, within what chance allows."""
    habits = [habits_of(SEED, str(number), 1) for number in range(1_000)]
    solar = sum(each.solar_w > 0 for each in habits)
    cars = sum(each.car_w > 0 for each in habits)
    assert 60 < solar < 150
    assert 40 < cars < 130
    for each in habits:
        tan = each.tan_phi / ONE
        assert 0.899 < 1 / (1 + tan**2) ** 0.5 < 0.981
    kwh = [
        day_of(SEED, str(number), 1, DAY)[0].clip(0).sum() / 4_000
        for number, each in enumerate(habits[:200])
        if not each.shop and not each.solar_w and not each.car_w
    ]
    assert 5 < float(np.mean(kwh)) < 16


def test_records_are_wrong_for_a_share_and_more_for_more() -> None:
    true = {each.meter: each.place.phase for each in a_street(400).customers}
    assert recorded_phases(SEED, true.items(), 0.0) == true
    wrong = [
        {
            meter
            for meter, phase in recorded_phases(SEED, true.items(), share).items()
            if phase != true[meter]
        }
        for share in (0.1, 0.5, 1.0)
    ]
    assert wrong[0] < wrong[1] < wrong[2] == set(true)
    assert 20 < len(wrong[0]) < 65
    assert 160 < len(wrong[1]) < 240
    one, other = (recorded_phases(seed, true.items(), 0.5) for seed in (SEED, SEED + 1))
    assert one != other


def test_three_phases_share_a_customer() -> None:
    watts, vars_ = day_of(SEED, "90000009", 3, DAY)
    assert watts.shape == vars_.shape == (3, 96)
    assert watts.min() > 0


def test_local_time_moves_the_day() -> None:
    here = day_of(SEED, "90000004", 1, DAY, utc_offset_min=-240)[0]
    there = day_of(SEED, "90000004", 1, DAY)[0]
    assert (here != there).any()
