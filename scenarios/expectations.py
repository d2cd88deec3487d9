"""What a run must have been like: the file's `[expect]`, and what must hold in every run.

The invariants compare what the meters did with what the head-end recorded and with what the
commercial system heard.  They are checked in every run of every seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from devices.meter.device import Meter
from devices.meter.history import Deed
from devices.meter.limiter import UNLIMITED
from headend.domain.order import FINAL, LIMITS, Kind, Order, State
from headend.domain.reason import ReasonCode
from protocols.cim.envelope import Message
from scenarios.engine import Record, Story
from scenarios.schema import Expect, seconds

# After one of these a command may have reached the meter although the order did not succeed.
_MAY_HAVE_ACTED = {
    ReasonCode.EFFECT_NOT_KNOWN,
    ReasonCode.EMERGENCY_ACTIVE,
    ReasonCode.NOT_APPLIED,
}
_STATES = {0: "disconnected", 1: "connected", 2: "ready"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was expected, and what was found."""

    name: str
    ok: bool
    value: Any
    expected: Any = None


def checks(story: Story) -> list[Check]:
    """The file's expectations, then the invariants."""
    return [*expected(story), *invariants(story)]


# --- the file's own ------------------------------------------------------------------------------


def expected(story: Story) -> Iterator[Check]:
    """What the file expects of its own story."""
    expect = story.scenario.expect
    orders = [record.order for record in story.records]
    told = {name for name in Expect.__struct_fields__ if getattr(expect, name) is not None}
    found: dict[str, Any] = {
        "orders": len(orders),
        "done": sum(order.state is State.DONE for order in orders),
        "failed": _by_reason(orders),
        "refused_messages": sum(not answer.taken for answer in story.commercial.answers),
        "answers": tuple(answer.text for answer in story.commercial.answers),
        "replies": len(story.commercial.replies),
        "events": len(story.commercial.events),
        "limit": {name: _limit(story, name) for name in expect.limit or ()},
        "supply": {name: _supply(story, name) for name in expect.supply or ()},
        "findings": _findings(story, expect.findings or {}),
    }
    for name, value in found.items():
        if name in told:
            expected = getattr(expect, name)
            yield Check(name, value == expected, value, expected)
    if expect.attempts_min is not None:
        most = max((order.attempts for order in orders), default=0)
        yield Check("attempts_min", most >= expect.attempts_min, most, expect.attempts_min)
    if expect.done_within is not None:
        slowest = max((_took_s(o) for o in orders if o.state is State.DONE), default=0.0)
        limit = seconds(expect.done_within)
        yield Check("done_within", slowest <= limit, slowest, limit)
    if expect.frames_lost_min is not None:
        lost = sum(
            fate != "delivered"
            for line in story.world.log.of_kind("transfer")
            for fate in line["frames"]
        )
        yield Check("frames_lost_min", lost >= expect.frames_lost_min, lost, expect.frames_lost_min)


def _by_reason(orders: list[Order]) -> dict[str, int]:
    return dict(Counter(str(o.reason) for o in orders if o.final and o.state is not State.DONE))


def _took_s(order: Order) -> float:
    assert order.ended_at is not None
    return (order.ended_at - order.accepted_at).total_seconds()


def _limit(story: Story, name: str) -> str:
    threshold = story.world.meter(name).limiter.threshold_normal
    return "none" if threshold == UNLIMITED else str(threshold)


def _supply(story: Story, name: str) -> str:
    return _STATES[int(story.world.meter(name).supply.state)]


def _findings(story: Story, words: dict[str, int]) -> dict[str, int]:
    notes = [_note(message) for message in story.commercial.events.values()]
    return {word: sum(word in note for note in notes) for word in words}


def _note(message: Message) -> str:
    payload = message.payload
    texts = payload.content[0].itertext() if payload and payload.content else ()
    return " ".join(texts)


# --- what always holds ---------------------------------------------------------------------------


def invariants(story: Story) -> Iterator[Check]:
    """What holds in every run of every seed."""
    yield Check("no error inside the head-end", not story.errors, [repr(e) for e in story.errors])
    yield _none("every order ended", _unended(story))
    yield _none("every order has one final state", _endings(story))
    yield _none("every reply reached the commercial system", _unheard(story))
    yield _none("one reply an order", _replies_doubled(story))
    yield _none("what was recorded as done was done", _not_really_done(story))
    yield _none("nothing was done that was not ordered", _not_ordered(story))
    yield _none("nothing was done twice", _done_twice(story))
    yield _none("nothing acted after its time", _too_late(story))


def _none(name: str, offenders: list[str]) -> Check:
    return Check(name, not offenders, offenders)


def _unended(story: Story) -> list[str]:
    """Orders still open although the run has passed their deadline by a margin."""
    end = story.scenario.start_utc.timestamp() + story.simulated_s
    return [
        f"order {r.order.number} is {r.order.state}"
        for r in story.records
        if not r.order.final and r.order.deadline.timestamp() + MARGIN_S < end
    ]


MARGIN_S = 60.0


def _endings(story: Story) -> list[str]:
    """A final state is entered once; afterwards only verification adds to the journal."""
    found = []
    for record in story.records:
        entered = [
            line.state
            for before, line in zip((None, *record.journal), record.journal, strict=False)
            if line.state in FINAL and (before is None or before.state is not line.state)
        ]
        if len(entered) != int(record.order.final):
            found.append(f"order {record.order.number}: {entered}")
    return found


