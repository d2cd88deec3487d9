"""The words for campaigns, their meters and their story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, bindparam, func, insert, select, update

from headend.domain.campaign import (
    Campaign,
    CampaignLine,
    Choice,
    Ended,
    Member,
    MemberState,
    Tally,
    members,
)
from headend.domain.reason import ReasonCode
from headend.store import campaign_schema as tables
from headend.store import schema
from headend.store.choosing import chosen
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

CAMPAIGN = Form(Campaign, tables.campaigns)
MEMBER = Form(Member, tables.campaign_members)
LINE = Form(CampaignLine, tables.campaign_lines)

_c, _m, _orders = CAMPAIGN.table.c, MEMBER.table.c, schema.orders.c
_NEW = tuple(name for name in CAMPAIGN.names if name != "number")
_STANDING = ("state", "why", "approved_by", "ended_at")
_of_number = _c.number == bindparam("of_number")
_of_campaign = _m.campaign == bindparam("of_campaign")

_ADD = Prepared(insert(CAMPAIGN.table).returning(_c.number), _NEW)
_CAMPAIGN = Locked(CAMPAIGN.select().where(_of_number))
_SAVE = Prepared(update(CAMPAIGN.table).where(_of_number), _STANDING)
_GOING_ON = Prepared(select(_c.number).where(_c.ended_at.is_(None)).order_by(_c.number))

_ADD_MEMBER = Prepared(insert(MEMBER.table), MEMBER.names)
_CHANGING = ("state", "tries", "order", "reason", "ended_at")
_SAVE_MEMBER = Prepared(
    update(MEMBER.table).where(_of_campaign, _m.meter == bindparam("of_meter")), _CHANGING
)
_WAITING = Prepared(
    MEMBER.select()
    .where(_of_campaign, _m.state == MemberState.WAITING, _m.wave == bindparam("of_wave"))
    .order_by(_m.place)
    .limit(bindparam("count"))
)
_UNDER_WAY = Prepared(
    MEMBER.select()
    .where(_of_campaign, _m.state == MemberState.UNDER_WAY)
    .order_by(_m.wave, _m.place)
)
_UNDER_WAY_AND_ENDED = Prepared(
    select(*MEMBER.columns, _orders.state, _orders.reason, _orders.ended_at)
    .join(schema.orders, _orders.number == _m.order)
    .where(_of_campaign, _m.state == MemberState.UNDER_WAY, _orders.unfinished.is_(False))
    .order_by(_m.wave, _m.place)
    .limit(bindparam("count"))
)
_TALLIES = Prepared(
    select(_m.wave, _m.state, _m.pardoned, func.count())
    .where(_of_campaign)
    .group_by(_m.wave, _m.state, _m.pardoned)
    .order_by(_m.wave)
)
_REASONS = Prepared(
    select(_m.reason, func.count())
    .where(_of_campaign, _m.state == MemberState.FAILED, _m.reason.is_not(None))
    .group_by(_m.reason)
    .order_by(func.count().desc(), _m.reason)
)
_HELD: Select[int] = (
    select(func.count())
    .select_from(MEMBER.table.join(schema.orders, _orders.number == _m.order))
    .where(_of_campaign, _m.state == MemberState.UNDER_WAY, _orders.held_at.is_not(None))
)
_COUNT_HELD = Prepared(_HELD)
_FAILED = (_of_campaign, _m.state == MemberState.FAILED)
_PARDON = Prepared(update(MEMBER.table).where(*_FAILED).values(pardoned=True))
_LAST_WAVE = Prepared(select(func.max(_m.wave)).where(_of_campaign))
_RETRY = Prepared(
    update(MEMBER.table)
    .where(*_FAILED)
    .values(
        state=MemberState.WAITING,
        wave=bindparam("to_wave"),
        reason=None,
        pardoned=False,
        ended_at=None,
    )
)
_WITHDRAW = Prepared(
    update(MEMBER.table)
    .where(_of_campaign, _m.state == MemberState.WAITING)
    .values(state=MemberState.WITHDRAWN, ended_at=bindparam("at"))
)
_ADD_LINE = Prepared(insert(LINE.table).inline(), LINE.names)
_LINES = Prepared(
    LINE.select().where(LINE.table.c.campaign == bindparam("of_campaign")).order_by("line")
)


class CampaignWords(Words):
    """Campaigns: their standing, their meters, their story."""

    def chosen(self, choice: Choice) -> list[str]:
        return chosen(self._connection, choice)

    def add_campaign(self, campaign: Campaign, meters: Sequence[str]) -> int:
        values = CAMPAIGN.values(campaign)
        values.pop("number")
        number: int = self._value(_ADD, values)
        rows = members(number, meters, campaign.plan)
        self._change_many(_ADD_MEMBER, map(MEMBER.values, rows))
        return number

    def campaign(self, number: int) -> Campaign | None:
        return self._one(CAMPAIGN, _CAMPAIGN, {"of_number": number})

    def campaigns_going_on(self) -> list[int]:
        return [number for (number,) in self._rows(_GOING_ON)]

    def save_campaign(self, campaign: Campaign) -> None:
        values = CAMPAIGN.values(campaign)
        standing = {name: values[name] for name in _STANDING}
        self._change(_SAVE, {"of_number": campaign.number, **standing})

    def tallies(self, number: int) -> list[Tally]:
        waves: dict[int, dict[str, int]] = {}
        for wave, state, pardoned, count in self._rows(_TALLIES, {"of_campaign": number}):
            counts = waves.setdefault(wave, {})
            name = state.replace("-", "_")
            counts[name] = counts.get(name, 0) + count
            if pardoned:
                counts["pardoned"] = counts.get("pardoned", 0) + count
        return [Tally(wave, **counts) for wave, counts in waves.items()]

    def failures(self, number: int) -> dict[ReasonCode, int]:
        return dict(self._rows(_REASONS, {"of_campaign": number}))

    def held_of_campaign(self, number: int) -> int:
        count: int = self._value(_COUNT_HELD, {"of_campaign": number})
        return count

    def waiting_members(self, number: int, wave: int, count: int) -> list[Member]:
        values = {"of_campaign": number, "of_wave": wave, "count": count}
        return self._all(MEMBER, _WAITING, values)

    def members_under_way(self, number: int) -> list[Member]:
        return self._all(MEMBER, _UNDER_WAY, {"of_campaign": number})

    def members_that_ended(self, number: int, count: int) -> list[Ended]:
        rows = self._rows(_UNDER_WAY_AND_ENDED, {"of_campaign": number, "count": count})
        width = len(MEMBER.columns)
        return [Ended(MEMBER.read(row[:width]), *row[width:]) for row in rows]

    def save_members(self, members: Iterable[Member]) -> None:
        self._change_many(_SAVE_MEMBER, map(_standing, members))

    def pardon_failures(self, number: int) -> int:
        return self._change(_PARDON, {"of_campaign": number})

    def retry_failures(self, number: int) -> int:
        last: int = self._value(_LAST_WAVE, {"of_campaign": number})
        return self._change(_RETRY, {"of_campaign": number, "to_wave": last + 1})

    def withdraw_waiting(self, number: int, at: datetime) -> int:
        return self._change(_WITHDRAW, {"of_campaign": number, "at": at})

    def add_campaign_line(self, line: CampaignLine) -> None:
        self._change(_ADD_LINE, LINE.values(line))

    def campaign_lines(self, number: int) -> list[CampaignLine]:
        return self._all(LINE, _LINES, {"of_campaign": number})


def _standing(member: Member) -> dict[str, object]:
    values = MEMBER.values(member)
    standing = {name: values[name] for name in _CHANGING}
    return {"of_campaign": member.campaign, "of_meter": member.meter, **standing}
