"""Meters' lives, where they hang, and the shipments that brought them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from headend.domain.commissioning import Check
from headend.domain.life_cycle import LifeLine
from headend.domain.place import Installation, Place, RegisterRead
from headend.domain.shipment import Receipt


class LifeWords(Protocol):
    """Meters' lives, where they hang, and the shipments that brought them."""

    def add_life(self, lines: Iterable[LifeLine]) -> None: ...
    def life_of(self, meter: str) -> list[LifeLine]:
        """The first step first."""
        ...

    def add_checks(self, checks: Iterable[Check]) -> None: ...
    def checks_of(self, meter: str) -> list[Check]:
        """The first one first, of all commissionings."""
        ...

    def put_places(self, places: Iterable[Place]) -> None: ...
    def place(self, code: str) -> Place | None: ...
    def add_installation(self, installation: Installation) -> None:
        """Raises AlreadyStored where the meter hangs somewhere, or another one hangs there."""
        ...

    def close_installation(self, closed: Installation) -> None:
        """The meter hangs there no more; writes `until` and `last_read` of the open one."""
        ...

    def note_first_read(self, meter: str, read: RegisterRead) -> None:
        """Write down what the meter's register showed when it was hung up, where nobody has."""
        ...

    def newest_register(self, meter: str, until: datetime) -> RegisterRead | None:
        """The newest reading of its active energy import, up to and with this time."""
        ...

    def installations_of(self, meter: str) -> list[Installation]:
        """The first one first."""
        ...

    def installations_at(self, service_point: str) -> list[Installation]:
        """The first one first."""
        ...

    def next_shipment_number(self) -> int: ...
    def receipt_with(self, digest: str) -> Receipt | None: ...
    def add_receipt(self, receipt: Receipt) -> None:
        """Raises AlreadyStored for a file that was taken in before."""
        ...

    def retire_keys(self, meter: str) -> int:
        """No client uses the meter's keys any more; how many there were.  They stay, so that no
        other meter gets one of them."""
        ...
