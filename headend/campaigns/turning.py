"""One turn of a campaign, within one transaction: settle what has ended, then take the next step.

An order and the mark that its meter has one are written together, so a process that dies between
two turns loses nothing and doubles nothing.  The campaign's row is locked for the turn: several
workers may try, one does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.campaigns.starting import wish_of
from headend.collection.asking import BadRead, Reads
from headend.domain.campaign import (
    Campaign,
    CampaignLine,
    CampaignState,
    Finish,
    GiveOut,
    Member,
    MemberState,
    Stop,
    Tally,
    next_step,
)
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.ports import Transaction

AT_ONCE = 100
"""Orders in one transaction: a large campaign lets others in between its turns."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did.  `more`: another would find something to do at once."""

    accepted: Accepted | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Turning:
    """Gives campaigns their turns."""

    acceptance: Acceptance
    reads: Reads

    def turn(self, tx: Transaction, number: int, transaction_id: str, at: datetime) -> Turn:
        """One turn.  Raises `Overloaded`; nothing is kept then.  Call `acceptance.announce` with
        what was accepted once the transaction is kept."""
        campaign = tx.campaign(number)
        if campaign is None or campaign.ended_at is not None:
            return Turn()
        if ended := tx.members_that_ended(number, AT_ONCE):
            cancelled = campaign.state is CampaignState.CANCELLED
            tx.save_members(each.settled(cancelled=cancelled) for each in ended)
            if len(ended) == AT_ONCE:
                return Turn(more=True)
        tallies = tx.tallies(number)
        match next_step(campaign.state, campaign.plan, tallies):
            case GiveOut(wave, count):
                begun = next(each for each in tallies if each.wave == wave)
                if begun.waiting == begun.size:
                    _tell(tx, campaign, at, f"wave {wave} begins: {begun.size} meters")
                waiting = tx.waiting_members(number, wave, min(count, AT_ONCE))
                accepted = self._give_out(tx, campaign, waiting, transaction_id, at)
                return Turn(accepted, more=True)
            case Stop(tally):
                why = _why_stopped(tx, campaign, tally)
                tx.save_campaign(replace(campaign, state=CampaignState.STOPPED, why=why))
                _tell(tx, campaign, at, f"stopped: {why}")
            case Finish():
                state = campaign.state
                if state is not CampaignState.CANCELLED:
                    state = CampaignState.DONE
                tx.save_campaign(replace(campaign, state=state, ended_at=at))
                _tell(tx, campaign, at, _summary(tallies))
            case _:
                pass
        return Turn()

    def _give_out(
        self,
        tx: Transaction,
        campaign: Campaign,
        waiting: Sequence[Member],
        transaction_id: str,
        at: datetime,
    ) -> Accepted:
        """An order for each of these meters, and the mark that it has one."""
        common = replace(wish_of(campaign), priority=campaign.priority)
        meant: list[Member] = []
        wishes: list[Wish] = []
        for member in waiting:
            tried = replace(member, tries=member.tries + 1)
            try:
                wishes.append(self._wish(tx, campaign, common, member.meter))
                meant.append(tried)
            except BadRead:  # the meter has another model than when the campaign began
                failed = ReasonCode.REFUSED_OBJECT_UNDEFINED
                tx.save_members(
                    [replace(tried, state=MemberState.FAILED, reason=failed, ended_at=at)]
                )
        deadline = None
        if campaign.order_deadline_s is not None:
            deadline = max(at, common.start or at) + timedelta(seconds=campaign.order_deadline_s)
        submission = Submission(
            campaign.asked_by,
            tuple(wishes),
            noun="MeterReadings" if campaign.kind is Kind.READ else "EndDeviceControls",
            deadline=deadline,
            any_day=campaign.any_day,
            approved_by=campaign.approved_by,
        )
        accepted = self.acceptance.accept(tx, submission, transaction_id, at=at)
        tx.save_members(
            replace(member, state=MemberState.UNDER_WAY, order=order.number)
            for member, order in zip(meant, accepted.orders, strict=True)
        )
        return accepted

    def _wish(self, tx: Transaction, campaign: Campaign, common: Wish, meter: str) -> Wish:
        """What is asked of one meter.  Raises `BadRead`."""
        objects = common.objects
        if campaign.words:
            objects = self.reads.wanted(tx.meter(meter), campaign.words)
        correlation = campaign.correlation(meter)
        return replace(common, meter=meter, objects=objects, correlation_id=correlation)


def _why_stopped(tx: Transaction, campaign: Campaign, tally: Tally) -> str:
    reasons = ", ".join(
        f"{reason} {count}" for reason, count in tx.failures(campaign.number).items()
    )
    return (
        f"{tally.failed} of {tally.size} failed in wave {tally.wave},"
        f" more than {campaign.plan.stop_share:.0%} ({reasons})"
    )


def _summary(tallies: Sequence[Tally]) -> str:
    done, failed = (sum(getattr(each, name) for each in tallies) for name in ("done", "failed"))
    withdrawn = sum(each.withdrawn for each in tallies)
    told = f"ended: {done} done, {failed} failed"
    return f"{told}, {withdrawn} withdrawn" if withdrawn else told


def _tell(tx: Transaction, campaign: Campaign, at: datetime, what: str) -> None:
    tx.add_campaign_line(CampaignLine(campaign.number, at, "", what))
