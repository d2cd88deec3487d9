"""One transaction of the store, with all its words, and the store itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from headend.ports.words.access import AccessWords
from headend.ports.words.activities import ActivityWords
from headend.ports.words.backfill import BackfillWords
from headend.ports.words.breakages import BreakageWords
from headend.ports.words.campaigns import CampaignWords, CutWords
from headend.ports.words.changes import ChangeWords
from headend.ports.words.collected import CollectedWords
from headend.ports.words.events import EventWords
from headend.ports.words.feeders import FeederWords
from headend.ports.words.images import ImageWords
from headend.ports.words.jobs import JobWords
from headend.ports.words.journal import JournalWords
from headend.ports.words.life import LifeWords
from headend.ports.words.messages import MessageWords
from headend.ports.words.meter_clocks import MeterClockWords
from headend.ports.words.notices import NoticeWords
from headend.ports.words.orders import OrderWords
from headend.ports.words.outbound import OutboundWords
from headend.ports.words.outbox import OutboxWords
from headend.ports.words.readings import ReadingWords
from headend.ports.words.registry import RegistryWords
from headend.ports.words.restoration import RestorationWords
from headend.ports.words.rollup import RollupWords
from headend.ports.words.service_levels import ServiceLevelWords
from headend.ports.words.tasks import TaskWords
from headend.ports.words.upkeep import UpkeepWords
from headend.ports.words.usage_points import UsagePointWords
from headend.ports.words.validated import ValidatedWords

T = TypeVar("T")


class Transaction(
    RegistryWords,
    RestorationWords,
    LifeWords,
    UsagePointWords,
    ReadingWords,
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
    ChangeWords,
    NoticeWords,
    MessageWords,
    OrderWords,
    JournalWords,
    BreakageWords,
    CampaignWords,
    CutWords,
    JobWords,
    OutboxWords,
    OutboundWords,
    AccessWords,
    Protocol,
):
    """The store's words inside one transaction.  Methods are plain calls; nothing awaits."""

    def attempt(self, work: Callable[[], T]) -> T:
        """Run a part of the transaction: all of it is kept, or, if it raises, nothing of it."""
        ...


class Store(Protocol):
    """Durable memory.  `run` returns only after what `work` wrote is safe on disk."""

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction: all of it is kept, or, if it raises, nothing."""
        ...
