"""Physical units of registers: code, symbol, quantity; scaler and unit applied to raw values.

Source: Blue Book 4.3.2, enumerated values for physical units; the codes were compared with those of
gurux-dlms (tests/dlms/test_public_tables.py).  A register's value is
`raw * 10**scaler unit`; the arithmetic is decimal and exact for integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from protocols.dlms.objects import shape
from protocols.dlms.values import Boolean, Enum, Float32, Float64, Integer, Structure, Value

NO_UNIT = 255
OTHER_UNIT = 254


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of the table.  The symbol is empty where a count has none."""

    code: int
    symbol: str
    quantity: str


# code, symbol, quantity
_TABLE = """
1|a|time
2|mo|time
3|wk|time
4|d|time
5|h|time
6|min|time
7|s|time
8|°|phase angle
9|°C|temperature
10|currency|local currency
11|m|length
12|m/s|speed
13|m³|volume
14|m³|corrected volume
15|m³/h|volume flux
16|m³/h|corrected volume flux
17|m³/d|volume flux
18|m³/d|corrected volume flux
19|l|volume
20|kg|mass
21|N|force
22|Nm|energy
23|Pa|pressure
24|bar|pressure
25|J|energy
26|J/h|thermal power
27|W|active power
28|VA|apparent power
29|var|reactive power
30|Wh|active energy
31|VAh|apparent energy
32|varh|reactive energy
33|A|current
34|C|electrical charge
35|V|voltage
36|V/m|electric field strength
37|F|capacitance
38|Ω|resistance
39|Ωm²/m|resistivity
40|Wb|magnetic flux
41|T|magnetic flux density
42|A/m|magnetic field strength
43|H|inductance
44|Hz|frequency
45|1/Wh|active energy meter constant
46|1/varh|reactive energy meter constant
47|1/VAh|apparent energy meter constant
48|V²h|volt-squared hours
49|A²h|ampere-squared hours
50|kg/s|mass flux
51|S|conductance
52|K|temperature
53|1/V²h|volt-squared hour meter constant
54|1/A²h|ampere-squared hour meter constant
55|1/m³|volume meter constant
56|%|percentage
57|Ah|ampere hours
60|Wh/m³|energy per volume
61|J/m³|calorific value
62|mol %|molar fraction
63|g/m³|mass density
64|Pa s|dynamic viscosity
65|J/kg|specific energy
66|g/cm²|pressure
67|atm|pressure
70|dBm|signal strength
71|dBµV|signal strength
72|dB|ratio
128|in|length
129|ft|length
130|lb|mass
131|°F|temperature
132|°R|temperature
133|in²|area
134|ft²|area
135|ac|area
136|in³|volume
137|ft³|volume
138|ac ft|volume
139|gal (imp)|volume
140|gal (US)|volume
141|lbf|force
142|psi|pressure
143|lb/ft³|density
144|lb/(ft s)|dynamic viscosity
145|ft²/s|kinematic viscosity
146|Btu|energy
147|thm (EC)|energy
148|thm (US)|energy
149|Btu/lb|specific energy
150|Btu/ft³|calorific value
151|ft³|corrected volume
152|ft/s|speed
153|ft³/s|volume flux
154|ft³/min|volume flux
155|ft³/h|volume flux
156|ft³/d|volume flux
157|ac ft/s|volume flux
158|ac ft/min|volume flux
159|ac ft/h|volume flux
160|ac ft/d|volume flux
161|gal (imp)|corrected volume
162|gal (imp)/s|volume flux
163|gal (imp)/min|volume flux
164|gal (imp)/h|volume flux
165|gal (imp)/d|volume flux
166|gal (US)|corrected volume
167|gal (US)/s|volume flux
168|gal (US)/min|volume flux
169|gal (US)/h|volume flux
170|gal (US)/d|volume flux
171|Btu/s|power
172|Btu/min|power
173|Btu/h|power
174|Btu/d|power
254|other|other unit
255||count
"""
UNITS: dict[int, Unit] = {
    int(code): Unit(int(code), symbol, quantity)
    for code, symbol, quantity in (line.split("|") for line in _TABLE.split("\n") if line)
}


def unit_symbol(code: int) -> str:
    """The unit's symbol, or its number where the table has none."""
    found = UNITS.get(code)
    return found.symbol if found else f"unit {code}"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit's symbol, as a person reads it."""

    number: Decimal
    unit: str

    def __str__(self) -> str:
        """Plain digits, without exponent."""
        return f"{self.number:f} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """Attribute scaler_unit: power of ten, and unit code."""

    scaler: int
    unit: int

    def __post_init__(self) -> None:
        if not -128 <= self.scaler <= 127 or not 0 <= self.unit <= 0xFF:
            raise ValueError(f"scaler {self.scaler} with unit {self.unit} does not fit")

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        scaler, unit = shape.members(value, "scaler_unit", 2)[:2]
        try:
            return cls(shape.integer(scaler, "scaler"), shape.integer(unit, "unit"))
        except shape.Misshapen:
            raise
        except ValueError as error:
            raise shape.Misshapen(str(error)) from error

    def to_value(self) -> Structure:
        return Structure((Integer(self.scaler), Enum(self.unit)))

    @property
    def symbol(self) -> str:
        return unit_symbol(self.unit)

    def apply(self, value: Value) -> Quantity | None:
        """The engineering value of a raw one, or None where it is no number."""
        number = number_of(value)
        return None if number is None else Quantity(number.scaleb(self.scaler), self.symbol)


def number_of(value: object) -> Decimal | None:
    """An integer or float as an exact decimal; None for anything else, and for no finite number."""
    if isinstance(value, Float32 | Float64):
        found = Decimal(repr(float(value)))
        return found if found.is_finite() else None
    if isinstance(value, int) and not isinstance(value, bool | Boolean):
        return Decimal(int(value))
    return None
