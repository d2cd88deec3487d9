"""Why a meter is not reading, in a sentence, in English and in Spanish."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from headend.domain.cause import STATES_ES, Cause
from headend.domain.order import State
from headend.domain.why import Verdict, Why

Language = Literal["en", "es"]

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Why is meter {} not reading?", "¿Por qué no lee el medidor {}?"),
    "because": ("What stands in the way", "Lo que lo impide"),
    "besides": ("Odd besides", "Además, extraño"),
    "nothing": ("Nothing that was heard stands against it.", "Nada de lo oído lo impide."),
    "days": ("The last days", "Los últimos días"),
    "orders": ("Last orders", "Últimas órdenes"),
    "events": ("Events of these days", "Eventos de estos días"),
    "evidence": ("evidence", "evidencia"),
    "next": ("next step", "próximo paso"),
    "none": ("none", "ninguno"),
    "values": ("values", "valores"),
    "link": ("link", "enlace"),
    "concentrator": ("concentrator", "concentrador"),
    "time": ("time", "hora"),
    "order": ("order", "orden"),
    "event": ("event", "evento"),
    "what": ("what", "qué"),
    "state": ("state", "estado"),
    "here": ("here", "están"),
    "part": ("in part", "en parte"),
    "missing": ("missing", "faltan"),
    "coming": ("not due yet, or not its time", "aún no corresponde"),
    "due": ("due", "esperados"),
    "meter": ("meter", "medidor"),
    "times": ("times of {}", "horas de {}"),
}


def word(key: str, language: Language) -> str:
    """A word of the page's own."""
    return WORDS[key][language == "es"]


def text_of(cause: Cause, language: Language) -> str:
    return cause.spanish.text if language == "es" else cause.text


def evidence_of(cause: Cause, language: Language) -> str:
    return cause.spanish.evidence if language == "es" else cause.evidence


def next_step_of(cause: Cause, language: Language) -> str:
    return cause.spanish.next_step if language == "es" else cause.next_step


def local(at: datetime, zone: ZoneInfo) -> str:
    """A time as people of the utility read it."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


_SAID: dict[str, tuple[str, str]] = {
    Verdict.READS: (
        (
            "Meter {name} is reading: all {ripe} intervals of the last {days} days that had 24"
            " hours to come are here."
        ),
        (
            "El medidor {name} lee: están los {ripe} intervalos de los últimos {days} días que"
            " tuvieron 24 horas para llegar."
        ),
    ),
    "new": (
        "Meter {name} is new: nothing has had 24 hours to come yet.",
        "El medidor {name} es nuevo: nada ha tenido aún 24 horas para llegar.",
    ),
    Verdict.GAPS: (
        (
            "Meter {name} is reading with gaps: of the last {days} days' {ripe} intervals that had"
            " 24 hours to come, {missing} are missing: {why}."
        ),
        (
            "El medidor {name} lee con vacíos: faltan {missing} de los {ripe} intervalos de los"
            " últimos {days} días que tuvieron 24 horas para llegar: {why}."
        ),
    ),
    Verdict.SILENT: (
        "Meter {name} has no values since {last}: {why}.",
        "El medidor {name} no tiene valores desde {last}: {why}.",
    ),
    "never": (
        "Meter {name} was never read, and {due} intervals are due: {why}.",
        "El medidor {name} nunca fue leído, y se esperan {due} intervalos: {why}.",
    ),
    Verdict.NOT_EXPECTED: (
        "Nothing is expected of meter {name}: {why}.",
        "Del medidor {name} no se espera nada: {why}.",
    ),
}


def sentence(why: Why, language: Language, zone: ZoneInfo) -> str:
    """The verdict: one sentence, with the likeliest cause where there is one."""
    key: str = why.verdict
    if why.verdict is Verdict.READS and not why.ripe:
        key = "new"
    if why.verdict is Verdict.SILENT and why.last_at is None:
        key = "never"
    return _SAID[key][language == "es"].format(
        name=why.meter.name,
        ripe=why.ripe,
        missing=why.missing,
        days=len(why.days),
        due=sum(day.due for day in why.days),
        last="" if why.last_at is None else local(why.last_at, zone),
        why=_because(why, language),
    )


def _because(why: Why, language: Language) -> str:
    if why.cause is not None:
        return text_of(why.cause, language).rstrip(".")
    if why.verdict is Verdict.NOT_EXPECTED:
        return (
            "no era nuestro para leer en estos días"
            if language == "es"
            else "it was not ours to read in these days"
        )
    if language == "es":
        return "nada de lo que se oyó dice por qué"
    return "nothing that was heard tells why"


def state_told(state: str, language: Language) -> str:
    """An order's state as people say it."""
    return STATES_ES[State(state)] if language == "es" else state
