"""All the words of one transaction: what `ports.Transaction` promises."""

from __future__ import annotations

from headend.store.breakages import BreakageWords
from headend.store.claims import ClaimWords
from headend.store.collected import CollectedWords
from headend.store.evidence import EvidenceWords
from headend.store.intervals import IntervalWords
from headend.store.jobs import JobWords
from headend.store.key_leases import LeaseWords
from headend.store.messages import MessageWords
from headend.store.orders import OrderWords
from headend.store.outbox import OutboxWords
from headend.store.readings import ReadingWords
from headend.store.shipment import ShipmentWords


class SqlTransaction(
    ShipmentWords,
    ReadingWords,
    IntervalWords,
    CollectedWords,
    EvidenceWords,
    MessageWords,
    OrderWords,
    ClaimWords,
    BreakageWords,
    OutboxWords,
    JobWords,
    LeaseWords,
):
    """Good for as long as the work it was given to; each work gets its own."""
