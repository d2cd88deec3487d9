"""EndDeviceControls of every kind as values: what is asked of which meters, and back to the record.

Beside the supply's controls (limit, connect, disconnect, arm) these are a demand reset and the
control of a customer's load, which travels as PanDemandResponse.  A limit's amount has no place in
the strict profile: it is written as the extension EndDeviceControlAttribute, so that the message is
encoded with `extensions`; `meter_config.limit_config` writes the same in the strict place.

What of this becomes an order is for `control_request`, which refuses the kinds it has no order for.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from protocols.cim.amount import Amount
from protocols.cim.carriers import of_attributes
from protocols.cim.control_types import canonical
from protocols.cim.end_device_controls import (
    POWER_LIMIT,
    POWER_LIMIT_UNIT,
    Attribute,
    MeterRef,
)
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.gathered import refuse
from protocols.cim.records import end_device_controls_auto as c
from protocols.cim.records.parts_auto import DateTimeInterval, Name


class Asked(enum.StrEnum):
    """What a control asks of a meter."""

    SET_LIMIT = "set-limit"
    REMOVE_LIMIT = "remove-limit"
    SET_EMERGENCY_LIMIT = "set-emergency-limit"
    REMOVE_EMERGENCY_LIMIT = "remove-emergency-limit"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    ARM = "arm"
    ARM_FOR_OPEN = "arm-for-open"
    DEMAND_RESET = "demand-reset"
    LOAD_CONTROL = "load-control"


CODE_OF: Final[Mapping[Asked, str]] = MappingProxyType(
    {
        Asked.SET_LIMIT: "3.31.139.13",
        Asked.REMOVE_LIMIT: "3.31.139.22",
        Asked.SET_EMERGENCY_LIMIT: "3.31.138.26",
        Asked.REMOVE_EMERGENCY_LIMIT: "3.31.138.22",
        Asked.CONNECT: "3.31.0.18",
        Asked.DISCONNECT: "3.31.0.23",
        Asked.ARM: "3.31.0.5",
        Asked.ARM_FOR_OPEN: "3.31.0.6",
        Asked.DEMAND_RESET: "3.8.0.214",
        Asked.LOAD_CONTROL: "3.15.0.13",  # composed: load control, change
    }
)
_ASKED: Final = {code: asked for asked, code in CODE_OF.items()} | {"3.31.139.26": Asked.SET_LIMIT}
_LIMITS: Final = frozenset({Asked.SET_LIMIT, Asked.SET_EMERGENCY_LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadShift:
    """PanDemandResponse: what a customer's load is asked to do.  `adjustment_percent` is of its
    average, below zero for less; `duty_cycle_percent` how much of the time it may run."""

    adjustment_percent: Decimal | None = None
    duty_cycle_percent: Decimal | None = None
    start: datetime | None = None
    duration_min: Decimal | None = None
    criticality: str | None = None
    cancel_now: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceControl:
    """One control.  `amount` is there for the two that set a limit and only there, `load` for the
    control of a load.  `start` and `end` bound it in time."""

    asked: Asked
    meters: tuple[MeterRef, ...]
    amount: Amount | None = None
    load: LoadShift | None = None
    start: datetime | None = None
    end: datetime | None = None
    mrid: str | None = None
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.amount is not None) is not (self.asked in _LIMITS):
            raise ValueError(f"{self.asked} and its amount")
        if (self.load is not None) is not (self.asked is Asked.LOAD_CONTROL):
            raise ValueError(f"{self.asked} and its load")


def write(controls: Iterable[DeviceControl]) -> c.EndDeviceControls:
    """The record of these controls; encode it with `extensions` where one sets a limit."""
    return c.EndDeviceControls(end_device_control=tuple(map(_write, controls)))


def _write(control: DeviceControl) -> c.EndDeviceControl:
    attributes: tuple[c.EndDeviceControlAttribute, ...] = ()
    if control.amount is not None:
        attributes = (
            c.EndDeviceControlAttribute(name=POWER_LIMIT, value=control.amount.text),
            c.EndDeviceControlAttribute(name=POWER_LIMIT_UNIT, value=control.amount.unit),
        )
    timing: c.EndDeviceTiming | None = None
    if control.start is not None or control.end is not None:
        timing = c.EndDeviceTiming(interval=DateTimeInterval(end=control.end, start=control.start))
    return c.EndDeviceControl(
        mrid=control.mrid,
        issuer_id=control.issuer_id,
        issuer_tracking_id=control.issuer_tracking_id,
        reason=control.reason,
        pan_demand_response=None if control.load is None else _load(control.load),
        end_device_control_type=CODE_OF[control.asked],
        end_device_control_attribute=attributes,
        end_devices=tuple(map(_device, control.meters)),
        primary_device_timing=timing,
    )


def _load(load: LoadShift) -> c.PanDemandResponse:
    return c.PanDemandResponse(
        avg_load_adjustment=load.adjustment_percent,
        cancel_now=load.cancel_now,
        criticality_level=load.criticality,
        duration=load.duration_min,
        duty_cycle=load.duty_cycle_percent,
        start_date_time=load.start,
    )


def _device(ref: MeterRef) -> c.EndDevice:
    if ref.kind == "uuid":
        return c.EndDevice(mrid=ref.value)
    return c.EndDevice(names=(Name(name=ref.value),))


def read(record: c.EndDeviceControls) -> tuple[DeviceControl, ...]:
    """The controls of a record.

    Raises `RequestRefused` with what is wrong of all of them: 5.8 for a control without type, meter
    or amount, 1.8 for a type that we do not know, an amount or a load where none belongs, and for
    parts that would widen the control (groups, usage points, displays, prices).
    """
    found: list[DeviceControl] = []
    errors: list[ReplyError] = []
    for item in record.end_device_control:
        try:
            found.append(_read(item))
        except RequestRefused as refused:
            errors += refused.errors
    refuse(errors)
    return tuple(found)


_WIDENING: Final = (
    ("PanDisplay", "pan_display"),
    ("PanPricing", "pan_pricing"),
    ("EndDeviceGroups", "end_device_groups"),
    ("UsagePointGroups", "usage_point_groups"),
    ("UsagePoints", "usage_points"),
    ("secondaryDeviceTiming", "secondary_device_timing"),
)


def _read(item: c.EndDeviceControl) -> DeviceControl:
    for element, name in _WIDENING:
        if getattr(item, name):
            raise _refused("1.8", f"CONTENIDO_NO_ADMITIDO: {element}", element)
    asked = _asked(item)
    meters = tuple(dict.fromkeys(ref for device in item.end_devices for ref in _refs(device)))
    if not meters:
        raise _refused("5.8", "MEDIDOR_FALTA: el control no nombra ningún medidor", "EndDevices")
    attributes = [Attribute(one.name, one.value) for one in item.end_device_control_attribute]
    amount = of_attributes(attributes)
    if asked in _LIMITS and amount is None:
        raise _refused("5.8", "MONTO_FALTA: falta el monto del límite (powerLimit)", POWER_LIMIT)
    if asked not in _LIMITS and amount is not None:
        raise _refused("1.8", f"MONTO_INESPERADO: {asked} no lleva monto", POWER_LIMIT)
    timing = item.primary_device_timing
    interval = None if timing is None else timing.interval
    return DeviceControl(
        asked=asked,
        meters=meters,
        amount=amount,
        load=None if item.pan_demand_response is None else _shift(item.pan_demand_response),
        start=None if interval is None else interval.start,
        end=None if interval is None else interval.end,
        mrid=item.mrid,
        issuer_id=item.issuer_id,
        issuer_tracking_id=item.issuer_tracking_id,
        reason=item.reason,
    )


def _asked(item: c.EndDeviceControl) -> Asked:
    """By the type; a control with PanDemandResponse is one of a load, whatever code it has within
    load control."""
    text = item.end_device_control_type
    code = canonical(text) or text
    element = "EndDeviceControlType"
    if not code:
        raise _refused("5.8", "TIPO_FALTA: falta EndDeviceControlType", element)
    if item.pan_demand_response is not None:
        if code.split(".")[1:2] != ["15"]:
            raise _refused("1.8", f"CARGA_INESPERADA: {code[:40]} no controla carga", element)
        return Asked.LOAD_CONTROL
    asked = _ASKED.get(code) or _ASKED.get(f"3.{code.partition('.')[2]}")
    if asked is None:
        raise _refused("1.8", f"TIPO_DESCONOCIDO: {code[:40]!r}", element)
    if asked is Asked.LOAD_CONTROL:
        raise _refused("5.8", "CARGA_FALTA: falta PanDemandResponse", "PanDemandResponse")
    return asked


def _refs(device: c.EndDevice) -> tuple[MeterRef, ...]:
    names = tuple(MeterRef(name.name) for name in device.names if name.name)
    if names:
        return names
    if device.mrid:
        return (MeterRef(device.mrid, "uuid"),)
    return (MeterRef(device.serial_number),) if device.serial_number else ()


def _shift(pan: c.PanDemandResponse) -> LoadShift:
    return LoadShift(
        adjustment_percent=pan.avg_load_adjustment,
        duty_cycle_percent=pan.duty_cycle,
        start=pan.start_date_time,
        duration_min=pan.duration,
        criticality=pan.criticality_level,
        cancel_now=pan.cancel_now,
    )


def _refused(code: str, details: str, xpath: str) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
