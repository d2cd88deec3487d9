"""Campaigns: their standing, their meters, their story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from headend.domain.campaign import Campaign, CampaignLine, Choice, Ended, Member, Tally
from headend.domain.reason import ReasonCode


class CampaignWords(Protocol):
    """Campaigns: their standing, their meters, their story."""

    def chosen(self, choice: Choice) -> list[str]:
        """The names of the meters that a choice means now."""
        ...

    def add_campaign(self, campaign: Campaign, meters: Sequence[str]) -> int:
        """Keep a campaign with its meters in the waves of its plan; its number, whatever
        `campaign.number` says."""
        ...

    def campaign(self, number: int) -> Campaign | None:
        """It; nobody else changes it, or any of its meters, until this transaction ends."""
        ...

    def campaigns_going_on(self) -> list[int]:
        """Those of which something waits or is under way."""
        ...

    def save_campaign(self, campaign: Campaign) -> None:
        """Write its standing: state, why, who approved, when it ended."""
        ...

    def tallies(self, number: int) -> list[Tally]:
        """How many of each wave stand where, the first wave first."""
        ...

    def failures(self, number: int) -> dict[ReasonCode, int]:
        """Why meters failed, the most frequent reason first."""
        ...

    def held_of_campaign(self, number: int) -> int:
        """How many of its orders wait for a second person."""
        ...

    def waiting_members(self, number: int, wave: int, count: int) -> list[Member]:
        """So many that wait, at most, in their row."""
        ...

    def members_under_way(self, number: int) -> list[Member]: ...
    def members_that_ended(self, number: int, count: int) -> list[Ended]:
        """So many under way, at most, whose order is final.  The orders are not locked."""
        ...

    def save_members(self, members: Iterable[Member]) -> None:
        """Write their standing: state, tries, order, reason, when they ended."""
        ...

    def pardon_failures(self, number: int) -> int:
        """Count the failures so far no more against the campaign; how many."""
        ...

    def retry_failures(self, number: int) -> int:
        """Let all that failed wait again, in a wave of their own behind the last; how many."""
        ...

    def withdraw_waiting(self, number: int, at: datetime) -> int:
        """End what waits; how many."""
        ...

    def add_campaign_line(self, line: CampaignLine) -> None: ...
    def campaign_lines(self, number: int) -> list[CampaignLine]: ...


class CutWords(Protocol):
    """Disconnections that went through without a second person."""

    def lock_cuts(self) -> None:
        """Let nobody else count or enter any until this transaction ends."""
        ...

    def cuts_between(self, after: datetime, before: datetime, *, but: int) -> list[datetime]:
        """When they may be carried out, the earliest first; without the order `but`."""
        ...

    def put_cut(self, order: int, at: datetime) -> None:
        """Enter one, or move it."""
        ...

    def drop_cut(self, order: int) -> None: ...
