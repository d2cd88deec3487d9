"""The objects of a meter, in one table per type of meter.

What each attribute is, its access and its effect.  Class definitions: Blue Book (DLMS UA 1000-1)
4.3 to 4.5; logical names: IEC 62056-6-1.  The objects with effects in the world are apart:
`limiter_object` and `supply_objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from devices.meter import meter_clock, metering, supply_objects
from devices.meter.clients import ALL, NOBODY, OPERATORS
from devices.meter.cosem import (
    ASSOCIATION_LN,
    CLOCK,
    SAP_ASSIGNMENT,
    UNIT_A,
    UNIT_V,
    UNIT_VAR,
    UNIT_VARH,
    UNIT_W,
    UNIT_WH,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    data,
    register,
    wrapped,
)
from devices.meter.identity import SERVER_SAP
from devices.meter.limiter_object import ACTIVE_POWER, limiter
from devices.meter.load import PhaseLoad
from devices.meter.meter_type import MeterType
from devices.meter.profile import CLOCK_NAME, ENERGIES, load_profile
from devices.meter.security_objects import security_objects
from protocols.dlms.codes import ApplicationContext, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Integer,
    Long,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

FIRMWARE = b"ami-sim-1"

PHASE_GROUP_C = (20, 40, 60)
"""Value group C of L1, L2 and L3 is this plus the quantity's number (IEC 62056-6-1 table 8)."""


@cache
def table(meter_type: MeterType) -> dict[LogicalName, CosemObject]:
    """Every object of this type of meter, by logical name."""
    objects = (
        *_identity(),
        _clock,
        *security_objects(meter_type),
        _sap_assignment,
        _association,
        *_registers(meter_type),
        load_profile,
        supply_objects.disconnect_control,
        limiter,
        supply_objects.disconnect_scripts,
    )
    return {each.name: each for each in objects}


def _identity() -> Iterator[CosemObject]:
    yield data(
        "0.0.42.0.0.255",
        lambda context: OctetString(context.meter.identity.logical_device_name),
    )
    yield data(
        "0.0.96.1.0.255",
        lambda context: OctetString(context.meter.identity.number.encode("ascii")),
    )
    yield data("1.0.0.2.0.255", constant(OctetString(FIRMWARE)))


def _write_time(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not OctetString or len(value) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    meter = context.meter
    moment = meter_clock.understood(value, meter.rules)
    if moment is None:
        return DataAccessResult.OTHER_REASON
    meter.set_clock(moment, now=context.now)
    context.written("clock")
    return DataAccessResult.SUCCESS


_clock = CosemObject(
    CLOCK,
    0,
    CLOCK_NAME,
    {
        2: Attribute(
            lambda context: OctetString(
                meter_clock.shown(context.meter.time(context.now), context.meter.rules).octets
            ),
            ALL,
            _write_time,
            OPERATORS,
        ),
        3: Attribute(lambda context: Long(-context.meter.rules.utc_offset_min), ALL),
        4: Attribute(constant(Unsigned(0)), ALL),
        5: Attribute(constant(OctetString(meter_clock.NOT_SPECIFIED)), ALL),
        6: Attribute(constant(OctetString(meter_clock.NOT_SPECIFIED)), ALL),
        7: Attribute(constant(Integer(0)), ALL),
        8: Attribute(constant(Boolean(False)), ALL),
        9: Attribute(constant(Enum(1)), ALL),  # internal crystal
    },
    {index: Method(NOBODY) for index in range(1, 7)},
    visible=ALL,
)


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


def visible_objects(context: Context) -> Iterator[CosemObject]:
    """The objects of this association, which are the ones that answer in it."""
    for each in table(context.meter.type).values():
        if each.visible & context.client.right:
            yield each


def _oid(*last_arcs: int) -> Structure:
    """2.16.756.5.8, the DLMS UA, and two arcs more."""
    return Structure(
        (Unsigned(2), Unsigned(16), LongUnsigned(756), Unsigned(5), Unsigned(8))
        + tuple(map(Unsigned, last_arcs))
    )


def _application_context(context: Context) -> Value:
    ciphered = context.client.ciphers
    name = ApplicationContext.LOGICAL_NAME_CIPHERED if ciphered else ApplicationContext.LOGICAL_NAME
    return _oid(1, name)


def _xdlms_context(context: Context) -> Value:
    agreed = context.negotiated
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


_association = CosemObject(
    ASSOCIATION_LN,
    1,
    LogicalName("0.0.40.0.0.255"),
    {
        2: Attribute(
            lambda context: Array(
                each.list_element(context.client.right) for each in visible_objects(context)
            ),
            ALL,
        ),
        3: Attribute(
            lambda context: Structure((Integer(context.client.sap), LongUnsigned(SERVER_SAP))), ALL
        ),
        4: Attribute(_application_context, ALL),
        5: Attribute(_xdlms_context, ALL),
        6: Attribute(lambda context: _oid(2, context.client.mechanism), ALL),
        7: Attribute(constant(OctetString(b"")), NOBODY),  # the secret
        8: Attribute(constant(Enum(2)), ALL),  # associated
        9: Attribute(
            lambda context: OctetString(
                LogicalName(f"0.0.43.0.{context.client.security_instance}.255")
            ),
            OPERATORS,
        ),
    },
    {1: Method(OPERATORS), 2: Method(NOBODY), 3: Method(NOBODY), 4: Method(NOBODY)},
    visible=ALL,
)


def _registers(meter_type: MeterType) -> Iterator[CosemObject]:
    for phase, c in enumerate(PHASE_GROUP_C[: meter_type.phases]):

        def of(
            quantity: Callable[[PhaseLoad], int], phase: int = phase
        ) -> Callable[[Context], int]:
            return lambda context: quantity(context.meter.phases(context.now)[phase])

        yield register(
            f"1.0.{c + 12}.7.0.255", of(lambda p: p.voltage_dv), LongUnsigned, UNIT_V, -1
        )
        yield register(f"1.0.{c + 11}.7.0.255", of(metering.current_ca), LongUnsigned, UNIT_A, -2)
        yield register(f"1.0.{c + 16}.7.0.255", of(lambda p: p.active_w), DoubleLong, UNIT_W)
        yield register(
            f"1.0.{c + 3}.7.0.255",
            of(lambda p: max(p.reactive_var, 0)),
            DoubleLongUnsigned,
            UNIT_VAR,
        )
    yield register(
        str(ACTIVE_POWER),
        lambda context: context.meter.active_power(context.now),
        DoubleLongUnsigned,
        UNIT_W,
        meter_type.power_scaler,
    )
    for name, quantity in ENERGIES.items():

        def energy(context: Context, quantity: str = quantity) -> int:
            integrals = context.meter.metering.energy(context.now)
            return metering.watt_hours(getattr(integrals, quantity))

        unit = UNIT_WH if quantity.startswith("active") else UNIT_VARH
        yield register(name, energy, wrapped, unit)  # type: ignore[arg-type]
