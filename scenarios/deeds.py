"""What meters really did for their clients, and which orders may have asked for it.

A meter's history is the simulation's truth; the head-end never sees it.  A command is counted when
it had an effect or found it there already; one that the meter refused, or that a stuck relay did
not follow, changed nothing and may rightly be sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from devices.meter.disconnect import ControlState
from devices.meter.history import Deed, Happened
from devices.meter.limiter import UNLIMITED
from headend.domain.order import LIMITS, LOADS, OWN, Kind, Order, State
from headend.domain.reason import ReasonCode

What = tuple[str, int | None]
"""("limit", watts), or the kind of an order and None."""

# After one of these a command may have reached the meter although the order did not succeed.
MAY_HAVE_ACTED = frozenset(
    {
        ReasonCode.EFFECT_NOT_KNOWN,
        ReasonCode.EMERGENCY_ACTIVE,
        ReasonCode.INTERNAL_ERROR_UNKNOWN,
        ReasonCode.NOT_APPLIED,
    }
)
_WITHOUT_EFFECT = frozenset({Deed.SUPPLY_REFUSED, Deed.RELAY_STUCK, Deed.LOAD_STUCK})
_OF_LOAD = frozenset({Deed.LOAD_SWITCHED, Deed.LOAD_UNCHANGED})
_TRIGGERS = {"remote_disconnect": "disconnect", "remote_reconnect": "connect"}
_AFTER = {  # a transition's letter: the control state after it (Blue Book 4.5.8)
    "a": ControlState.CONNECTED,
    "b": ControlState.DISCONNECTED,
    "c": ControlState.DISCONNECTED,
    "d": ControlState.READY_FOR_RECONNECTION,
    "e": ControlState.CONNECTED,
    "f": ControlState.READY_FOR_RECONNECTION,
    "g": ControlState.READY_FOR_RECONNECTION,
    "h": ControlState.CONNECTED,
}


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a client told a meter, and that the meter did."""

    at: float
    what: What

    def __str__(self) -> str:
        return f"{spelled(self.what)} at {self.at:.3f}"


def spelled(what: What) -> str:
    kind, watts = what
    if kind != "limit":
        return kind
    return "limit none" if watts == UNLIMITED else f"limit {watts} W"


def commands(history: Sequence[Happened]) -> list[Command]:
    """The commands that a meter carried out, in their order."""
    return [Command(each.at, what) for each in history if (what := _commanded(each)) is not None]


def _commanded(each: Happened) -> What | None:
    if not each.cause.startswith("client") or each.deed in _WITHOUT_EFFECT:
        return None
    if each.deed is Deed.LIMIT_WRITTEN:
        return "limit", each.value
    if each.deed is Deed.PERIOD_ENDED:
        return str(Kind.RESET_DEMAND), None
    if each.deed in _OF_LOAD:
        return str(Kind.LOAD_ON if each.value else Kind.LOAD_OFF), None
    kind = _TRIGGERS.get(each.detail.partition(" ")[0])
    return None if kind is None else (kind, None)


def wanted(order: Order) -> What:
    """What an order asks of its meter, in the meter's own unit."""
    match order.kind:
        case Kind.SET_LIMIT:
            assert order.amount is not None
            factor = 1000 if (order.unit or "W").startswith("k") else 1
            return "limit", int(order.amount * Decimal(factor))
        case Kind.REMOVE_LIMIT:
            return "limit", UNLIMITED
        case Kind.ARM:  # the same message; what it comes to is the control mode's affair
            return str(Kind.CONNECT), None
    return str(order.kind), None


def may_have_acted(order: Order) -> bool:
    """Whether the head-end's own record allows that a command of the order was carried out."""
    if order.commanded == 0:
        return False
    if order.armed:  # it was seen to
        return True
    return order.state is State.DONE or not order.final or order.reason in MAY_HAVE_ACTED


def showed(history: Sequence[Happened], order: Order) -> bool:
    """Whether the meter was as ordered at some time between the order's acceptance and its end."""
    assert order.ended_at is not None
    if order.kind in OWN:
        return True  # it was to show, or to change what `key_changes` looks at
    since, until = order.accepted_at.timestamp(), order.ended_at.timestamp()
    if order.kind is Kind.RESET_DEMAND:
        ended = (each.at for each in history if each.deed is Deed.PERIOD_ENDED)
        return any(since <= at <= until for at in ended)
    states = _states(history, order)
    return any(
        begun <= until and over >= since and _fits(state, order)
        for begun, over, state in _spans(states)
    )


def shows(history: Sequence[Happened], order: Order) -> bool:
    """Whether the meter is as ordered at the end of its history."""
    return _fits([*_states(history, order)][-1][1], order)


def _states(history: Sequence[Happened], order: Order) -> Iterator[tuple[float, int]]:
    """What an order changes, from each time on."""
    if order.kind in LOADS:
        return _loads(history)
    return _limits(history) if order.kind in LIMITS else _supply(history)


def _fits(state: int, order: Order) -> bool:
    match order.kind:
        case Kind.LOAD_OFF | Kind.LOAD_ON:
            return bool(state) is (order.kind is Kind.LOAD_ON)
        case Kind.DISCONNECT:
            return state == ControlState.DISCONNECTED
        case Kind.CONNECT | Kind.ARM:  # in some control modes a hand at the meter does the rest
            return state != ControlState.DISCONNECTED
    return state == wanted(order)[1]


def _loads(history: Sequence[Happened]) -> Iterator[tuple[float, int]]:
    """Whether the load relay is closed, from each time on."""
    yield float("-inf"), 1
    for each in history:
        if each.deed in _OF_LOAD and each.value is not None:
            yield each.at, each.value


def _limits(history: Sequence[Happened]) -> Iterator[tuple[float, int]]:
    """The limiter's threshold from each time on."""
    yield float("-inf"), UNLIMITED
    for each in history:
        if each.deed is Deed.LIMIT_WRITTEN and each.value is not None:
            yield each.at, each.value


def _supply(history: Sequence[Happened]) -> Iterator[tuple[float, int]]:
    """The state of the supply from each time on; a relay that is stuck leaves it as it is."""
    yield float("-inf"), ControlState.CONNECTED
    for each in history:
        trigger, _, letter = each.detail.partition(" ")
        if each.deed in _WITHOUT_EFFECT | _OF_LOAD:
            continue
        if letter in _AFTER:
            yield each.at, _AFTER[letter]
        elif each.deed is Deed.RELAY_OPENED and trigger in _TRIGGERS:  # it followed at last
            yield each.at, ControlState.DISCONNECTED
        elif each.deed is Deed.RELAY_CLOSED:
            yield each.at, ControlState.CONNECTED


def _spans(states: Iterator[tuple[float, int]]) -> Iterator[tuple[float, float, int]]:
    """Each state with its begin and end."""
    begun, state = next(states)
    for at, following in states:
        yield begun, at, state
        begun, state = at, following
    yield begun, float("inf"), state
