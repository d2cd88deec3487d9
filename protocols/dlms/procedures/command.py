"""An order's action as a procedure: one table for concentrators, and for whoever does without."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from protocols.concentrator.messages import Action, ObjectWanted
from protocols.dlms.procedures.limiter import read_limit, remove_limit, set_limit
from protocols.dlms.procedures.steps import Procedure
from protocols.dlms.procedures.supply import connect, disconnect, read_supply
from protocols.dlms.procedures.wanted import read_objects


def procedure_of(
    action: Action,
    *,
    amount: Decimal | None = None,
    unit: str | None = None,
    objects: Sequence[ObjectWanted] = (),
) -> Procedure:
    """What the action does at the meter: `amount` and `unit` of SET_LIMIT, `objects` of READ."""
    match action:
        case Action.SET_LIMIT:
            return set_limit(Decimal("NaN") if amount is None else amount, unit or "W")
        case Action.REMOVE_LIMIT:
            return remove_limit()
        case Action.CONNECT:
            return connect()
        case Action.DISCONNECT:
            return disconnect()
        case Action.READ_LIMIT:
            return read_limit()
        case Action.READ_SUPPLY:
            return read_supply()
        case Action.READ:
            return read_objects(objects)
        case Action.CHANGE_KEYS:
            raise ValueError("new keys take several sessions: protocols.dlms.key_change")
        case Action.UPDATE_FIRMWARE:
            raise ValueError("an image takes several sessions: procedures.firmware")
