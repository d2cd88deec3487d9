"""The messages we send: acknowledgements, final replies and success events.

Pure builders: message ids and times come in as arguments.  An answer keeps the style (generic or
typed) of the request it answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from protocols.cim import end_device_controls, end_device_events, meter_config
from protocols.cim import namespaces as ns
from protocols.cim.amount import Unit
from protocols.cim.codes import Level, Result
from protocols.cim.end_device_controls import POWER_LIMIT_UNIT, READ_BACK, EndDeviceControl
from protocols.cim.end_device_events import EndDeviceEvent
from protocols.cim.envelope import Header, Kind, Message, Payload, Reply
from protocols.cim.errors import Identifier, ReplyError
from protocols.cim.xml import Element

ACKNOWLEDGEMENT = ReplyError("0.3", level=Level.INFORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Who sends a message, when, under which id, and in answer to what."""

    source: str
    message_id: str
    at: datetime
    correlation_id: str | None = None


def acknowledgement(
    noun: str,
    stamp: Stamp,
    transaction: str,
    *,
    typed: bool,
    errors: Iterable[ReplyError] = (),
) -> Message:
    """The request is durably stored: OK with 0.3 and the transaction's id.

    With `errors` (unknown meters among known ones) the result is PARTIAL with 0.1 instead.
    """
    errors = tuple(errors)
    if errors:
        first = ReplyError("0.1", level=Level.WARNING)
        return reply(noun, stamp, Result.PARTIAL, (first, *errors), transaction, typed=typed)
    return reply(noun, stamp, Result.OK, (ACKNOWLEDGEMENT,), transaction, typed=typed)


def reply(
    noun: str,
    stamp: Stamp,
    result: Result,
    errors: Iterable[ReplyError] = (),
    transaction: str | None = None,
    *,
    typed: bool,
    controls: Iterable[EndDeviceControl] = (),
    ids: Iterable[Identifier] = (),
) -> Message:
    """A `reply` message.  OK without errors gets the code 0.0, which the standard asks for.

    `controls` report what was read back, as attributes powerLimit.readBack and powerLimit.unit.
    Where the noun is MeterConfig the same values travel in rcdInfo/powerLimit, which is in W: a
    value read back in another unit has no place there and is left out.
    """
    errors = tuple(errors)
    if result is Result.OK and not errors:
        errors = (ReplyError("0.0", level=Level.INFORM),)
    transactions = () if transaction is None else (Identifier(transaction, "transaction"),)
    controls = tuple(controls)
    content: tuple[Element, ...] = ()
    if noun == ns.METER_CONFIG:
        limits = tuple(limit for control in controls for limit in _as_limit(control))
        content = (meter_config.write(limits),) if limits else ()
    elif controls and noun == ns.CONTROLS:
        content = (end_device_controls.write(controls),)
    return Message(
        kind=Kind.RESPONSE,
        typed=noun if typed and noun in ns.NOUNS else None,
        header=_header("reply", noun, stamp),
        reply=Reply(result=result, errors=errors, ids=(*transactions, *ids)),
        payload=Payload(content=content) if content else None,
    )


def _as_limit(control: EndDeviceControl) -> tuple[meter_config.LimitConfig, ...]:
    value = control.attribute(READ_BACK)
    if value is None or (control.attribute(POWER_LIMIT_UNIT) or Unit.W) != Unit.W:
        return ()
    return (meter_config.LimitConfig(meters=control.devices, power_limit=value),)


def created_events(events: Iterable[EndDeviceEvent], stamp: Stamp, *, typed: bool) -> Message:
    """A `created EndDeviceEvents` message."""
    return Message(
        kind=Kind.EVENT,
        typed=ns.EVENTS if typed else None,
        header=_header("created", ns.EVENTS, stamp),
        payload=Payload(content=(end_device_events.write(events),)),
    )


def _header(verb: str, noun: str, stamp: Stamp) -> Header:
    return Header(
        verb=verb,
        noun=noun,
        timestamp=stamp.at,
        source=stamp.source,
        message_id=stamp.message_id,
        correlation_id=stamp.correlation_id,
    )


def soap_envelope(body: Element) -> Element:
    """A SOAP 1.1 envelope around one body element."""
    envelope = etree.Element(f"{{{ns.SOAP_11}}}Envelope", nsmap={"soap": ns.SOAP_11})
    etree.SubElement(envelope, f"{{{ns.SOAP_11}}}Body").append(body)
    return envelope
