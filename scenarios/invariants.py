"""What holds in every run of every seed, whatever fails: no order is lost, none is done twice, each
ends once, and what is told of it is what happened.

What the meters did is compared with what the head-end recorded, and that with what the commercial
system heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from headend.domain.interval import RowQuality
from headend.domain.order import FINAL, LIMITS, LOADS, OWN, Kind, Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.ports import Outgoing, StoreUnavailable
from protocols.cim.codes import Result
from protocols.commercial.messages import decode_result
from scenarios.commands import OPERATOR
from scenarios.deeds import Command, commands, may_have_acted, showed, shows, spelled, wanted
from scenarios.energy import unclosed
from scenarios.intervals import wrong_intervals
from scenarios.key_changes import APART
from scenarios.mdm_scenes import ACCOUNT
from scenarios.schema import FaultSpec, seconds
from scenarios.stand_ins.carrier_portal import REJECTION_HOLDS_FOR
from scenarios.story import Record, Story

MARGIN_S = 60.0  # what a run's last minute leaves undone proves nothing

Offenders = Iterator[str]


def every_message_is_stored(story: Story) -> Offenders:
    """Each acknowledged message has its orders, one for each meter, and no order is without one."""
    stored: dict[str, list[Order]] = {}
    for record in story.records:
        order = record.order
        by_message = order.source not in (OPERATOR, ACCOUNT)  # which come without one
        if order.restores is None and order.kind not in OWN and by_message:
            stored.setdefault(record.order.transaction_id, []).append(order)
    for transaction, message in story.commercial.taken.items():
        orders = stored.pop(transaction, [])
        if Counter(order.meter for order in orders) != Counter(message.meters):
            told = [order.number for order in orders]
            yield f"message {message.message_id} for {', '.join(message.meters)}: orders {told}"
    for transaction, orders in stored.items():
        numbers = [order.number for order in orders]
        yield f"orders {numbers}: transaction {transaction} was never acknowledged"
    yield from _asked_by_rest(story)


def _asked_by_rest(story: Story) -> Offenders:
    """Likewise of the MDM's: each order that an answer named is there, and no other."""
    told = {line.order for line in story.said if line.door == "REST" and line.order is not None}
    stored = [order for order in _orders(story) if order.source == ACCOUNT]
    for number in sorted(told - {order.number for order in stored}):
        yield f"order {number}: answered by REST, and not there"
    known = {order.transaction_id for order in stored if order.number in told}
    for order in stored:
        if order.restores is None and order.transaction_id not in known:
            yield f"order {order.number}: no answer by REST named it"


def every_order_ended(story: Story) -> Offenders:
    """No order is open although its deadline has passed."""
    for order in _orders(story):
        if not order.final and order.deadline.timestamp() + MARGIN_S < _end(story):
            yield f"order {order.number} is {order.state}"


def one_final_state(story: Story) -> Offenders:
    """A final state is entered once; afterwards only verification adds to the journal."""
    for record in story.records:
        states = [line.state for line in record.journal]
        entered = [
            state
            for before, state in zip([None, *states], states, strict=False)
            if state in FINAL and state is not before
        ]
        if entered != [record.order.state] * record.order.final:
            yield f"order {record.order.number}: {', '.join(entered) or 'none'}"


def every_result_is_settled(story: Story) -> Offenders:
    """What the commercial side was owed has been acknowledged, on each channel, and heard."""
    heard = {*story.commercial.replies, *story.commercial.events}
    for record in story.records:
        for out in record.outgoing:
            if out.created_at.timestamp() + MARGIN_S >= _end(story):
                continue
            if out.settled_at is None:
                yield f"order {record.order.number}: {out.kind} by {out.channel} is not settled"
            elif out.channel != "legacy" and out.message_id not in heard:
                yield f"order {record.order.number}: {out.kind} by {out.channel} was never heard"


def one_reply_an_order(story: Story) -> Offenders:
    """Each final order has one reply and, where it succeeded, one event behind it."""
    for record in story.records:
        order = record.order
        if order.kind in OWN:
            continue  # nobody outside asked for it
        queue = [out for out in record.outgoing if out.channel == "queue"]
        replies = sum(out.kind == "reply" for out in queue)
        events = sum(out.kind == "event" and not _is_finding(out) for out in queue)
        if replies != int(order.final):
            yield f"order {order.number} is {order.state}: {replies} replies"
        if events != int(order.state is State.DONE):
            yield f"order {order.number} is {order.state}: {events} events"


