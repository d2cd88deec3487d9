"""MeterConfig (IEC 61968-9), as far as it carries a power limit in the strict way.

ConnectDisconnectFunction/rcdInfo/powerLimit is in W; needsPowerLimitCheck false lifts the limit.
A Meter points to its function by reference; where no meter points anywhere and there is one
function, it is meant for every meter of the message.

A Meter element is one meter here, however many Names it has: the first one names it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.end_device_controls import EndDevice, MeterRef
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.records import meter_config_auto as k
from protocols.cim.records.parts_auto import (
    ConnectDisconnectFunction,
    Name,
    RemoteConnectDisconnectInfo,
)
from protocols.cim.xml import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitConfig:
    """One function's limit and the meters it is for.

    `power_limit` is the text of rcdInfo/powerLimit, W.  `check` is needsPowerLimitCheck.
    """

    meters: tuple[EndDevice, ...]
    power_limit: str | None = None
    check: bool | None = None
    mrid: str | None = None


def read(element: Element) -> tuple[LimitConfig, ...]:
    """The limits of a MeterConfig element that its schema accepts, one for each function used.

    Raises `RequestRefused` (2.29) when a meter's function is missing from the message, or when it
    is not clear which function is a meter's.
    """
    functions = xml.children(element, "ConnectDisconnectFunction")
    by_key = {key: function for function in functions for key in _keys(function)}
    meters_of: dict[int, list[EndDevice]] = {}
    for meter in xml.children(element, "Meter"):
        refs = [item.get("ref") or "" for item in xml.children(meter, "ConnectDisconnectFunction")]
        if not refs:
            if len(functions) != 1:
                raise _mismatch("no está claro qué ConnectDisconnectFunction es de cada medidor")
            mine = [functions[0]]
        else:
            mine = [by_key[ref] for ref in refs if ref in by_key]
            if len(mine) != len(refs):
                raise _mismatch(f"no hay ConnectDisconnectFunction {', '.join(refs)}")
        for function in mine:
            meters_of.setdefault(functions.index(function), []).append(_device(meter))
    return tuple(
        _limit(functions[index], tuple(meters)) for index, meters in sorted(meters_of.items())
    )


def _mismatch(text: str) -> RequestRefused:
    details = xml.clean(f"FUNCION_NO_RELACIONADA: {text}", 300)
    return RequestRefused(ReplyError("2.29", details, xpath="ConnectDisconnectFunction"))


def _keys(function: Element) -> list[str]:
    names = [xml.child_text(item, "name") for item in xml.children(function, "Names")]
    return [key for key in (xml.child_text(function, "mRID"), *names) if key]


def _device(meter: Element) -> EndDevice:
    names = [xml.child_text(item, "name") for item in xml.children(meter, "Names")]
    return EndDevice(
        mrid=xml.child_text(meter, "mRID") or None,
        serial_number=xml.child_text(meter, "serialNumber") or None,
        names=tuple(name for name in names if name)[:1],
    )


def _limit(function: Element, meters: tuple[EndDevice, ...]) -> LimitConfig:
    info = xml.child(function, "rcdInfo")
    return LimitConfig(
        meters=meters,
        power_limit=None if info is None else xml.child_text(info, "powerLimit"),
        check=None if info is None else xml.boolean(xml.child_text(info, "needsPowerLimitCheck")),
        mrid=xml.child_text(function, "mRID") or None,
    )


def write(limits: Iterable[LimitConfig]) -> Element:
    """The MeterConfig element: one function for each limit, and its meters by reference."""
    limits = tuple(limits)
    namespace = ns.profile(ns.METER_CONFIG)
    root = etree.Element(f"{{{namespace}}}{ns.METER_CONFIG}", nsmap={None: namespace})
    keys = [limit.mrid or f"limit-{number}" for number, limit in enumerate(limits, 1)]
    for key, limit in zip(keys, limits, strict=True):
        function = xml.add(root, "ConnectDisconnectFunction")
        xml.add(function, "mRID", key)
        info = xml.add(function, "rcdInfo")
        if limit.check is not None:
            xml.add(info, "needsPowerLimitCheck", str(limit.check).lower())
        xml.add_text(info, "powerLimit", limit.power_limit)
    for key, limit in zip(keys, limits, strict=True):
        for device in limit.meters:
            meter = xml.add(root, "Meter")
            xml.add_text(meter, "mRID", device.mrid)
            xml.add_text(meter, "serialNumber", device.serial_number)
            xml.add(meter, "ConnectDisconnectFunction").set("ref", key)
            for name in device.names:
                xml.add(xml.add(meter, "Names"), "name", name)
    return root


def limit_config(meters: Iterable[MeterRef], power_limit_w: Decimal | None) -> k.MeterConfig:
    """The record that limits all these meters by one function; None lifts the limit."""
    function = ConnectDisconnectFunction(
        mrid="limit-1",
        rcd_info=RemoteConnectDisconnectInfo(
            needs_power_limit_check=power_limit_w is not None, power_limit=power_limit_w
        ),
    )
    return k.MeterConfig(
        connect_disconnect_function=(function,),
        meter=tuple(
            k.Meter(
                mrid=ref.value if ref.kind == "uuid" else None,
                connect_disconnect_function=("limit-1",),
                names=(Name(name=ref.value),) if ref.kind == "name" else (),
            )
            for ref in meters
        ),
    )
