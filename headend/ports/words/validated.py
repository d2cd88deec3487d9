"""What came of looking at collected days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from headend.domain.reading import Reading
from headend.domain.validation import ValidatedDay


class ValidatedWords(Protocol):
    """What came of looking at collected days."""

    def put_validated_day(self, day: ValidatedDay) -> None:
        """In the place of the last look at it."""
        ...

    def validated_days(
        self, meter: str, profile: str, first: date, last: date
    ) -> list[ValidatedDay]: ...
    def days_to_validate(self, since: date, until: date, limit: int) -> list[tuple[str, str, date]]:
        """Meter, profile and day of pages that are newer than the last look at them; none of past
        days (`is_past`)."""
        ...

    def is_past(self, meter: str, profile: str, day: date) -> bool:
        """Whether rows of that day have gone, as they had outlived their span."""
        ...

    def register_reads(
        self, meter: str, names: Sequence[str], begin: datetime, end: datetime
    ) -> list[Reading]:
        """What registers were read to show after `begin`, up to and with `end`, by time."""
        ...
