"""What a concentrator's link layer adds up about one meter, for the `LinkReport` to the head-end.

It holds nothing but what the link layer can see: frames sent, acknowledgements that came, when and
how well the module was last heard.  It draws no conclusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from devices.channel.link import Link
from devices.channel.transfer import Transfer
from protocols.concentrator.messages import LinkReport


@dataclass(slots=True)
class LinkCounters:
    """Counts since they were last begun, for instance with an order."""

    frames_sent: int = 0
    acknowledgements: int = 0
    last_heard: datetime | None = None
    snr_cdb: int | None = None

    def add(self, transfer: Transfer) -> None:
        """Take in what was seen of one message, down or up."""
        self.frames_sent += transfer.frames_sent
        self.acknowledgements += transfer.acknowledgements
        if transfer.heard_at is not None:
            self.last_heard = transfer.heard_at
            self.snr_cdb = transfer.heard_snr_cdb

    def report(self, link: Link, now: float) -> LinkReport:
        """The report about a link as of `now` (POSIX seconds)."""
        return LinkReport(
            meter=link.meter,
            at=datetime.fromtimestamp(now, UTC),
            registered=link.registered(now),
            frames_sent=self.frames_sent,
            frames_lost=self.frames_sent - self.acknowledgements,
            link_acks=self.acknowledgements,
            last_heard=self.last_heard,
            snr_db=None if self.snr_cdb is None else self.snr_cdb / 100,
        )
