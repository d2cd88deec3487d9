"""A fault of many devices: all, an area, a share; and a greater share hits the same and more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.aim import aimed
from scenarios.schema import BadScenario, parse

HEAD = 'about = "Many."\nstart = 2026-07-06T10:00:00\nduration = "10m"\n'
FIELD = "[field]\nmeters = 40\nconcentrators = 4\n"
AREA = '[[area]]\nname = "north"\nconcentrators = ["C-001", "C-003"]\n'
SEED = 7


def hit(fault: str, seed: int = SEED) -> list[str]:
    """The devices that a fault hits."""
    scenario = parse(f"{HEAD}{FIELD}{AREA}[[fault]]\n{fault}\n[expect]\norders = 0\n")
    return [each.target for each in aimed(scenario, seed).fault]


METERS = [str(number) for number in range(90000001, 90000041)]
TARGETS = {
    # name: (fault, devices)
    "one meter": ('kind = "meter-silent"\ntarget = "90000003"', ["90000003"]),
    "meters of a concentrator": ('kind = "meter-silent"\ntarget = "C-002"', METERS[10:20]),
    "meters of an area": (
        'kind = "meter-silent"\ntarget = "north"',
        METERS[:10] + METERS[20:30],
    ),
    "every meter": ('kind = "meter-silent"\ntarget = "all"', METERS),
    "every concentrator": ('kind = "modem"\ntarget = "all"', ["C-001", "C-002", "C-003", "C-004"]),
    "concentrators of an area": ('kind = "sim"\ntarget = "north"', ["C-001", "C-003"]),
    "a concentrator's whole line": ('kind = "packet-loss"\ntarget = "C-002"', ["C-002"]),
    "all of a share": ('kind = "modem"\ntarget = "all"\nshare_of = 1.0', 4 * ["C-00"]),
    "none of a share": ('kind = "modem"\ntarget = "all"\nshare_of = 0.0', []),
    "links of a share are meters'": (
        'kind = "packet-loss"\ntarget = "C-002"\nshare_of = 1.0',
        METERS[10:20],
    ),
}


@pytest.mark.parametrize("fault, devices", TARGETS.values(), ids=TARGETS)
def test_target(fault: str, devices: list[str]) -> None:
    found = hit(fault)
    assert len(found) == len(devices)
    assert all(name.startswith(wanted) for name, wanted in zip(found, devices, strict=True))


UNKNOWN = {
    "a meter for a modem": ('kind = "modem"\ntarget = "90000001"', "modem hits one of C-001"),
    "nobody": ('kind = "meter-silent"\ntarget = "south"', "an area or all"),
}


@pytest.mark.parametrize("fault, told", UNKNOWN.values(), ids=UNKNOWN)
def test_a_target_that_there_is_not(fault: str, told: str) -> None:
    with pytest.raises(BadScenario, match=told):
        hit(fault)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1 << 40), st.sampled_from(["0s", "3m"]))
def test_a_greater_share_heals_nobody(one: float, other: float, seed: int, at: str) -> None:
    less, more = sorted((one, other))
    fault = f'kind = "meter-silent"\ntarget = "all"\nat = "{at}"\nshare_of = '
    assert set(hit(f"{fault}{less}", seed)) <= set(hit(f"{fault}{more}", seed))


def test_a_share_is_that_share() -> None:
    """Of 40 meters under 200 seeds a share of 0.2 hits 1600: binomial, deviation 35.8."""
    fault = 'kind = "meter-silent"\ntarget = "all"\nshare_of = 0.2'
    assert abs(sum(len(hit(fault, seed)) for seed in range(200)) - 1600) < 4 * 36


def test_other_faults_do_not_move_it() -> None:
    alone = hit('kind = "meter-silent"\ntarget = "all"\nshare_of = 0.3')
    behind = hit(
        'kind = "modem"\ntarget = "all"\n[[fault]]\nkind = "meter-silent"\ntarget = "all"\n'
        "share_of = 0.3"
    )
    assert behind[4:] == alone


WRONG = {
    "area twice": (AREA + AREA, "is the name of another"),
    "area called all": ('[[area]]\nname = "all"\nconcentrators = ["C-001"]\n', "is the name of"),
    "no target": ('[[fault]]\nkind = "modem"\n', "target is missing; it takes a device"),
    "a target of the broker": (
        '[[fault]]\nkind = "broker-down"\ntarget = "C-001"\n',
        "target is of faults in the field",
    ),
    "noise without severity": (
        '[[fault]]\nkind = "noise"\ntarget = "all"\n',
        "has a snr_change_db if it is noise",
    ),
    "slow by nothing": ('[[fault]]\nkind = "database-slow"\n', "has a delay if it is"),
    "phase of a modem": (
        '[[fault]]\nkind = "modem"\ntarget = "C-001"\nphase = 1\n',
        "has a phase if it is meter-phase-loss",
    ),
    "a clock that is right": (
        '[[fault]]\nkind = "meter-clock"\ntarget = "all"\n',
        "has a step_s or a drift_ppm",
    ),
    "a share above 1": (
        '[[fault]]\nkind = "modem"\ntarget = "all"\nshare_of = 1.5\n',
        "from 0 to 1",
    ),
}


@pytest.mark.parametrize("text, told", WRONG.values(), ids=WRONG)
def test_a_file_that_contradicts_itself(text: str, told: str) -> None:
    with pytest.raises(BadScenario, match=told):
        parse(f"{HEAD}{text}[expect]\norders = 0\n")


def test_an_area_of_nobody() -> None:
    area = '[[area]]\nname = "south"\nconcentrators = ["C-009"]\n'
    with pytest.raises(BadScenario, match="there is no concentrator 'C-009'"):
        aimed(parse(f"{HEAD}{area}[expect]\norders = 0\n"), SEED)
