"""Whether a package may be worked now, on this device.

The device's own clock is all there is to go by.  One that was set back shows: what the device has
written already bears later times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from headend.domain.job import Authorisation
from headend.jobs.book import Book
from headend.ports import Clock
from protocols.concentrator.messages import ACTING
from protocols.jobs.package import Package, PackedOrder

CLOCK_MAY_STEP = timedelta(minutes=2)
"""How far a clock may go back when the network sets it; more was done by hand."""


class NotAllowed(RuntimeError):
    """The package does not allow it now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Permission:
    """`revoked` are the jobs that the device knows to be revoked; `latest` is the latest time that
    its journal bears."""

    package: Package
    book: Book
    clock: Clock
    revoked: frozenset[str] = frozenset()
    latest: datetime | None = None

    def check(self) -> None:
        """Raises NotAllowed for a package that must not be worked now."""
        package, now = self.package, self.clock.now()
        latest = max(filter(None, (self.latest, self.book.written_at)), default=None)
        if package.job in self.revoked:
            raise NotAllowed(f"job {package.job} was revoked. Try: ask for a new package")
        if latest is not None and now < latest - CLOCK_MAY_STEP:
            raise NotAllowed(
                f"this device's clock shows {text(now)}, its journal goes on to {text(latest)}:"
                " the clock was set back. Try: set it right"
            )
        if now < package.not_before:
            raise NotAllowed(
                f"the package is not valid before {text(package.not_before)}; it is {text(now)}."
                " Try: look at this device's clock"
            )
        if now >= package.expires_at:
            raise NotAllowed(
                f"the package expired at {text(package.expires_at)}."
                " Try: hand its result in, and ask for a new one"
            )
        if self.book.over:
            raise NotAllowed("the job is closed: its counters are given back. Try: a new package")

    def refusal(self, order: PackedOrder) -> str | None:
        """Why nothing of an order may be sent now; None where it may."""
        now = self.clock.now()
        if order.action in ACTING and self.package.authorisation is Authorisation.READ_ONLY:
            return "not done: the package is read-only"
        if now < order.not_before:
            return f"not yet: from {text(order.not_before)} on"
        if now >= min(order.not_after, self.package.expires_at):
            return f"too late: its time ended at {text(order.not_after)}"
        try:
            self.check()
        except NotAllowed as error:
            return f"not done: {error}"
        return None


def text(at: datetime) -> str:
    """A time for people."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
