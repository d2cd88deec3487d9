"""Reading types: text and fields, words in two languages, and the quantities we have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim.reading_type_table import (
    LOAD_PROFILE,
    QUANTITIES,
    Evidence,
    Quantity,
    Taken,
    of_object,
    quantity,
)
from protocols.cim.reading_types import FIELDS, WORDS, ReadingType, describe, parse, unit_text
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe as obis_words

# The codes of facts/cim.md, ReadingType: what is published of them, and our object.
PUBLISHED = {
    "import, 15 min": (
        "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0",
        "1.0.1.8.0.255", Taken.DIFFERENCE,
        "energy, import, 15 min, delta, kWh", "energía, importada, 15 min, diferencia, kWh",
    ),
    "export, 15 min": (
        "0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0",
        "1.0.2.8.0.255", Taken.DIFFERENCE,
        "energy, export, 15 min, delta, kWh", "energía, exportada, 15 min, diferencia, kWh",
    ),
    "import register": (
        "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0",
        "1.0.1.8.0.255", Taken.REGISTER,
        "energy, import, bulk register, kWh", "energía, importada, registro total, kWh",
    ),
    "voltage A": (
        "0.2.2.6.0.1.54.0.0.0.0.0.0.0.128.0.29.0",
        "1.0.32.7.0.255", Taken.COLUMN,
        "voltage, rms, phase A, 15 min, average, indicating, V",
        "tensión eficaz, fase A, 15 min, promedio, indicado, V",
    ),
    "current A": (
        "0.2.2.6.0.1.4.0.0.0.0.0.0.0.128.0.5.0",
        "1.0.31.7.0.255", Taken.COLUMN,
        "current, phase A, 15 min, average, indicating, A",
        "corriente, fase A, 15 min, promedio, indicado, A",
    ),
    "active power A": (
        "0.2.2.6.1.1.37.0.0.0.0.0.0.0.128.3.38.0",
        "1.0.21.7.0.255", Taken.COLUMN,
        "power, import, phase A, 15 min, average, indicating, kW",
        "potencia, importada, fase A, 15 min, promedio, indicado, kW",
    ),
    "reactive power A": (
        "0.2.2.6.1.1.37.0.0.0.0.0.0.0.128.3.63.0",
        "1.0.23.7.0.255", Taken.COLUMN,
        "power, import, phase A, 15 min, average, indicating, kvar",
        "potencia, importada, fase A, 15 min, promedio, indicado, kvar",
    ),
    "limit": (
        "0.0.0.6.1.1.121.0.0.0.0.0.0.0.0.0.38.0",
        "0.0.17.0.0.255", Taken.REGISTER,
        "demand limit, import, indicating, W", "límite de potencia, importada, indicado, W",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name", "taken", "english", "spanish"), PUBLISHED.values(), ids=PUBLISHED
)
def test_published_codes(code: str, name: str, taken: Taken, english: str, spanish: str) -> None:
    row = QUANTITIES[code]
    assert (row.name, row.taken) == (name, taken)
    assert describe(row.reading_type) == english
    assert describe(row.reading_type, "es") == spanish
    assert (row.profile == LOAD_PROFILE) is (taken is not Taken.REGISTER)


def test_how_sure_a_row_is() -> None:
    sure = {row.code: row.evidence.value for row in QUANTITIES.values() if row.evidence.value}
    assert sorted(sure.values()) == [1, 2, 3]
    assert QUANTITIES[PUBLISHED["limit"][0]].evidence is Evidence.COMPOSED


def test_fields_are_in_the_codes_order() -> None:
    assert len(FIELDS) == 18
    of = parse("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.-16.17.18")
    assert of == ReadingType(
        macro_period=1, aggregate=2, measuring_period=3, accumulation=4, flow_direction=5,
        commodity=6, measurement_kind=7, interharmonic_numerator=8, interharmonic_denominator=9,
        argument_numerator=10, argument_denominator=11, tou=12, cpp=13, consumption_tier=14,
        phases=15, multiplier=-16, unit=17, currency=18,
    )  # fmt: skip


@given(numbers=st.lists(st.integers(0, 99_999), min_size=18, max_size=18), scale=st.integers(-9, 9))
def test_text_and_fields(numbers: list[int], scale: int) -> None:
    of = ReadingType(**dict(zip(FIELDS, numbers, strict=True)) | {"multiplier": scale})
    assert parse(str(of)) == of
    assert describe(of) and describe(of, "es") or not any(numbers)


@pytest.mark.parametrize(
    "text", [" 0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0\n", "00.0.02.4.1.1.012.0.0.0.0.0.0.0.0.3.72.0"]
)
def test_other_spellings_of_numbers(text: str) -> None:
    assert str(parse(text)) == "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0.0",
     "0.0.2.4.1.1.x.0.0.0.0.0.0.0.0.3.72.0", "0.0.2.4.1.1..0.0.0.0.0.0.0.0.3.72.0",
     "-1.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", "0.0.2.4.1.1.٣.0.0.0.0.0.0.0.0.3.72.0",
     "0.0.2.4.1.1.123456.0.0.0.0.0.0.0.0.3.72.0", "1.0.1.8.0.255"],
)  # fmt: skip
def test_what_is_no_reading_type(text: str) -> None:
    with pytest.raises(ValueError):
        quantity(text)


ALIASES = {
    "158 for a voltage": ("0.2.2.6.0.1.158.0.0.0.0.0.0.0.128.0.29.0", "voltage A"),
    "instantaneous for an average": ("0.2.2.12.0.1.54.0.0.0.0.0.0.0.128.0.29.0", "voltage A"),
    "both": ("0.2.2.12.0.1.158.0.0.0.0.0.0.0.128.0.29.0", "voltage A"),
    "cumulative for a register": ("0.0.0.3.1.1.12.0.0.0.0.0.0.0.0.3.72.0", "import register"),
    "instantaneous for a limit": ("0.0.0.12.1.1.121.0.0.0.0.0.0.0.0.0.38.0", "limit"),
}


@pytest.mark.parametrize(("code", "means"), ALIASES.values(), ids=ALIASES)
def test_other_codes_for_the_same(code: str, means: str) -> None:
    found = quantity(code)
    assert found is not None and found.code == PUBLISHED[means][0]


def test_no_code_means_two_quantities() -> None:
    every = [code for row in QUANTITIES.values() for code in (row.code, *row.also)]
    assert len(every) == len(set(every))
    assert quantity("0.0.2.4.1.7.58.0.0.0.0.0.0.0.0.0.42.0") is None  # gas


@pytest.mark.parametrize("row", QUANTITIES.values(), ids=QUANTITIES)
def test_each_row_is_whole(row: Quantity) -> None:
    of = row.reading_type
    for name, words in WORDS.items():
        assert getattr(of, name) in {0, *words}, f"{name} has no word"
    assert str(LogicalName(row.name)) == row.name
    assert obis_words(row.name) != row.name, "an object we know"
    assert unit_text(of)
    assert describe(of) != describe(of, "es")
    assert bool(row.profile) is (row.taken is not Taken.REGISTER)
    assert row in of_object(row.name, row.profile)


def test_the_page_names_codes_that_are_ours() -> None:
    page = Path("docs/cim.md").read_text("utf-8")
    told = re.findall(r"`((?:\d+\.){17}\d+)`", page)
    assert len(told) == 4
    assert set(told) <= set(QUANTITIES)


UNITS = {72: "energía activa", 73: "energía reactiva", 29: "tensión", 5: "corriente"}


def test_a_rows_unit_is_that_of_its_object() -> None:
    for row in QUANTITIES.values():
        told = UNITS.get(row.reading_type.unit)
        if told is not None:
            assert obis_words(row.name, "es").startswith(told)
