"""The part of the configuration that says how meters' clocks are kept right."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class ClockPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How meters' clocks are kept right.

    Each period has one round, in which every commissioned meter has its turn within `spread_s`.
    """

    tolerance_s: Annotated[float, msgspec.Meta(ge=0.5, le=900)] = 3.0  # left alone up to it
    shift_max_s: Annotated[float, msgspec.Meta(ge=0, le=900)] = 60.0  # beyond, a clock is set
    every: Literal["never", "day", "week", "month"] = "never"  # never: by order alone
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 3 * 3600.0  # past local midnight
    spread_s: Annotated[float, msgspec.Meta(gt=0, le=7 * 86_400)] = 3 * 3600.0
