"""Which losses and restorations of one place are one incident.

A pure function of a set of events, whatever order they came in: two events are of one incident
where they lie within the window of each other, or where the one is the restoration of the other's
loss; and so is whatever such steps join.  So an incident grows by further losses, ends by the
restorations, and opens again by a loss soon after one of its events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headend.domain.event import Event, Source
from headend.domain.event_table import PARTS


@dataclass(frozen=True, slots=True)
class Grouped:
    """The events of one incident, in order of time."""

    events: tuple[Event, ...]
    began_at: datetime  # the first loss
    ended_at: datetime | None  # the last restoration, None while a member is without
    members: frozenset[str]
    without: frozenset[str]


def grouped(events: Iterable[Event], *, window: timedelta, members_min: int) -> list[Grouped]:
    """The incidents of events of one place and one kind, the first one first.

    Events of fewer than `members_min` meters are nobody's incident, and stay by themselves.
    """
    ordered = _in_order(list(events), window)
    found = (_group([ordered[place] for place in part]) for part in _parts(ordered, window))
    return [each for each in found if each is not None and len(each.members) >= members_min]


def _in_order(events: Sequence[Event], window: timedelta) -> list[Event]:
    """By time; of one moment a loss first, because a log's clock tells no parts of a second.

    A loss that only a status word told lies somewhere before.  A meter that has its supply to tell
    of it has told of the restoration, too: the loss is put before that.
    """
    back: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for event in events:
        part = PARTS[event.name]
        if not part.loss:
            back[event.device, part.what].append(event.at)

    def order(event: Event) -> tuple[datetime, bool, str, str, int]:
        part, at = PARTS[event.name], event.at
        if part.loss and event.sources == (Source.STATUS_WORD,):
            told = back[event.device, part.what]
            at = max((each for each in told if at - window <= each <= at), default=at)
        return at, not part.loss, event.device, event.name, event.number

    return sorted(events, key=order)


def _parts(ordered: Sequence[Event], window: timedelta) -> Iterator[list[int]]:
    """Places of events that belong together."""
    parent = list(range(len(ordered)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    open_losses: dict[tuple[str, str], int] = {}
    for place, event in enumerate(ordered):
        if place and abs(event.at - ordered[place - 1].at) <= window:
            parent[root(place)] = root(place - 1)
        part = PARTS[event.name]
        if part.loss:
            open_losses[event.device, part.what] = place
        elif (lost := open_losses.pop((event.device, part.what), None)) is not None:
            parent[root(place)] = root(lost)
    parts: dict[int, list[int]] = defaultdict(list)
    for place in range(len(ordered)):
        parts[root(place)].append(place)
    return iter(sorted(parts.values()))


def _group(events: list[Event]) -> Grouped | None:
    """None where nothing was lost: meters that only say that they are back."""
    losses = [event for event in events if PARTS[event.name].loss]
    if not losses:
        return None
    out: set[tuple[str, str]] = set()
    ended_at = None
    for event in events:
        part = PARTS[event.name]
        if part.loss:
            out.add((event.device, part.what))
        elif (event.device, part.what) in out:
            out.discard((event.device, part.what))
            ended_at = event.at
    return Grouped(
        tuple(events),
        losses[0].at,
        None if out else ended_at,
        frozenset(event.device for event in losses),
        frozenset(device for device, _ in out),
    )
