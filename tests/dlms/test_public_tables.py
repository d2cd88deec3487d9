"""Tables of standards, compared with public ones: codes of units and names with gurux-dlms 1.0.203
(`enums.Unit`, `OBISCodes.txt`), events and alarm bits with a manual."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from devices.meter.events import ALARMS, OWN_OF_COMMUNICATION
from protocols.dlms import obis
from protocols.dlms.objects.event_codes import event_words
from protocols.dlms.objects.units import UNITS, unit_symbol

GURUX = pytest.mark.skipif(find_spec("gurux_dlms") is None, reason="gurux-dlms is not installed")

# What gurux-dlms calls the imperial units, of which most are seen in no meter here.
IMPERIAL = {
    "INCH": "in", "FOOT": "ft", "POUND": "lb", "FAHRENHEIT": "°F", "RANKINE": "°R",
    "SQUARE_INCH": "in²", "SQUARE_FOOT": "ft²", "ACRE": "ac", "CUBIC_INCH": "in³",
    "CUBIC_FOOT": "ft³", "ACRE_FOOT": "ac ft", "GALLON_IMPERIAL": "gal (imp)",
    "GALLON_US": "gal (US)", "POUND_FORCE": "lbf", "POUND_FORCE_PER_SQUARE_INCH": "psi",
    "POUND_PER_CUBIC_FOOT": "lb/ft³", "POUND_PER_FOOT_SECOND": "lb/(ft s)",
    "SQUARE_FOOT_PER_SECOND": "ft²/s", "BRITISH_THERMAL_UNIT": "Btu", "THERM_EU": "thm (EC)",
    "THERM_US": "thm (US)", "BRITISH_THERMAL_UNIT_PER_POUND": "Btu/lb",
    "BRITISH_THERMAL_UNIT_PER_CUBIC_FOOT": "Btu/ft³", "CUBIC_FEET": "ft³",
    "FOOT_PER_SECOND": "ft/s", "CUBIC_FOOT_PER_SECOND": "ft³/s", "CUBIC_FOOT_PER_MIN": "ft³/min",
    "CUBIC_FOOT_PER_HOUR": "ft³/h", "CUBIC_FOOT_PER_DAY": "ft³/d",
    "ACRE_FOOT_PER_SECOND": "ac ft/s", "ACRE_FOOT_PER_MIN": "ac ft/min",
    "ACRE_FOOT_PER_HOUR": "ac ft/h", "ACRE_FOOT_PER_DAY": "ac ft/d",
    "IMPERIAL_GALLON": "gal (imp)", "IMPERIAL_GALLON_PER_SECOND": "gal (imp)/s",
    "IMPERIAL_GALLON_PER_MIN": "gal (imp)/min", "IMPERIAL_GALLON_PER_HOUR": "gal (imp)/h",
    "IMPERIAL_GALLON_PER_DAY": "gal (imp)/d", "US_GALLON": "gal (US)",
    "US_GALLON_PER_SECOND": "gal (US)/s", "US_GALLON_PER_MIN": "gal (US)/min",
    "US_GALLON_PER_HOUR": "gal (US)/h", "US_GALLON_PER_DAY": "gal (US)/d",
    "BRITISH_THERMAL_UNIT_PER_SECOND": "Btu/s", "BRITISH_THERMAL_UNIT_PER_MIN": "Btu/min",
    "BRITISH_THERMAL_UNIT_PER_HOUR": "Btu/h", "BRITISH_THERMAL_UNIT_PER_DAY": "Btu/d",
}  # fmt: skip


@GURUX
def test_units_have_the_codes_that_gurux_dlms_has() -> None:
    from gurux_dlms.enums.Unit import Unit

    theirs = {int(unit): unit.name for unit in Unit if int(unit)}
    assert theirs.keys() == UNITS.keys()
    imperial = {code: name for code, name in theirs.items() if 128 <= code < 254}
    assert {code: unit_symbol(code) for code in imperial} == {
        code: IMPERIAL[name] for code, name in imperial.items()
    }


def groups(text: str) -> set[int] | None:
    """A value group of their table: numbers, ranges; None for any."""
    found: set[int] = set()
    for part in text.split(","):
        ends = part.strip().split("-")
        if not all(end.isdigit() for end in ends):
            return None
        found |= set(range(int(ends[0]), int(ends[-1]) + 1))
    return found


def their_names() -> Iterator[tuple[list[set[int] | None], str]]:
    spec = find_spec("gurux_dlms")
    assert spec is not None and spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "OBISCodes.txt"
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        code, *cells = line.split(";")
        if len(parts := code.split(".")) == 6 and len(cells) > 3:
            yield [groups(part) for part in parts], " ".join(cells[2:])


def named_by_gurux(*name: int) -> str:
    """What their table calls a name; nothing where it has none."""
    for matching, text in their_names():
        if all(group is None or each in group for group, each in zip(matching, name, strict=True)):
            return text
    return ""


FIXED = [(0, key) for key in obis._ABSTRACT] + [(1, key) for key in obis._ELECTRICITY]
NOT_THEIRS = {(0, (96, 10, None)), (0, (99, None, None))}  # E from 1 on; whatever else is a profile
WORDS = {
    # what stands for what, where no word is shared
    (0, 24, None, None): "M-Bus slave", (0, 65, None, None): "Standard tables",
    (0, 94, None, None): "Identifiers for", (0, 96, 1, 0): "Device ID",
    (0, 96, 1, None): "Device ID", (0, 96, 20, None): "Meter open",
    (0, 96, 12, 4): "Comm. port", (0, 99, 98, 1): "Event log", (0, 99, 98, 2): "Event log",
    (0, 99, 98, 4): "Event log", (0, 99, 98, 5): "Event log", (0, 99, 98, 3): "Event log",
    (0, 15, 0, None): "End of billing", (0, 10, 0, None): "Global meter reset",
    (1, 0, 3, None): "Meter constant", (1, 0, 8, 0): "Measurement period 1",
    (1, 0, 8, 4): "Recording interval 1", (1, 0, 8, 5): "Recording interval 2",
    (1, 98, 2, None): "Scheme 2", (0, 98, 2, None): "Scheme 2",
}  # fmt: skip


@GURUX
@pytest.mark.parametrize("medium, key", FIXED, ids=[f"{a}.{k}" for a, k in FIXED])
def test_fixed_names_mean_what_gurux_dlms_says(
    medium: int, key: tuple[int, int | None, int | None]
) -> None:
    if (medium, key) in NOT_THEIRS:
        return
    c, d, e = key
    theirs = named_by_gurux(medium, 0, c, d or 0, e or 0, 255).lower()
    ours = (obis._ELECTRICITY if medium else obis._ABSTRACT)[key][0]
    expected = WORDS.get((medium, *key))
    if expected is not None:
        assert expected.lower() in theirs
    else:
        words = set(re.findall("[a-z]{3,}", ours.lower())) - {"table", "register", "setup", "log"}
        assert any(word[:6] in theirs for word in words), (ours, theirs)


PROCESSED = {
    "Cum. min.": "cumulative minimum", "Cum. max.": "cumulative maximum", "Min.": "minimum",
    "Max.": "maximum", "Current avg.": "current average", "Last avg.": "last average",
    "Inst. value": "instantaneous", "Billing period avg.": "billing average",
    "Under limit threshold": "threshold, under limit",
    "Over limit threshold": "threshold, over limit", "Missing threshold": "threshold, missing",
    # Blue Book 7.5.1: 1 over all time, 2 since the billing period began, 3 above a threshold,
    # 5 over a recording interval.
    "Time integral 1": "total", "Time integral 2": "since billing", "Time integral 3": "over limit",
    "Time integral 5": "load profile interval",
}  # fmt: skip


@GURUX
@pytest.mark.parametrize("d", obis._PROCESSING)
def test_what_was_done_with_a_quantity_is_what_gurux_dlms_says(d: int) -> None:
    theirs = named_by_gurux(1, 0, 1, d, 0, 255)
    said, ours = next(pair for pair in PROCESSED.items() if pair[0] in theirs)
    number = re.search(rf"{re.escape(said)} ?(\d)", theirs)
    if number and number[1] != "1" and "integral" not in said:
        ours += f" {number[1]}"
    assert obis._PROCESSING[d][0] == ours


# MetCom Solutions MCS301 product manual 1.25, page 72, table 15 (a public IDIS meter): which events
# set which bit of alarm registers 1 and 2; facts, by code and bit.
MANUAL: list[dict[int, tuple[int, ...]]] = [
    {0: (6,), 1: (7,), 8: (12,), 9: (13,), 10: (14,), 11: (16,), 12: (15,),
     13: (40, 42, 44, 46, 49, 50)},
    {0: (1,), 1: (2,), 2: (82,), 3: (83,), 4: (84,), 5: (85,), 6: (86,), 7: (87,), 8: (89,),
     9: (90,), 10: (91,), 11: (88,), 12: (52,), 13: (48,), 14: (92,), 15: (93,), 16: (94,),
     17: (20,), 18: (158,), 31: (68,)},
]  # fmt: skip
SAID = {
    6: "clock invalid", 7: "replace battery", 12: "program memory", 13: "RAM",
    14: "non-volatile memory", 15: "watchdog", 16: "measurement system", 20: "external alert",
    48: "keys changed", 52: "unexpected consumption", 68: "disconnector failed",
    1: "power down", 2: "power up", 82: "voltage missing L1", 85: "voltage normal L1",
    88: "phase sequence", 89: "neutral missing", 90: "asymmetric", 91: "reverse",
    92: "voltage quality poor L1", 94: "voltage quality poor L3", 158: "local communication",
}  # fmt: skip


def test_alarm_bits_are_those_of_a_meters_manual() -> None:
    for event, (register, bit) in ALARMS.items():
        assert int(event) in MANUAL[register][bit.bit_length() - 1], event


@pytest.mark.parametrize("code", SAID)
def test_events_are_called_as_in_a_meters_manual(code: int) -> None:
    assert SAID[code] in event_words(code)


# Codes of the disconnector's log, of voltages and of modems, as the public head-end protocols of
# EnergyICT have them for IDIS meters (classes DisconnectorControlLog, AM130CommunicationLog).
READ_BY_HEAD_ENDS = {
    59: "ready for reconnection", 60: "disconnected by hand", 61: "connected by hand",
    62: "disconnected remotely", 63: "connected remotely", 64: "disconnected locally",
    65: "limit exceeded", 66: "limit kept again", 67: "limit changed", 69: "connected locally",
    76: "undervoltage L1", 77: "undervoltage L2", 78: "undervoltage L3",
    79: "overvoltage L1", 80: "overvoltage L2", 81: "overvoltage L3",
    140: "no connection", 141: "modem initialization", 142: "SIM card failed", 143: "SIM card in",
    144: "GSM registration", 147: "PDP context ended", 150: "by hardware", 156: "signal weak",
}  # fmt: skip


@pytest.mark.parametrize("code", READ_BY_HEAD_ENDS)
def test_events_are_called_as_head_ends_call_them(code: int) -> None:
    assert READ_BY_HEAD_ENDS[code] in event_words(code)


def test_codes_of_our_own_are_nobody_elses() -> None:
    words = {int(event): event_words(int(event)) for event in OWN_OF_COMMUNICATION}
    assert all(each.startswith("simulated meter: ") for each in words.values()), words
