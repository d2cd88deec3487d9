"""A person steers a campaign: pause, resume, cancel, retry, approve, refuse.

Each is one transaction on the campaign's locked row, with a line in its story and one in the audit
log.  What is under way goes on; only what waits obeys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from headend.access import lines
from headend.access.desk import By
from headend.access.ordering import permission_for
from headend.campaigns.starting import wish_of
from headend.domain.account import Caller, Permission, second_person
from headend.domain.campaign import (
    GOING_ON,
    Campaign,
    CampaignLine,
    CampaignState,
    Progress,
)
from headend.domain.order import Order
from headend.orders import cutting
from headend.orders.approve import Approval, Decided, NotSecond
from headend.orders.withdraw import Target, Withdrawal, Withdrawn
from headend.ports import Transaction


class NotSteered(ValueError):
    """The campaign does not go that way now: a code, why, and what to do."""

    def __init__(self, code: str, why: str, next_step: str) -> None:
        super().__init__(why)
        self.code = code
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Steered:
    """The campaign after it, and what became of orders."""

    campaign: Campaign
    withdrawn: Withdrawn | None = None
    decided: Decided | None = None


@dataclass(frozen=True, slots=True)
class Steering:
    """Steers campaigns.  Every word raises `NotSteered`."""

    withdrawal: Withdrawal
    approval: Approval
    wake: Callable[[], None]  # the duty, where it is in this process

    def announce(self, steered: Steered) -> None:
        """Call once the transaction is kept."""
        if steered.withdrawn is not None:
            self.withdrawal.announce(steered.withdrawn)
        if steered.decided is not None:
            self.approval.announce(steered.decided)
        self.wake()

    def pause(self, tx: Transaction, number: int, by: By, at: datetime, why: str = "") -> Steered:
        """Give nothing more out until it is resumed."""
        campaign = _going_on(tx, number, "paused")
        if campaign.state is not CampaignState.RUNNING:
            raise _not(campaign, "pausing it changes nothing")
        return _kept(tx, replace(campaign, state=CampaignState.PAUSED, why=why), by, at, "paused")

    def resume(self, tx: Transaction, number: int, by: By, at: datetime) -> Steered:
        """Go on.  Where it had stopped itself, its failures so far count against it no more."""
        campaign = _going_on(tx, number, "resumed")
        if campaign.state is CampaignState.RUNNING:
            raise _not(campaign, "it needs no resuming")
        told = "resumed"
        if campaign.state is CampaignState.STOPPED:
            told += f" in spite of {tx.pardon_failures(number)} failures"
        return _kept(tx, replace(campaign, state=CampaignState.RUNNING, why=""), by, at, told)

    def cancel(self, tx: Transaction, number: int, by: By, at: datetime, why: str = "") -> Steered:
        """End it: meters without an order get none, and orders that wait are withdrawn."""
        campaign = _going_on(tx, number, "cancelled")
        return self._cancel(tx, campaign, by, at, why, Permission.ORDER_CANCEL)

    def retry(self, tx: Transaction, number: int, by: By, at: datetime) -> Steered:
        """Let every meter that failed have another order, in a wave behind the last."""
        campaign = _known(tx, number)
        if campaign.state is CampaignState.CANCELLED:
            raise _not(campaign, "start another one for the meters that are left")
        again = tx.retry_failures(number)
        if not again:
            raise NotSteered(
                "nothing-failed", f"no meter of campaign {number} has failed", _look(number)
            )
        fresh = replace(campaign, state=CampaignState.RUNNING, why="", ended_at=None)
        return _kept(tx, fresh, by, at, f"{again} meters that failed are tried again")

    def approve(
        self, tx: Transaction, number: int, by: Caller, at: datetime, source: str
    ) -> Steered:
        """Let all of its disconnections through, those to come among them.  Raises `NotSecond`."""
        campaign = self._to_approve(tx, number)
        if campaign.approved_by is not None:
            raise _not(campaign, f"{campaign.approved_by} has approved it")
        if not second_person(campaign.asked_by, by):
            raise NotSecond(campaign.asked_by, by.account)
        decided = self.approval.approve(tx, _held(tx, campaign), by, at=at, source=source)
        fresh = replace(campaign, approved_by=by.account)
        told = f"approved; {len(decided.done)} orders go on"
        steered = _kept(
            tx, fresh, By(by.account, source), at, told, permission=Permission.ORDER_APPROVE
        )
        return replace(steered, decided=decided)

    def refuse(
        self, tx: Transaction, number: int, by: Caller, at: datetime, source: str
    ) -> Steered:
        """End what is held, and cancel the rest."""
        campaign = self._to_approve(tx, number)
        decided = self.approval.refuse(tx, _held(tx, campaign), by, at=at, source=source)
        who, why = By(by.account, source), f"refused by {by.account}"
        steered = self._cancel(tx, campaign, who, at, why, Permission.ORDER_APPROVE)
        return replace(steered, decided=decided)

    def _to_approve(self, tx: Transaction, number: int) -> Campaign:
        campaign, policy = (
            _going_on(tx, number, "approved or refused"),
            self.approval.settling.policy,
        )
        wish = wish_of(campaign)
        if not cutting.cuts(campaign.kind, wish.amount, wish.unit, policy):
            raise _not(campaign, f"{campaign.kind} needs no second person")
        return campaign

    def _cancel(
        self,
        tx: Transaction,
        campaign: Campaign,
        by: By,
        at: datetime,
        why: str,
        permission: Permission,
    ) -> Steered:
        number = campaign.number
        waiting = tx.withdraw_waiting(number, at)
        targets = [
            Target(number=member.order)
            for member in tx.members_under_way(number)
            if member.order is not None
        ]
        withdrawn = self.withdrawal.cancel(
            tx, targets, source=campaign.asked_by, at=at, by=by.actor
        )
        told = f"cancelled: {waiting} meters wait no more, {len(withdrawn.done)} orders withdrawn"
        fresh = replace(campaign, state=CampaignState.CANCELLED, why=why)
        steered = _kept(tx, fresh, by, at, told, permission=permission)
        return replace(steered, withdrawn=withdrawn)


def progress(tx: Transaction, number: int) -> Progress | None:
    """A campaign as it stands, or None."""
    campaign = tx.campaign(number)
    if campaign is None:
        return None
    return Progress(
        campaign, tuple(tx.tallies(number)), tx.failures(number), tx.held_of_campaign(number)
    )


def _held(tx: Transaction, campaign: Campaign) -> list[Order]:
    """The orders of a campaign that wait for a second person."""
    found = (
        tx.order(member.order)
        for member in tx.members_under_way(campaign.number)
        if member.order is not None
    )
    return [order for order in found if order is not None and order.held]


def _known(tx: Transaction, number: int) -> Campaign:
    campaign = tx.campaign(number)
    if campaign is None:
        raise NotSteered("no-such-campaign", f"no campaign {number}", "Look: ami campaign list")
    return campaign


def _going_on(tx: Transaction, number: int, what: str) -> Campaign:
    campaign = _known(tx, number)
    if campaign.state not in GOING_ON:
        raise _not(campaign, f"it cannot be {what} any more")
    return campaign


def _not(campaign: Campaign, why: str) -> NotSteered:
    number = campaign.number
    return NotSteered("not-so", f"campaign {number} is {campaign.state}: {why}", _look(number))


def _look(number: int) -> str:
    return f"Look: ami campaign show {number}"


def _kept(
    tx: Transaction,
    campaign: Campaign,
    by: By,
    at: datetime,
    told: str,
    *,
    permission: Permission | None = None,
) -> Steered:
    """Write the campaign down, with a line in its story and one in the audit log."""
    why = f" ({campaign.why})" if campaign.why else ""
    tx.save_campaign(campaign)
    tx.add_campaign_line(CampaignLine(campaign.number, at, by.actor, told + why))
    needed = permission or permission_for(campaign.kind)
    subject = f"campaign {campaign.number}"
    tx.add_audit(lines.done(at, by.actor, needed, subject, told + why, source=by.source))
    return Steered(campaign)
