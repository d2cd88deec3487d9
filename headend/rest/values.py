"""Values that questions carry, bounded so that the database has room for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, StringConstraints

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def _within(at: datetime) -> datetime:
    """The calendar's edges cannot be moved into another zone."""
    if not _FIRST <= at < _LAST:
        raise ValueError("a time between 1970 and 9999")
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_within)]
"""A time with its zone."""

DeviceName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/]{1,64}$")]
"""What a device, or a sender, is called."""

ObjectName = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){5}$")]
"""A logical name: 1.0.99.1.0.255."""