def replies_say_what_was_recorded(story: Story) -> Offenders:
    """What the commercial system stored is the order's outcome, with its reason's code and key."""
    for record in story.records:
        for out in record.outgoing:
            message = story.commercial.replies.get(out.message_id)
            if message is None or message.reply is None:
                continue
            order, reply = record.order, message.reply
            done = order.state is State.DONE
            told = "" if not reply.errors else f"{reply.errors[0].code} {reply.errors[0].key}"
            meant = "0.0 "
            if order.reason is not None and not done:
                meant = f"{REASONS[order.reason].cim} {REASONS[order.reason].key}"
            if (reply.result is Result.OK) is not done or told != meant:
                yield f"order {order.number}: {reply.result} {told}, recorded {order.state} {meant}"


def what_is_done_was_done(story: Story) -> Offenders:
    """Of each order that succeeded, its meter showed the effect; and it shows the last one's."""
    for name, records in _by_meter(story):
        history = story.world.meter(name).history
        orders = [record.order for record in records]
        for order in orders:
            if order.state is State.DONE and not showed(history, order):
                yield f"order {order.number}: meter {name} never showed {spelled(wanted(order))}"
        for kinds in (LIMITS, LOADS, {Kind.CONNECT, Kind.ARM, Kind.DISCONNECT}):
            alike = [order for order in orders if order.kind in kinds]
            done = [order for order in alike if order.state is State.DONE]
            open_ended = any(may_have_acted(o) and o.state is not State.DONE for o in alike)
            if not done or open_ended:
                continue
            last = max(done, key=lambda o: (o.ended_at, o.number))
            if not shows(history, last) and not _tripped(story, name, last):
                yield f"meter {name}: not as order {last.number} left it"


def nothing_unordered(story: Story) -> Offenders:
    """Each command that a meter carried out is that of an order which may have sent it."""
    for name, command, able, _ in _unexplained(story):
        if not able:
            yield f"meter {name}: {command}, which no order can have sent"


def nothing_twice(story: Story) -> Offenders:
    """No order was carried out more than once."""
    for name, command, able, in_time in _unexplained(story):
        if able and in_time:
            yield f"meter {name}: {command}, once more than order {in_time[0].number} asked for it"


def nothing_late(story: Story) -> Offenders:
    """Nothing was carried out before its order was accepted or after its time had run out."""
    for name, command, able, in_time in _unexplained(story):
        if able and not in_time:
            numbers = ", ".join(str(order.number) for order in able)
            yield f"meter {name}: {command}, out of the time of order {numbers}"


def reasons_are_true(story: Story) -> Offenders:
    """No fault is blamed that there was not while the order lasted.

    Only reasons that a fault of the plot alone can cause are judged: frames are lost and meters
    fall silent for their concentrators without any.
    """
    for order in _orders(story):
        kinds = _BLAMED.get(order.reason) if order.reason is not None else None
        if kinds is None or not order.final or order.state is State.DONE:
            continue
        there = (
            fault
            for fault in story.scenario.fault
            if fault.kind in kinds
            and fault.target in (order.meter, order.concentrator)
            and _overlaps(story, fault, order)
        )
        if next(there, None) is None:
            yield f"order {order.number} at {order.meter}: {order.reason}, which was not so"


def no_inner_error(story: Story) -> Offenders:
    """Nothing went wrong inside the head-end that was not foreseen: a database that the plot takes
    away is."""
    away = any(fault.kind.startswith("database-") for fault in story.scenario.fault)
    for error in story.errors:
        if not (away and isinstance(error, StoreUnavailable)):
            yield repr(error)


def intervals_are_the_meters_own(story: Story) -> Offenders:
    """Each stored interval says what its meter says of it."""
    yield from wrong_intervals(story.world, story.pages)


def each_interval_is_stored_once(story: Story) -> Offenders:
    """No interval of a profile stands twice on a page, whatever was uploaded twice."""
    for page in story.pages:
        if page.expected:
            first = [row.at for row in page.rows if not row.quality & RowQuality.CHANGED]
            for at, times in Counter(first).items():
                if times > 1:
                    yield f"meter {page.meter} {page.profile}: {times} rows of {at}"


def energy_closes(story: Story) -> Offenders:
    """On a grid, a transformer's energy is that of its customers and of its cables' losses."""
    begin = story.scenario.start_utc.timestamp()
    yield from unclosed(story.world, begin, begin + story.simulated_s)


def keys_are_never_lost(story: Story) -> Offenders:
    """However a change of keys was cut, the head-end has keys that the meter takes."""
    for meter, standing in story.keys.items():
        if standing == APART:
            yield f"meter {meter}: the head-end has no keys that it takes"


