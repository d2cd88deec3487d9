"""What was measured for service levels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from headend.domain.service_level import Measured


class ServiceLevelWords(Protocol):
    """Counts by day, level and group."""

    def put_measured(self, day: date, rows: Iterable[Measured]) -> None:
        """All of a day, in the place of what was measured of it before."""
        ...
