"""Which permission an order takes, by its kind: the same by every door."""

from __future__ import annotations

from headend.domain.account import Permission
from headend.domain.order import Kind

_PERMISSION = {
    Kind.SET_LIMIT: Permission.ORDER_SEND,
    Kind.REMOVE_LIMIT: Permission.ORDER_SEND,
    Kind.CONNECT: Permission.ORDER_SEND,
    Kind.DISCONNECT: Permission.ORDER_CUT,
    Kind.ARM: Permission.ORDER_SEND,
    Kind.LOAD_OFF: Permission.ORDER_SEND,
    Kind.LOAD_ON: Permission.ORDER_SEND,
    Kind.RESET_DEMAND: Permission.ORDER_SEND,
    Kind.READ: Permission.READING_DEMAND,
    Kind.SET_CLOCK: Permission.METER_ADJUST,
    Kind.SET_TARIFF: Permission.METER_ADJUST,
    Kind.CHANGE_KEYS: Permission.KEY_CHANGE,
    Kind.UPDATE_FIRMWARE: Permission.FIRMWARE_INSTALL,
}


def permission_for(kind: Kind) -> Permission:
    """What who orders this must be allowed.  A kind that nobody has placed yet takes the strictest
    permission that an order has."""
    return _PERMISSION.get(kind, Permission.ORDER_CUT)
