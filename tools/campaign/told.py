"""Campaigns as people and machines see them: a row, a page, a bar."""

from __future__ import annotations

from typing import Any

from rich.progress_bar import ProgressBar
from rich.table import Table

from headend.domain.campaign import Campaign, CampaignLine, Progress, Tally
from headend.domain.reason import REASONS
from tools.terminal import clock_text, out, show, styled

_STATES = {"running": "executing", "stopped": "failed", "paused": "cancelled"}
BAR = 40  # columns


def row(campaign: Campaign) -> dict[str, Any]:
    """A campaign for machines."""
    plan = campaign.plan
    return {
        "campaign": campaign.number,
        "kind": campaign.kind,
        "state": campaign.state,
        "why": campaign.why,
        "asked_by": campaign.asked_by,
        "approved_by": campaign.approved_by,
        "made_at": campaign.made_at,
        "ended_at": campaign.ended_at,
        "size": campaign.size,
        "chosen": str(campaign.choice),
        "emergency": campaign.emergency,
        "waves": plan.waves,
        "pace": plan.pace,
        "share": plan.share,
        "stop_share": plan.stop_share,
        "note": campaign.note,
    }


def standing(found: Progress) -> dict[str, Any]:
    """How far a campaign is, for machines."""
    return {
        **row(found.campaign),
        "total": _counts(found.total),
        "by_wave": [_counts(wave) for wave in found.waves],
        "reasons": found.reasons,
        "held": found.held,
    }


def told(line: CampaignLine) -> dict[str, Any]:
    return {"at": line.at, "who": line.who, "what": line.what}


def page(found: Progress, story: list[CampaignLine]) -> None:
    """A campaign on stdout, for people."""
    campaign, total = found.campaign, found.total
    emergency = "EMERGENCY, " if campaign.emergency else ""
    out.print(
        f"campaign {campaign.number}: {emergency}{campaign.kind} for {campaign.size} meters"
        f" ({campaign.choice}): {state(campaign)}"
    )
    if campaign.why:
        out.print(f"  {campaign.why}", markup=False)
    if out.is_terminal:
        out.print(ProgressBar(total=max(total.size, 1), completed=total.ended, width=BAR))
    table = Table("wave", "waiting", "under way", "done", "failed", "withdrawn", box=None)
    for name, wave in [*((str(each.wave), each) for each in found.waves), ("all", total)]:
        table.add_row(name, *map(str, _counts(wave).values()))
    show(table)
    if found.held:
        out.print(
            f"  {found.held} wait for a second person: ami campaign approve {campaign.number}"
        )
    for reason, count in found.reasons.items():
        out.print(f"  {count:>6}  {reason}: {REASONS[reason].text}", markup=False)
    for line in story:
        who = line.who or "the campaign"
        out.print(f"  {clock_text(line.at)}  {who}: {line.what}", markup=False)


def line(found: Progress) -> str:
    """How far a campaign is, in one line."""
    total = found.total
    held = f", {found.held} held" if found.held else ""
    return (
        f"{total.done} done, {total.failed} failed, {total.under_way} under way{held},"
        f" {total.waiting} waiting"
    )


def state(campaign: Campaign) -> str:
    """Where it stands, in its colour."""
    text = styled(_STATES.get(campaign.state, campaign.state))
    return text.replace(_STATES.get(campaign.state, campaign.state) + "[/]", campaign.state + "[/]")


def _counts(tally: Tally) -> dict[str, int]:
    return {
        "waiting": tally.waiting,
        "under_way": tally.under_way,
        "done": tally.done,
        "failed": tally.failed,
        "withdrawn": tally.withdrawn,
    }
