"""EndDeviceEvents (IEC 61968-9): what happened at a device, with details.

A success event repeats the value read back as EndDeviceEventDetails; the event message of 2013 has
no Reply, so that it can carry details but no error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.end_device_controls import Attribute, EndDevice
from protocols.cim.xml import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDeviceEvent:
    """One event.  `type` is its code, e.g. 3.31.139.24; `created` is aware."""

    type: str
    created: datetime
    device: EndDevice
    mrid: str | None = None
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    reason: str | None = None
    severity: str | None = None
    user_id: str | None = None
    details: tuple[Attribute, ...] = ()


def write(events: Iterable[EndDeviceEvent]) -> Element:
    """The EndDeviceEvents element."""
    namespace = ns.profile(ns.EVENTS)
    root = etree.Element(f"{{{namespace}}}{ns.EVENTS}", nsmap={None: namespace})
    for event in events:
        element = xml.add(root, "EndDeviceEvent")
        xml.add_text(element, "mRID", event.mrid)
        xml.add(element, "createdDateTime", xml.date_time_text(event.created))
        xml.add_text(element, "issuerID", event.issuer_id)
        xml.add_text(element, "issuerTrackingID", event.issuer_tracking_id)
        xml.add_text(element, "reason", event.reason)
        xml.add_text(element, "severity", event.severity)
        xml.add_text(element, "userID", event.user_id)
        asset = xml.add(element, "Assets")
        xml.add_text(asset, "mRID", event.device.mrid)
        xml.add_text(asset, "serialNumber", event.device.serial_number)
        for name in event.device.names:
            xml.add(xml.add(asset, "Names"), "name", name)
        for detail in event.details:
            item = xml.add(element, "EndDeviceEventDetails")
            xml.add(item, "name", detail.name)
            xml.add(item, "value", detail.value)
        xml.add(element, "EndDeviceEventType").set("ref", event.type)
    return root


def read(element: Element) -> tuple[EndDeviceEvent, ...]:
    """The events of an EndDeviceEvents element that its schema accepts."""
    return tuple(map(_read_event, xml.children(element, "EndDeviceEvent")))


def _read_event(element: Element) -> EndDeviceEvent:
    created = xml.date_time(xml.child_text(element, "createdDateTime"))
    assert created is not None  # the schema requires it
    asset = xml.child(element, "Assets")
    kind = xml.child(element, "EndDeviceEventType")
    return EndDeviceEvent(
        type="" if kind is None else kind.get("ref") or "",
        created=created,
        device=EndDevice() if asset is None else _read_asset(asset),
        mrid=xml.child_text(element, "mRID"),
        issuer_id=xml.child_text(element, "issuerID"),
        issuer_tracking_id=xml.child_text(element, "issuerTrackingID"),
        reason=xml.child_text(element, "reason"),
        severity=xml.child_text(element, "severity"),
        user_id=xml.child_text(element, "userID"),
        details=tuple(
            Attribute(xml.child_text(item, "name") or "", xml.child_text(item, "value") or "")
            for item in xml.children(element, "EndDeviceEventDetails")
        ),
    )


def _read_asset(asset: Element) -> EndDevice:
    return EndDevice(
        mrid=xml.child_text(asset, "mRID"),
        serial_number=xml.child_text(asset, "serialNumber"),
        names=tuple(
            name for item in xml.children(asset, "Names") if (name := xml.child_text(item, "name"))
        ),
    )
