"""What a notice says, for programs: one JSON object, the same on MQTT and by webhook.

`ami notify schema` prints its JSON schema.  Receivers know a second copy by `id`, and ignore what
they do not know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from headend.domain.event import Event, Incident, Severity, Source, Subject
from headend.domain.event_table import of_name
from headend.domain.notice import Notice, NoticeStep


class EventSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a device noticed."""

    number: int
    device: str
    name: str
    text: str
    texto: str
    code: int | None
    at: datetime
    received_at: datetime
    sources: tuple[Source, ...]
    place: str | None


class IncidentSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What many meters lost at once."""

    number: int
    kind: str
    place: str
    began_at: datetime
    ended_at: datetime | None
    members: int
    without: int


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One notice.  `type` is SUBJECT.STEP: incident.new, incident.again, incident.over, event.new,
    event.again; or test."""

    id: str
    type: str
    timestamp: datetime
    rule: str
    severity: Severity
    round: int
    event: EventSaid | None = None
    incident: IncidentSaid | None = None


def said(notice: Notice, of: Event | Incident | None) -> Said:
    """What a notice says of an event or incident; of nothing, where it is a test."""
    kind = "test" if notice.subject is None else f"{notice.subject}.{notice.step}"
    return Said(
        id=notice.id,
        type=kind,
        timestamp=notice.made_at,
        rule=notice.rule,
        severity=notice.severity,
        round=notice.round,
        event=_event(of) if isinstance(of, Event) else None,
        incident=_incident(of) if isinstance(of, Incident) else None,
    )


def encode(one: Said) -> bytes:
    """As it leaves."""
    return msgspec.json.encode(one)


def schema() -> dict[str, Any]:
    """The JSON schema of a notice."""
    return msgspec.json.schema(Said)


def topic_of(root: str, notice: Notice) -> str:
    """Where a notice stands on MQTT: by severity and subject, so that a reader can choose."""
    what = notice.step if notice.step is NoticeStep.TEST else notice.subject or Subject.EVENT
    return f"{root}/{notice.severity}/{what}"


def _event(one: Event) -> EventSaid:
    kind = of_name(one.name)
    return EventSaid(
        number=one.number,
        device=one.device,
        name=one.name,
        text=kind.text(),
        texto=kind.text("es"),
        code=one.code,
        at=one.at,
        received_at=one.received_at,
        sources=one.sources,
        place=one.place,
    )


def _incident(one: Incident) -> IncidentSaid:
    return IncidentSaid(
        number=one.number,
        kind=one.kind,
        place=one.place,
        began_at=one.began_at,
        ended_at=one.ended_at,
        members=one.members,
        without=one.without,
    )
