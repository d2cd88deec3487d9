"""The objects of a meter, in one table per type of meter.

What each attribute is, its access and its effect, is said by the modules that this one puts
together.  Class definitions: Blue Book (DLMS UA 1000-1) 4.3 to 4.5; logical names: IEC 62056-6-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from devices.meter import supply_objects
from devices.meter.association_objects import associations
from devices.meter.automation_objects import automation_objects
from devices.meter.billing_objects import billing_objects, demand_objects
from devices.meter.calendar_objects import calendar_objects
from devices.meter.clients import ALL, NOBODY
from devices.meter.clock_object import clock_objects
from devices.meter.cosem import (
    SAP_ASSIGNMENT,
    Attribute,
    CosemObject,
    Method,
    constant,
    data,
)
from devices.meter.event_objects import event_objects
from devices.meter.identity import SERVER_SAP
from devices.meter.image_objects import firmware_objects
from devices.meter.limiter_object import limiter
from devices.meter.load_relay import load_relay_control
from devices.meter.meter_type import MeterType
from devices.meter.profile import profile
from devices.meter.profiles import designs, status_objects
from devices.meter.recorded_objects import replaced
from devices.meter.registers import registers
from devices.meter.security_objects import security_objects
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    LongUnsigned,
    OctetString,
    Structure,
)


@cache
def table(meter_type: MeterType) -> dict[LogicalName, CosemObject]:
    """Every object of this type of meter, by logical name."""
    objects: dict[LogicalName, CosemObject] = {}
    shown: dict[LogicalName, CosemObject] = {}
    has = meter_type.features
    groups: list[Iterable[CosemObject]] = [
        _identity(meter_type),
        clock_objects(),
        security_objects(meter_type),
        [_sap_assignment],
        associations(meter_type, shown.values),
        registers(meter_type),
        status_objects(),
        (profile(design, objects) for design in designs(meter_type)),
    ]
    if "tariffs" in has:
        groups.append(calendar_objects(meter_type))
    if "demand" in has:
        groups.append(demand_objects(meter_type))
    if "billing" in has:
        groups.append(billing_objects())
    if "disconnector" in has:
        groups.append(
            [supply_objects.disconnect_control, limiter, supply_objects.disconnect_scripts]
        )
    if "load-relay" in has:
        groups.append([load_relay_control])
    if "events" in has:
        groups.append(event_objects(meter_type))
    groups += [firmware_objects(meter_type), automation_objects(meter_type)]
    for group in groups:
        objects |= {each.name: each for each in group}
    if not meter_type.recorded:
        shown |= objects
    else:
        told = replaced(objects, meter_type.recorded, meter_type.clients)
        shown |= {each.name: each for each in told}
    return shown


def _identity(meter_type: MeterType) -> Iterator[CosemObject]:
    yield data(
        "0.0.42.0.0.255",
        lambda context: OctetString(context.meter.identity.logical_device_name),
    )
    yield data(
        "0.0.96.1.0.255",
        lambda context: OctetString(context.meter.identity.number.encode("ascii")),
    )
    yield data("0.0.96.1.1.255", constant(OctetString(meter_type.hardware.encode("ascii"))))
    primary, secondary = meter_type.current_ratio
    if primary != secondary:
        yield data("1.0.0.4.2.255", constant(LongUnsigned(primary)))
        yield data("1.0.0.4.5.255", constant(LongUnsigned(secondary)))


_sap_assignment = CosemObject(
    SAP_ASSIGNMENT,
    0,
    LogicalName("0.0.41.0.0.255"),
    {
        2: Attribute(
            lambda context: Array(
                [
                    Structure(
                        (
                            LongUnsigned(SERVER_SAP),
                            OctetString(context.meter.identity.logical_device_name),
                        )
                    )
                ]
            ),
            ALL,
        )
    },
    {1: Method(NOBODY)},
    visible=ALL,
)
