"""What a meter reads out in clear text at its optical port, to whoever asks (IEC 62056-21, mode C).

The same registers that DLMS shows, by their reduced codes: energies in kWh and kvarh with three
digits behind the point, as on the display.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from devices.meter.cosem import REGISTER, Context, CosemObject
from devices.meter.device import Meter
from devices.meter.identity import READER_CLIENT
from devices.meter.objects import table
from devices.meter.services import ITSELF
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.units import ScalerUnit
from protocols.mode_e.readout import DataSet, message

CLOCK = LogicalName("0.0.1.0.0.255")
SERIAL = LogicalName("0.0.96.1.0.255")
FIRMWARE = LogicalName("1.0.0.2.0.255")
TEXTS = (("0.0.0", SERIAL), ("0.2.0", FIRMWARE))
MEASURED = (
    *(f"{c}.8.{tariff}" for c in (1, 2, 3, 4) for tariff in range(5)),
    *("1.7.0", "2.7.0", "3.7.0", "4.7.0"),
    *(f"{c}.7.0" for phase in (31, 51, 71) for c in (phase + 1, phase)),
    *("13.7.0", "14.7.0"),
)
KILO = {"Wh": "kWh", "varh": "kvarh", "VAh": "kVAh", "W": "kW", "var": "kvar", "VA": "kVA"}


def data_message(meter: Meter, *, now: float) -> bytes:
    """The data message of this moment."""
    return message(tuple(data_sets(meter, now=now)))


def data_sets(meter: Meter, *, now: float) -> Iterator[DataSet]:
    """Each data set; what this type of meter does not measure is left out."""
    context = Context(meter, meter.clients[READER_CLIENT], now, ITSELF)
    objects = table(meter.type)
    yield DataSet("F.F", "00000000")
    for code, name in TEXTS:
        text = objects[name].attributes[2].read(context)
        assert isinstance(text, bytes)
        yield DataSet(
            code, text.decode("ascii", "replace").replace("\N{REPLACEMENT CHARACTER}", "?")
        )
    shown = DateTime.from_octets(context.clock_octets())
    date, time = shown.date, shown.time
    yield DataSet("0.9.1", f"{time.hour:02}:{time.minute:02}:{time.second:02}")
    yield DataSet("0.9.2", f"{(date.year or 0) % 100:02}-{date.month:02}-{date.day:02}")
    for code in MEASURED:
        found = objects.get(LogicalName(f"1.0.{code}.255"))
        if found is not None and (measured := _measured(code, found, context)) is not None:
            yield measured


def _measured(code: str, found: CosemObject, context: Context) -> DataSet | None:
    if found.class_id != REGISTER:
        return None
    scale = ScalerUnit.from_value(found.attributes[3].read(context))
    quantity = scale.apply(found.attributes[2].read(context))
    if quantity is None:
        return None
    number, unit = quantity.number, quantity.unit
    if unit in KILO:
        number, unit = number / 1000, KILO[unit]
    width = 10 if unit.endswith("h") else 7
    return DataSet(code, f"{number.quantize(Decimal('0.001')):0{width}.3f}", unit)
