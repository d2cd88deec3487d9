"""Events of devices in CIM's words: EndDeviceEvents, with types of the message's own where the
standard's code is not known.

`EndDeviceEventType/@ref` is a code of IEC 61968-9, annex E, where `event_table` has one.  Any other
event refers to its word (`terminal-cover-removed`), and the message defines it: EndDeviceEventType
with that mRID, and a Name whose NameType says whose word it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from headend.domain.event import Event, Severity
from headend.domain.event_table import BY_NAME, of_name
from headend.soap.door.admission import OUR_NAME
from protocols.cim.control_types import canonical
from protocols.cim.records import end_device_events_auto as r
from protocols.cim.records.parts_auto import EndDeviceEventDetail, Name, NameType

EVENTS_MAX = 1_000
"""Of one page: half a megabyte."""


def code_of(event: Event) -> str:
    """What an event's type is called."""
    return of_name(event.name).cim or event.name


def names_of(codes: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The events that some types mean, by our word, and those types that mean none we have."""
    names: set[str] = set()
    unknown: list[str] = []
    for text in codes:
        code = canonical(text) or text.strip().lower()
        found = {each.name for each in BY_NAME.values() if each.cim and each.cim == code}
        if code in BY_NAME or code.startswith("code-"):
            found.add(code)
        names |= found
        if not found:
            unknown.append(text)
    return frozenset(names), tuple(unknown)


def record(events: Iterable[Event]) -> r.EndDeviceEvents:
    """The message's content."""
    told = tuple(events)
    own = {e.name: e for e in told if not of_name(e.name).cim}
    return r.EndDeviceEvents(
        end_device_event=tuple(map(_event, told)),
        end_device_event_type=tuple(_type(name) for name in sorted(own)),
    )


def _event(event: Event) -> r.EndDeviceEvent:
    details = {
        "event": event.name,
        "code": None if event.code is None else str(event.code),
        "sources": ",".join(event.sources),
        "receivedDateTime": event.received_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "place": event.place,
        "incident": None if event.incident is None else str(event.incident),
    }
    return r.EndDeviceEvent(
        mrid=str(event.number),
        created_date_time=event.at,
        issuer_id=OUR_NAME,
        issuer_tracking_id=str(event.number),
        reason=of_name(event.name).text("es"),
        severity=str(event.severity),
        assets=r.Asset(names=(Name(name=event.device),)),
        end_device_event_details=tuple(
            EndDeviceEventDetail(name=name, value=value)
            for name, value in details.items()
            if value is not None
        ),
        end_device_event_type=code_of(event),
    )


def _type(name: str) -> r.EndDeviceEventType:
    return r.EndDeviceEventType(
        mrid=name, names=(Name(name=name, name_type=NameType(name=f"{OUR_NAME} event")),)
    )


def severe(event: Event, at_least: Severity | None) -> bool:
    """Whether an event is so bad, or worse."""
    return at_least is None or event.severity in at_least.and_above
