"""What a run must have been like: the file's `[expect]`, and what must hold in every run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from devices.meter.history import Deed
from devices.meter.limiter import UNLIMITED
from devices.meter.load_relay import load_relay
from devices.meter.tariff import Tariffs
from headend.domain.event import Incident
from headend.domain.order import Order, State
from protocols.cim.envelope import Message
from scenarios.energy import energy_mismatch
from scenarios.field import collected_meters
from scenarios.images import running
from scenarios.intervals import share_received
from scenarios.invariants import ALWAYS
from scenarios.last_gasps import alarm_s, by_quality, last_gasps
from scenarios.schema import Expect, seconds
from scenarios.story import Story

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
        "load": {name: _load(story, name) for name in expect.load or ()},
        "periods": {name: _periods(story, name) for name in expect.periods or ()},
        "readings": sum(r.value is not None for order in orders for r in order.readings),
        "discovered": {each.module: each.admitted for each in story.discoveries},
        "findings": _findings(story, expect.findings or {}),
        "last_gasps": last_gasps(story.world.log, story.pushes),
        "incidents": tuple(map(_told, story.incidents)),
        "pushes": by_quality(story.pushes, expect.pushes or ()),
        "tariffs": {name: _tariff(story, name) for name in expect.tariffs or ()},
        "firmware": {name: running(story, name) for name in expect.firmware or ()},
        "keys": {name: story.keys.get(name) for name in expect.keys or ()},
        "level": {name: _level(story, name) for name in expect.level or ()},
        "activities": _activities(story),
        "campaigns": story.campaigns,
    }
    for name, value in found.items():
        if name in told:
            expected = getattr(expect, name)
            yield Check(name, value == expected, value, expected)
    if expect.clocks is not None:
        off = clocks_off_s(story, expect.clocks)
        held = all(abs(off[name]) <= most for name, most in expect.clocks.items())
        yield Check("clocks", held, off, expect.clocks)
    if expect.attempts_min is not None:
        most = max((order.attempts for order in orders), default=0)
        yield Check("attempts_min", most >= expect.attempts_min, most, expect.attempts_min)
    if expect.done_within is not None:
        took_s = [_took_s(order) for order in orders if order.state is State.DONE]
        slowest, limit = max(took_s, default=None), seconds(expect.done_within)
        yield Check("done_within", slowest is not None and slowest <= limit, slowest, limit)
    for kind, within in (expect.done_within_by_kind or {}).items():
        ended_s = [_took_s(o) if o.state is State.DONE else None for o in orders if o.kind == kind]
        ok = bool(ended_s) and all(each is not None and each <= seconds(within) for each in ended_s)
        yield Check(f"done_within_by_kind {kind}", ok, ended_s, seconds(within))
    for name, quantile in (("latency_p50", 0.5), ("latency_p95", 0.95)):
        if (at_most := getattr(expect, name)) is not None:
            found_s, limit = _latency_s(orders, quantile), seconds(at_most)
            yield Check(name, found_s is not None and found_s <= limit, found_s, limit)
    if expect.alarm_p95 is not None:
        found_s, limit = alarm_s(story.pushes, 0.95), seconds(expect.alarm_p95)
        yield Check("alarm_p95", found_s is not None and found_s <= limit, found_s, limit)
    for by, least in (expect.completeness or {}).items():
        share = _share_received(story, seconds(by), seconds(expect.completeness_lag))
        yield Check(f"completeness by {by}", share >= least, round(share, 4), least)
    for name, (low, high) in (expect.availability or {}).items():
        heard = _heard(story, name)
        ok = heard is not None and low <= heard <= high
        yield Check(f"availability of {name}", ok, heard, (low, high))
    lost = sum(upload.dropped for upload in story.uploads)
    if expect.blocks_lost_min is not None:
        least = expect.blocks_lost_min
        yield Check("blocks_lost_min", lost >= least, lost, least)
    if expect.blocks_lost_max is not None:
        most = expect.blocks_lost_max
        yield Check("blocks_lost_max", lost <= most, lost, most)
    if expect.wrong_phase_records is not None:
        wrong, count = _wrong_phases(story), expect.wrong_phase_records
        yield Check("wrong_phase_records", wrong == count, wrong, count)
    if expect.energy_closes is not None:
        start = story.scenario.start_utc.timestamp()
        missing = energy_mismatch(story.world, start, start + story.simulated_s)
        closes = missing <= expect.energy_closes
        yield Check("energy_closes", closes, round(missing, 9), expect.energy_closes)
    for name, count in _counted(story).items():
        if (least := getattr(expect, name)) is not None:
            yield Check(name, count >= least, count, least)


def _activities(story: Story) -> dict[str, dict[str, int]]:
    """What concentrators were asked: by kind, how many are in which state."""
    found: dict[str, dict[str, int]] = {}
    for each in story.activities:
        states = found.setdefault(str(each.kind), {})
        states[str(each.state)] = states.get(str(each.state), 0) + 1
    return found


def _wrong_phases(story: Story) -> int:
    """How many meters hang on another phase than the registry says."""
    true = {
        meter.name: meter.place.phase.value
        for transformer in story.world.spec.transformers
        for meter in transformer.modules
    }
    return sum(true[known.name] != known.recorded_phase for known in story.registered)


def _counted(story: Story) -> dict[str, int]:
    """What the world's own log says of frames and links."""
    carried = [*story.world.log.of_kind("transfer")]
    return {
        "frames_lost_min": sum(fate != "delivered" for line in carried for fate in line["frames"]),
        "frames_by_radio_min": sum(len(line["frames"]) for line in carried if line["link"] == "rf"),
        "broadcasts_min": sum(1 for _ in story.world.log.of_kind("broadcast")),
        "link_changes_min": sum(1 for _ in story.world.log.of_kind("link")),
    }


