"""In which places something happened, for rules that name some."""

from __future__ import annotations

from headend.domain.event import Event, Incident
from headend.domain.place import PlaceKind
from headend.ports import Transaction


def codes_of(tx: Transaction, of: Event | Incident) -> frozenset[str]:
    """The codes of a meter's places as it hangs now; of an incident's transformer, or where it is a
    concentrator's, of its meters."""
    if isinstance(of, Event):
        return _of_meter(tx, of.device)
    kind, _, code = of.place.partition(" ")
    if kind == PlaceKind.TRANSFORMER:
        return above(tx, code)
    devices = sorted({event.device for event in tx.events_of_incident(of.number)})
    return frozenset().union(*(_of_meter(tx, device) for device in devices))


def above(tx: Transaction, code: str | None) -> frozenset[str]:
    """A place's code, and those of all that it lies in."""
    found: list[str] = []
    while code is not None and code not in found:
        found.append(code)
        place = tx.place(code)
        code = None if place is None else place.parent
    return frozenset(found)


def _of_meter(tx: Transaction, device: str) -> frozenset[str]:
    hung = next((each for each in tx.installations_of(device) if each.until is None), None)
    return frozenset() if hung is None else above(tx, hung.service_point)
