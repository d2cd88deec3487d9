"""An order's action as a procedure: one table for concentrators, and for whoever does without."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from protocols.concentrator.messages import (
    Action,
    ClockWanted,
    DemandMark,
    ObjectWanted,
    TariffWanted,
)
from protocols.dlms.procedures.clock_keeping import Now, keep_clock
from protocols.dlms.procedures.demand import read_demand, reset_demand
from protocols.dlms.procedures.limiter import read_limit, remove_limit, set_limit
from protocols.dlms.procedures.steps import Procedure
from protocols.dlms.procedures.supply import (
    arm,
    connect,
    disconnect,
    read_load,
    read_supply,
    switch_load,
)
from protocols.dlms.procedures.tariff import write_calendar
from protocols.dlms.procedures.wanted import read_objects


def procedure_of(
    action: Action,
    *,
    amount: Decimal | None = None,
    unit: str | None = None,
    objects: Sequence[ObjectWanted] = (),
    clock: ClockWanted | None = None,
    tariff: TariffWanted | None = None,
    since: DemandMark | None = None,
    now: Now | None = None,
) -> Procedure:
    """What the action does at the meter: `amount` and `unit` of SET_LIMIT, `objects` of READ,
    `clock` of SET_CLOCK, `tariff` of SET_TARIFF, `since` of RESET_DEMAND.  `now` tells the time
    that clocks are held to."""
    match action:
        case Action.SET_LIMIT:
            return set_limit(Decimal("NaN") if amount is None else amount, unit or "W")
        case Action.REMOVE_LIMIT:
            return remove_limit()
        case Action.CONNECT:
            return connect()
        case Action.ARM:
            return arm()
        case Action.DISCONNECT:
            return disconnect()
        case Action.READ_LIMIT:
            return read_limit()
        case Action.READ_SUPPLY:
            return read_supply()
        case Action.RESET_DEMAND:
            return reset_demand(since)
        case Action.READ_DEMAND:
            return read_demand()
        case Action.LOAD_OFF | Action.LOAD_ON:
            return switch_load(action is Action.LOAD_ON)
        case Action.READ_LOAD:
            return read_load()
        case Action.READ:
            return read_objects(objects)
        case Action.SET_CLOCK:
            assert now is not None, "nobody sets a clock who has none"
            return keep_clock(clock or ClockWanted(), now)
        case Action.SET_TARIFF:
            return write_calendar(tariff)
        case Action.CHANGE_KEYS:
            raise ValueError("new keys take several sessions: protocols.dlms.key_change")
        case Action.UPDATE_FIRMWARE:
            raise ValueError("an image takes several sessions: procedures.firmware")
