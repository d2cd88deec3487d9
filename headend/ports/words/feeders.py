"""What is known of feeders from the utility's other systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from headend.domain.feeder import (
    CustomerCount,
    FeederHour,
    FeederMapping,
    FeederRoll,
    KeptInstance,
    Span,
)


class FeederWords(Protocol):
    """What is known of feeders from the utility's other systems."""

    def keep_instances(
        self, adapter: str, classes: Sequence[str], instances: Iterable[KeptInstance]
    ) -> int:
        """All that there are of these classes now, in place of those that there were; how many."""
        ...

    def instances(self, adapter: str, cls: str) -> list[KeptInstance]:
        """Those of a class, by key."""
        ...

    def put_customer_counts(self, day: date, counts: Iterable[CustomerCount]) -> None:
        """Those of a day, in place of what was counted then."""
        ...

    def feeder_mappings(self) -> list[FeederMapping]:
        """All of them, unmatched ones too, by SIAD's key."""
        ...

    def keep_feeder_mappings(self, mappings: Iterable[FeederMapping]) -> None:
        """These, in place of all that there were."""
        ...

    def put_feeder_hours(self, feeder: str, day: date, hours: Iterable[FeederHour]) -> None:
        """A feeder's hours of a day, in place of those that it had."""
        ...

    def feeder_hours(self, feeder: str, first: date, last: date) -> list[FeederHour]:
        """A feeder's hours of some days, both among them, by begin."""
        ...

    def feeders_with_hours(self, first: date, last: date) -> list[str]:
        """The feeders that have hours in these days."""
        ...

    def feeder_days_to_roll(
        self, first: date, last: date, *, anew: bool = False
    ) -> list[tuple[str, date]]:
        """Feeders and days whose hours are not those that their day was rolled up of; `anew`: all
        that have hours."""
        ...

    def put_feeder_roll(self, roll: FeederRoll) -> None: ...
    def feeder_rolls(self, feeder: str, span: Span, first: date, last: date) -> list[FeederRoll]:
        """A feeder's spans that end in these days, by day."""
        ...