ALWAYS: dict[str, Callable[[Story], Offenders]] = {
    "no error inside the head-end": no_inner_error,
    "every acknowledged message has its orders": every_message_is_stored,
    "every order ended": every_order_ended,
    "every order has one final state": one_final_state,
    "one reply an order": one_reply_an_order,
    "every result reached the commercial side": every_result_is_settled,
    "replies say what was recorded": replies_say_what_was_recorded,
    "no reason was given that was not so": reasons_are_true,
    "what was recorded as done was done": what_is_done_was_done,
    "nothing was done that was not ordered": nothing_unordered,
    "nothing was done twice": nothing_twice,
    "nothing acted out of its time": nothing_late,
    "stored intervals are the meters' own": intervals_are_the_meters_own,
    "each interval is stored once": each_interval_is_stored_once,
    "energy closes on every transformer": energy_closes,
    "no change of keys loses a meter": keys_are_never_lost,
}


# --- parts ---------------------------------------------------------------------------------------


def _unexplained(story: Story) -> Iterator[tuple[str, Command, list[Order], list[Order]]]:
    """Commands left over when each order has been given one of its own.

    With each come the orders that may have sent such a command at all, and those of them in whose
    time it was carried out.
    """
    by_meter = dict(_by_meter(story))
    for name in story.world.meter_names:
        orders = [r.order for r in by_meter.get(name, []) if may_have_acted(r.order)]
        spent: set[int] = set()
        for command in commands(story.world.meter(name).history):
            able = [order for order in orders if wanted(order) == command.what]
            in_time = [order for order in able if _in_time(command, order)]
            unspent = [order for order in in_time if order.number not in spent]
            if unspent:
                spent.add(min(unspent, key=_not_after).number)
            else:
                yield name, command, able, in_time


# Faults of the plot without which a reason cannot be true.
_BLAMED = {
    ReasonCode.MODEM_FAULT: {"modem", "router-modem"},
    ReasonCode.SIM_FAULT: {"sim", "router-sim"},
    ReasonCode.APN_REFUSED: {"apn"},
    ReasonCode.CONCENTRATOR_RESTARTED: {"reboot", "power-cut"},
    ReasonCode.CONCENTRATOR_BUSY: {"busy"},
    ReasonCode.METER_DOES_NOT_ANSWER: {"meter-silent", "meter-dirty", "meter-power-cut"},
    ReasonCode.WRONG_KEY_OR_COUNTER: {"meter-wrong-key", "meter-counter", "meter-dirty"},
    ReasonCode.EMERGENCY_ACTIVE: {"meter-emergency"},
    ReasonCode.REFUSED_READ_WRITE_DENIED: {"meter-refuses"},
}


def _overlaps(story: Story, fault: FaultSpec, order: Order) -> bool:
    """Whether a fault was there while the order lasted; one that is just over still shows."""
    start = story.scenario.start_utc.timestamp()
    assert order.ended_at is not None
    begun = start + seconds(fault.at)
    over = float("inf") if fault.until is None else start + seconds(fault.until)
    if fault.kind == "reboot":
        over = begun
    lingers_s = REJECTION_HOLDS_FOR.total_seconds() if fault.kind == "apn" else MARGIN_S
    return begun <= order.ended_at.timestamp() and over + lingers_s >= order.accepted_at.timestamp()


def _in_time(command: Command, order: Order) -> bool:
    return order.accepted_at.timestamp() <= command.at <= _not_after(order)


def _not_after(order: Order) -> float:
    """Until when an order that was sent may act.  Time that ran out once is never given back."""
    assert order.not_after is not None
    return order.not_after.timestamp()


def _tripped(story: Story, name: str, last: Order) -> bool:
    """Whether the limiter, and no client, has changed the supply since."""
    if last.kind in LIMITS | LOADS or last.ended_at is None:
        return False
    since = last.accepted_at.timestamp()
    return any(
        each.cause == "limiter" and each.at >= since for each in story.world.meter(name).history
    )


def _is_finding(out: Outgoing) -> bool:
    return decode_result(out.body).note is not None


def _by_meter(story: Story) -> list[tuple[str, list[Record]]]:
    """The orders of each meter that there is."""
    found: dict[str, list[Record]] = {}
    for record in story.records:
        if record.order.meter in story.world.meter_names:
            found.setdefault(record.order.meter, []).append(record)
    return [*found.items()]


def _orders(story: Story) -> Iterator[Order]:
    return (record.order for record in story.records)


def _end(story: Story) -> float:
    return story.scenario.start_utc.timestamp() + story.simulated_s
