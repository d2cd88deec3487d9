"""What is known at the end of a run: the world as it was, and what the head-end kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from devices.world import World
from headend.app.head_end import SqlStore
from headend.domain.activity import Activity
from headend.domain.collecting import UploadTaken
from headend.domain.discovery import Discovery
from headend.domain.event import Incident
from headend.domain.interval import IntervalDay
from headend.domain.meter import Meter
from headend.domain.order import Attempt, JournalLine, Order
from headend.domain.reading import Push
from headend.ports import Outgoing
from headend.store import (
    activity_queries,
    campaign_queries,
    collected_queries,
    event_queries,
    queries,
    upkeep_queries,
)
from scenarios.schema import Scenario
from scenarios.stand_ins.commercial import CommercialSystem
from scenarios.stand_ins.said import Said


@dataclass(frozen=True, slots=True)
class Record:
    """What the head-end has of one order."""

    order: Order
    journal: tuple[JournalLine, ...]
    attempts: tuple[Attempt, ...]
    outgoing: tuple[Outgoing, ...]


STANDINGS = ("done", "failed", "waiting")
"""Of a campaign's meters, as a story's expectation counts them."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known at the end of a run."""

    scenario: Scenario
    seed: int
    records: tuple[Record, ...]
    commercial: CommercialSystem
    world: World
    errors: tuple[BaseException, ...]  # of the head-end's own making; there must be none
    simulated_s: float
    wall_s: float = 0.0
    pages: tuple[IntervalDay, ...] = ()  # what was stored of profiles
    uploads: tuple[UploadTaken, ...] = ()
    pushes: tuple[Push, ...] = ()  # what meters said unasked
    incidents: tuple[Incident, ...] = ()  # the first one first
    discoveries: tuple[Discovery, ...] = ()
    heard: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    # by concentrator and meter: keep-alives heard, and asked for, in the hours that were told
    registered: tuple[Meter, ...] = ()  # as the registry has them
    keys: dict[str, str] = field(default_factory=dict)  # by meter, as `key_changes.standing` says
    activities: tuple[Activity, ...] = ()  # what concentrators were asked, the latest first
    campaigns: tuple[str, ...] = ()  # how each stands, the first one first
    said: tuple[Said, ...] = ()  # the journals of MDM, commercial system and operator

    @property
    def log_sha256(self) -> str:
        return self.world.log.sha256


def told_of(
    store: SqlStore,
    scenario: Scenario,
    seed: int,
    world: World,
    commercial: CommercialSystem,
    *,
    simulated_s: float,
) -> Story:
    """The story that a database tells at the end.  The world's log gets the head-end's journal, the
    uploads that it took, and what the commercial system was answered."""
    records = store.read(records_of)
    uploads = tuple(store.read(collected_queries.all_uploads))
    _log_journal(world, records)
    _log_uploads(world, uploads)
    for answered in commercial.answers:
        world.log("answer", text=answered.text, transaction=answered.transaction_id)

    def heard(concentrator: str) -> dict[str, tuple[int, int]]:
        return store.read(
            lambda connection: upkeep_queries.availability_of(connection, concentrator)
        )

    return Story(
        scenario,
        seed,
        records,
        commercial,
        world,
        (),
        simulated_s,
        pages=tuple(store.read(collected_queries.interval_days)),
        uploads=uploads,
        pushes=tuple(store.read(collected_queries.pushes)),
        incidents=store.read(_incidents),
        discoveries=tuple(store.read(upkeep_queries.discoveries)),
        registered=store.read(_registered),
        heard={name: heard(name) for name in world.concentrators},
        activities=tuple(store.read(_activities)),
        campaigns=store.read(_campaigns),
    )


def _log_journal(world: World, records: Iterable[Record]) -> None:
    lines = (line for record in records for line in record.journal)
    for line in sorted(lines, key=lambda line: (line.at, line.order)):
        world.log(
            "journal",
            on=round(line.at.timestamp() * 1e6),
            order=line.order,
            state=line.state,
            cause=line.cause,
        )


def _log_uploads(world: World, uploads: Iterable[UploadTaken]) -> None:
    for upload in uploads:
        world.log(
            "upload",
            on=round(upload.received_at.timestamp() * 1e6),
            concentrator=upload.concentrator,
            id=upload.id,
            new=upload.new,
            again=upload.again,
            changed=upload.changed,
            dropped=upload.dropped,
        )


def _incidents(connection: Any) -> tuple[Incident, ...]:
    found = event_queries.incidents(connection, event_queries.IncidentFilter(), limit=1_000_000)
    return tuple(each.incident for each in reversed(found))


def _activities(connection: Any) -> list[Activity]:
    return activity_queries.activities(connection, limit=1_000_000)


def _campaigns(connection: Any) -> tuple[str, ...]:
    told = []
    for each in reversed(campaign_queries.campaigns(connection, limit=1_000_000)):
        progress = campaign_queries.progress(connection, each.number)
        assert progress is not None, "campaigns stay"
        counts = {name: sum(getattr(of, name) for of in progress.waves) for name in STANDINGS}
        figures = ", ".join(f"{count} {name}" for name, count in counts.items())
        told.append(f"{each.state}: {figures}")
    return tuple(told)


def _registered(connection: Any) -> tuple[Meter, ...]:
    return tuple(queries.meters(connection, limit=1_000_000))


def records_of(connection: Any) -> tuple[Record, ...]:
    """Every order, the earliest first, with all that is kept of it."""
    found = queries.orders(connection, limit=1_000_000)
    return tuple(
        Record(
            order,
            tuple(queries.journal(connection, order.number)),
            tuple(queries.attempts(connection, order.number)),
            tuple(queries.outgoing_of(connection, order.number)),
        )
        for order in reversed(found)
    )
