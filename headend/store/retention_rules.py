"""Which tables grow, by what their rows are dated, what goes with a row, and what holds it.

In this order: what is made of other rows comes behind them, and what others name behind those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Table, false, func, not_, or_, select

from headend.domain.event import Subject
from headend.domain.owed import OwedKind
from headend.domain.retention import Cut
from headend.store import schema
from headend.store.activity_schema import activities
from headend.store.campaign_schema import campaign_lines, campaign_members, campaigns, cuts
from headend.store.collected_schema import collected_blocks, interval_days, uploads
from headend.store.event_schema import acknowledgements, events, incidents, status_words
from headend.store.feeder_schema import customer_counts, feeder_hours, feeder_rolls
from headend.store.job_schema import job_orders
from headend.store.message_log_schema import cim_messages
from headend.store.meter_clocks import meter_clocks
from headend.store.notice_schema import notice_cases, notices
from headend.store.restoration_schema import stray_results
from headend.store.retention_holds import (
    Hold,
    Needs,
    event_under_way,
    incident_under_way,
    journal_not_taken,
    newest,
    not_rolled_up,
    not_taken,
    number_owed,
    order_restored,
    order_under_way,
    order_unsettled,
    page_owed,
    reading_owed,
    referred,
    rows_kept,
    unended,
    unvalidated,
)
from headend.store.rollup_schema import rolled_days
from headend.store.service_level_schema import service_level_days
from headend.store.task_schema import task_lines, task_runs
from headend.store.upkeep_schema import concentrator_clocks, concentrator_sessions, hours_heard
from headend.store.validated_schema import validated_days


@dataclass(frozen=True, slots=True)
class Belonging:
    """A column of another table that names a row by its one key; of those for which `only` is
    true, where it is given."""

    column: ColumnElement[Any]
    only: ColumnElement[bool] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One table.  `kind` is the word of the configuration; `time` dates a row."""

    kind: str
    table: Table
    time: ColumnElement[Any]
    holds: tuple[Hold, ...] = ()
    belongings: tuple[Belonging, ...] = ()
    chained: bool = False  # rows of it hold one another
    key: tuple[ColumnElement[Any], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(self.table.primary_key.columns))

    @property
    def wholesale(self) -> bool:
        """Whether nothing goes with its rows, so that a whole month of them may go at once."""
        return not self.belongings

    @property
    def name(self) -> str:
        return str(self.table.name)

    def old(self, cut: Cut) -> ColumnElement[bool]:
        """Whether a row's span is over."""
        if isinstance(self.time.type, Date):
            return self.time < cut.day
        if isinstance(self.time.type, Integer):  # the end of an interval, which is its day's
            return self.time <= int(cut.at.timestamp())
        return self.time < cut.at

    def held(self, needs: Needs) -> ColumnElement[bool]:
        """Whether somebody still needs a row."""
        return or_(false(), *(hold.of(needs) for hold in self.holds))

    def free(self, cut: Cut, needs: Needs) -> ColumnElement[bool]:
        return self.old(cut) & not_(self.held(needs))


def _dated(kind: str, table: Table, column: str, *holds: Hold) -> Rule:
    return Rule(kind, table, table.c[column], holds)


_o, _e, _i, _n = schema.orders.c, events.c, incidents.c, notices.c
_m, _l, _c, _a = campaign_members.c, campaign_lines.c, campaigns.c, activities.c
_cases, _merged = notice_cases.c, incidents.alias().c
_inbound = schema.inbound_messages
_tr = task_runs.c


def _of_campaign(table: Table, campaign: ColumnElement[int]) -> Rule:
    """What a campaign has by the hundred thousand, dated as it is: it goes before the campaign."""
    of = _c.number == campaign
    ended = select(func.coalesce(_c.ended_at, _c.made_at)).where(of).scalar_subquery()
    return Rule(
        "campaigns", table, ended, (unended(select(_c.ended_at).where(of).scalar_subquery()),)
    )