def _level(story: Story, name: str) -> int:
    route = story.world.entry(name).leg.ways[0].route
    return 0 if route is None else len(route.hops)


def _by_reason(orders: list[Order]) -> dict[str, int]:
    return dict(Counter(str(o.reason) for o in orders if o.final and o.state is not State.DONE))


def _latency_s(orders: list[Order], quantile: float) -> float | None:
    """What so many of the orders that are done did not exceed; None where none is."""
    took_s = sorted(_took_s(order) for order in orders if order.state is State.DONE)
    return took_s[math.ceil(quantile * len(took_s)) - 1] if took_s else None


def _took_s(order: Order) -> float:
    assert order.ended_at is not None
    return (order.ended_at - order.accepted_at).total_seconds()


def _share_received(story: Story, by_s: float, lag_s: float) -> float:
    start = story.scenario.start_utc.timestamp()
    meters = collected_meters(story.scenario)
    period_s = story.world.meter(meters[0]).type.capture_period_s if meters else 900
    return share_received(
        story.pages,
        meters,
        since=start,
        until=start + by_s - lag_s,
        by=start + by_s,
        period_s=period_s,
    )


def _heard(story: Story, name: str) -> float | None:
    """The share of keep-alives heard of a meter, or of all of a concentrator's; None: no word."""
    meters = {meter: counts for each in story.heard.values() for meter, counts in each.items()}
    told = story.heard.get(name) or {name: meters.get(name, (0, 0))}
    asked = sum(asked for _, asked in told.values())
    return round(sum(heard for heard, _ in told.values()) / asked, 4) if asked else None


def _told(incident: Incident) -> str:
    """Such as "outage at concentrator C-001 of 24, ended"."""
    state = "ended" if incident.ended_at is not None else f"{incident.without} without"
    return f"{incident.kind} at {incident.place} of {incident.members}, {state}"


def _limit(story: Story, name: str) -> str:
    threshold = story.world.meter(name).limiter.threshold_normal
    return "none" if threshold == UNLIMITED else str(threshold)


def _supply(story: Story, name: str) -> str:
    return _STATES[int(story.world.meter(name).supply.state)]


def _load(story: Story, name: str) -> str:
    return "on" if load_relay(story.world.meter(name)).output_on else "off"


def _periods(story: Story, name: str) -> int:
    history = story.world.meter(name).history
    return sum(each.deed is Deed.PERIOD_ENDED for each in history)


def _tariff(story: Story, name: str) -> str:
    return story.world.meter(name).part(Tariffs).plan.calendar.name.decode("latin-1")


def clocks_off_s(story: Story, names: Iterable[str]) -> dict[str, float]:
    """By how much each meter's clock is ahead of the world at the end."""
    now = story.world.env.now
    return {name: round(story.world.meter(name).time(now) - now, 3) for name in names}


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
    for name, offenders in ALWAYS.items():
        found = [*offenders(story)]
        yield Check(name, not found, found)
