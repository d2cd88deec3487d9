"""Somebody has seen an event or an incident, and looks after it."""

from __future__ import annotations

from datetime import datetime

from headend.access import lines
from headend.domain.account import Permission
from headend.domain.change import Change, ChangeKind
from headend.domain.event import Acknowledgement, Event, Subject
from headend.ports import Transaction

NOTE_MAX = 500  # characters


class NoSuchSubject(ValueError):
    """There is no event or incident of this number."""


def acknowledge(
    tx: Transaction,
    subject: Subject,
    number: int,
    *,
    at: datetime,
    who: str,
    note: str,
    source: str,
) -> Acknowledgement:
    """Acknowledge it; the acknowledgement that stands, which is the first one.

    That of an incident counts for its events as well: nobody acknowledges eighty.  Raises
    `NoSuchSubject`.
    """
    known = tx.event(number) if subject is Subject.EVENT else tx.incident(number)
    if known is None:
        raise NoSuchSubject(f"no {subject} {number} is known")
    wanted = Acknowledgement(subject, number, at, who, lines.clean(note)[:NOTE_MAX])
    if tx.acknowledge(wanted):
        what = f"{subject} {number}"
        tx.add_audit(
            lines.done(at, who, Permission.EVENT_ACKNOWLEDGE, what, wanted.note, source=source)
        )
        kind = ChangeKind.EVENT if isinstance(known, Event) else ChangeKind.INCIDENT
        device = known.device if isinstance(known, Event) else None
        tx.tell(Change(kind, "acknowledged", at, number, device, known.place))
        if subject is Subject.INCIDENT:
            for event in tx.events_of_incident(number):
                tx.acknowledge(
                    Acknowledgement(Subject.EVENT, event.number, at, who, f"with {what}")
                )
    stands = tx.acknowledgement(subject, number)
    assert stands is not None
    return stands
