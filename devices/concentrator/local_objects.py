"""The objects of a concentrator's own port: who it is, its clock, what it wrote down, its meters.

The public client sees who it is, and the invocation counter that a ciphered client must know before
it begins; everything else is management's.  Class definitions: Blue Book (DLMS UA 1000-1) 4.3 to
4.5; logical names: IEC 62056-6-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from devices.concentrator.local_clock import clock
from devices.concentrator.local_cosem import Asked, Attribute, LocalObject, data
from devices.concentrator.local_identity import MANAGEMENT
from devices.concentrator.local_lists import lists
from devices.meter.association_objects import CURRENT, application_context, oid, xdlms_context
from devices.meter.clients import ALL
from devices.meter.cosem import ASSOCIATION_LN, SAP_ASSIGNMENT, SECURITY_SETUP
from devices.meter.identity import SERVER_SAP
from devices.meter.policy import setup_name
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

KIND = b"concentrator"
_POLICY = 3  # everything authenticated and encrypted: class 64 version 0, security_policy


def _text(text: str) -> OctetString:
    return OctetString(text.encode("ascii", "replace"))


def _identity() -> Iterator[LocalObject]:
    yield data("0.0.42.0.0.255", lambda asked: OctetString(asked.identity.logical_device_name))
    yield data("0.0.96.1.0.255", lambda asked: _text(asked.concentrator.name))
    yield data("0.0.96.1.1.255", lambda _: OctetString(KIND))
    yield data("0.0.0.2.0.255", lambda asked: _text(asked.concentrator.firmware))
    yield LocalObject(
        SAP_ASSIGNMENT,
        0,
        LogicalName("0.0.41.0.0.255"),
        {2: Attribute(_logical_devices, ALL)},
        {1: None},
        visible=ALL,
    )


def _logical_devices(asked: Asked) -> Value:
    name = OctetString(asked.identity.logical_device_name)
    return Array([Structure((LongUnsigned(SERVER_SAP), name))])


def _received(asked: Asked) -> Value:
    """The highest counter that management has used; of a client that never came, 0."""
    counters = asked.concentrator.flash.local.get(MANAGEMENT.sap)
    return DoubleLongUnsigned(0 if counters is None else max(counters.peer_lowest - 1, 0))


def _object_list(asked: Asked) -> Value:
    right = asked.client.right
    return Array(each.list_element(right) for each in table().values() if each.visible & right)


_association = LocalObject(
    ASSOCIATION_LN,
    1,
    CURRENT,
    {
        2: Attribute(_object_list, ALL),
        3: Attribute(
            lambda asked: Structure((Integer(asked.client.sap), LongUnsigned(SERVER_SAP))), ALL
        ),
        4: Attribute(lambda asked: application_context(asked.client), ALL),
        5: Attribute(lambda asked: xdlms_context(asked.negotiated), ALL),
        6: Attribute(lambda asked: oid(2, asked.client.mechanism), ALL),
        8: Attribute(lambda _: Enum(2), ALL),  # the one that asks is open
        9: Attribute(lambda asked: OctetString(setup_name(asked.client))),
    },
    dict.fromkeys(range(1, 5)),
    visible=ALL,
)

_security_setup = LocalObject(
    SECURITY_SETUP,
    0,
    setup_name(MANAGEMENT),
    {
        2: Attribute(lambda _: Enum(_POLICY)),
        3: Attribute(lambda _: Enum(MANAGEMENT.suite)),
        4: Attribute(lambda asked: OctetString(asked.client_system_title)),
        5: Attribute(lambda asked: OctetString(asked.identity.system_title)),
    },
    {1: None, 2: None},
)


@cache
def table() -> dict[LogicalName, LocalObject]:
    """Every object, by logical name: the same of every concentrator."""
    objects = [
        *_identity(),
        clock,
        _association,
        data("0.0.43.1.0.255", _received),
        _security_setup,
        *lists(),
    ]
    return {each.name: each for each in objects}
