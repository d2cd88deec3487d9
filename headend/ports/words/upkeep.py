"""How concentrators fare, and what they told of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from headend.domain.discovery import Discovery
from headend.domain.evidence import Evidence
from headend.domain.firmware import FirmwareUpdate
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange


class UpkeepWords(Protocol):
    """How concentrators fare, and what they told of themselves."""

    def state_of(self, concentrator: str) -> KnownState | None: ...
    def put_state(self, state: KnownState) -> None: ...
    def add_session(self, change: SessionChange) -> None: ...
    def put_discovery(self, discovery: Discovery) -> None: ...
    def put_update(self, update: FirmwareUpdate) -> None: ...
    def firmware_update(self, concentrator: str, image: str) -> FirmwareUpdate | None: ...
    def open_updates(self) -> list[FirmwareUpdate]:
        """Those of which nothing was heard yet, the oldest first."""
        ...

    def add_clock(self, measured: ClockMeasured) -> None: ...
    def put_hours(self, hours: Iterable[HourHeard]) -> None: ...

    def add_evidence(self, concentrator: str, evidence: Iterable[Evidence]) -> None:
        """Keep statements about a concentrator; one that is kept already is kept once."""
        ...

    def evidence_about(self, concentrator: str, since: datetime) -> list[Evidence]:
        """Statements about a concentrator that bear a date since a time, the oldest first."""
        ...
