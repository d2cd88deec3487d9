"""Certificates of a security setup, class 64 version 1: attribute 6 and the methods 4 to 8.

Blue Book 4.4.7; what a certificate must be like is in the Green Book, 9.2.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from devices.meter.certificates import (
    OWN_USAGES,
    Certificates,
    found,
    generate,
    held_by,
    newest_key,
    remove,
    take,
)
from devices.meter.clients import Client, Right
from devices.meter.cosem import Context, Method
from devices.meter.events import Event
from devices.meter.state import MeterState
from protocols.dlms.certificates import (
    BadCertificate,
    Usage,
    certificate_info,
    read_certificate,
    read_identification,
    request,
)
from protocols.dlms.codes import ActionResult
from protocols.dlms.objects.shape import Misshapen
from protocols.dlms.services import MethodReturn
from protocols.dlms.values import Array, Enum, OctetString, Value


def certificate_methods(callers: Right) -> Mapping[int, Method]:
    """Methods 4 to 8."""
    return {
        4: Method(callers, _generate_key_pair),
        5: Method(callers, _generate_certificate_request),
        6: Method(callers, _import_certificate),
        7: Method(callers, _export_certificate),
        8: Method(callers, _remove_certificate),
    }


def certificate_list(meter: MeterState, client: Client) -> Array:
    """What is held: of the authority, of the meter, of the client."""
    title = meter.identity.system_title
    return Array(certificate_info(each, title) for each in held_by(meter, client))


def _usage(value: Value | None) -> Usage | ActionResult:
    """A pair that this meter has: it speaks no TLS."""
    if not isinstance(value, Enum):
        return ActionResult.TYPE_UNMATCHED
    return Usage(value) if value in OWN_USAGES else ActionResult.OTHER_REASON


def _generate_key_pair(context: Context, value: Value | None) -> ActionResult:
    usage = _usage(value)
    if isinstance(usage, ActionResult):
        return usage
    generate(context.meter, context.client, usage)
    context.written(f"key pair of client {context.client.sap}: {usage.name.lower()}")
    return ActionResult.SUCCESS


def _generate_certificate_request(
    context: Context, value: Value | None
) -> ActionResult | MethodReturn:
    usage = _usage(value)
    if isinstance(usage, ActionResult):
        return usage
    meter, client = context.meter, context.client
    key = newest_key(meter, client, usage)
    assert key is not None, "each has a pair from the start"
    made = request(client.suite, key, meter.identity.system_title, usage)
    return MethodReturn(ActionResult.SUCCESS, OctetString(made))


def _import_certificate(context: Context, value: Value | None) -> ActionResult:
    if not isinstance(value, OctetString):
        return ActionResult.TYPE_UNMATCHED
    meter, client = context.meter, context.client
    try:
        certificate = read_certificate(client.suite, bytes(value))
    except BadCertificate:
        return ActionResult.OTHER_REASON
    now = datetime.fromtimestamp(context.meter_time, UTC)
    if not take(meter, client, certificate, context.client_system_title, now):
        return ActionResult.OTHER_REASON
    context.written(f"certificate of {certificate.name}: {certificate.usage.name.lower()}")
    meter.happened(Event.KEYS_CHANGED, context.now)
    return ActionResult.SUCCESS


def _export_certificate(context: Context, value: Value | None) -> ActionResult | MethodReturn:
    try:
        certificate = found(context.meter, context.client, read_identification(value))
    except Misshapen:
        return ActionResult.TYPE_UNMATCHED
    if certificate is None:
        return ActionResult.OBJECT_UNAVAILABLE
    return MethodReturn(ActionResult.SUCCESS, OctetString(certificate.octets))


def _remove_certificate(context: Context, value: Value | None) -> ActionResult:
    meter, client = context.meter, context.client
    meter.part(Certificates).of_client(meter, client)  # what is found here is what is held
    try:
        certificate = found(meter, client, read_identification(value))
    except Misshapen:
        return ActionResult.TYPE_UNMATCHED
    if certificate is None:
        return ActionResult.OBJECT_UNAVAILABLE
    if not remove(meter, client, certificate):
        return ActionResult.OTHER_REASON  # the trust anchor is placed by hand alone
    context.written(f"certificate removed: {certificate.name}")
    return ActionResult.SUCCESS
