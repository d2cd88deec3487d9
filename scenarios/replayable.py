"""A scenario made of what a head-end's database holds.

Known are the registry, the orders and their times.  The faults, the policy where no configuration
is given, and everything about the channel are inferred or assumed, and said to be.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from headend.config import Config, OrderPolicy
from headend.domain.meter import GATEWAY
from headend.domain.order import Kind, Order, State
from headend.domain.reason import REASONS
from headend.orders.conclusion import REST_DRAWN
from scenarios import recast
from scenarios.cuts import Values, spelled
from scenarios.inferred import NOTICED_MIN_S, Inferred, faults, noticed_s, silences_s, since
from scenarios.parts import BadScenario
from scenarios.recast import Cast, cast
from scenarios.recorded import Recorded
from scenarios.restarts import CRASH, crashes, unclear
from scenarios.schema import POLICIES, built
from scenarios.toml_text import written

BEFORE = timedelta(minutes=1)
"""The field has come up before the first order comes, or the first fault."""
AFTER = timedelta(minutes=10)
RADIO = "868-50k"
USUALLY_NOTICED_S = 45.0
"""A broker that gives a concentrator up sooner than this heard its connection break."""
USUAL_SILENCE_S = 30.0
"""A simulated concentrator as it comes tries a silent meter for so long at least."""


class NothingToReplay(ValueError):
    """The database holds no order that a scenario could tell."""


@dataclass(frozen=True, slots=True)
class Replayable:
    """A scenario's values, and what in them is inferred."""

    values: Values
    cast: Cast
    orders: tuple[Order, ...]
    faults: tuple[Inferred, ...]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The scenario's file; comments say what is inferred.  It names simulated devices only."""
        head = ["# Made of a head-end's database.  Each [[fault]] and [[event]] is inferred:"]
        head += [f"#   {_name(self.cast, f)} {f.kind}: {f.why}" for f in self.faults] or ["#   -"]
        head += [f"# {note}" for note in self.notes]
        clean = (line.translate(dict.fromkeys((*range(32), 127), " ")) for line in head)
        return "\n".join(clean) + "\n\n" + written(self.values)


def replayable(
    recorded: Recorded,
    *,
    config: Config | None = None,
    timezone: str | None = None,
    seed: int = 1,
) -> Replayable:
    """The scenario of what is recorded.  `config` is the head-end's own; without it, what orders
    show of its policy is taken.  Raises `NothingToReplay`, `BadScenario`."""
    orders = [order for order in recorded.orders if recast.replayed(order)]
    told = [order for order in orders if order.restores is None]
    if not told:
        raise NothingToReplay("the database holds no orders that could be replayed")
    places = cast(recorded)
    devices = {**places.meters, **places.concentrators}
    found = [fault for fault in faults(recorded) if fault.target in devices]
    away = [*crashes(recorded)]
    zone = _zone(timezone or (config.orders if config else OrderPolicy()).zone)
    start = _start(told, [*found, *away], zone)
    policies, notes = _policies(told, recorded, config)
    deadline_s = policies.get("orders", {}).get("deadline_s", OrderPolicy().deadline_s)
    ordered, reads, left_out = recast.orders(recorded, places, start, deadline_s)
    end = max(_last(order) for order in told) + AFTER
    found = [fault for fault in found if fault.at < end]
    away = [crash for crash in away if start < crash.at < end]
    values: Values = {
        "about": f"Replay of {len(told)} orders from {told[0].accepted_at:%Y-%m-%d %H:%M} UTC on.",
        "seed": seed,
        "start": start.astimezone(zone).replace(tzinfo=None),
        "timezone": zone.key,
        "duration": since(end, start),
        "field": _field(recorded, places),
        "head_end": policies,
        "expect": _expected(orders),
        "meter": recast.meters(recorded, places),
        "fault": [fault.values(_name(places, fault), start) for fault in found],
        "event": [_event(crash, start) for crash in away],
        "order": ordered,
        "read": reads,
    }
    values = {name: value for name, value in values.items() if value not in ([], {})}
    values.setdefault("expect", {})
    built(values)
    inferred = sorted([*found, *away], key=lambda each: each.at)
    left_out += unclear(recorded)
    return Replayable(values, places, tuple(orders), tuple(inferred), (*notes, *left_out))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadScenario(f"{name!r} is no time zone; take one like America/Santiago") from error


def _start(orders: Sequence[Order], found: Iterable[Inferred], zone: ZoneInfo) -> datetime:
    first = min(max(order.accepted_at, order.ready_at) for order in orders)
    begun = min((fault.at for fault in found), default=first)
    # A log may tell of what was long before the first order.
    begun = max(begun, first - timedelta(hours=1))
    return (min(first, begun) - BEFORE).astimezone(zone).replace(second=0, microsecond=0)


