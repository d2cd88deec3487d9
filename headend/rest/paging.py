"""Long lists in pages.  A cursor is where the page before ended: what comes or goes meanwhile moves
nothing, as it would where pages are numbered.  It is opaque: only `next` gives one."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from headend.rest.problems import wrong_question

Line = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,64}$")]
"""What a cursor of ours holds; of another's more would reach the database."""

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


def cursor(*place: str | int) -> str:
    """Where a page ended."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(text: str, of: Any) -> Any:
    """Where a cursor of ours points.  Raises `Problem`."""
    try:
        octets = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return msgspec.json.decode(octets, type=of)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise wrong_question("query.cursor", "it is no cursor that `next` gave") from error
