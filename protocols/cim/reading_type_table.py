"""The reading types of this head-end: one code for each quantity, and where the quantity stands.

We emit the code of the row; others for the same quantity are taken as well, because clients
disagree on accumulation (cumulative for a register, instantaneous for an average) and on 54 against
158 for voltages.  How sure a row is: three or two public sources, one, or composed from the fields.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from protocols.cim.reading_types import ReadingType, parse

LOAD_PROFILE: Final = "1.0.99.1.0.255"
DAILY_PROFILE: Final = "1.0.99.2.0.255"


class Taken(enum.Enum):
    """How a quantity comes from what the meter keeps."""

    REGISTER = "register"  # the object's value
    COLUMN = "column"  # the profile's column, as it stands
    DIFFERENCE = "difference"  # of the column in two rows that follow each other


class Evidence(enum.Enum):
    """What a code rests on."""

    THREE_SOURCES = 3
    TWO_SOURCES = 2
    ONE_SOURCE = 1
    COMPOSED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One quantity: its code, and the object (logical name) it is read from.

    `profile` is where its rows stand, "" for a register.  The value as the meter counts is in
    `base_unit`; the code's multiplier says by what it is told.
    """

    code: str
    name: str  # logical name
    taken: Taken
    evidence: Evidence
    profile: str = ""
    also: tuple[str, ...] = ()  # other codes for the same

    @property
    def reading_type(self) -> ReadingType:
        return parse(self.code)


_ENERGY: Final = (
    # logical name, flow, unit: registers of energy, and what they count
    ("1.0.1.8.0.255", 1, 72),
    ("1.0.2.8.0.255", 19, 72),
    ("1.0.3.8.0.255", 1, 73),
    ("1.0.4.8.0.255", 19, 73),
)
_KNOWN: Final = {
    "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0": Evidence.THREE_SOURCES,
    "0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0": Evidence.TWO_SOURCES,
    "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0": Evidence.ONE_SOURCE,
}
_TARIFFS: Final = 4
_PHASES: Final = (("A", 128, 20), ("B", 64, 40), ("C", 32, 60))  # group C of OBIS starts there
_INDICATING, _INSTANTANEOUS, _RMS, _VOLTAGE = 6, 12, 54, 158


def _row(of: ReadingType, name: str, taken: Taken, profile: str = "") -> Quantity:
    code = str(of)
    return Quantity(
        code=code,
        name=name,
        taken=taken,
        evidence=_KNOWN.get(code, Evidence.COMPOSED),
        profile=profile,
        also=tuple(str(other) for other in _others(of)),
    )


def _others(of: ReadingType) -> list[ReadingType]:
    """The spellings of the same that clients use."""
    found = [of]
    if of.measurement_kind == _RMS:
        found.append(replace(of, measurement_kind=_VOLTAGE))
    swapped = {1: 3, _INDICATING: _INSTANTANEOUS, _INSTANTANEOUS: _INDICATING}.get(of.accumulation)
    if swapped is not None:
        found += [replace(each, accumulation=swapped) for each in tuple(found)]
    return found[1:]


def _registers() -> list[Quantity]:
    rows: list[Quantity] = []
    for name, flow, unit in _ENERGY:
        bulk = ReadingType(
            accumulation=1, flow_direction=flow, commodity=1, measurement_kind=12,
            multiplier=3, unit=unit,
        )  # fmt: skip
        rows.append(_row(bulk, name, Taken.REGISTER))
        for tariff in range(1, _TARIFFS + 1):
            tariffed = name.replace(".8.0.", f".8.{tariff}.")
            rows.append(_row(replace(bulk, tou=tariff), tariffed, Taken.REGISTER))
    return rows


def _intervals() -> list[Quantity]:
    rows: list[Quantity] = []
    for name, flow, unit in _ENERGY:
        delta = ReadingType(
            accumulation=4, flow_direction=flow, commodity=1, measurement_kind=12,
            multiplier=3, unit=unit,
        )  # fmt: skip
        rows.append(_row(replace(delta, measuring_period=2), name, Taken.DIFFERENCE, LOAD_PROFILE))
        rows.append(_row(replace(delta, macro_period=11), name, Taken.DIFFERENCE, DAILY_PROFILE))
    return rows


def _phase_rows() -> list[Quantity]:
    """Averages of a quarter of an hour from the load profile, and values of the moment."""
    rows: list[Quantity] = []
    for _, bit, first in _PHASES:
        for group, changed in (
            (first + 12, {"measurement_kind": _RMS, "unit": 29}),
            (first + 11, {"measurement_kind": 4, "unit": 5}),
            (first + 1, {"flow_direction": 1, "measurement_kind": 37, "multiplier": 3, "unit": 38}),
            (first + 3, {"flow_direction": 1, "measurement_kind": 37, "multiplier": 3, "unit": 63}),
        ):
            name = f"1.0.{group}.7.0.255"
            moment = replace(
                ReadingType(accumulation=_INSTANTANEOUS, commodity=1, phases=bit), **changed
            )
            average = replace(moment, aggregate=2, measuring_period=2, accumulation=_INDICATING)
            rows.append(_row(average, name, Taken.COLUMN, LOAD_PROFILE))
            rows.append(_row(moment, name, Taken.REGISTER))
    return rows


def _others_of_the_meter() -> list[Quantity]:
    moment = ReadingType(accumulation=_INSTANTANEOUS, commodity=1)
    return [
        _row(replace(moment, flow_direction=1, measurement_kind=37, multiplier=3, unit=38),
             "1.0.1.7.0.255", Taken.REGISTER),
        _row(replace(moment, flow_direction=19, measurement_kind=37, multiplier=3, unit=38),
             "1.0.2.7.0.255", Taken.REGISTER),
        _row(replace(moment, measurement_kind=38, unit=65), "1.0.13.7.0.255", Taken.REGISTER),
        _row(replace(moment, measurement_kind=15, unit=33), "1.0.14.7.0.255", Taken.REGISTER),
        _row(ReadingType(macro_period=8, aggregate=8, accumulation=_INDICATING, flow_direction=1,
                         commodity=1, measurement_kind=8, multiplier=3, unit=38),
             "1.0.1.6.0.255", Taken.REGISTER),
        _row(ReadingType(accumulation=_INDICATING, flow_direction=1, commodity=1,
                         measurement_kind=121, unit=38),
             "0.0.17.0.0.255", Taken.REGISTER),
    ]  # fmt: skip


QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType(
    {
        row.code: row
        for row in (*_registers(), *_intervals(), *_phase_rows(), *_others_of_the_meter())
    }
)
_BY_ANY_CODE: Final = {other: row for row in QUANTITIES.values() for other in row.also} | dict(
    QUANTITIES
)


def quantity(code: str) -> Quantity | None:
    """The quantity that a code means, in any of its spellings; None for one we do not have.

    Raises `ValueError` for what is no reading type at all.
    """
    return _BY_ANY_CODE.get(str(parse(code)))


def of_object(name: str, profile: str = "") -> tuple[Quantity, ...]:
    """The quantities read from an object, of a profile's column or (`profile` empty) by itself."""
    return tuple(row for row in QUANTITIES.values() if row.name == name and row.profile == profile)
