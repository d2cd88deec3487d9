"""EndDeviceControls (IEC 61968-9): controls with their type, devices, attributes and timing.

Clients in use name several meters as several Names in one EndDevice, or as several EndDevices:
both mean several meters.  A limit's amount has no place in the strict profile; it travels as
EndDeviceControlAttribute powerLimit and powerLimit.unit, a known extension.

This module reads what is there; what it means as an order is for `control_request`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from lxml import etree

from protocols.cim import load_control, xml
from protocols.cim import namespaces as ns
from protocols.cim.control_types import from_parts
from protocols.cim.load_control import LoadAsked
from protocols.cim.xml import Element

POWER_LIMIT: Final = "powerLimit"
POWER_LIMIT_UNIT: Final = "powerLimit.unit"
READ_BACK: Final = "powerLimit.readBack"

# Parts of a control that would change whom or what it addresses; named in `unread`, so that the
# reader of an order can refuse what it would otherwise silently leave out.
_WIDENING: Final = frozenset(
    {
        "PanDisplay",
        "PanPricing",
        "EndDeviceGroups",
        "UsagePointGroups",
        "UsagePoints",
        "secondaryDeviceTiming",
    }
)


@dataclass(frozen=True, slots=True)
class MeterRef:
    """A meter as the client named it: by one of its names, or by its mRID."""

    value: str
    kind: Literal["name", "uuid"] = "name"


@dataclass(frozen=True, slots=True)
class EndDevice:
    """One EndDevice element."""

    mrid: str | None = None
    serial_number: str | None = None
    names: tuple[str, ...] = ()

    def meters(self) -> tuple[MeterRef, ...]:
        """The meters meant: each of its names, else its mRID, else its serial number."""
        if self.names:
            return tuple(map(MeterRef, self.names))
        if self.mrid:
            return (MeterRef(self.mrid, "uuid"),)
        return (MeterRef(self.serial_number),) if self.serial_number else ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """EndDeviceControlAttribute: an extension that carries amounts and values read back."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Timing:
    """EndDeviceTiming: from when to when the control holds.  Times may be naive."""

    start: datetime | None = None
    end: datetime | None = None
    duration_min: str | None = None  # decimal text, minutes
    indefinite: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDeviceControl:
    """One control.  `type` is its code however it was sent; "" when nothing was given."""

    type: str
    mrid: str | None = None
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    reason: str | None = None
    attributes: tuple[Attribute, ...] = ()
    devices: tuple[EndDevice, ...] = ()
    timing: Timing | None = None
    load: LoadAsked | None = None
    unread: tuple[str, ...] = ()

    def meters(self) -> tuple[MeterRef, ...]:
        """The meters it addresses, each once, in the order of their first mention."""
        return tuple(dict.fromkeys(ref for device in self.devices for ref in device.meters()))

    def attribute(self, name: str) -> str | None:
        """The first attribute of that name, without regard to case."""
        wanted = name.lower()
        return next((a.value for a in self.attributes if a.name.lower() == wanted), None)


def read(element: Element) -> tuple[EndDeviceControl, ...]:
    """The controls of an EndDeviceControls element that its schema accepts."""
    types = {
        key: code
        for item in xml.children(element, "EndDeviceControlType")
        if (code := _parts_code(item)) is not None
        for key in (xml.child_text(item, "mRID"), *_names(item))
        if key
    }
    return tuple(_read_control(item, types) for item in xml.children(element, "EndDeviceControl"))


