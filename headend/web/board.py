"""What whoever runs the head-end tells all who look at its pages: work that goes on, and how far
it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headend.web.wording import Language


@dataclass(frozen=True, slots=True)
class Announcement:
    """In each language; `share` of one is done, None where nobody can say."""

    texts: Mapping[Language, str]
    share: float | None = None


@dataclass(slots=True)
class Board:
    """Where it stands: at the top of each page, for who has logged in."""

    said: Announcement | None = None

    def say(self, es: str, en: str, share: float | None = None) -> None:
        self.said = Announcement({Language.ES: es, Language.EN: en}, share)

    def clear(self) -> None:
        self.said = None
