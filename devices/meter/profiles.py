"""Which profiles a type of meter has, and the status that stands in their rows.

1.0.99.1.0.255 is the load profile, 1.0.99.2.0.255 the daily one, 1.0.98.1.0.255 the billing one.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.meter import billing
from devices.meter.billing_objects import BILLING_PROFILE
from devices.meter.clients import NOBODY, READERS
from devices.meter.columns import status_column
from devices.meter.cosem import (
    DATA,
    EXTENDED_REGISTER,
    REGISTER,
    Context,
    CosemObject,
    capture,
    data,
)
from devices.meter.meter_type import MeterType
from devices.meter.profile import CLOCK_COLUMN, Design
from devices.meter.registers import quantities
from devices.meter.schedule import Daily, Every, Never
from devices.meter.tariff import TARIFFS
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.values import Structure, Unsigned, Value

LOAD_PROFILE = LogicalName("1.0.99.1.0.255")
DAILY_PROFILE = LogicalName("1.0.99.2.0.255")
LOAD_STATUS = LogicalName("0.0.96.10.1.255")
DAILY_STATUS = LogicalName("0.0.96.10.2.255")
DAYS = 62
BILLING_PERIODS = 24


def _status(context: Context) -> Value:
    """Of a row what it is worth; asked for outside of one, what the next row would be so far."""
    status = context.row_status
    if not context.piece.valid:
        status |= RowStatus.CLOCK_INVALID | RowStatus.DATA_NOT_VALID
    if context.piece.rules.daylight_saving(context.meter_time):
        status |= RowStatus.DAYLIGHT_SAVING
    return Unsigned(int(status))


def status_objects() -> Iterator[CosemObject]:
    """The status of each profile."""
    for name in (LOAD_STATUS, DAILY_STATUS):
        yield data(str(name), _status, readers=READERS, historic=True, read_column=status_column)


def _energies(meter_type: MeterType, *, tariffs: bool) -> Iterator[Structure]:
    numbers = range(TARIFFS + 1 if tariffs and "tariffs" in meter_type.features else 1)
    for c in quantities(meter_type):
        for number in numbers:
            yield capture(REGISTER, LogicalName(f"1.0.{c}.8.{number}.255"), 2)


def load_columns(meter_type: MeterType) -> tuple[Structure, ...]:
    """What the load profile captures as delivered."""
    registers = meter_type.load_registers
    captured = (
        (capture(REGISTER, LogicalName(name), 2) for name in registers)
        if registers
        else _energies(meter_type, tariffs=False)
    )
    return CLOCK_COLUMN, capture(DATA, LOAD_STATUS, 2), *captured


def designs(meter_type: MeterType) -> Iterator[Design]:
    """The profiles of this type of meter."""
    yield Design(
        LOAD_PROFILE,
        Every(meter_type.capture_period_s),
        load_columns(meter_type),
        meter_type.profile_entries,
    )
    yield Design(
        DAILY_PROFILE,
        Daily(),
        (CLOCK_COLUMN, capture(DATA, DAILY_STATUS, 2), *_energies(meter_type, tariffs=True)),
        DAYS,
    )
    if "billing" in meter_type.features:
        yield Design(
            BILLING_PROFILE,
            Never(),  # its rows stand at the billing resets
            (CLOCK_COLUMN, *_energies(meter_type, tariffs=True), *_maxima(meter_type)),
            BILLING_PERIODS,
            writers=NOBODY,
            besides=billing.resets,
        )


def _maxima(meter_type: MeterType) -> Iterator[Structure]:
    if "demand" in meter_type.features:
        name = LogicalName("1.0.1.6.0.255")
        yield capture(EXTENDED_REGISTER, name, 2)
        yield capture(EXTENDED_REGISTER, name, 5)
