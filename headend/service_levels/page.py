"""Service levels in words and as one page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from headend.domain.service_level import By, LevelReport, Standing
from headend.service_levels.definition import length_text

WORDS: dict[bool | None, Literal["met", "missed", "open"]] = {
    True: "met",
    False: "missed",
    None: "open",
}
GROUPS_SHOWN = 100
_MARKS = {True: "good", False: "bad", None: ""}


def percent(share: float | None) -> str:
    """Never 100 % where something is missing."""
    if share is None:
        return "-"
    return f"{100 * (min(share, 0.9999) if share < 1 else share):.4g} %"


def wanted(standing: Standing) -> str:
    """A level as people say it: "98 % within 24 h"."""
    return f"{percent(float(standing.level.share))} within {length_text(standing.level.within_s)}"


def page(levels: Sequence[LevelReport], first: date, last: date, by: By) -> str:
    """The page, in HTML."""
    return (
        _environment()
        .get_template("levels.html")
        .render(
            style=files("headend.warehouse").joinpath("templates/style.css").read_text("utf-8"),
            levels=levels,
            first=first,
            last=last,
            by=by,
            missed=sum(each.whole.met is False for each in levels),
            judged=sum(each.whole.met is not None for each in levels),
            silent=max((each.whole.count.silent for each in levels), default=0),
            most=GROUPS_SHOWN,
        )
    )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("headend.service_levels"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    found.filters |= {
        "percent": percent,
        "wanted": wanted,
        "word": WORDS.__getitem__,
        "mark": _MARKS.__getitem__,
    }
    return found
