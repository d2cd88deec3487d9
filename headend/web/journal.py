"""An order's journal in the visitor's language and the utility's time.

The head-end writes its causes once, in English and UTC, as they are archived.  A page tells them
anew: `texts/journal.toml` has each sentence as it is written and as it is told, and what is in
neither is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from headend.domain.reason import REASONS
from headend.web.wording import Language, Words, catalogue

_GROUP: Final = "journal.line."
_PLACE: Final = re.compile(r"\{(\w+)\}")
_TIME: Final = re.compile(r"\b(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)(:\d\d)?Z")
_JOINTS: Final = ("; ", ": ")
_BACK: Final = timedelta(hours=1)
"""A time without a date is at most so long before its line, else it is of the next day."""


def told(cause: str | None, at: datetime | None, words: Words) -> str:
    """A cause that was written at `at`, as this visitor reads it."""
    if not cause:
        return ""
    text = _TIME.sub(lambda found: _moment(found, at, words), cause)
    return text if words.language is Language.EN else _told(text, words)


def _moment(found: re.Match[str], at: datetime | None, words: Words) -> str:
    day, clock, seconds = found.groups()
    if day is not None:
        moment = datetime.fromisoformat(f"{day}T{clock}{seconds or ''}").replace(tzinfo=UTC)
        return words.when(moment, seconds=seconds is not None)
    if at is None:
        return found.group()
    moment = datetime.fromisoformat(f"{at.astimezone(UTC):%Y-%m-%d}T{clock}{seconds or ''}")
    moment = moment.replace(tzinfo=UTC)
    if moment < at - _BACK:
        moment += timedelta(days=1)
    return f"{moment.astimezone(words.zone):%H:%M:%S}" if seconds else f"{moment:%H:%M}"


def _told(text: str, words: Words) -> str:
    """The whole sentence where it is known, else its parts."""
    if (known := _known(text, words)) is not None:
        return known
    for joint in _JOINTS:
        for place in reversed([found.start() for found in re.finditer(re.escape(joint), text)]):
            if (known := _known(text[:place], words)) is not None:
                return f"{known}{joint}{_told(text[place + len(joint) :], words)}"
    return text


def _known(text: str, words: Words) -> str | None:
    if (spanish := _reasons().get(text)) is not None:
        return spanish
    for pattern, key in _sentences():
        if found := pattern.fullmatch(text):
            values = {name: words.of("journal.word", v) for name, v in found.groupdict().items()}
            return words.text(key, **values)
    return None


@cache
def _reasons() -> dict[str, str]:
    return {each.text: each.spanish for each in REASONS.values()}


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is written, and the key of how it is told; the most particular first."""
    return tuple(sorted(_written(), key=lambda each: -len(each[0].pattern)))


def _written() -> Iterator[tuple[re.Pattern[str], str]]:
    for key, text in catalogue()[Language.EN].items():
        if key.startswith(_GROUP):
            parts = _PLACE.split(text)
            pattern = "".join(
                f"(?P<{part}>(?:(?!; |: ).)+)" if place % 2 else re.escape(part)
                for place, part in enumerate(parts)
            )
            yield re.compile(pattern), key
