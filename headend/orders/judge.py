"""What a concentrator's report means for an order.  Pure.

A report says what was seen; the verdict says what is known of the effect, which is what decides
whether an order may be tried again: only an effect known to be absent allows another command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from headend.domain.evidence import Evidence, Source, why_meter_is_silent
from headend.domain.order import Kind, Order, ValueRead
from headend.domain.reason import REASON_OF_DLMS, REASONS, ReasonCode
from protocols.concentrator.effect import LOOK, shown
from protocols.concentrator.messages import (
    REPEATABLE,
    Action,
    ClockTold,
    FaultEntry,
    LimitRead,
    LinkReport,
    ObjectRead,
    Result,
    Status,
    SupplyRead,
    UpdateTold,
)
from protocols.concentrator.meter_firmware import Stage


@dataclass(frozen=True, slots=True)
class Done:
    """The effect is there; it was read back.  `before` is the limit that was replaced, `read` what
    a read brought."""

    value: ValueRead | None
    before: ValueRead | None = None
    read: tuple[ObjectRead, ...] = ()
    update: UpdateTold | None = None
    clock: ClockTold | None = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """The effect is known to be absent (or overridden, which the reason tells)."""

    reason: ReasonCode
    retry: bool
    evidence: tuple[Evidence, ...] = ()
    value: ValueRead | None = None
    update: UpdateTold | None = None
    clock: ClockTold | None = None


@dataclass(frozen=True, slots=True)
class Underway:
    """Firmware that is on its way, and well; the next step goes on.  This was no try.

    `by_itself`: a concentrator sends the blocks meanwhile, and the next step only asks.
    """

    update: UpdateTold | None
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """There was no room for it, which `reason` tells; this was no try."""

    reason: ReasonCode = ReasonCode.CONCENTRATOR_BUSY


@dataclass(frozen=True, slots=True)
class EffectUnknown:
    """A command may have reached the meter; look before anything is sent again.

    `ask_concentrator`: the concentrator itself has not said yet whether it began.
    """

    ask_concentrator: bool
    evidence: tuple[Evidence, ...] = ()


Verdict = Done | NotDone | Underway | Busy | EffectUnknown

# A concentrator gives up after several repetitions of each frame, so a meter behind a usable link
# loses few.  Above this share the link, not the meter, is the explanation.
LOSS_SHARE = Decimal("0.5")

_SILENT = frozenset({Status.UNREACHABLE, Status.NO_ANSWER, Status.UNKNOWN})
_FIXED = {
    Status.NOT_IN_TABLE: ReasonCode.NOT_IN_TABLE,
    Status.UNREPRESENTABLE: ReasonCode.LIMIT_NOT_REPRESENTABLE,
    Status.EMERGENCY: ReasonCode.EMERGENCY_ACTIVE,
    Status.NOT_EQUIPPED: ReasonCode.METER_NOT_EQUIPPED,
    Status.MODE_FORBIDS: ReasonCode.MODE_CONNECTS_AT_ONCE,
    Status.NOT_APPLIED: ReasonCode.NOT_APPLIED,
    Status.KEY_REJECTED: ReasonCode.WRONG_KEY_OR_COUNTER,
}


Own = tuple[Evidence, ...] | None
"""What our own line saw, where there is no concentrator between us and the meter."""


def judge_command(result: Result, own: Own = None) -> Verdict:
    """The verdict on a command's result."""
    evidence = evidence_of(result, own)
    told = next((item.suggests for item in own or () if item.suggests is not None), None)
    if result.action in REPEATABLE | {Action.READ, Action.CHANGE_KEYS, Action.UPDATE_FIRMWARE}:
        return _judge_own(result, evidence, told, own)
    value = value_of(result)
    match result.status:
        case Status.DONE:
            return Done(value, limit_value(result.before))
        case Status.BUSY:
            return Busy(told or ReasonCode.CONCENTRATOR_BUSY)
        case Status.UNKNOWN | Status.UNDERWAY:  # only of firmware can the second be said
            return EffectUnknown(ask_concentrator=False, evidence=evidence)
        case Status.UNREACHABLE | Status.NO_ANSWER if result.acted and value is None:
            return EffectUnknown(ask_concentrator=False, evidence=evidence)
        case Status.UNREACHABLE | Status.NO_ANSWER:
            reason = why_meter_is_silent(evidence)
        case Status.REFUSED:
            reason = _refusal_reason(result)
        case Status.STALE | Status.CANCELLED:
            # Nothing was sent; whether time is left is for the caller's clock to say.
            return NotDone(ReasonCode.EXPIRED, retry=True, evidence=evidence)
        case _:
            reason = told or _FIXED[result.status]
    return NotDone(reason, REASONS[reason].retry, evidence, value)


def _judge_own(
    result: Result, evidence: tuple[Evidence, ...], told: ReasonCode | None, own: Own
) -> Verdict:
    """What has no effect that must be looked for: reads, and what looks before it goes on."""
    match result.status:
        case Status.DONE:
            return Done(None, read=result.readings, update=result.update, clock=result.clock)
        case Status.UNDERWAY:
            told_stage = None if result.update is None else result.update.stage
            return Underway(result.update, own is None and told_stage in _SENDING)
        case Status.BUSY:
            return Busy(told or ReasonCode.CONCENTRATOR_BUSY)
        case Status.REFUSED:
            reason = _refusal_reason(result)
        case Status.STALE | Status.CANCELLED:
            return NotDone(ReasonCode.EXPIRED, retry=True, evidence=evidence)
        case Status.NOT_APPLIED if result.update is not None:
            reason = _OF_STAGE.get(result.update.stage, ReasonCode.NOT_APPLIED)
        case status:
            reason = told or _FIXED.get(status) or why_meter_is_silent(evidence)
    return NotDone(
        reason, REASONS[reason].retry, evidence, update=result.update, clock=result.clock
    )


