"""What Prometheus scrapes: the text format 0.0.4, by its own client library.

Counts of orders, of what is owed and of devices are read from the store when they are scraped, so
that they are right after a restart; times of questions are observed as they are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headend.domain.campaign import CampaignState
from headend.domain.notice import NoticeState
from headend.domain.order import FINAL, State
from headend.domain.retention import KeptSince
from headend.domain.service_level import Count, Measured
from headend.store import (
    backfill_queries,
    campaign_queries,
    notice_queries,
    owed_queries,
    queries,
    retention_queries,
)
from headend.store.service_level_queries import measured_days
from headend.store.upkeep_queries import concentrators_heard

LEVELS_OVER = timedelta(days=30)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is read of the store for one scrape."""

    states: dict[State, int]
    owed: list[queries.ChannelState]
    online: int
    offline: int
    notices: dict[tuple[str, NoticeState], int]
    legacy: owed_queries.Backlog
    levels: dict[tuple[str, int], Count]
    held: int
    campaigns: dict[CampaignState, int]
    profiles_asked: int
    intervals_given_up: int
    retained: dict[str, KeptSince]
    backup_at: datetime | None
    now: datetime

    @staticmethod
    def of(connection: queries.Connection, now: datetime, backup_at: datetime | None) -> Counted:
        """`backup_at` is what moment the newest backup is of."""
        heard, today = concentrators_heard(connection), now.date()
        return Counted(
            queries.count_states(connection),
            queries.outbox(connection),
            sum(heard.values()),
            len(heard) - sum(heard.values()),
            notice_queries.counted(connection),
            owed_queries.backlog(connection),
            _levels(measured_days(connection, today - LEVELS_OVER, today)),
            queries.count_held(connection),
            campaign_queries.count_states(connection),
            *backfill_queries.backlog(connection),
            retention_queries.kept(connection),
            backup_at,
            now,
        )


def _levels(rows: Iterable[Measured]) -> dict[tuple[str, int], Count]:
    found: dict[tuple[str, int], Count] = {}
    for row in rows:
        key = row.goal, row.within_s
        found[key] = found.get(key, Count()) + row.count
    return found


class _Counts(Collector):
    """One scrape's counts as metrics."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        counted = self._counted
        ended = CounterMetricFamily("ami_orders_ended", "Orders that ended so.", labels=["state"])
        under_way = GaugeMetricFamily(
            "ami_orders_open", "Orders that have not ended.", labels=["state"]
        )
        for state in State:
            family = ended if state in FINAL else under_way
            family.add_metric([state.value], counted.states.get(state, 0))
        yield ended
        yield under_way
        owed = GaugeMetricFamily(
            "ami_outbox_messages", "Results that nobody has acknowledged.", labels=["channel"]
        )
        oldest = GaugeMetricFamily(
            "ami_outbox_oldest_seconds", "Age of the oldest of them.", labels=["channel"]
        )
        for each in counted.owed:
            owed.add_metric([each.channel], each.unsettled)
            age = (counted.now - each.oldest).total_seconds()
            oldest.add_metric([each.channel], max(0.0, age))
        yield owed
        yield oldest
        devices = GaugeMetricFamily(
            "ami_concentrators", "Concentrators that were heard of.", labels=["standing"]
        )
        devices.add_metric(["online"], counted.online)
        devices.add_metric(["offline"], counted.offline)
        yield devices
        notices = GaugeMetricFamily(
            "ami_notices",
            "Notices of events and incidents; a dead one could not be delivered.",
            labels=["channel", "state"],
        )
        for (channel, stands), count in sorted(counted.notices.items()):
            notices.add_metric([channel, stands.value], count)
        yield notices
        waiting = GaugeMetricFamily(
            "ami_legacy_waiting", "Things of which the legacy database is to hear.", labels=["kind"]
        )
        for kind, count in counted.legacy.waiting.items():
            waiting.add_metric([kind.value], count)
        yield waiting
        yield GaugeMetricFamily(
            "ami_legacy_troubles",
            "Things that cannot be told to the legacy database as they are.",
            value=counted.legacy.troubles,
        )
        for name, text, of in (
            ("items", "Things of the last 31 days that a service level is about.", "items"),
            ("judged", "Of those, the ones that had their time.", "judged"),
            ("met", "Of those judged, the ones that took no longer.", "met"),
        ):
            family = GaugeMetricFamily(
                f"ami_service_level_{name}", text, labels=["goal", "within_s"]
            )
            for (goal, within_s), total in sorted(counted.levels.items()):
                family.add_metric([goal, str(within_s)], getattr(total, of))
            yield family
        yield from self._standing()

    def _standing(self) -> Iterator[Metric]:
        """What waits for people, for meters, and since when all is safe."""
        counted = self._counted
        yield GaugeMetricFamily(
            "ami_orders_held", "Orders that wait for a second person.", value=counted.held
        )
        campaigns = GaugeMetricFamily("ami_campaigns", "Campaigns.", labels=["state"])
        for state in CampaignState:
            campaigns.add_metric([state.value], counted.campaigns.get(state, 0))
        yield campaigns
        yield GaugeMetricFamily(
            "ami_backfill_profiles",
            "Meters' profiles that are asked for intervals that are missing.",
            value=counted.profiles_asked,
        )
        yield GaugeMetricFamily(
            "ami_backfill_given_up_intervals",
            "Intervals that are missing, and that nobody asks for any more.",
            value=counted.intervals_given_up,
        )
        gone = CounterMetricFamily(
            "ami_retention_deleted_rows", "Rows that had outlived their span.", labels=["table"]
        )
        held = GaugeMetricFamily(
            "ami_retention_held_rows",
            "Rows beyond their span that somebody still needed when they were last looked at.",
            labels=["table"],
        )
        since = GaugeMetricFamily(
            "ami_retention_kept_since_seconds",
            "Since which day, as its midnight (UTC), all rows of a table are here.",
            labels=["table"],
        )
        for name, each in counted.retained.items():
            gone.add_metric([name], each.gone)
            held.add_metric([name], each.held)
            if (day := each.kept_since) is not None:
                midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
                since.add_metric([name], midnight.timestamp())
        yield gone
        yield held
        yield since
        backup = GaugeMetricFamily(
            "ami_backup_age_seconds", "Age of the newest backup; absent where there is none."
        )
        if counted.backup_at is not None:
            backup.add_metric([], max(0.0, (counted.now - counted.backup_at).total_seconds()))
        yield backup


@dataclass(slots=True)
class Metrics:
    """Of one process."""

    _registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _answered: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self._answered = Histogram(
            "ami_rest_answer_seconds",
            "How long questions by REST took.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A question was answered; `route` is its pattern, so that no name makes a series."""
        self._answered.labels(method, route, str(status)).observe(seconds)

    def text(self, counted: Counted) -> bytes:
        """Everything, as it is scraped."""
        scrape = CollectorRegistry()
        scrape.register(_Counts(counted))
        return _joined([generate_latest(scrape), generate_latest(self._registry)])


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)
