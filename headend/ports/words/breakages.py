"""Orders whose steps broke; nothing here reads what an order holds."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.domain.reason import ReasonCode
from headend.ports.memory import Standing


class BreakageWords(Protocol):
    """Orders whose steps broke; nothing here reads what an order holds."""

    def standing(
        self, number: int, *, worker: str, now: datetime, looks_since: datetime
    ) -> Standing | None:
        """How an order stands whose step broke; None when nothing is left to do with it, or when
        another worker has it by now.  Looks at effects of orders that ended before `looks_since`
        are out of time."""
        ...

    def rest(self, number: int, *, worker: str, now: datetime, until: datetime, cause: str) -> None:
        """Count a breakage, and let the order's next step wait until then, or until its deadline if
        that comes first; where nothing was sent yet, this is the reason from then on.  Gives the
        lease back."""
        ...

    def close(
        self,
        number: int,
        *,
        worker: str,
        now: datetime,
        reason: ReasonCode,
        look_at: datetime | None,
        cause: str,
    ) -> bool:
        """End an open order as FAILED; its effect is looked for from `look_at` on.  False when it
        is not open, or another worker's.  Gives the lease back."""
        ...

    def look_no_more(self, number: int, *, worker: str, now: datetime, cause: str) -> bool:
        """Let the effect of an order that has ended rest for good; False as in `close`."""
        ...
