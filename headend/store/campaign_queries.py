"""Questions about campaigns, for pages and commands."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection as Connection  # what callers pass in, by this name
from sqlalchemy import func, select

from headend.domain.campaign import (
    Campaign,
    CampaignLine,
    CampaignState,
    Choice,
    Meant,
    Member,
    MemberState,
    Progress,
)
from headend.store import choosing
from headend.store.campaigns import CAMPAIGN, MEMBER
from headend.store.transaction import SqlTransaction

_c, _m = CAMPAIGN.table.c, MEMBER.table.c


def count_states(connection: Connection) -> dict[CampaignState, int]:
    """How many campaigns stand where."""
    query = select(_c.state, func.count().label("how_many")).group_by(_c.state)
    return {row.state: row.how_many for row in connection.execute(query)}


def campaigns(
    connection: Connection,
    states: Collection[CampaignState] = (),
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Campaign]:
    """The latest first; `before` continues behind the last number of the page before."""
    statement = CAMPAIGN.select().order_by(_c.number.desc()).limit(limit)
    if states:
        statement = statement.where(_c.state.in_(states))
    if before is not None:
        statement = statement.where(_c.number < before)
    return [CAMPAIGN.read(row) for row in connection.execute(statement)]


def meant(connection: Connection, choice: Choice) -> Meant:
    """Whom a choice means now, and whom it leaves out."""
    return choosing.meant(connection, choice)


def progress(connection: Connection, number: int) -> Progress | None:
    """A campaign as it stands, or None."""
    words = SqlTransaction(connection)
    campaign = words.campaign(number)
    if campaign is None:
        return None
    return Progress(
        campaign,
        tuple(words.tallies(number)),
        words.failures(number),
        words.held_of_campaign(number),
    )


def story(connection: Connection, number: int) -> list[CampaignLine]:
    """What was done with it, and by whom."""
    return SqlTransaction(connection).campaign_lines(number)


def campaign_meters(
    connection: Connection,
    number: int,
    states: Collection[MemberState] = (),
    *,
    after: int = -1,
    limit: int = 50,
) -> list[Member]:
    """Its meters in their row; `after` continues behind the last place of the page before."""
    statement = MEMBER.select().where(_m.campaign == number, _m.place > after)
    if states:
        statement = statement.where(_m.state.in_(states))
    found = connection.execute(statement.order_by(_m.place).limit(limit))
    return [MEMBER.read(row) for row in found]
