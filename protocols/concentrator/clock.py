"""A meter's clock in the messages: what is wanted of it, and how it stood before and after.

A drift is measured halfway between a question and its answer, so it is known to half of the round
trip.  A clock that is a little off is shifted, by class 8's method 6: a shift is right however long
the message takes.  One that is further off, or shows no time, is set (Blue Book 4.5.1).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

SHIFT_MAX_S = 900  # shift_time's range, Blue Book 4.5.1


class ClockWanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Within which bounds a meter's clock is left alone, shifted, or set."""

    tolerance_s: Annotated[float, msgspec.Meta(ge=0.5, le=SHIFT_MAX_S)] = 3.0  # left alone up to it
    shift_max_s: Annotated[float, msgspec.Meta(ge=0, le=SHIFT_MAX_S)] = 60.0  # beyond, it is set
    zone: str = "UTC"  # where the meter hangs, as the IANA names it


class ClockTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a meter's clock stood, ahead of whoever asked, and what was done about it."""

    before_s: float | None  # null where the clock showed no time
    error_s: float  # half the round trip, and what the clock's resolution leaves open
    by: Literal["nothing", "shift", "set"] = "nothing"  # what was sent to the meter
    moved_s: float = 0.0  # by so much, forward where positive
    after_s: float | None = None  # as read back; where nothing was sent, as before
    after_error_s: float | None = None
