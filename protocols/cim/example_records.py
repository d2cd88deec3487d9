"""What the example messages are about: one record of each noun, and the question for it.

A meter 90000001 at the usage point SP-00017, with an order, an event, a quarter of an hour's energy
and its configuration.  Nobody is meant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from protocols.cim import device_controls, linkage, meter_config, meter_readings, nouns
from protocols.cim.amount import Amount, Unit
from protocols.cim.device_controls import Asked, DeviceControl
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.linkage import Linkage
from protocols.cim.meter_readings import Series, Value
from protocols.cim.record import Record
from protocols.cim.records import end_device_config_auto as devices
from protocols.cim.records import end_device_events_auto as events
from protocols.cim.records import get_end_device_config_auto as get_devices
from protocols.cim.records import get_end_device_events_auto as get_events
from protocols.cim.records import get_master_linkage_config_auto as get_linkage
from protocols.cim.records import get_meter_config_auto as get_meters
from protocols.cim.records import get_meter_readings_auto as get_readings
from protocols.cim.records import get_usage_point_config_auto as get_points
from protocols.cim.records import meter_config_auto as meters
from protocols.cim.records import usage_point_config_auto as points
from protocols.cim.records.parts_auto import (
    ConfigurationEvent,
    DateTimeInterval,
    EndDeviceEventDetail,
    Name,
    PricingStructure,
    TimeSchedule,
)

AT: Final = datetime(2026, 7, 6, 14, tzinfo=UTC)
METER: Final = "90000001"
OTHER: Final = "90000002"
POINT: Final = "SP-00017"
LIMIT_W: Final = 3300
ENERGY: Final = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"

_METER = Name(name=METER)
_POINT = Name(name=POINT)
_ASKED = (_METER,)


def content(noun: str, verb: str | None = None) -> Record:
    """A record of a noun, as what a verb is said with: a `change` of a MeterConfig sets a limit,
    everything else is about the meter.  Raises `KeyError` for a noun that there is not."""
    return _LIMIT if (noun, verb) == (nouns.METER_CONFIG, "change") else _CONTENTS[noun]


_LIMIT: Final = meter_config.limit_config([MeterRef(METER)], Decimal(LIMIT_W))


def question(noun: str) -> Record:
    """What asks for a noun.  Raises `KeyError` where nobody asks for it."""
    return _QUESTIONS[noun]


def readings(first: int = 0, count: int = 4) -> Record:
    """Quarters of an hour from the `first` after the beginning."""
    quarter = timedelta(minutes=15)
    values = tuple(
        Value(at=AT + number * quarter, value=f"0.{125 + number}")
        for number in range(first, first + count)
    )
    return meter_readings.write([Series(reading_type=ENERGY, meter=MeterRef(METER), values=values)])


_EVENT = events.EndDeviceEvent(
    mrid="e7f0a4c2-0000-4000-8000-000000000001",
    created_date_time=AT,
    issuer_id="HES",
    assets=events.Asset(names=(_METER,)),
    end_device_event_details=(
        EndDeviceEventDetail(name="powerLimit.readBack", value=str(LIMIT_W)),
        EndDeviceEventDetail(name="powerLimit.unit", value="W"),
    ),
    end_device_event_type="3.31.139.24",
)

_CONTENTS: Final[dict[str, Record]] = {
    nouns.CONTROLS: device_controls.write(
        [
            DeviceControl(
                asked=Asked.SET_LIMIT,
                meters=(MeterRef(METER), MeterRef(OTHER)),
                amount=Amount(Decimal(LIMIT_W), Unit.W),
                issuer_id="COMERCIAL",
                issuer_tracking_id="OT-2026-00881",
                reason="cambio de contrato",
            )
        ]
    ),
    nouns.EVENTS: events.EndDeviceEvents(end_device_event=(_EVENT,)),
    nouns.READINGS: readings(),
    nouns.METER_CONFIG: meters.MeterConfig(
        meter=(
            meters.Meter(
                lot_number="2026-07",
                serial_number=METER,
                end_device_info=meters.EndDeviceInfo(phase_count=1),
                names=(_METER,),
            ),
        )
    ),
    nouns.END_DEVICE_CONFIG: devices.EndDeviceConfig(
        end_device=(
            devices.EndDevice(
                serial_number=METER,
                configuration_events=ConfigurationEvent(
                    effective_date_time=AT, reason="instalación"
                ),
                names=(_METER,),
            ),
        )
    ),
    nouns.LINKAGE_CONFIG: linkage.write(
        Linkage(
            meters=(MeterRef(METER),),
            usage_points=(MeterRef(POINT),),
            customers=(MeterRef("C-4711"),),
            effective=AT,
            reason="alta",
        )
    ),
    nouns.USAGE_POINT_CONFIG: points.UsagePointConfig(
        usage_point=(
            points.UsagePoint(
                connection_state="connected",
                is_sdp=True,
                nominal_service_voltage=Decimal(220),
                phase_code="ABCN",
                configuration_events=ConfigurationEvent(effective_date_time=AT, reason="alta"),
                names=(_POINT,),
                pricing_structures=(PricingStructure(names=(Name(name="BT1"),)),),
            ),
        )
    ),
}

_SPAN = TimeSchedule(schedule_interval=DateTimeInterval(start=AT, end=AT + timedelta(days=1)))
_QUESTIONS: Final[dict[str, Record]] = {
    nouns.EVENTS: get_events.GetEndDeviceEvents(
        meter=(get_events.Meter(names=_ASKED),), time_schedule=(_SPAN,)
    ),
    nouns.READINGS: get_readings.GetMeterReadings(
        end_device=(get_readings.EndDevice(names=_ASKED),),
        reading_type=(get_readings.ReadingType(names=(Name(name=ENERGY),)),),
        time_schedule=(_SPAN,),
    ),
    nouns.METER_CONFIG: get_meters.GetMeterConfig(meter=(get_meters.Meter(names=_ASKED),)),
    nouns.END_DEVICE_CONFIG: get_devices.GetEndDeviceConfig(
        end_device=(get_devices.EndDevice(names=_ASKED),)
    ),
    nouns.LINKAGE_CONFIG: get_linkage.GetMasterDataLinkageConfig(
        usage_point=(get_linkage.UsagePoint(names=(_POINT,)),)
    ),
    nouns.USAGE_POINT_CONFIG: get_points.GetUsagePointConfig(
        usage_point=(get_points.UsagePoint(names=(_POINT,)),)
    ),
}
