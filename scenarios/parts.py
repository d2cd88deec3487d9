"""What every table of a scenario's file is made of: strict tables, and durations as text."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec


class BadScenario(ValueError):
    """The file is no scenario; the text names the key and what it takes."""

    code = "wrong-usage"  # for machines
    advice: str | None = None  # where the text does not say it already


_DURATION = re.compile(
    r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9}(?:\.[0-9]+)?)s)?"
)

Duration = Annotated[str, msgspec.Meta(pattern=rf"^(?=.)(?:{_DURATION.pattern})$")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


def seconds(text: str) -> float:
    """The seconds in a duration like "1h30m" or "12.5s".  Raises `BadScenario`."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise BadScenario(f"{text!r} is no duration; write it like 90s, 5m or 1h30m")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""
