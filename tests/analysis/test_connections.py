"""Meters as connections, and the lines that carry them."""

from __future__ import annotations

import io

import numpy as np
import pytest

from headend.analysis.connections import connections, lines_of
from headend.analysis.losses import drawn_currents
from headend.analysis.meter_sums import ALL_PHASES
from headend.domain.line_section import LineSection
from headend.registry.line_sections import read


def test_a_meter_on_three_phases_is_three_connections() -> None:
    found = connections([1, ALL_PHASES, -1])
    assert found.meter.tolist() == [0, 2, 1, 1, 1]
    assert found.phase.tolist() == [1, -1, 0, 1, 2]
    assert found.of_meters(np.array([[2.0, 9.0, 4.0]])).tolist() == [[2, 4, 3, 3, 3]]
    volts = np.array([[[230.0, 0, 0], [231.0, 232, 233], [229.0, 0, 0]]])
    assert found.volts(volts).tolist() == [[230, 229, 231, 232, 233]]


def test_a_section_carries_whatever_is_behind_it() -> None:
    """T - 1 - 2, and 3 beside 2; a meter that no section supplies is carried by none."""
    sections = [
        LineSection("1", None, 100, 0.6, 0.8, ("SP-1",)),
        LineSection("2", "1", 50, 0.6, 0.6, ("M-2",)),
        LineSection("3", "1", 50, 1.2, 1.2, ()),
    ]
    found = lines_of(sections, [("M-1", "SP-1"), ("M-2", "SP-2"), ("M-9", "SP-9")])
    assert found.behind.tolist() == [
        [True, True, False], [False, True, False], [False, False, False],
    ]  # fmt: skip
    assert found.phase_ohm.tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert found.neutral_ohm.tolist() == pytest.approx([0.08, 0.03, 0.06])


def test_who_draws_nothing_has_no_current_and_a_dead_phase_has_its_neighbours_voltage() -> None:
    found = drawn_currents([[0.0, 2.3]], [[0.0, 0.0]], [[float("nan"), 0.0]], [0, 1])
    assert found[0, 0] == 0 and np.isnan(found[0, 1])
    found = drawn_currents([[2.3, 2.3]], [[0.0, 0.0]], [[0.0, 230.0]], [1, 1])
    assert np.abs(found).tolist() == [[10.0, 10.0]]


def test_lines_as_utilities_send_them() -> None:
    text = (
        "section;upstream;length_m;ohm_km;neutral_ohm_km;supplies\n"
        "T1;;120;0,641;;SP-1 SP-2\nT2;T1;30,5;0,641;1,2;\n"
    )
    found = read(io.BytesIO(text.encode()))
    assert not found.flaws
    assert found.sections == (
        LineSection("T1", None, 120, 0.641, 0.641, ("SP-1", "SP-2")),
        LineSection("T2", "T1", 30.5, 0.641, 1.2, ()),
    )


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("1,,10,0.6,,\n1,,10,0.6,,", "line 3, section: 1 comes twice"),
        (",,10,0.6,,", "line 2, section: it is empty"),
        ("1,,ten,0.6,,", "line 2, length_m: it is no number"),
        ("1,,-1,0.6,,", "line 2, length_m: it is below 0, or no end of it"),
        ("1,,1,inf,,", "line 2, ohm_km: it is below 0, or no end of it"),
        ("1,2,10,0.6,,", "line 2, upstream: there is no section 2"),
        ("1,1,10,0.6,,", "line 2, upstream: it feeds itself"),
        ("1,,10,0.6,,a\n2,1,10,0.6,,b a", "line 3, supplies: a is supplied from 1 as well"),
    ],
)
def test_what_is_no_line(rows: str, why: str) -> None:
    text = f"section,upstream,length_m,ohm_km,neutral_ohm_km,supplies\n{rows}\n"
    assert [str(each) for each in read(io.BytesIO(text.encode())).flaws] == [why]


def test_a_circle_is_found_from_each_of_its_sections() -> None:
    text = "section,upstream,length_m,ohm_km\n1,2,1,1\n2,3,1,1\n3,2,1,1\n"
    found = read(io.BytesIO(text.encode())).flaws
    assert [each.line for each in found] == [3, 4] and {each.why for each in found} == {
        "it feeds itself"
    }
