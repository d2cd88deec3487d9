"""The one page that answers why a meter is not reading; it needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from importlib.resources import files
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from headend.domain.event import Severity
from headend.domain.event_table import of_name
from headend.domain.why import DayHeld, Why
from headend.warehouse.words import told_word
from headend.why import words
from headend.why.words import Language

HOUR_PX, ROW_PX, LEFT_PX = 24, 46, 92
BAND_PX, LINK_PX = 16, 6
BAD = (Severity.MAJOR, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour's rectangle, and what it says when it is pointed at."""

    x: float
    y: float
    kind: str  # "here", "part", "missing", "coming"; "heard", "weak", "unheard" of the link
    says: str


@dataclass(frozen=True, slots=True)
class Sign:
    """An order or an event at its time."""

    x: float
    y: float
    kind: str  # "done", "bad", "open" of an order; "alarm", "event"
    says: str


def page(why: Why, language: Language, zone: ZoneInfo) -> str:
    """The page, in HTML."""
    stops = [each for each in why.causes if each.stops]
    return (
        _environment()
        .get_template("why.html")
        .render(
            why=why,
            language=language,
            say=partial(words.word, language=language),
            sentence=words.sentence(why, language, zone),
            stops=stops,
            odd=[each for each in why.causes if not each.stops],
            text=partial(words.text_of, language=language, zone=zone),
            evidence=partial(words.evidence_of, language=language, zone=zone),
            next_step=partial(words.next_step_of, language=language, zone=zone),
            local=lambda at: words.local(at, zone),
            kind=lambda order: told_word(order.kind, language),
            state=lambda order: words.state_told(order.state, language),
            event_text=lambda event: of_name(event.name).text(language),
            days=[(day, LEFT_PX, row * ROW_PX) for row, day in enumerate(why.days)],
            cells=list(_values(why)),
            links=list(_link(why)),
            signs=list(_signs(why, language, zone)),
            width=LEFT_PX + HOUR_PX * max((len(day.hours) for day in why.days), default=24) + 76,
            height=ROW_PX * len(why.days),
            hour=HOUR_PX,
            band=BAND_PX,
            band_link=LINK_PX,
            zone=zone.key,
            style=files("headend.warehouse").joinpath("templates/style.css").read_text("utf-8"),
        )
    )


def _values(why: Why) -> Iterator[Cell]:
    for row, day in enumerate(why.days):
        for hour, held in enumerate(day.hours):
            kind = "coming"
            if held.due:
                kind = "here" if held.here >= held.due else "part" if held.here else "missing"
            yield Cell(
                LEFT_PX + hour * HOUR_PX, row * ROW_PX + 4, kind, f"{held.here} / {held.due}"
            )


def _link(why: Why) -> Iterator[Cell]:
    """Keep-alives of its module, hour by hour, under the values."""
    for each in why.heard:
        if each.asked and (place := _place(why, each.hour)) is not None:
            share = each.heard / each.asked
            kind = "heard" if share >= 0.9 else "weak" if share > 0 else "unheard"
            x, y = place
            yield Cell(x, y + 4 + BAND_PX + 2, kind, f"{each.heard} / {each.asked}")


def _signs(why: Why, language: Language, zone: ZoneInfo) -> Iterator[Sign]:
    for order in why.orders:
        if (place := _place(why, order.accepted_at)) is not None:
            kind = "open" if not order.final else "done" if order.state == "done" else "bad"
            says = (
                f"{words.local(order.accepted_at, zone)} {order.number}"
                f" {told_word(order.kind, language)}:"
                f" {words.state_told(order.state, language)}"
            )
            yield Sign(place[0], place[1] + BAND_PX + LINK_PX + 14, kind, says)
    for event in why.events:
        if (place := _place(why, event.at)) is not None:
            kind = "alarm" if event.severity in BAD else "event"
            says = f"{words.local(event.at, zone)} {of_name(event.name).text(language)}"
            yield Sign(place[0], place[1] + BAND_PX + LINK_PX + 14, kind, says)


def _place(why: Why, at: datetime) -> tuple[float, float] | None:
    """Where a time stands on the drawing; None of one that is not of these days."""
    for row, day in enumerate(why.days):
        if day.begin <= at < _end(day):
            hours = (at - day.begin).total_seconds() / 3600
            return LEFT_PX + hours * HOUR_PX, row * ROW_PX
    return None


def _end(day: DayHeld) -> datetime:
    return day.begin + timedelta(hours=len(day.hours))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("headend.why"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
