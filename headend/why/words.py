"""Why a meter is not reading, in a sentence, in English and in Spanish."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
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


def text_of(cause: Cause, language: Language, zone: ZoneInfo) -> str:
    return _in_zone(cause.spanish.text if language == "es" else cause.text, cause, zone)


def evidence_of(cause: Cause, language: Language, zone: ZoneInfo) -> str:
    return _in_zone(cause.spanish.evidence if language == "es" else cause.evidence, cause, zone)


def next_step_of(cause: Cause, language: Language, zone: ZoneInfo) -> str:
    return _in_zone(cause.spanish.next_step if language == "es" else cause.next_step, cause, zone)


def local(at: datetime, zone: ZoneInfo) -> str:
    """A time as people of the utility read it, and by which clock: 2026-07-06 12:00-04:00."""
    return at.astimezone(zone).isoformat(" ", "minutes")


_UTC = re.compile(r"\b(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?Z\b")


def _in_zone(text: str, cause: Cause, zone: ZoneInfo) -> str:
    """A text with its times of UTC told by the utility's clock, as all others are.  One without a
    day is the nearest such time to the cause's own."""

    def told(found: re.Match[str]) -> str:
        day, hour, minute, second = found.groups()
        near = cause.at
        if day is None and near is None:
            return found[0]
        on = date.fromisoformat(day) if day or near is None else near.astimezone(UTC).date()
        try:
            at = datetime.combine(on, time(int(hour), int(minute), int(second or 0)), UTC)
        except ValueError:  # no time of day, whatever a device meant by it
            return found[0]
        if day is None and near is not None:
            days = (timedelta(days=shift) for shift in (-1, 0, 1))
            at = min((at + shift for shift in days), key=lambda each: abs(each - near))
        return at.astimezone(zone).isoformat(" ", "seconds" if second else "minutes")

    return _UTC.sub(told, text)


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


_TO_COME = {
    "first": (
        "its first interval ends at {first}",
        "su primer intervalo termina a las {first}",
    ),
    "since": (
        "it is ours to read since {since}, and its first interval ends at {first}",
        "lo leemos desde {since}, y su primer intervalo termina a las {first}",
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
        why=_because(why, language, zone),
    )


def _because(why: Why, language: Language, zone: ZoneInfo) -> str:
    if why.cause is not None:
        return text_of(why.cause, language, zone).rstrip(".")
    if why.first_due is not None:
        since = "" if why.ours_since is None else local(why.ours_since, zone)
        key = "first" if why.ours_since is None else "since"
        first = local(why.first_due, zone)
        return _TO_COME[key][language == "es"].format(since=since, first=first)
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
