"""What a notice says, for people, in Spanish and English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from headend.domain.event import IncidentKind, Severity
from headend.notify.message import Said

Language = Literal["es", "en"]
SUBJECT_MAX = 150  # characters
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

_SEVERITY: dict[Language, dict[Severity, str]] = {
    "en": {each: each.value for each in Severity},
    "es": dict(zip(Severity, ("informativa", "aviso", "mayor", "crítica"), strict=True)),
}
_KIND: dict[Language, dict[str, str]] = {
    "en": {IncidentKind.OUTAGE: "outage", IncidentKind.PHASE_LOSS: "phase loss"},
    "es": {IncidentKind.OUTAGE: "corte de suministro", IncidentKind.PHASE_LOSS: "falta de fase"},
}
_PLACE = {"transformer": "transformador", "concentrator": "concentrador"}
_STEP: dict[Language, dict[str, str]] = {
    "en": {"again": "not acknowledged: ", "over": "over: ", "new": ""},
    "es": {"again": "sin reconocer: ", "over": "terminado: ", "new": ""},
}


@dataclass(frozen=True, slots=True)
class Text:
    """A subject of one line, and lines."""

    subject: str
    body: str


def text_of(one: Said, language: Language, zone: ZoneInfo) -> Text:
    """A notice in words; times by the utility's clocks."""
    if one.type == "test":
        return _test(one, language, zone)
    step = _STEP[language].get(one.type.partition(".")[2], "")
    what, lines = _event(one, language, zone) if one.event else _incident(one, language, zone)
    severity = _SEVERITY[language][one.severity]
    rule = "rule" if language == "en" else "regla"
    seen = "acknowledge" if language == "en" else "reconocer"
    subject = f"[AMI {severity}] {step}{what}"
    lines += [f"{rule}: {one.rule}", "", f"{seen}: ami {_subject(one)} ack {_number(one)}"]
    return Text(in_a_line(subject), "\n".join(map(in_a_line, lines)) + "\n")


def in_a_line(text: str) -> str:
    """Without control characters, line ends and marks that turn the direction of writing: names
    that a meter or its maker gave must not make headers."""
    return _UNPRINTABLE.sub("�", text)[:SUBJECT_MAX]


def _event(one: Said, language: Language, zone: ZoneInfo) -> tuple[str, list[str]]:
    event = one.event
    assert event is not None
    words = event.text if language == "en" else event.texto
    at = _clock(event.at, zone)
    lines = [f"{words} ({event.name})", f"{event.device}, {at}"]
    if event.place is not None:
        lines.append(_place(event.place, language))
    return f"{event.device}: {words}", lines


def _incident(one: Said, language: Language, zone: ZoneInfo) -> tuple[str, list[str]]:
    incident = one.incident
    assert incident is not None
    kind = _KIND[language].get(incident.kind, incident.kind)
    place, count = _place(incident.place, language), incident.members
    meters = f"{count} meters" if language == "en" else f"{count} medidores"
    without, began, ended = (
        ("without", "began", "ended") if language == "en" else ("afectados", "inicio", "fin")
    )
    lines = [f"{kind}, {place}", f"{meters}, {without}: {incident.without}"]
    lines.append(f"{began}: {_clock(incident.began_at, zone)}")
    if incident.ended_at is not None:
        lines.append(f"{ended}: {_clock(incident.ended_at, zone)}")
    return f"{kind}, {place}, {meters}", lines


def _test(one: Said, language: Language, zone: ZoneInfo) -> Text:
    at = _clock(one.timestamp, zone)
    if language == "en":
        return Text("[AMI test] this channel works", f"A test of this channel, {at}.\n")
    return Text("[AMI prueba] este canal funciona", f"Prueba de este canal, {at}.\n")


def _place(place: str, language: Language) -> str:
    kind, _, name = place.partition(" ")
    return f"{_PLACE.get(kind, kind)} {name}" if language == "es" else place


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _subject(one: Said) -> str:
    return "event" if one.event is not None else "incident"


def _number(one: Said) -> int:
    of = one.event or one.incident
    return 0 if of is None else of.number