def _read_control(element: Element, types: dict[str, str]) -> EndDeviceControl:
    """One pass over the children: orders for a thousand meters have a thousand of these."""
    text: dict[str, str] = {}
    code = ""
    attributes: list[Attribute] = []
    devices: list[EndDevice] = []
    timing: Timing | None = None
    load: LoadAsked | None = None
    unread: list[str] = []
    for part in element:
        match xml.local(part):
            case "EndDeviceControlType":
                code = _type_code(part, types)
            case "EndDeviceControlAttribute":
                fields = _texts(part)
                attributes.append(Attribute(fields.get("name", ""), fields.get("value", "")))
            case "EndDevices":
                devices.append(_read_device(part))
            case "primaryDeviceTiming":
                timing = _read_timing(part)
            case load_control.PAN:
                load = load_control.read(part)
            case name if name in _WIDENING:
                unread.append(name)
            case name:
                text[name] = (part.text or "").strip()
    return EndDeviceControl(
        type=code,
        mrid=text.get("mRID") or None,
        issuer_id=text.get("issuerID"),
        issuer_tracking_id=text.get("issuerTrackingID"),
        reason=text.get("reason"),
        attributes=tuple(attributes),
        devices=tuple(devices),
        timing=timing,
        load=load,
        unread=tuple(unread),
    )


def _texts(element: Element) -> dict[str, str]:
    return {xml.local(part): (part.text or "").strip() for part in element}


def _read_device(element: Element) -> EndDevice:
    fields = _texts(element)
    names = tuple(filter(None, _names(element))) if "Names" in fields else ()
    return EndDevice(
        mrid=fields.get("mRID") or None,
        serial_number=fields.get("serialNumber") or None,
        names=names,
    )


def _type_code(element: Element, types: dict[str, str]) -> str:
    """By reference, else as text, else from its parts."""
    text = (element.get("ref") or "").strip() or (element.text or "").strip()
    if text:
        return types.get(text, text)
    return _parts_code(element) or next(iter(_names(element)), "")


def _parts_code(element: Element) -> str | None:
    parts = [
        xml.child_text(element, name) for name in ("type", "domain", "subDomain", "eventOrAction")
    ]
    return from_parts(*parts) if any(parts) else None


def _names(element: Element) -> list[str]:
    return [xml.child_text(item, "name") or "" for item in xml.children(element, "Names")]


def _read_timing(element: Element) -> Timing:
    interval = xml.child(element, "interval")
    return Timing(
        start=None if interval is None else xml.date_time(xml.child_text(interval, "start")),
        end=None if interval is None else xml.date_time(xml.child_text(interval, "end")),
        duration_min=xml.child_text(element, "duration"),
        indefinite=xml.boolean(xml.child_text(element, "durationIndefinite")),
    )


def write(controls: Iterable[EndDeviceControl]) -> Element:
    """The EndDeviceControls element, with types by reference as in the strict profile."""
    namespace = ns.profile(ns.CONTROLS)
    root = etree.Element(f"{{{namespace}}}{ns.CONTROLS}", nsmap={None: namespace})
    for control in controls:
        element = xml.add(root, "EndDeviceControl")
        xml.add_text(element, "mRID", control.mrid)
        xml.add_text(element, "issuerID", control.issuer_id)
        xml.add_text(element, "issuerTrackingID", control.issuer_tracking_id)
        xml.add_text(element, "reason", control.reason)
        xml.add(element, "EndDeviceControlType").set("ref", xml.clean(control.type))
        for attribute in control.attributes:
            item = xml.add(element, "EndDeviceControlAttribute")
            xml.add(item, "name", attribute.name)
            xml.add(item, "value", attribute.value)
        for device in control.devices:
            item = xml.add(element, "EndDevices")
            xml.add_text(item, "mRID", device.mrid)
            xml.add_text(item, "serialNumber", device.serial_number)
            for name in device.names:
                xml.add(xml.add(item, "Names"), "name", name)
        if control.timing is not None:
            _write_timing(xml.add(element, "primaryDeviceTiming"), control.timing)
    return root


def _write_timing(element: Element, timing: Timing) -> None:
    xml.add_text(element, "duration", timing.duration_min)
    if timing.indefinite is not None:
        xml.add(element, "durationIndefinite", str(timing.indefinite).lower())
    if timing.start is not None or timing.end is not None:
        interval = xml.add(element, "interval")
        for name, value in (("end", timing.end), ("start", timing.start)):
            if value is not None:
                xml.add(interval, name, xml.date_time_text(value))
