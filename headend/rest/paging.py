"""Long lists in pages.  A cursor is where the page before ended: what comes or goes meanwhile moves
nothing, as it would where pages are numbered.  It is opaque: only `next` gives one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from headend.rest.problems import wrong_question

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,64}$")]
_Micros = Annotated[int, msgspec.Meta(ge=0, le=2**58)]
"""What a cursor of ours holds; of another's more would reach the database."""

R = TypeVar("R")
T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=1000, description="So many at most.")]
Cursor = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9_-]{1,500}$",
        description="`next` of the page before; without it, the first page.",
    ),
]


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = Field(description="The cursor of the following page; null on the last one.")


def page(
    found: Sequence[R], limit: int, told: Callable[[R], T], ended: Callable[[R], str]
) -> Page[T]:
    """The first `limit` of what was found.  The database is asked for one more, which tells whether
    there is a following page; `ended` is the cursor of a page that ends with this one."""
    following = ended(found[limit - 1]) if len(found) > limit else None
    return Page(items=[told(each) for each in found[:limit]], next=following)


def part(
    found: Iterable[R],
    cursor: str | None,
    limit: int,
    told: Callable[[R], T],
    place: Callable[[R], tuple[int, str, str]],
) -> Page[T]:
    """A part of a list that is at hand as a whole, in the order of `place`, which no two things
    share.  Raises `Problem`."""
    after = None if cursor is None else _place(cursor, tuple[_Number, _Name, _Name])
    ordered = sorted(found, key=place)
    rest = ordered if after is None else [each for each in ordered if place(each) > after]
    return page(rest[: limit + 1], limit, told, lambda each: _cursor(*place(each)))


def by_name(name: str) -> str:
    """The cursor of a page that ended with this name."""
    return _cursor(name)


def after_name(cursor: str | None) -> str:
    """The name that the page before ended with; empty before the first.  Raises `Problem`."""
    return "" if cursor is None else str(_place(cursor, tuple[_Name])[0])


def by_number(number: int) -> str:
    """The cursor of a page that ended with this number."""
    return _cursor(number)


def after_number(cursor: str | None) -> int | None:
    """The number that the page before ended with.  Raises `Problem`."""
    return None if cursor is None else int(_place(cursor, tuple[_Number])[0])


def by_moment(at: datetime, number: int) -> str:
    """The cursor of a page that ended with this time and, of several then, this number."""
    return _cursor(int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond, number)


def after_moment(cursor: str | None) -> tuple[datetime, int] | None:
    """The time and number that the page before ended with.  Raises `Problem`."""
    if cursor is None:
        return None
    micros, number = _place(cursor, tuple[_Micros, _Number])
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest), number


def by_name_and_number(name: str, number: int) -> str:
    """The cursor of a page that ended with this number of this name."""
    return _cursor(name, number)


def after_name_and_number(cursor: str | None) -> tuple[str, int] | None:
    """The name and number that the page before ended with.  Raises `Problem`."""
    if cursor is None:
        return None
    name, number = _place(cursor, tuple[_Name, _Number])
    return str(name), int(number)


def _cursor(*place: str | int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _place(text: str, of: Any) -> Any:
    try:
        octets = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return msgspec.json.decode(octets, type=of)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise wrong_question("query.cursor", "it is no cursor that `next` gave") from error