RULES: tuple[Rule, ...] = (
    _dated("blocks", collected_blocks, "read_at"),
    _dated(
        "intervals",
        interval_days,
        "day",
        newest(interval_days, ("meter", "profile"), "day"),
        unvalidated(),
        not_rolled_up(),
        page_owed(interval_days),
        not_taken("pages", interval_days.c.updated_at),
    ),
    _dated("intervals", schema.intervals, "at"),
    _dated(
        "validated",
        validated_days,
        "day",
        rows_kept(validated_days),
        page_owed(validated_days),
        not_taken("looks", validated_days.c.checked_at),
    ),
    _dated("rollups", rolled_days, "day", rows_kept(rolled_days)),
    _dated(
        "readings",
        schema.readings,
        "at",
        newest(schema.readings, ("meter", "name", "attribute"), "at"),
        reading_owed(),
        not_taken("readings", schema.readings.c.line),
    ),
    _dated("readings", schema.pushes, "received_at"),
    Rule("notices", notices, func.coalesce(_n.settled_at, _n.made_at), (unended(_n.settled_at),)),
    Rule(
        "notices",
        notice_cases,
        func.coalesce(_cases.over_at, _cases.opened_at),
        (unended(_cases.over_at),),
    ),
    Rule(
        "events",
        events,
        _e.at,
        (
            event_under_way(),
            number_owed(OwedKind.EVENT, _e.number),
            not_taken("events", _e.number),
        ),
        (Belonging(acknowledgements.c.number, acknowledgements.c.subject == Subject.EVENT),),
    ),
    Rule(
        "events",
        incidents,
        func.coalesce(_i.ended_at, _i.began_at),
        (
            incident_under_way(),
            number_owed(OwedKind.INCIDENT, _i.number),
            not_taken("incidents", _i.updated_at),
            referred((_e.incident, _i.number), (_merged.merged_into, _i.number)),
        ),
        (Belonging(acknowledgements.c.number, acknowledgements.c.subject == Subject.INCIDENT),),
        chained=True,
    ),
    Rule(
        "orders",
        schema.orders,
        func.coalesce(_o.ended_at, _o.accepted_at),
        (order_under_way(), order_unsettled(), order_restored(), journal_not_taken()),
        (
            Belonging(schema.journal.c.order),
            Belonging(schema.attempts.c.order),
            Belonging(schema.outbox.c.order),
            Belonging(cuts.c.order),
            Belonging(job_orders.c.number),
        ),
    ),
    _dated(
        "orders",
        _inbound,
        "received_at",
        referred((_o.transaction_id, _inbound.c.transaction_id)),
    ),
    _dated("messages", cim_messages, "at"),
    _of_campaign(campaign_members, _m.campaign),
    _of_campaign(campaign_lines, _l.campaign),
    Rule(
        "campaigns",
        campaigns,
        func.coalesce(_c.ended_at, _c.made_at),
        (unended(_c.ended_at), referred((_m.campaign, _c.number), (_l.campaign, _c.number))),
    ),
    Rule(
        "activities",
        activities,
        func.coalesce(_a.ended_at, _a.asked_at),
        (unended(_a.ended_at),),
    ),
    Rule(
        "tasks",
        task_runs,
        func.coalesce(_tr.ended_at, _tr.asked_at),
        (unended(_tr.ended_at),),
        (Belonging(task_lines.c.run),),
    ),
    _dated("feeders", feeder_hours, "day"),
    _dated("feeders", feeder_rolls, "day"),
    _dated("feeders", customer_counts, "day"),
    _dated("telemetry", hours_heard, "hour"),
    _dated("telemetry", uploads, "received_at"),
    _dated(
        "telemetry",
        concentrator_sessions,
        "at",
        newest(concentrator_sessions, ("concentrator",), "at"),
        not_taken("sessions", concentrator_sessions.c.at),
    ),
    _dated(
        "telemetry",
        concentrator_clocks,
        "at",
        newest(concentrator_clocks, ("concentrator",), "at"),
    ),
    _dated("telemetry", meter_clocks, "at", newest(meter_clocks, ("meter",), "at")),
    _dated("telemetry", status_words, "at", newest(status_words, ("device", "name"), "at")),
    _dated("telemetry", schema.concentrator_evidence, "at"),
    _dated("telemetry", stray_results, "received_at"),
    _dated("service_levels", service_level_days, "day"),
)
