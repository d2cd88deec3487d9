"""What every record is: a frozen struct that shows only what is filled in."""

from __future__ import annotations

import re
from typing import Final

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True, gc=False):
    """One class of a payload.  Fields are in the schema's order; those of repeatable elements are
    tuples.  Times read may be naive where their sender left the offset out; times written are
    aware."""


_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def field_name(element: str) -> str:
    """An element's name as a field: IntervalBlocks is interval_blocks, mRID is mrid."""
    return "mrid" if element == "mRID" else _WORD.sub("_", element).lower()
