"""What a concentrator's link layer adds up about one meter, for the `LinkReport` to the head-end.

It holds nothing but what the link layer can see: frames sent, acknowledgements that came, when and
how well the module was last heard.  It draws no conclusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from devices.channel.course import Transfer
from protocols.concentrator.messages import LinkReport


@dataclass(slots=True)
class LinkCounters:
    """Counts since they were last begun, for instance with an order."""

    frames_sent: int = 0
    acknowledgements: int = 0  # by the meter's own module
    handed_on: int = 0  # acknowledged by one on the way
    last_heard: datetime | None = None
    snr_cdb: int | None = None

    def add(self, transfer: Transfer) -> None:
        """Take in what was seen of one message, down or up."""
        self.frames_sent += transfer.frames_sent
        self.acknowledgements += transfer.acknowledgements
        self.handed_on += transfer.handed_on
        if transfer.heard_us is not None:
            self.last_heard = transfer.heard_at
            self.snr_cdb = transfer.heard_snr_cdb

    def report(self, meter: str, now: float, *, registered: bool) -> LinkReport:
        """The report about a meter's link as of `now` (POSIX seconds)."""
        return LinkReport(
            meter=meter,
            at=datetime.fromtimestamp(now, UTC),
            registered=registered,
            frames_sent=self.frames_sent,
            frames_lost=self.frames_sent - self.acknowledgements - self.handed_on,
            link_acks=self.acknowledgements,
            handed_on=self.handed_on,
            last_heard=self.last_heard,
            snr_db=None if self.snr_cdb is None else self.snr_cdb / 100,
        )
