"""Whether a reading shows what a command was to bring about: one table for both sides.

The concentrator asks it when the meter did not answer a message that acts, the head-end when the
concentrator could not tell either.  Nobody knows then whether the message arrived; only the meter
itself can tell.
"""

from __future__ import annotations

from decimal import Decimal

from protocols.concentrator.demand import DemandMark, DemandRead, closed
from protocols.concentrator.messages import Action, LimitRead, Status, SupplyRead

# A limit's units, as the meter's reading names them, and the power of ten on top.
_UNITS = {"W": ("W", 0), "kW": ("W", 3), "VA": ("VA", 0), "kVA": ("VA", 3), "A": ("A", 0)}

LOOK = {
    Action.SET_LIMIT: Action.READ_LIMIT,
    Action.REMOVE_LIMIT: Action.READ_LIMIT,
    Action.CONNECT: Action.READ_SUPPLY,
    Action.ARM: Action.READ_SUPPLY,
    Action.DISCONNECT: Action.READ_SUPPLY,
    Action.RESET_DEMAND: Action.READ_DEMAND,
    Action.LOAD_OFF: Action.READ_LOAD,
    Action.LOAD_ON: Action.READ_LOAD,
}
"""By which reading the effect of each shows that is not looked for by the action itself."""

DISCONNECTED, CONNECTED, READY_FOR_RECONNECTION = 0, 1, 2  # control_state, Blue Book, 4.5.8


def shown(
    action: Action,
    *,
    amount: Decimal | None = None,
    unit: str | None = None,
    limit: LimitRead | None = None,
    supply: SupplyRead | None = None,
    load: SupplyRead | None = None,
    demand: DemandRead | None = None,
    since: DemandMark | None = None,
) -> Status:
    """DONE, EMERGENCY (written, but overridden) or NOT_APPLIED; UNKNOWN where the reading is not of
    the thing that the action changes, or does not tell.  `since`: how the meter stood before."""
    if action is Action.RESET_DEMAND:
        return _reset_shown(since, demand)
    if action in (Action.LOAD_OFF, Action.LOAD_ON):
        return Status.UNKNOWN if load is None else _load_shown(action, load)
    if action in (Action.SET_LIMIT, Action.REMOVE_LIMIT):
        return Status.UNKNOWN if limit is None else _limit_shown(action, amount, unit, limit)
    return Status.UNKNOWN if supply is None else _supply_shown(action, supply)


def _limit_shown(
    action: Action, amount: Decimal | None, unit: str | None, limit: LimitRead
) -> Status:
    if action is Action.REMOVE_LIMIT:
        written = limit.unlimited
    else:
        base, power = _UNITS[unit or "W"]
        wanted = Decimal("NaN") if amount is None else amount.scaleb(power)
        written = limit.unit == base and Decimal(limit.threshold_normal) == wanted
    if not written:
        return Status.NOT_APPLIED
    if limit.threshold_active == limit.threshold_normal:
        return Status.DONE
    return Status.EMERGENCY if limit.emergency_active else Status.NOT_APPLIED


def _supply_shown(action: Action, supply: SupplyRead) -> Status:
    if action is Action.DISCONNECT:
        # "Ready for reconnection" has no supply either, but a button press would bring it back.
        reached = not supply.output_on and supply.control_state == DISCONNECTED
    elif supply.control_state == READY_FOR_RECONNECTION:
        reached = True  # a hand at the meter does the rest, docs/decisions/0013
    else:
        reached = supply.output_on and supply.control_state == CONNECTED
    return Status.DONE if reached else Status.NOT_APPLIED


def _load_shown(action: Action, load: SupplyRead) -> Status:
    """A relay that waits for a hand is neither off nor on."""
    wanted = action is Action.LOAD_ON
    state = CONNECTED if wanted else DISCONNECTED
    reached = load.output_on is wanted and load.control_state == state
    return Status.DONE if reached else Status.NOT_APPLIED


def _reset_shown(since: DemandMark | None, demand: DemandRead | None) -> Status:
    ended = None if since is None or demand is None else closed(since, demand.mark)
    if ended is None:
        return Status.UNKNOWN
    return Status.DONE if ended else Status.NOT_APPLIED
