"""What the meter measures, as registers of class 3: instantaneous values and energies.

Logical names: IEC 62056-6-1 tables 8 to 12.  Each value is a closed form over the load, rounded
down to the register's resolution, and answers for any moment of the past.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from devices.meter import tariff
from devices.meter.columns import Integers, Rows, power_factors
from devices.meter.cosem import (
    UNIT_A,
    UNIT_DEGREE,
    UNIT_HZ,
    UNIT_NONE,
    UNIT_V,
    UNIT_VA,
    UNIT_VAR,
    UNIT_VARH,
    UNIT_W,
    UNIT_WH,
    Context,
    CosemObject,
    register,
    wrapped,
)
from devices.meter.limiter_object import ACTIVE_POWER
from devices.meter.load import Energy, PhaseLoad
from devices.meter.meter_type import MeterType
from devices.meter.metering import W_MS_PER_WH, current_ca
from protocols.dlms.values import DoubleLong, DoubleLongUnsigned, LongUnsigned, Value

PHASE_GROUP_C = (20, 40, 60)
"""Value group C of L1, L2 and L3 is this plus the quantity's number (IEC 62056-6-1 table 8)."""

NOMINAL_CHZ = 5000
"""50.00 Hz.  The grid is stiff: nothing that a meter sees moves it."""

QUANTITIES = {
    # value group C: field of Energy
    1: "active_import",
    2: "active_export",
    3: "reactive_import",
    4: "reactive_export",
}

VOLTAGE_ANGLES = (0, 240, 120)
"""Degrees by which the voltages of L1, L2 and L3 lead that of L1: they follow each other."""

OfPhase = Callable[[PhaseLoad], int]


def quantities(meter_type: MeterType) -> dict[int, str]:
    """What this type of meter counts, by value group C."""
    left_out = set()
    if "export" not in meter_type.features:
        left_out |= {2, 4}
    if "reactive" not in meter_type.features:
        left_out |= {3, 4}
    return {c: quantity for c, quantity in QUANTITIES.items() if c not in left_out}


def energy_unit(c: int) -> int:
    """Wh for 1 and 2, varh for 3 and 4."""
    return UNIT_WH if c < 3 else UNIT_VARH


def registers(meter_type: MeterType) -> Iterator[CosemObject]:
    """Every register of class 3 of this type of meter."""
    for phase in range(meter_type.phases):
        yield from _of_phase(meter_type, phase)
    yield from _totals(meter_type)
    for c in quantities(meter_type):
        yield _energy(meter_type, c)
        if "tariffs" in meter_type.features:
            for number in range(1, tariff.TARIFFS + 1):
                yield _energy_of_tariff(meter_type, c, number)


# Phases.


def _of_phase(meter_type: MeterType, phase: int) -> Iterator[CosemObject]:
    c = PHASE_GROUP_C[phase]

    def of(quantity: OfPhase) -> Callable[[Context], int]:
        return lambda context: quantity(context.phases()[phase])

    def one(
        number: int,
        quantity: OfPhase,
        kind: type[Value],
        unit: int,
        scaler: int = 0,
        many: Callable[[Rows], Integers] | None = None,
    ) -> CosemObject:
        return register(f"1.0.{c + number}.7.0.255", of(quantity), kind, unit, scaler, many=many)

    yield one(
        12,
        lambda p: p.voltage_dv,
        LongUnsigned,
        UNIT_V,
        -1,
        lambda rows: rows.powers()[2][phase],
    )
    # A register of 16 bits shows no more than 655.35 A, whatever flows.
    yield one(11, lambda p: min(current_ca(p), LongUnsigned.MAX), LongUnsigned, UNIT_A, -2)
    yield one(16, lambda p: p.active_w, DoubleLong, UNIT_W)
    yield one(3, lambda p: max(p.reactive_var, 0), DoubleLongUnsigned, UNIT_VAR)
    if "instruments" not in meter_type.features:
        return
    yield one(1, lambda p: max(p.active_w, 0), DoubleLongUnsigned, UNIT_W)
    yield one(2, lambda p: max(-p.active_w, 0), DoubleLongUnsigned, UNIT_W)
    yield one(4, lambda p: max(-p.reactive_var, 0), DoubleLongUnsigned, UNIT_VAR)
    yield one(9, lambda p: _apparent(p.active_w, p.reactive_var), DoubleLongUnsigned, UNIT_VA)
    yield one(13, lambda p: _factor(p.active_w, p.reactive_var), LongUnsigned, UNIT_NONE, -3)
    yield register(f"1.0.81.7.{(4, 15, 26)[phase]}.255", of(_angle), LongUnsigned, UNIT_DEGREE)
    if phase:
        yield register(
            f"1.0.81.7.{phase}.255",
            of(lambda p: VOLTAGE_ANGLES[phase] if p.voltage_dv else 0),
            LongUnsigned,
            UNIT_DEGREE,
        )


