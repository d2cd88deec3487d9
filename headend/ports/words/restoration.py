"""What a head-end that came back from a backup has to know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from headend.domain.order import Order
from headend.domain.restoration import Restoration, RestoredKey, Stray


class RestorationWords(Protocol):
    """What a head-end that came back from a backup has to know."""

    def restoration(self) -> Restoration | None:
        """The last one."""
        ...

    def resume(self, number: int, *, at: datetime, who: str) -> bool:
        """Let sending begin; False where it has already."""
        ...

    def restored_keys(self) -> list[RestoredKey]: ...
    def save_restored_key(self, key: RestoredKey) -> None: ...
    def all_open_orders(self) -> list[Order]:
        """The earliest first."""
        ...

    def look_at_meters(self, orders: Sequence[Order]) -> None:
        """Ask no concentrator for the effect of these, as they stand: the meter alone knows."""
        ...

    def meter_alone_knows(self, number: int, attempt: int) -> bool: ...
    def add_stray(self, stray: Stray) -> None:
        """Keep a result of the lost life, once."""
        ...

    def strays(self) -> list[Stray]: ...
