"""What concentrators are asked to do besides orders for their meters."""

from __future__ import annotations

from typing import Protocol

from headend.domain.activity import Activity


class ActivityWords(Protocol):
    """What concentrators are asked to do."""

    def add_activity(self, activity: Activity) -> int | None:
        """Keep it under a new number; None where one of its key is there already."""
        ...

    def activity(self, number: int) -> Activity | None: ...
    def save_activity(self, activity: Activity) -> None: ...
    def open_activities(self, concentrator: str | None = None) -> list[Activity]:
        """Those that have not ended, of one concentrator or of all, by number."""
        ...

    def concentrators_in(self, place: str) -> list[str]:
        """Those behind which meters hang that are in a place, by name."""
        ...

    def concentrator_names(self) -> list[str]:
        """All that the registry knows."""
        ...
