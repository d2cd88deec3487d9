"""Incidents in the store: after each change, what `correlate` says of the place is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.config import EventPolicy
from headend.domain.change import Change, ChangeKind
from headend.domain.event import Event, Incident, IncidentKind
from headend.domain.place import PlaceKind
from headend.events.correlate import Grouped, grouped
from headend.ports import Transaction


def place_of(tx: Transaction, device: str) -> str | None:
    """The transformer under which a meter hangs, as the registry knows it; else its concentrator;
    None where neither is known."""
    hung = next((each for each in tx.installations_of(device) if each.until is None), None)
    code = None if hung is None else hung.service_point
    for _ in PlaceKind:
        place = None if code is None else tx.place(code)
        if place is None:
            break
        if place.kind is PlaceKind.TRANSFORMER:
            return f"transformer {place.code}"
        code = place.parent
    meter = tx.meter(device)
    if meter is None or meter.concentrator is None:
        return None
    return f"concentrator {meter.concentrator}"


def correlate(
    tx: Transaction, changed: Iterable[Event], policy: EventPolicy, now: datetime
) -> None:
    """Bring the incidents of these events' places up to date."""
    reach = timedelta(seconds=policy.reach_s)
    touched: dict[tuple[str, IncidentKind], set[int]] = defaultdict(set)
    stretches: dict[tuple[str, IncidentKind], tuple[datetime, datetime]] = {}
    for event in changed:
        if event.place is None or event.kind is None:
            continue
        key = event.place, event.kind
        if event.incident is not None:
            touched[key].add(event.incident)
        first, last = stretches.get(key, (event.at, event.at))
        stretches[key] = min(first, event.at), max(last, event.at)
    for (place, kind), (first, last) in sorted(stretches.items()):
        events = {
            each.number: each for each in tx.events_at(place, kind, first - reach, last + reach)
        }
        known = {each.incident for each in events.values() if each.incident is not None}
        known |= touched[place, kind]
        for number in sorted(known):
            events |= {each.number: each for each in tx.events_of_incident(number)}
        _Keeping(tx, place, kind, now).keep(
            list(events.values()),
            known,
            grouped(
                events.values(),
                window=timedelta(seconds=policy.window_s),
                members_min=policy.members_min,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Keeping:
    tx: Transaction
    place: str
    kind: IncidentKind
    now: datetime

    def keep(self, events: list[Event], before: set[int], groups: list[Grouped]) -> None:
        """An incident keeps its number as long as one of its events is left to it; of two that turn
        out to be one, the older number stands."""
        taken: set[int] = set()
        home: dict[int, int] = {}  # of an event: its incident
        for group in groups:
            held = {each.incident for each in group.events if each.incident is not None}
            number = min(held - taken, default=None)
            number = self._renewed(number, group) if number is not None else self._new(group)
            taken.add(number)
            home |= {each.number: number for each in group.events}
        for gone in sorted(before - taken):
            self._end(
                gone, {home[e.number] for e in events if e.incident == gone and e.number in home}
            )
        for event in events:
            if event.incident != home.get(event.number):
                self.tx.save_event(replace(event, incident=home.get(event.number)))

    def _new(self, group: Grouped) -> int:
        began = self._told(group, 0)
        began = replace(began, number=self.tx.add_incident(began))
        self._tell(began, "began")
        if began.ended_at is not None:
            self._tell(began, "ended")
        return began.number

    def _renewed(self, number: int, group: Grouped) -> int:
        stored, told = self.tx.incident(number), self._told(group, number)
        if stored is None or replace(stored, updated_at=self.now) != told:
            self.tx.save_incident(told)
            self._tell(told, _step(stored, told))
        return number

    def _told(self, group: Grouped, number: int) -> Incident:
        return Incident(
            self.kind,
            self.place,
            began_at=group.began_at,
            updated_at=self.now,
            ended_at=group.ended_at,
            members=len(group.members),
            without=len(group.without),
            number=number,
        )

    def _end(self, number: int, homes: set[int]) -> None:
        """No event is left to an incident: they are all of another one, or of none."""
        stored = self.tx.incident(number)
        if stored is not None:
            gone = replace(
                stored,
                updated_at=self.now,
                ended_at=stored.ended_at or self.now,
                members=0,
                without=0,
                merged_into=min(homes, default=None),
            )
            self.tx.save_incident(gone)
            self._tell(gone, "merged")

    def _tell(self, incident: Incident, what: str) -> None:
        place, number = incident.place, incident.number
        self.tx.tell(Change(ChangeKind.INCIDENT, what, self.now, number, place=place))


def _step(before: Incident | None, now: Incident) -> str:
    """What has become of an incident."""
    was = None if before is None else before.ended_at
    if was is None and now.ended_at is not None:
        return "ended"
    return "again" if was is not None and now.ended_at is None else "changed"