def _unheard(story: Story) -> list[str]:
    """Final orders whose reply the commercial system has not stored, the last minute apart."""
    end = story.scenario.start_utc.timestamp() + story.simulated_s
    heard = {*story.commercial.replies, *story.commercial.events}
    return [
        f"order {record.order.number}: {out.kind} {out.message_id}"
        for record in story.records
        for out in record.outgoing
        if out.channel == "queue"
        and out.message_id not in heard
        and out.created_at.timestamp() + MARGIN_S < end
    ]


def _replies_doubled(story: Story) -> list[str]:
    found = []
    for record in story.records:
        replies = [o for o in record.outgoing if o.kind == "reply" and o.channel == "queue"]
        if len(replies) != int(record.order.final):
            found.append(f"order {record.order.number}: {len(replies)} replies")
    return found


def _not_really_done(story: Story) -> list[str]:
    """The last order done at a meter must be what the meter shows, and each has its deed."""
    found = []
    for name, records in _by_meter(story).items():
        if name not in story.world.meter_names:
            continue
        meter = story.world.meter(name)
        limits = [r.order for r in records if r.order.kind in LIMITS]
        done = [o for o in limits if o.state is State.DONE]
        if done and not any(o.reason in _MAY_HAVE_ACTED for o in limits):
            last = max(done, key=lambda o: o.ended_at or o.accepted_at)
            if meter.limiter.threshold_normal != _threshold(last):
                found.append(f"meter {name}: {meter.limiter.threshold_normal} W, {last.number}")
        wrote = Counter(deed.value for deed in meter.history if deed.deed is Deed.LIMIT_WRITTEN)
        found += [
            f"order {o.number}: no write of {_threshold(o)} at {name}"
            for o in done
            if wrote[_threshold(o)] == 0
        ]
    return found


def _not_ordered(story: Story) -> list[str]:
    """Deeds at a meter that no order can explain."""
    found = []
    by_meter = _by_meter(story)
    for name in story.world.meter_names:
        records = by_meter.get(name, [])
        allowed = Counter(
            deed for r in records if _may_have_acted(r.order) for deed in _deeds(r.order)
        )
        for deed, count in _done_at(story.world.meter(name)).items():
            if count > allowed[deed]:
                found.append(f"meter {name}: {deed} {count} times, ordered {allowed[deed]}")
    return found


def _done_twice(story: Story) -> list[str]:
    """More commands at a meter than orders that may have sent one."""
    found = []
    for name, records in _by_meter(story).items():
        if name not in story.world.meter_names:
            continue
        deeds = sum(_done_at(story.world.meter(name)).values())
        orders = sum(_may_have_acted(r.order) for r in records)
        if deeds > orders:
            found.append(f"meter {name}: {deeds} commands carried out, {orders} orders")
    return found


def _too_late(story: Story) -> list[str]:
    """Commands that a meter carried out after every order of that kind had run out."""
    found = []
    for name, records in _by_meter(story).items():
        if name not in story.world.meter_names:
            continue
        for deed in story.world.meter(name).history:
            if not deed.cause.startswith("client"):
                continue
            kinds = _KINDS.get(deed.deed)
            if kinds is None:
                continue
            latest = max(
                (_not_after(r) for r in records if r.order.kind in kinds), default=float("inf")
            )
            if deed.at > latest:
                found.append(f"meter {name}: {deed.deed} at {deed.at}, allowed until {latest}")
    return found


_LIMITING = frozenset(LIMITS)
_OPENING, _CLOSING = frozenset({Kind.DISCONNECT}), frozenset({Kind.CONNECT})
_KINDS = {
    Deed.LIMIT_WRITTEN: _LIMITING,
    Deed.RELAY_OPENED: _OPENING,
    Deed.RELAY_CLOSED: _CLOSING,
}


def _not_after(record: Record) -> float:
    if record.order.not_after is None:
        return record.order.deadline.timestamp()
    return record.order.not_after.timestamp()


def _by_meter(story: Story) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in story.records:
        found.setdefault(record.order.meter, []).append(record)
    return found


def _may_have_acted(order: Order) -> bool:
    if order.final and order.state is not State.DONE:
        return order.reason in _MAY_HAVE_ACTED
    return order.state is not State.QUEUED or order.attempts > 0


def _threshold(order: Order) -> int:
    if order.kind is Kind.REMOVE_LIMIT or order.amount is None:
        return UNLIMITED
    factor = 1000 if (order.unit or "W").startswith("k") else 1
    return int(order.amount * Decimal(factor))


def _deeds(order: Order) -> tuple[tuple[str, int | None], ...]:
    if order.kind in LIMITS:
        return ((Deed.LIMIT_WRITTEN, _threshold(order)),)
    if order.kind is Kind.DISCONNECT:
        return ((Deed.RELAY_OPENED, None),)
    return ((Deed.RELAY_CLOSED, None), (Deed.STATE_MOVED, None))


def _done_at(meter: Meter) -> Counter[tuple[str, int | None]]:
    """Commands that the meter carried out for a client, the limiter's own trips apart."""
    return Counter(
        (deed.deed, deed.value if deed.deed is Deed.LIMIT_WRITTEN else None)
        for deed in meter.history
        if deed.deed in _KINDS and deed.cause.startswith("client")
    )
