"""What a result's records say of each order, taken together.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.evidence import Evidence, Source
from headend.domain.job import Job
from headend.domain.reason import REASONS, ReasonCode
from headend.orders.judge import EffectUnknown, Verdict, judge_command
from protocols.concentrator import messages
from protocols.concentrator.messages import Status
from protocols.jobs.result import Acting, AnyRecord, Begun, Ended


@dataclass(frozen=True, slots=True)
class Account:
    """One order: when it was begun, when something that can act was last sent, how it ended."""

    number: int
    begun_at: datetime
    acted_at: datetime | None = None
    ended: Ended | None = None  # of the last try that has an end
    open: bool = False  # something was sent, and how that ended is not told

    @property
    def at(self) -> datetime:
        """When the meter was last changed, or else when the try ended."""
        if self.acted_at is not None:
            return self.acted_at
        return self.begun_at if self.ended is None else self.ended.at

    @property
    def done(self) -> bool:
        """The effect is there."""
        return not self.open and self.ended is not None and self.ended.status is Status.DONE

    @property
    def cut_off(self) -> bool:
        """Something was sent, and its effect is not known."""
        if self.open:
            return True
        return self.ended is not None and self.ended.acted and self.ended.status is Status.UNKNOWN


def accounts(records: Iterable[AnyRecord]) -> dict[int, Account]:
    """Each order that was begun."""
    found: dict[int, Account] = {}
    for record in records:
        match record:
            case Begun(order=number, at=at):
                before = found.get(number)
                found[number] = replace(before, begun_at=at) if before else Account(number, at)
            case Acting(order=number, at=at) if number in found:
                found[number] = replace(found[number], acted_at=at, open=True)
            case Ended(order=number) if number in found:
                found[number] = replace(found[number], ended=record, open=False)
            case _:
                pass
    return found


def verdict(job: Job, account: Account) -> tuple[Verdict, tuple[Evidence, ...]]:
    """What an account means for its order, and the evidence."""
    ended = account.ended
    if ended is None or account.open:
        text = f"job {job.id}, {job.device}: something was sent, then the device was cut off"
        cut = (Evidence(Source.TECHNICIAN, account.at, text),)
        return EffectUnknown(ask_concentrator=False, evidence=cut), cut
    text = f"technician's result, job {job.id}, {job.device}: {ended.status}"
    if ended.looked:
        text += ", found by looking later"
    own: tuple[Evidence, ...] = (Evidence(Source.TECHNICIAN, ended.at, text),)
    if ended.trouble is not None:
        reason = _reason(ended.trouble.reason)
        why = f": {ended.trouble.why}" if ended.trouble.why else ""
        told = Evidence(Source.LINE, ended.at, f"{REASONS[reason].text}{why}", reason)
        own = (*own, told)
    return judge_command(result_of(ended), own), own


def result_of(ended: Ended) -> messages.Result:
    """The end of a try, as a concentrator would have told it."""
    return messages.Result(
        id=f"job/{ended.order}/{ended.attempt}/{ended.n}",
        at=ended.at,
        order=str(ended.order),
        attempt=ended.attempt,
        meter=ended.meter,
        action=ended.action,
        status=ended.status,
        acted=ended.acted,
        engine=ended.engine,
        refusal=ended.refusal,
        before=ended.prior,
        limit=ended.limit,
        supply=ended.supply,
        readings=ended.readings,
        apdus=ended.apdus,
    )


def _reason(text: str) -> ReasonCode:
    try:
        return ReasonCode(text)
    except ValueError:
        return ReasonCode.NO_ANSWER_UNKNOWN
