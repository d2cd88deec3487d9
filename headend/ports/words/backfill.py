"""What meters lack, who was asked for it, and what nobody asks for any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Protocol

from headend.domain.backfill import Ask, GivenUp, Lacking, LookedAt, Wave
from headend.domain.interval import CollectedBlock


class BackfillWords(Protocol):
    """What is asked for again."""

    def lacking(
        self, at: LookedAt, *, after: str, limit: int, only: str | None = None
    ) -> tuple[list[Lacking], list[str]]:
        """What so many meters lack, by name, from behind `after` on, and whom all it looked at;
        nobody where there are no more.  `only` names the one that is looked at.  A meter of which
        nothing ever came has nothing behind its rows, and is left out."""
        ...

    def asks_of(self, names: Sequence[str], profile: str) -> dict[str, Ask]: ...
    def put_ask(self, ask: Ask) -> None: ...
    def forget_asks(self, names: Sequence[str], profile: str) -> None: ...
    def hasten_asks(
        self, at: datetime, *, rested_since: datetime, lane: str, meter: str | None = None
    ) -> bool:
        """Let those rest no longer who were asked before `rested_since`: of a lane, or one meter
        of it; whether there were any."""
        ...

    def given_up_of(
        self, names: Sequence[str], profile: str, first: date, last: date
    ) -> dict[str, list[GivenUp]]: ...
    def ask_again(self, names: Sequence[str], day: date | None = None) -> int:
        """Forget that meters were asked, and take back what was given up of them, of one day or of
        all; how many asks and days that were."""
        ...

    def give_up(self, days: Iterable[GivenUp]) -> None: ...
    def wave_of(self, lane: str) -> Wave | None: ...
    def waves(self) -> list[Wave]: ...
    def put_wave(self, wave: Wave) -> None: ...
    def blocks_of_task(self, meter: str, task: str) -> list[CollectedBlock]:
        """What came of one task at a meter, by number."""
        ...
