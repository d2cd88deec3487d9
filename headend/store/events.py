"""The words for events, incidents, acknowledgements and status words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.event import (
    Acknowledgement,
    Event,
    Incident,
    IncidentKind,
    StatusWord,
    Subject,
)
from headend.store import event_schema as tables
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

EVENT = Form(Event, tables.events)
INCIDENT = Form(Incident, tables.incidents)
ACKNOWLEDGEMENT = Form(Acknowledgement, tables.acknowledgements)
STATUS_WORD = Form(StatusWord, tables.status_words)

_e, _i, _a, _w = (form.table.c for form in (EVENT, INCIDENT, ACKNOWLEDGEMENT, STATUS_WORD))
_DIALECTS = (sqlite, postgresql)
_NEW_EVENT = tuple(name for name in EVENT.names if name != "number")
_NEW_INCIDENT = tuple(name for name in INCIDENT.names if name != "number")

_BETWEEN = _e.at.between(bindparam("first"), bindparam("last"))
_EVENT = Prepared(EVENT.select().where(_e.number == bindparam("of_number")))
_ADD_EVENT = Prepared(insert(EVENT.table).returning(_e.number), _NEW_EVENT)
_SAVE_EVENT = Prepared(
    update(EVENT.table)
    .where(_e.number == bindparam("of_number"))
    .values(
        at=bindparam("to_at"), sources=bindparam("to_sources"), incident=bindparam("to_incident")
    )
)
_DROP_EVENT = Prepared(delete(EVENT.table).where(_e.number == bindparam("of_number")))
_NEAR = Prepared(
    EVENT.select()
    .where(_e.device == bindparam("of_device"), _e.name == bindparam("of_name"), _BETWEEN)
    .order_by(_e.at)
)
_AT_PLACE = Prepared(
    EVENT.select()
    .where(_e.place == bindparam("of_place"), _e.kind == bindparam("of_kind"), _BETWEEN)
    .order_by(_e.at, _e.number)
)
_OF_INCIDENT = Prepared(
    EVENT.select().where(_e.incident == bindparam("of_incident")).order_by(_e.at, _e.number)
)
_INCIDENT = Prepared(INCIDENT.select().where(_i.number == bindparam("of_number")))
_ADD_INCIDENT = Prepared(insert(INCIDENT.table).returning(_i.number), _NEW_INCIDENT)
_CHANGING = tuple(name for name in _NEW_INCIDENT if name not in ("kind", "place"))
_SAVE_INCIDENT = Prepared(
    update(INCIDENT.table)
    .where(_i.number == bindparam("of_number"))
    .values({name: bindparam(f"to_{name}") for name in _CHANGING})
)
_ACKNOWLEDGEMENT = Prepared(
    ACKNOWLEDGEMENT.select().where(
        _a.subject == bindparam("of_subject"), _a.number == bindparam("of_number")
    )
)
_ACKNOWLEDGE = {
    d.dialect.name: Prepared(
        d.insert(ACKNOWLEDGEMENT.table).on_conflict_do_nothing(), ACKNOWLEDGEMENT.names
    )
    for d in _DIALECTS
}
_ADD_WORD = {
    d.dialect.name: Prepared(
        d.insert(STATUS_WORD.table).on_conflict_do_nothing(), STATUS_WORD.names
    )
    for d in _DIALECTS
}
_OF_REGISTER = STATUS_WORD.select().where(
    _w.device == bindparam("of_device"), _w.name == bindparam("of_name")
)
_BEFORE = Prepared(_OF_REGISTER.where(_w.at < bindparam("of_at")).order_by(_w.at.desc()).limit(1))
_AFTER = Prepared(_OF_REGISTER.where(_w.at > bindparam("of_at")).order_by(_w.at).limit(1))


class EventWords(Words):
    """Events by number, by device and by place; incidents."""

    def event(self, number: int) -> Event | None:
        return self._one(EVENT, _EVENT, {"of_number": number})

    def add_event(self, event: Event) -> int:
        values = EVENT.values(event)
        del values["number"]
        number: int = self._value(_ADD_EVENT, values)
        return number

    def save_event(self, event: Event) -> None:
        self._change(
            _SAVE_EVENT,
            {
                "of_number": event.number,
                "to_at": event.at,
                "to_sources": event.sources,
                "to_incident": event.incident,
            },
        )

    def drop_event(self, number: int) -> None:
        self._change(_DROP_EVENT, {"of_number": number})

    def events_near(self, device: str, name: str, first: datetime, last: datetime) -> list[Event]:
        wanted = {"of_device": device, "of_name": name, "first": first, "last": last}
        return self._all(EVENT, _NEAR, wanted)

    def events_at(
        self, place: str, kind: IncidentKind, first: datetime, last: datetime
    ) -> list[Event]:
        wanted = {"of_place": place, "of_kind": kind, "first": first, "last": last}
        return self._all(EVENT, _AT_PLACE, wanted)

    def events_of_incident(self, number: int) -> list[Event]:
        return self._all(EVENT, _OF_INCIDENT, {"of_incident": number})

    def incident(self, number: int) -> Incident | None:
        return self._one(INCIDENT, _INCIDENT, {"of_number": number})

    def add_incident(self, incident: Incident) -> int:
        values = INCIDENT.values(incident)
        del values["number"]
        number: int = self._value(_ADD_INCIDENT, values)
        return number

    def save_incident(self, incident: Incident) -> None:
        values = INCIDENT.values(incident)
        changed = {f"to_{name}": values[name] for name in _CHANGING}
        self._change(_SAVE_INCIDENT, {"of_number": incident.number, **changed})

    def acknowledgement(self, subject: Subject, number: int) -> Acknowledgement | None:
        wanted = {"of_subject": subject, "of_number": number}
        return self._one(ACKNOWLEDGEMENT, _ACKNOWLEDGEMENT, wanted)

    def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        values = ACKNOWLEDGEMENT.values(acknowledgement)
        return bool(self._change(_ACKNOWLEDGE[self._connection.dialect.name], values))

    def add_status_word(self, word: StatusWord) -> bool:
        values = STATUS_WORD.values(word)
        return bool(self._change(_ADD_WORD[self._connection.dialect.name], values))

    def status_word_before(self, word: StatusWord) -> StatusWord | None:
        return self._one(STATUS_WORD, _BEFORE, _place_of(word))

    def status_word_after(self, word: StatusWord) -> StatusWord | None:
        return self._one(STATUS_WORD, _AFTER, _place_of(word))


def _place_of(word: StatusWord) -> dict[str, object]:
    return {"of_device": word.device, "of_name": word.name, "of_at": word.at}
