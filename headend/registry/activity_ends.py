"""What an activity comes to: by a concentrator's answer, or by its deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.domain.activity import DEMANDS, Activity, ActivityKind, ActivityState, Told
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import ClockMeasured
from headend.ports import Transaction
from protocols.concentrator.messages import State


def over(activity: Activity, now: datetime) -> Activity:
    """What its deadline makes of it."""
    if activity.state is ActivityState.ASKED:
        state, reason = ActivityState.EXPIRED, ReasonCode.CONCENTRATOR_UNREACHABLE
    else:
        state, reason = ActivityState.FAILED, ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN
        if activity.told and activity.told.get("read"):
            reason = ReasonCode.NO_ANSWER_UNKNOWN  # it reads, but not all of its meters
    return replace(activity, state=state, reason=reason, ended_at=now)


def answer_to(kind: ActivityKind, state: State, measured: ClockMeasured) -> Told:
    """What of an answer was asked for."""
    clock: Told = {
        "offset_s": round(measured.offset_s, 3),
        "error_s": round(measured.error_s, 3),
        "shifted_s": round(measured.shifted_s, 3),
    }
    there = sum(place.registered for place in state.meters)
    topology: Told = {
        "meters": len(state.meters),
        "registered": there,
        "levels": max((place.level for place in state.meters), default=0),
    }
    match kind:
        case ActivityKind.CLOCK:
            return clock
        case ActivityKind.TOPOLOGY:
            return topology
        case ActivityKind.EVENTS:
            last: Told = {"last": str(state.events[-1].code)} if state.events else {}
            return {"events": len(state.events), **last}
        case _:
            memory: Told = {"behind": len(state.behind), "blocks": state.memory.blocks}
            return {"firmware": state.firmware, "boot": state.boot, **topology, **memory, **clock}


def met(tx: Transaction, concentrator: str, of: str, told: Told, now: datetime) -> None:
    """A demand was met; whether it was asked for under this message, by this database, is looked
    at.  One whose time was over before it was told was met all the same."""
    number = of.split("-")[1] if of.count("-") == 2 else ""
    known = tx.activity(int(number)) if number.isdecimal() else None
    if known is None or known.message_id != of or known.concentrator != concentrator:
        return
    if known.kind in DEMANDS and known.state is not ActivityState.ANSWERED:
        answered = ActivityState.ANSWERED
        tx.save_activity(replace(known, state=answered, ended_at=now, told=told, reason=None))
