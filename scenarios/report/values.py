"""What a run's report shows, as plain values; times are POSIX seconds.

Orders and profiles are what the head-end stored.  Faults and the fate of frames are the world's own
truth, which the head-end never sees: a report is for whoever wants to know why.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from devices.faults import Reboot
from devices.field_spec import TransformerSpec
from devices.meter_faults import Outage
from headend.domain.order import State
from scenarios.intervals_due import intervals_due
from scenarios.story import Story

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class OrderBar:
    """One order, from its acceptance to its end.  `ended` is None while it has none."""

    number: int
    meter: str
    kind: str
    accepted: float
    ended: float | None
    outcome: str  # "done", "open", or the reason
    attempts: int

    @property
    def took_s(self) -> float | None:
        return None if self.ended is None else self.ended - self.accepted


@dataclass(frozen=True, slots=True)
class FaultBar:
    """One fault of one device; `end` is None where it outlasts the run."""

    kind: str
    target: str
    start: float
    end: float | None

    @property
    def usual(self) -> bool:
        """Whether it is a meter that comes and goes as meters do, and none that the story tells."""
        return self.kind == Outage.__name__


@dataclass(frozen=True, slots=True)
class Module:
    """One meter on the map: where it is, and how its frames fared."""

    meter: str
    concentrator: str
    x_m: float
    y_m: float
    route: tuple[str, ...]  # the repeaters on the way to it; empty: direct
    registered: bool
    frames: int
    delivered: int

    @property
    def share(self) -> float | None:
        """Of its frames, how many were delivered; None where none was sent."""
        return self.delivered / self.frames if self.frames else None


@dataclass(frozen=True, slots=True)
class Share:
    """So much of what was due by then was stored by then."""

    at: float
    due: int
    stored: int


def orders_of(story: Story) -> list[OrderBar]:
    """The orders, as the head-end's store has them."""
    return [
        OrderBar(
            order.number,
            order.meter,
            str(order.kind),
            order.accepted_at.timestamp(),
            None if order.ended_at is None else order.ended_at.timestamp(),
            "done" if order.state is State.DONE else str(order.reason or "open"),
            order.attempts,
        )
        for order in (record.order for record in story.records)
    ]


def faults_of(story: Story) -> list[FaultBar]:
    """What was broken, where and when.  Faults of a kind on one device end in their order; a
    restart of which the story tells no end is a moment."""
    bars: list[FaultBar] = []
    begun: dict[tuple[str, str], list[int]] = {}
    for line in story.world.log.of_kind("fault", "fault-over"):
        key, at = (line["fault"], line["target"]), line["at"] / MICROSECONDS
        if line["kind"] == "fault":
            begun.setdefault(key, []).append(len(bars))
            bars.append(FaultBar(*key, at, None))
        elif waiting := begun.get(key):
            number = waiting.pop(0)
            bars[number] = FaultBar(*key, bars[number].start, at)
    return [
        replace(bar, end=bar.start) if bar.kind == Reboot.__name__ and bar.end is None else bar
        for bar in bars
    ]


def modules_of(story: Story) -> list[Module]:
    """Every meter that hangs on a concentrator.

    Streets go out from the transformer like the hands of a clock: where a place is off the street
    nobody knows, so the direction is the report's own.
    """
    sent: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    for line in story.world.log.of_kind("transfer"):
        sent[line["meter"]] += len(line["frames"])
        delivered[line["meter"]] += line["frames"].count("delivered")
    return [
        module
        for transformer in story.world.spec.transformers
        for module in _around(story, transformer, sent, delivered)
    ]


def _around(
    story: Story,
    transformer: TransformerSpec,
    sent: Mapping[str, int],
    delivered: Mapping[str, int],
) -> Iterator[Module]:
    beside: Counter[int] = Counter()
    streets = Counter(meter.place.nodes_passed for meter in transformer.modules)
    for meter in transformer.modules:
        nodes = meter.place.nodes_passed
        angle = 2 * math.pi * beside[nodes] / max(streets.values())
        beside[nodes] += 1
        leg = story.world.entry(meter.name).leg
        routes = list(leg.routes())
        yield Module(
            meter.name,
            transformer.concentrator,
            meter.place.distance_m * math.sin(angle),
            meter.place.distance_m * math.cos(angle),
            routes[0].via if routes else (),
            bool(routes),
            sent[meter.name],
            delivered[meter.name],
        )


def completeness_of(story: Story) -> list[Share]:
    """How much of the load profiles that were due had come, a point for each capture period; empty
    where none was collected.  An interval is due at its end."""
    due = [*intervals_due(story)]
    came = sorted(max(each.came, each.end) for each in due if each.came is not None)
    if not came:
        return []
    ends = [each.end for each in due]
    return [Share(at, bisect_right(ends, at), bisect_right(came, at)) for at in sorted({*ends})]
