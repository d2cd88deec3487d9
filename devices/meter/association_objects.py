"""Associations, class 15: what a client may see and do, and the secrets of the weaker ones.

Blue Book 4.4.4.  The version is the model's: 0 as in old meters, 1 with a security setup, 2 and 3
with a list of users; the object list tells exactly what answers, because both come from one table.
0.0.40.0.0.255 is the association that asks; the others are one for each client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from devices.meter.clients import ALL, MANAGEMENT, NOBODY, OPERATORS, Client, Right
from devices.meter.cosem import ASSOCIATION_LN, Attribute, Context, CosemObject, Method, constant
from devices.meter.identity import SERVER_SAP
from devices.meter.meter_type import MeterType, clients_by_sap
from devices.meter.policy import setup_name
from protocols.dlms.codes import ApplicationContext, AuthenticationMechanism, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import Negotiated
from protocols.dlms.values import (
    Array,
    BitString,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
    VisibleString,
)

CURRENT = LogicalName("0.0.40.0.0.255")
SECRET_MIN, SECRET_MAX = 1, 32
"""Octets of a password that this meter takes."""

Objects = Callable[[], Iterable[CosemObject]]


def instance(client: Client) -> LogicalName:
    """The association object of one client; 255 is kept for none, so the numbers are their SAPs."""
    return LogicalName(f"0.0.40.0.{client.sap}.255")


def oid(*last_arcs: int) -> Structure:
    """2.16.756.5.8, the DLMS UA, and two arcs more."""
    return Structure(
        (Unsigned(2), Unsigned(16), LongUnsigned(756), Unsigned(5), Unsigned(8))
        + tuple(map(Unsigned, last_arcs))
    )


def application_context(client: Client) -> Value:
    """The name of the context of this client's associations."""
    name = (
        ApplicationContext.LOGICAL_NAME_CIPHERED
        if client.ciphers
        else ApplicationContext.LOGICAL_NAME
    )
    return oid(1, name)


def xdlms_context(agreed: Negotiated) -> Value:
    """What was agreed on, as the association shows it."""
    return Structure(
        (
            BitString(24, int(agreed.conformance).to_bytes(3, "big")),
            LongUnsigned(agreed.server_pdu_size),
            LongUnsigned(agreed.client_pdu_size),
            Unsigned(6),  # DLMS version
            Integer(0),  # quality of service: none
            OctetString(b""),  # ciphering info: no dedicated key
        )
    )


def _listed(context: Context, right: Right, objects: Objects) -> Value:
    version = context.meter.type.association_version
    return Array(each.list_element(right, version) for each in objects() if each.visible & right)


def _secret_writer(of: Callable[[Context], Client]) -> Callable[[Context, Value], DataAccessResult]:
    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not OctetString:
            return DataAccessResult.TYPE_UNMATCHED
        client = of(context)
        if client.mechanism is not AuthenticationMechanism.LOW:
            return DataAccessResult.READ_WRITE_DENIED  # it has keys, or nothing to prove
        if not SECRET_MIN <= len(value) <= SECRET_MAX:
            return DataAccessResult.OTHER_REASON
        context.meter.set_password(client.sap, bytes(value))
        context.written(f"password of client {client.sap}")
        return DataAccessResult.SUCCESS

    return write


def _association(
    name: LogicalName,
    meter_type: MeterType,
    of: Callable[[Context], Client],
    objects: Objects,
    readers: Right,
) -> CosemObject:
    own = name == CURRENT
    attributes = {
        2: Attribute(lambda context: _listed(context, of(context).right, objects), readers),
        3: Attribute(
            lambda context: Structure((Integer(of(context).sap), LongUnsigned(SERVER_SAP))), readers
        ),
        4: Attribute(lambda context: application_context(of(context)), readers),
        5: Attribute(lambda context: xdlms_context(context.negotiated), readers if own else NOBODY),
        6: Attribute(lambda context: oid(2, of(context).mechanism), readers),
        7: Attribute(constant(OctetString(b"")), NOBODY, _secret_writer(of), OPERATORS),
        8: Attribute(
            constant(Enum(2))
            if own
            else lambda context: Enum(2 * context.meter.open_to(of(context).sap)),
            readers,
        ),
    }
    methods = {1: Method(OPERATORS if own else NOBODY)} | {n: Method(NOBODY) for n in (2, 3, 4)}
    if meter_type.association_version >= 1:
        attributes[9] = Attribute(
            lambda context: OctetString(setup_name(of(context))),
            OPERATORS,
        )
    if meter_type.association_version >= 2:
        attributes[10] = Attribute(constant(Array()), readers)  # no users: everybody may
        attributes[11] = Attribute(constant(Structure((Unsigned(0), VisibleString("")))), readers)
        methods |= {5: Method(NOBODY), 6: Method(NOBODY)}
    return CosemObject(
        ASSOCIATION_LN,
        meter_type.association_version,
        name,
        attributes,
        methods,
        visible=readers,
    )


def associations(meter_type: MeterType, objects: Objects) -> Iterator[CosemObject]:
    """The association that asks, and one for each client, which only management sees."""
    yield _association(CURRENT, meter_type, lambda context: context.client, objects, ALL)
    for client in clients_by_sap(meter_type).values():

        def known(_: Context, client: Client = client) -> Client:
            return client

        yield _association(instance(client), meter_type, known, objects, MANAGEMENT.right)
