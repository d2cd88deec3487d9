"""Reads a definition of service levels (TOML): goals, their levels, and when a meter is silent.

Unknown keys are refused, and so is what could not be measured; a mistake is told with its place.
"""

from __future__ import annotations

import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from headend.domain.event import Severity
from headend.domain.order import Kind
from headend.domain.service_level import LOAD_PROFILE, Goal, Level, Measure, ServiceLevels
from protocols.dlms.logical_name import LogicalName

OURS = Path(__file__).with_name("default.toml")
_LENGTH = re.compile(r"([0-9]{1,6})\s?(s|min|h|d)")
_UNIT_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
LONGEST_S = 400 * 86_400
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_OWN = {
    "profile": (Measure.INTERVALS,),
    "kinds": (Measure.ORDERS, Measure.OUTCOMES),
    "severity": (Measure.ALARMS,),
}
"""Keys that only some measures have."""


class BadDefinition(ValueError):
    """The definition cannot be used; the text names the place and what it takes."""


class _LevelTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    share: float
    within: str


class _GoalTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    measures: Measure
    levels: tuple[_LevelTold, ...]
    about: str = ""
    profile: str | None = None
    kinds: tuple[Kind, ...] | None = None
    severity: Severity | None = None


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    goal: tuple[_GoalTold, ...]
    silent: str = "60d"


def read(path: Path | None = None) -> ServiceLevels:
    """The definition in a file; ours without one.  Raises `BadDefinition`, `OSError`."""
    return parsed((path or OURS).read_bytes())


def parsed(octets: bytes) -> ServiceLevels:
    """A definition.  Raises `BadDefinition`."""
    try:
        told = msgspec.convert(tomllib.loads(octets.decode()), _Told)
    except UnicodeDecodeError as error:
        raise BadDefinition("this is no text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadDefinition(f"this is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadDefinition(str(error)) from error
    if not told.goal:
        raise BadDefinition("there is no goal: [[goal]]")
    goals = tuple(_goal(each) for each in told.goal)
    names = [goal.name for goal in goals]
    for name in names:
        if names.count(name) > 1:
            raise BadDefinition(f"two goals are called {name!r}")
    return ServiceLevels(goals, length_s(told.silent, "silent"))


def _goal(told: _GoalTold) -> Goal:
    where = f"goal {told.name!r}"
    if _NAME.fullmatch(told.name) is None:
        raise BadDefinition(f"{where}: a name has small letters, digits and - (40 at most)")
    for key, measures in _OWN.items():
        if getattr(told, key) is not None and told.measures not in measures:
            raise BadDefinition(f"{where}: {told.measures} have no {key}")
    if told.profile is not None:
        try:
            LogicalName(told.profile)
        except ValueError as error:
            raise BadDefinition(f"{where}: profile: {error}") from error
    if told.kinds is not None and not told.kinds:
        raise BadDefinition(f"{where}: kinds names no kind of order")
    if not told.levels:
        raise BadDefinition(f"{where}: it has no levels")
    levels = tuple(_level(each, where) for each in told.levels)
    for one, next_ in zip(levels, levels[1:], strict=False):
        if one.within_s >= next_.within_s or one.share > next_.share:
            raise BadDefinition(
                f"{where}: levels come by time, and what takes longer asks for no smaller share"
            )
    own: dict[str, Any] = {
        key: value for key in _OWN if (value := getattr(told, key)) is not None
    }  # what is not said is as in `Goal`
    own.setdefault("profile", LOAD_PROFILE)
    return Goal(told.name, told.measures, levels, told.about, **own)


def _level(told: _LevelTold, where: str) -> Level:
    if not 0 < told.share <= 1:
        raise BadDefinition(f"{where}: a share is above 0 and at most 1, not {told.share}")
    return Level(Fraction(str(told.share)), length_s(told.within, f"{where}: within"))


def length_s(text: str, where: str) -> int:
    """A length of time in seconds: "30min".  Raises `BadDefinition`."""
    found = _LENGTH.fullmatch(text.strip())
    seconds = int(found[1]) * _UNIT_S[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_S:
        raise BadDefinition(
            f"{where} takes a length of time like 30s, 30min, 24h or 10d (up to 400d), not {text!r}"
        )
    return seconds


def length_text(seconds: int) -> str:
    """The same as people write it."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % size == 0 and (seconds // size > 1 or unit != "d"):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
