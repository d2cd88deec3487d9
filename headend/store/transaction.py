"""All the words of one transaction: what `ports.Transaction` promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headend.ports import Store, Transaction
from headend.store.access import AccessWords
from headend.store.activities import ActivityWords
from headend.store.backfill import BackfillWords
from headend.store.breakages import BreakageWords
from headend.store.campaigns import CampaignWords
from headend.store.claims import ClaimWords
from headend.store.collected import CollectedWords
from headend.store.cuts import CutWords
from headend.store.events import EventWords
from headend.store.evidence import EvidenceWords
from headend.store.feeders import FeederWords
from headend.store.images import ImageWords
from headend.store.intervals import IntervalWords
from headend.store.jobs import JobWords
from headend.store.key_leases import LeaseWords
from headend.store.life import LifeWords
from headend.store.messages import MessageWords
from headend.store.meter_clocks import MeterClockWords
from headend.store.notices import NoticeWords
from headend.store.orders import OrderWords
from headend.store.outbound import OutboundWords
from headend.store.outbox import OutboxWords
from headend.store.owed import OwedWords
from headend.store.places import PlaceWords
from headend.store.readings import ReadingWords
from headend.store.receipts import ReceiptWords
from headend.store.restoration import RestorationWords
from headend.store.rollup import RollupWords
from headend.store.secrets import SecretWords
from headend.store.service_levels import ServiceLevelWords
from headend.store.shipment import ShipmentWords
from headend.store.tasks import TaskWords
from headend.store.upkeep import UpkeepWords
from headend.store.usage_points import UsagePointWords
from headend.store.validated import ValidatedWords

T = TypeVar("T")


class SqlTransaction(
    OwedWords,
    ShipmentWords,
    LifeWords,
    PlaceWords,
    UsagePointWords,
    ReceiptWords,
    RestorationWords,
    ReadingWords,
    IntervalWords,
    CollectedWords,
    ValidatedWords,
    RollupWords,
    ServiceLevelWords,
    BackfillWords,
    UpkeepWords,
    ActivityWords,
    TaskWords,
    FeederWords,
    ImageWords,
    MeterClockWords,
    EventWords,
    NoticeWords,
    EvidenceWords,
    MessageWords,
    OrderWords,
    ClaimWords,
    BreakageWords,
    CampaignWords,
    CutWords,
    OutboxWords,
    OutboundWords,
    SecretWords,
    JobWords,
    LeaseWords,
    AccessWords,
):
    """Good for as long as the work it was given to; each work gets its own."""


async def in_words(store: Store, work: Callable[[SqlTransaction], T]) -> T:
    """Run `work` in a transaction of a store in SQL, with all the words that such a one has."""

    def with_words(transaction: Transaction) -> T:
        assert isinstance(transaction, SqlTransaction)
        return work(transaction)

    return await store.run(with_words)
