"""Events, incidents, and who acknowledged them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.domain.event import (
    Acknowledgement,
    Event,
    Incident,
    IncidentKind,
    StatusWord,
    Subject,
)


class EventWords(Protocol):
    """Events, incidents, and who acknowledged them."""

    def event(self, number: int) -> Event | None: ...
    def add_event(self, event: Event) -> int: ...
    def save_event(self, event: Event) -> None:
        """Write `at`, `sources` and `incident` of one that is there."""
        ...

    def drop_event(self, number: int) -> None:
        """It is another one, as came out later."""
        ...

    def events_near(
        self, device: str, name: str, first: datetime, last: datetime
    ) -> list[Event]: ...
    def events_at(
        self, place: str, kind: IncidentKind, first: datetime, last: datetime
    ) -> list[Event]: ...
    def events_of_incident(self, number: int) -> list[Event]: ...

    def incident(self, number: int) -> Incident | None: ...
    def add_incident(self, incident: Incident) -> int: ...
    def save_incident(self, incident: Incident) -> None: ...

    def acknowledgement(self, subject: Subject, number: int) -> Acknowledgement | None: ...
    def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        """False where somebody has done so before; the first one stands."""
        ...

    def add_status_word(self, word: StatusWord) -> bool:
        """False where one of this time is there already."""
        ...

    def status_word_before(self, word: StatusWord) -> StatusWord | None: ...
    def status_word_after(self, word: StatusWord) -> StatusWord | None: ...