def _apparent(watts: int, var: int) -> int:
    return math.isqrt(watts**2 + var**2)


def _factor(watts: int, var: int) -> int:
    """The power factor in 1/1000; 1 where nothing flows."""
    squared = watts**2 + var**2
    return math.isqrt(1_000_000 * watts**2 // squared) if squared else 1000


def _angle(phase: PhaseLoad) -> int:
    """By how many whole degrees the current lags its voltage, 0 to 359."""
    if not (phase.active_w or phase.reactive_var):
        return 0
    return round(math.degrees(math.atan2(phase.reactive_var, phase.active_w))) % 360


# All phases together.


def _totals(meter_type: MeterType) -> Iterator[CosemObject]:
    yield register(
        str(ACTIVE_POWER),
        lambda context: context.meter.active_power(context.now),
        DoubleLongUnsigned,
        UNIT_W,
        meter_type.power_scaler,
    )
    if "instruments" not in meter_type.features:
        return

    def total(c: int, of: OfPhase, unit: int) -> CosemObject:
        return register(
            f"1.0.{c}.7.0.255",
            lambda context: sum(map(of, context.phases())),
            DoubleLongUnsigned,
            unit,
        )

    yield total(2, lambda p: max(-p.active_w, 0), UNIT_W)
    yield total(3, lambda p: max(p.reactive_var, 0), UNIT_VAR)
    yield total(4, lambda p: max(-p.reactive_var, 0), UNIT_VAR)
    yield total(9, lambda p: _apparent(p.active_w, p.reactive_var), UNIT_VA)
    yield register(
        "1.0.13.7.0.255", _total_factor, LongUnsigned, UNIT_NONE, -3, many=_total_factors
    )
    yield register(
        "1.0.14.7.0.255",
        lambda context: NOMINAL_CHZ if any(p.voltage_dv for p in context.phases()) else 0,
        LongUnsigned,
        UNIT_HZ,
        -2,
    )


def _total_factor(context: Context) -> int:
    phases = context.phases()
    return _factor(sum(p.active_w for p in phases), sum(p.reactive_var for p in phases))


def _total_factors(rows: Rows) -> Integers:
    watts, var, _ = rows.powers()
    return power_factors(watts.sum(axis=0), var.sum(axis=0))


# Energies.


def shown_energy(meter_type: MeterType, energy: Energy, quantity: str) -> int:
    """What a register of this type shows of an integral."""
    integral: int = getattr(energy, quantity)
    return integral // (W_MS_PER_WH * 10**meter_type.energy_scaler)


def _energy(meter_type: MeterType, c: int) -> CosemObject:
    quantity, unit = QUANTITIES[c], energy_unit(c)

    def read(context: Context) -> int:
        return shown_energy(meter_type, context.energy(), quantity)

    def many(rows: Rows) -> Integers:
        shown = rows.energy()[c - 1] // (W_MS_PER_WH * 10**meter_type.energy_scaler)
        return shown % (DoubleLongUnsigned.MAX + 1)

    return register(
        f"1.0.{c}.8.0.255",
        read,
        wrapped,  # type: ignore[arg-type]
        unit,
        meter_type.energy_scaler,
        encoded=DoubleLongUnsigned,
        many=many,
    )


def _energy_of_tariff(meter_type: MeterType, c: int, number: int) -> CosemObject:
    quantity, unit = QUANTITIES[c], energy_unit(c)

    def read(context: Context) -> int:
        shares = tariff.by_tariff(context.meter, context.now)
        return shown_energy(meter_type, shares[number - 1], quantity)

    return register(f"1.0.{c}.8.{number}.255", read, wrapped, unit, meter_type.energy_scaler)  # type: ignore[arg-type]