def _event(crash: Inferred, start: datetime) -> Values:
    assert crash.until is not None, "a start ends it"
    down = spelled(round((crash.until - crash.at).total_seconds(), 3))
    return {"at": since(crash.at, start), "do": CRASH, "down": down}


def _last(order: Order) -> datetime:
    """When nothing more can become of an order, under any policy that keeps its deadline."""
    return max(order.deadline, order.ended_at or order.accepted_at)


def _field(recorded: Recorded, places: Cast) -> Values:
    told: Values = {
        "meters": places.total,
        "concentrators": max(1, len(places.concentrators)),
        "outages": "none",  # whatever came and went is among the faults
    }
    if not places.grid:
        told["grid"] = False  # no head meter is recorded, and nothing tells which cables there are
    if any(meter.address == GATEWAY for meter in recorded.meters):
        told["mode"] = "gateway"
    silences = [*silences_s(recorded)]
    if silences and max(silences) < USUAL_SILENCE_S:
        told["patience"] = spelled(round(max(silences), 3))
    noticed = [*noticed_s(recorded)]
    if noticed and min(noticed) < USUALLY_NOTICED_S:
        told["noticed_after"] = spelled(round(max(min(noticed), NOTICED_MIN_S), 3))
    results = (tried.result for tries in recorded.tries.values() for tried in tries)
    if any(frame.link == "rf" for result in results if result for frame in result.frames):
        told["radio"] = RADIO
    return told


def _policies(
    orders: Sequence[Order], recorded: Recorded, config: Config | None
) -> tuple[dict[str, Values], list[str]]:
    """The recorded policy, as far as it differs from the usual one."""
    if config is not None:
        given = {name: getattr(config, name) for name in POLICIES if hasattr(config, name)}
        return {name: told for name, policy in given.items() if (told := _unusual(policy))}, []
    usual, found = OrderPolicy(), {}
    deadlines = Counter(
        (order.deadline - order.ready_at).total_seconds()
        for order in orders
        if order.kind is not Kind.READ and order.until is None
    )
    if deadlines:
        found["deadline_s"] = deadlines.most_common(1)[0][0]
    windows = Counter(
        round((order.not_after - tried.attempt.started_at).total_seconds(), 3)
        for order in orders
        if order.not_after is not None and order.not_after < order.deadline
        for tried in recorded.tries[order.number]
        if tried.attempt.number == order.commanded
    )
    if windows:
        found["attempt_window_s"] = windows.most_common(1)[0][0]
    exhausted = [order.tries for order in orders if _gave_up(order)]
    if exhausted or (
        usual.tries_max is not None and any(order.tries > usual.tries_max for order in orders)
    ):
        found["tries_max"] = max(order.tries for order in orders)
    rests = [
        (after.attempt.started_at - before.attempt.ended_at).total_seconds()
        for order in orders
        for before, after in itertools.pairwise(recorded.tries[order.number])
        if before.attempt.number == 1 and before.attempt.ended_at is not None
    ]
    if rests and min(rests) < usual.backoff_first_s / 2:
        # Of the policies that explain it the shortest: what was over before a fault came then, is
        # over before it when played.
        found["backoff_first_s"] = round(max(min(rests) / REST_DRAWN[1], 0.1), 3)
    told = {key: value for key, value in found.items() if value != getattr(usual, key)}
    note = "of the policy only deadline, window, tries and first rest show in orders: --config FILE"
    return ({"orders": told} if told else {}), [note]


def _gave_up(order: Order) -> bool:
    """Whether an order ended because its tries were used up, and not its time."""
    if order.state is not State.FAILED or order.reason is None or order.ended_at is None:
        return False
    return REASONS[order.reason].retry and order.tries > 0 and order.ended_at < order.deadline


def _unusual(policy: Any) -> Values:
    """A policy's settings that are not as when left out, but for files, tasks, activities."""
    usual = msgspec.to_builtins(type(policy)())
    told = msgspec.to_builtins(policy)
    skipped = {"task", "activity", "models", "read", "reply_addresses", "listen_port", "zone"}
    return {k: v for k, v in told.items() if v != usual[k] and k not in skipped and v is not None}


def outcome(order: Order) -> str:
    """How an order ended: "done", its reason, or the state it was left in."""
    return "done" if order.state is State.DONE else str(order.reason or order.state)


def _expected(orders: Sequence[Order]) -> Values:
    missed = Counter(outcome(order) for order in orders if _missed(order))
    told: Values = {"done": sum(order.state is State.DONE for order in orders)}
    return told | ({"failed": dict(sorted(missed.items()))} if missed else {})


def _missed(order: Order) -> bool:
    return order.final and order.state is not State.DONE and order.reason is not None


def _name(cast: Cast, fault: Inferred) -> str:
    return cast.meters.get(fault.target) or cast.concentrators.get(fault.target, fault.target)
