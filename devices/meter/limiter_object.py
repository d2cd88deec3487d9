"""The limiter's object, class 71: its state (`limiter`) as attributes, with their types and access.

Blue Book 4.5.9.  Thresholds have the monitored value's own type and scaler, and no other is taken.
"""

from __future__ import annotations

from devices.meter import meter_clock
from devices.meter.clients import OPERATORS, READERS
from devices.meter.cosem import LIMITER, REGISTER, Attribute, Context, CosemObject, constant
from devices.meter.events import Event
from devices.meter.history import Deed
from devices.meter.limiter import (
    DISCONNECT_SCRIPTS,
    SCRIPT_DISCONNECT,
    SCRIPT_NONE,
    SCRIPT_RECONNECT,
    ActionItem,
    EmergencyProfile,
    Limiter,
)
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    Boolean,
    DoubleLongUnsigned,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

ACTIVE_POWER = LogicalName("1.0.1.7.0.255")
LIMITER_NAME = LogicalName("0.0.17.0.0.255")


def _number(field: str, kind: type[DoubleLongUnsigned] = DoubleLongUnsigned) -> Attribute:
    """An attribute that is one number of the limiter's state."""

    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not kind:
            return DataAccessResult.TYPE_UNMATCHED
        setattr(context.meter.limiter, field, int(value))
        context.written(f"{field} {int(value)}")
        return DataAccessResult.SUCCESS

    return Attribute(
        lambda context: kind(getattr(context.meter.limiter, field)), READERS, write, OPERATORS
    )


def _write_normal(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not DoubleLongUnsigned:
        return DataAccessResult.TYPE_UNMATCHED
    context.meter.limiter.threshold_normal = int(value)
    context.meter.happened(Event.LIMITER_CHANGED, context.now, int(value))
    context.meter.record(
        context.now, Deed.LIMIT_WRITTEN, context.cause, "threshold_normal", int(value)
    )
    return DataAccessResult.SUCCESS


def _profile(state: Limiter) -> Structure:
    profile = state.profile
    return Structure(
        (
            LongUnsigned(profile.profile_id),
            OctetString(profile.octets or meter_clock.NOT_SPECIFIED),
            DoubleLongUnsigned(profile.duration_s),
        )
    )


def _write_profile(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Structure or [type(element) for element in value] != [
        LongUnsigned,
        OctetString,
        DoubleLongUnsigned,
    ]:
        return DataAccessResult.TYPE_UNMATCHED
    profile_id, octets, duration_s = value
    assert isinstance(profile_id, int)
    assert isinstance(octets, bytes)
    assert isinstance(duration_s, int)
    if len(octets) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    context.meter.limiter.profile = EmergencyProfile(
        int(profile_id),
        meter_clock.understood(octets, context.meter.rules),
        int(duration_s),
        bytes(octets),
    )
    context.written(f"emergency profile {int(profile_id)}, {int(duration_s)} s")
    return DataAccessResult.SUCCESS


GROUPS_MAX = 16
"""Emergency groups that this meter has room for."""


def _write_groups(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Array or any(type(element) is not LongUnsigned for element in value):
        return DataAccessResult.TYPE_UNMATCHED
    if len(value) > GROUPS_MAX:
        return DataAccessResult.OTHER_REASON
    context.meter.limiter.groups = tuple(int(group) for group in value)  # type: ignore[arg-type]
    context.written(f"emergency groups {context.meter.limiter.groups}")
    return DataAccessResult.SUCCESS


def _item(action: ActionItem) -> Structure:
    return Structure((OctetString(action.table), LongUnsigned(action.selector)))


def _read_item(value: Value) -> ActionItem | DataAccessResult:
    if type(value) is not Structure or [type(e) for e in value] != [OctetString, LongUnsigned]:
        return DataAccessResult.TYPE_UNMATCHED
    table, selector = value
    if table != DISCONNECT_SCRIPTS:
        return DataAccessResult.OBJECT_UNDEFINED
    if selector not in (SCRIPT_NONE, SCRIPT_DISCONNECT, SCRIPT_RECONNECT):
        return DataAccessResult.OTHER_REASON
    assert isinstance(selector, int)
    return ActionItem(DISCONNECT_SCRIPTS, int(selector))


def _write_actions(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Structure or len(value) != 2:
        return DataAccessResult.TYPE_UNMATCHED
    over, under = (_read_item(element) for element in value)
    if isinstance(over, DataAccessResult):
        return over
    if isinstance(under, DataAccessResult):
        return under
    state = context.meter.limiter
    state.over_action, state.under_action = over, under
    context.written(f"limiter scripts {over.selector} and {under.selector}")
    return DataAccessResult.SUCCESS


_MONITORED = Structure((LongUnsigned(REGISTER), OctetString(ACTIVE_POWER), Integer(2)))
limiter = CosemObject(
    LIMITER,
    0,
    LIMITER_NAME,
    {
        2: Attribute(constant(_MONITORED)),
        3: Attribute(
            lambda context: DoubleLongUnsigned(
                context.meter.limiter.threshold_active(context.meter.time(context.now))
            )
        ),
        4: Attribute(
            lambda context: DoubleLongUnsigned(context.meter.limiter.threshold_normal),
            READERS,
            _write_normal,
            OPERATORS,
        ),
        5: _number("threshold_emergency"),
        6: _number("min_over_s"),
        7: _number("min_under_s"),
        8: Attribute(
            lambda context: _profile(context.meter.limiter), READERS, _write_profile, OPERATORS
        ),
        9: Attribute(
            lambda context: Array(map(LongUnsigned, context.meter.limiter.groups)),
            READERS,
            _write_groups,
            OPERATORS,
        ),
        10: Attribute(
            lambda context: Boolean(
                context.meter.limiter.emergency_active(context.meter.time(context.now))
            )
        ),
        11: Attribute(
            lambda context: Structure(
                (
                    _item(context.meter.limiter.over_action),
                    _item(context.meter.limiter.under_action),
                )
            ),
            READERS,
            _write_actions,
            OPERATORS,
        ),
    },
)