_SENDING = frozenset({Stage.FETCHING, Stage.TRANSFERRING})
_OF_STAGE = {
    Stage.DAMAGED: ReasonCode.IMAGE_DAMAGED,
    Stage.REJECTED: ReasonCode.IMAGE_REJECTED,
    Stage.FOREIGN: ReasonCode.IMAGE_FOREIGN,
    Stage.UNCHANGED: ReasonCode.FIRMWARE_UNCHANGED,
}
"""Why an image did not come to run, by how far it had come."""


def judge_look(order: Order, result: Result, own: Own = None) -> Verdict:
    """The verdict on a read-back that was made because an effect was not known."""
    evidence = evidence_of(result, own)
    if result.status is not Status.DONE:
        return EffectUnknown(ask_concentrator=False, evidence=evidence)
    value = value_of(result)
    match shown(
        Action(order.kind),
        amount=order.amount,
        unit=order.unit,
        limit=result.limit,
        supply=result.supply,
        load=result.load,
        demand=result.demand,
        since=order.demand_before,
    ):
        case Status.DONE:
            return Done(value)
        case Status.EMERGENCY:
            reason = ReasonCode.EMERGENCY_ACTIVE
        case Status.NOT_APPLIED:
            reason = ReasonCode.NOT_APPLIED
        case _:
            return EffectUnknown(ask_concentrator=False, evidence=evidence)
    return NotDone(reason, REASONS[reason].retry, evidence, value)


def look_action(kind: Kind) -> Action:
    """Which reading shows the effect of an order."""
    return LOOK[Action(kind)]


def evidence_of(result: Result, own: Own = None) -> tuple[Evidence, ...]:
    """What a result states about its failure; nothing for a success."""
    if result.status is Status.DONE:
        return ()
    text = f"reported {result.status}" + (", a command was sent" if result.acted else "")
    found = [Evidence(Source.CONCENTRATOR, result.at, text)] if own is None else [*own]
    if result.refusal is not None:
        refusal = result.refusal
        text = f"answered {refusal.service} with {refusal.name} ({refusal.code})"
        found.append(Evidence(Source.METER, result.at, text))
    if result.link is not None:
        found.append(_of_link(result.link, silent=result.status in _SILENT))
    return tuple(found)


def evidence_of_faults(entries: Sequence[FaultEntry]) -> tuple[Evidence, ...]:
    """What a concentrator's fault log states, entry by entry."""
    suggests = {
        "modem": ReasonCode.MODEM_FAULT,
        "sim": ReasonCode.SIM_FAULT,
        "apn": ReasonCode.APN_REFUSED,
        "network": ReasonCode.CONCENTRATOR_UNREACHABLE,
        "power": ReasonCode.CONCENTRATOR_RESTARTED,
        "concentrator": ReasonCode.CONCENTRATOR_RESTARTED,
        "router": ReasonCode.CONCENTRATOR_UNREACHABLE,  # the concentrator itself worked on
    }
    return tuple(
        Evidence(
            Source.FAULT_LOG,
            entry.at,
            f"{entry.component}: {entry.text}" + (f" ({entry.code})" if entry.code else ""),
            suggests[entry.component],
        )
        for entry in entries
    )


def value_of(result: Result) -> ValueRead | None:
    """The value that a result read back."""
    if result.load is not None:
        return ValueRead(load_on=result.load.output_on)
    if result.demand is not None:
        return ValueRead(demand=result.demand)
    return limit_value(result.limit) or _supply_value(result.supply)


def limit_value(read: LimitRead | None) -> ValueRead | None:
    """A limiter's reading; without a limit when its threshold is the highest of its type."""
    if read is None:
        return None
    if read.unlimited:
        return ValueRead(unit=read.unit)
    return ValueRead(Decimal(read.threshold_normal), Decimal(read.threshold_active), read.unit)


def _supply_value(read: SupplyRead | None) -> ValueRead | None:
    if read is None:
        return None
    return ValueRead(supply_on=read.output_on, control_state=read.control_state)


def _of_link(link: LinkReport, *, silent: bool) -> Evidence:
    """What the link layer saw.  It explains a silence, and nothing that the meter itself said."""
    reason: ReasonCode | None = None
    if not link.registered:
        text, reason = (
            "the meter's module holds no place in the network",
            ReasonCode.METER_UNREACHABLE,
        )
    else:
        text = (
            f"{link.frames_lost} of {link.frames_sent} frames lost, {link.link_acks} acknowledged"
        )
        if link.frames_sent and link.frames_lost >= LOSS_SHARE * link.frames_sent:
            reason = ReasonCode.PACKET_LOSS
        elif link.link_acks:
            reason = ReasonCode.METER_DOES_NOT_ANSWER
    if link.last_heard is not None:
        text += f"; last heard {link.last_heard:%Y-%m-%d %H:%M:%SZ}"
    return Evidence(Source.LINK_REPORT, link.at, text, reason if silent else None)


def _refusal_reason(result: Result) -> ReasonCode:
    if result.refusal is None:
        return ReasonCode.REFUSED_OTHER
    if result.refusal.service == "associate":
        return ReasonCode.REFUSED_ASSOCIATION
    return REASON_OF_DLMS.get(result.refusal.code, ReasonCode.REFUSED_OTHER)
