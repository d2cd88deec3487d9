"""What was wrong with data that could be used all the same.

A meter in the field says things that no standard allows and that everybody understands.  A reader
that gives up loses the reading, and one that says nothing passes a guess on as a fact.  So what is
read with good will carries its flaws, and its octets as they came.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class Flaw(enum.Flag):
    """One kind of dirt.  Facts: public issue trackers of head-ends and of meters' makers."""

    NONE = 0
    TRAILING_OCTETS = enum.auto()  # behind a whole value, such as a clock encoded twice
    LAST_BLOCK_UNFLAGGED = enum.auto()  # no block said to be the last; together they are whole
    DEVIATION_IGNORED = enum.auto()  # local time under a deviation of 0
    DEVIATION_SIGN = enum.auto()  # the deviation with the wrong sign
    DEVIATION_DOUBTFUL = enum.auto()  # no reading of the deviation leads to the time expected
    HUNDREDTHS_TOO_MANY = enum.auto()  # above 99: milliseconds, or garbage; taken as zero
    NO_SUCH_DATE = enum.auto()  # no calendar has it
    CLOCK_INVALID = enum.auto()  # the meter itself does not trust its clock
    NUL_CHARACTERS = enum.auto()  # in a string; removed
    NOT_TEXT = enum.auto()  # octets that are no characters; shown in hex
    NOT_AN_IDENTIFIER = enum.auto()  # an invoke id above 2^31: taken as the unsigned number it is
    REPEATED = enum.auto()  # the same has come before
    LATE = enum.auto()  # it speaks of a time long past
    OUT_OF_ORDER = enum.auto()  # a row of a profile, older than one that stands before it


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """A value as it was understood, with the octets that said so; None where nothing could be."""

    value: T
    raw: bytes
    flaws: Flaw = Flaw.NONE
