"""Which rule is for what, and when it may be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from headend.config.notify import PLACE, NotifyRule, Quiet
from headend.domain import event_table
from headend.domain.event import Event, Incident, IncidentKind, Severity, Subject

INCIDENT_SEVERITY: dict[IncidentKind, Severity] = {
    kind: max(
        (
            event_table.of_name(name).severity
            for name, part in event_table.PARTS.items()
            if part.kind is kind and part.loss
        ),
        key=lambda severity: list(Severity).index(severity),
    )
    for kind in IncidentKind
}
"""An incident is as bad as the loss that makes it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What rules look at: an event or an incident, and the codes of the places that it is in.

    `codes` is asked only where a rule names places.
    """

    of: Event | Incident
    codes: Callable[[], frozenset[str]]

    @property
    def subject(self) -> Subject:
        return Subject.EVENT if isinstance(self.of, Event) else Subject.INCIDENT

    @property
    def severity(self) -> Severity:
        return severity_of(self.of)


def severity_of(one: Event | Incident) -> Severity:
    """How bad it is."""
    return one.severity if isinstance(one, Event) else INCIDENT_SEVERITY[one.kind]


def concerns(rule: NotifyRule, happening: Happening) -> bool:
    """Whether a rule is for this."""
    if happening.subject not in rule.subjects:
        return False
    if happening.severity not in rule.severity.and_above:
        return False
    of = happening.of
    if isinstance(of, Event):
        if rule.names and of.name not in rule.names:
            return False
    elif rule.kinds and of.kind not in rule.kinds:
        return False
    return not rule.places or bool(codes_of(rule) & happening.codes())


def codes_of(rule: NotifyRule) -> frozenset[str]:
    """The codes of the places that a rule names."""
    found = (PLACE.fullmatch(place) for place in rule.places)
    return frozenset(match[2] for match in found if match is not None)


def loudest(quiet: Quiet | None, severity: Severity, at: datetime, zone: ZoneInfo) -> datetime:
    """The earliest time, from `at` on, at which somebody may be told."""
    if quiet is None or (severity in quiet.below.and_above and not quiet.all):
        return at
    begin, end = time.fromisoformat(quiet.begin), time.fromisoformat(quiet.end)
    local = at.astimezone(zone)
    now = local.time().replace(tzinfo=None)
    inside = begin <= now < end if begin <= end else now >= begin or now < end
    if not inside:
        return at
    day = local.date() if now < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(at.tzinfo)
