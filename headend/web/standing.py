"""How codes look: a status is a word, a sign and a colour, and never the colour alone."""

from __future__ import annotations

from typing import Final, Literal

from headend.domain.activity import ActivityState
from headend.domain.campaign import CampaignState, MemberState
from headend.domain.event import Severity
from headend.domain.meter import Stage
from headend.domain.order import State
from headend.domain.reason import REASONS, ReasonCode
from headend.domain.task import RunState
from headend.domain.why import Verdict
from headend.web.wording import Language

Look = Literal["good", "some", "bad", "busy", "idle"]

ORDERS: Final[dict[State, Look]] = {
    State.DONE: "good",
    State.UNKNOWN: "some",
    State.FAILED: "bad",
    State.REJECTED: "bad",
    State.EXPIRED: "bad",
    State.CANCELLED: "idle",
}
CAMPAIGNS: Final[dict[CampaignState, Look]] = {
    CampaignState.RUNNING: "busy",
    CampaignState.PAUSED: "some",
    CampaignState.STOPPED: "bad",
    CampaignState.DONE: "good",
    CampaignState.CANCELLED: "idle",
}
MEMBERS: Final[dict[MemberState, Look]] = {
    MemberState.WAITING: "idle",
    MemberState.UNDER_WAY: "busy",
    MemberState.DONE: "good",
    MemberState.FAILED: "bad",
    MemberState.WITHDRAWN: "idle",
}
SEVERITIES: Final[dict[Severity, Look]] = {
    Severity.INFO: "idle",
    Severity.WARNING: "some",
    Severity.MAJOR: "bad",
    Severity.CRITICAL: "bad",
}
ACTIVITIES: Final[dict[ActivityState, Look]] = {
    ActivityState.ANSWERED: "good",
    ActivityState.FAILED: "bad",
    ActivityState.EXPIRED: "bad",
}
RUNS: Final[dict[RunState, Look]] = {
    RunState.WAITING: "idle",
    RunState.RUNNING: "busy",
    RunState.DONE: "good",
    RunState.FAILED: "bad",
}
STAGES: Final[dict[Stage, Look]] = {
    Stage.IN_SERVICE: "good",
    Stage.LINKED: "good",
    Stage.BLOCKED: "bad",
    Stage.REMOVED: "idle",
}
VERDICTS: Final[dict[Verdict, Look]] = {
    Verdict.READS: "good",
    Verdict.GAPS: "some",
    Verdict.SILENT: "bad",
    Verdict.NOT_EXPECTED: "idle",
}


def of_order(state: State) -> Look:
    """Of one that is under way as well."""
    return ORDERS.get(state, "busy")


def of_share(share: float | None, good: float = 0.98, some: float = 0.9) -> Look:
    """Of a share of what is due."""
    if share is None:
        return "idle"
    return "good" if share >= good else "some" if share >= some else "bad"


def reason(code: ReasonCode | None, language: Language) -> str:
    """Why something ended as it did, in the visitor's language."""
    if code is None:
        return ""
    known = REASONS[code]
    text = known.spanish if language is Language.ES else known.text
    return text[:1].upper() + text[1:]
