"""What can be set of roll-ups, beside the rest of the configuration."""

from __future__ import annotations

from typing import Annotated

import msgspec


class RollupPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When collected days are rolled up, by the day and by the hour.

    Not unless asked for: a roll-up takes twice the room of the rows that it is made of, and
    pays only where many days are looked at.
    """

    enabled: bool = False
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 7 * 3600.0  # past midnight
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 40  # rows that came later stay out
