"""A scheduled task as a form has it: its schedule and its kind's parameters as texts, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from headend.domain.task import Every, Schedule, Task, Weekday
from headend.tasks.kinds import Kind, parameters_of
from headend.web.visit import Visit
from headend.web.wall_time import moment_of, wall

FIELDS: Final = ("every", "at", "on", "weekdays", "minutes", "start", "end", "catch_up")
Given = Mapping[str, str]
"""What stands in the fields, by name; days of the week with blanks between them."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kind: its type in words, its default, and what its field shows."""

    name: str
    type: str
    default: Any
    text: str = ""

    @property
    def field(self) -> str:
        return f"p.{self.name}"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(re.split(r" or | of ", self.type))

    @property
    def as_json(self) -> bool:
        return "object" in self.words or self.type.count("array") > 1

    @property
    def has_lines(self) -> bool:
        """Whether it takes several: JSON, or an array with one item in each."""
        return self.as_json or "array" in self.words

    def told(self, value: Any) -> str:
        """A value as the field shows it."""
        if value is None:
            return ""
        if self.as_json:
            return json.dumps(value, ensure_ascii=False, indent=1) if value else ""
        if isinstance(value, list):
            return "\n".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def meant(self, text: str) -> Any:
        """What the field's text means, for the kind to read; an empty one is the default where it
        cannot mean nothing.  Raises ValueError for what is no JSON."""
        if not text:
            if "null" in self.words:
                return None
            if self.type.startswith("array"):
                return []
            return "" if "string" in self.words else self.default
        if self.as_json:
            return json.loads(text)
        if self.has_lines:
            return text.split("\n")
        return text.replace(",", ".") if self.words <= {"number", "integer", "null"} else text


def parameters(kind: Kind[Any], known: Mapping[str, Any] | None = None) -> list[Parameter]:
    """A kind's parameters as a task has them; without one, as the kind has them by itself."""
    found = []
    for name, type_, default in parameters_of(kind):
        one = Parameter(name, type_, default)
        text = one.told((known or {}).get(name, default))
        found.append(Parameter(name, type_, default, text))
    return found


def shown(task: Task, zone: ZoneInfo) -> dict[str, str]:
    """What the fields of a task's schedule show."""
    it = task.schedule
    return {
        "every": it.every, "at": it.at.isoformat(), "on": "" if it.on is None else f"{it.on}",
        "weekdays": " ".join(it.weekdays),
        "minutes": "" if it.interval_s is None else f"{it.interval_s / 60:g}",
        "start": wall(it.start, zone), "end": wall(it.end, zone), "catch_up": task.catch_up,
    }  # fmt: skip


def filled(visit: Visit, those: Iterable[Parameter]) -> dict[str, str]:
    """What somebody has filled in."""
    given = {name: visit.field(name) for name in FIELDS}
    given["weekdays"] = " ".join(each for each in visit.form.get("weekdays", []) if each in _DAYS)
    for each in those:
        lines = visit.form.get(each.field, [""])[0].splitlines()
        given[each.field] = _plain(lines)
    return given


_DAYS = frozenset(map(str, Weekday))


def schedule_of(given: Given, zone: ZoneInfo, known: Schedule | None = None) -> Schedule:
    """The schedule that the fields say; of others than its own they say nothing.  A moment that
    still shows as it was stays to the second.  Raises ValueError, OverflowError."""
    every = Every(given["every"])
    days = given["weekdays"].split() if every is Every.WEEKLY else ()
    minutes = given["minutes"].replace(",", ".") if every is Every.INTERVAL else ""
    return Schedule(
        every=every,
        at=time.fromisoformat(given["at"] or "00:00"),
        on=date.fromisoformat(given["on"]) if every is Every.ONCE and given["on"] else None,
        weekdays=tuple(Weekday(each) for each in days),
        interval_s=round(float(minutes) * 60) if minutes else None,
        start=_moment(given["start"], zone, None if known is None else known.start),
        end=_moment(given["end"], zone, None if known is None else known.end),
    )


def parameters_meant(those: Iterable[Parameter], given: Given) -> dict[str, Any]:
    """Those that somebody filled in otherwise than they were shown.  Raises ValueError."""
    found = {}
    for each in those:
        text = given[each.field]
        if text != _plain(each.text.splitlines()):
            found[each.name] = each.meant(text)
    return found


def _plain(lines: Iterable[str]) -> str:
    """Lines with something in them, without control characters."""
    kept = ("".join(letter for letter in line if letter.isprintable()).strip() for line in lines)
    return "\n".join(line for line in kept if line)


def _moment(text: str, zone: ZoneInfo, known: datetime | None) -> datetime | None:
    return known if known is not None and text == wall(known, zone) else moment_of(text, zone)
