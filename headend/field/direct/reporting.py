"""What a session came to, in the words of `ports.Report`: status, evidence, and what travelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.domain.evidence import Evidence, Source
from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.trace import Layer, Trace
from headend.models.schema import Engine
from headend.ports import Command, Report
from protocols.concentrator.messages import Apdu, Frame, Result, Status
from protocols.dlms.procedures import Outcome, to_result_fields

FRAMES_TOLD_MAX = 1000
APDU_OCTETS_TOLD_MAX = 65_536
"""Of an attempt; later messages stand without their octets.  Rows are kept elsewhere."""

_STATUS = {
    ReasonCode.EXPIRED: Status.STALE,
    ReasonCode.CANCELLED: Status.CANCELLED,
    ReasonCode.METER_BUSY: Status.BUSY,
    ReasonCode.WRONG_KEY_OR_COUNTER: Status.KEY_REJECTED,
    ReasonCode.KEY_NOT_KNOWN: Status.KEY_REJECTED,
    ReasonCode.KEYS_OF_CONCENTRATOR: Status.KEY_REJECTED,
    ReasonCode.LINE_UNAVAILABLE: Status.UNREACHABLE,
    ReasonCode.METER_NOT_CONNECTED: Status.UNREACHABLE,
    ReasonCode.METER_UNREACHABLE: Status.UNREACHABLE,
    ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN: Status.UNREACHABLE,
    ReasonCode.NOT_IN_TABLE: Status.NOT_IN_TABLE,
}
"""How a failure that came before anything acted is told; the others are no answer."""


def report(
    command: Command,
    found: Outcome | Failure,
    trace: Trace,
    engine: Engine | None,
    now: datetime,
) -> Report:
    """A session as the report that its order is judged by."""
    if isinstance(found, Failure):
        evidence = Evidence(Source.LINE, now, str(found), found.reason)
        outcome = Outcome(_status(found), found.acted)
    else:
        acted = found.acted or acted_in(trace)
        evidence = Evidence(Source.LINE, now, found.detail or f"the meter: {found.status}")
        status = found.status
        if status is Status.UNKNOWN and not acted:
            status = Status.NO_ANSWER
        outcome = replace(found, status=status, acted=acted)
    result = Result(
        id=f"{command.order}.{command.attempt}",
        at=now,
        order=str(command.order),
        attempt=command.attempt,
        meter=command.meter,
        action=command.action,
        engine=None if engine is None else _SPOKEN[engine],
        apdus=_apdus(trace),
        frames=_frames(trace),
        **to_result_fields(outcome),
    )
    done = outcome.status is Status.DONE
    return Report(True, True, result, direct=True, evidence=() if done else (evidence,))


_SPOKEN = {Engine.OURS: "own", Engine.GURUX: "gurux"}


def _status(failure: Failure) -> Status:
    if failure.acted:
        return Status.UNKNOWN
    return _STATUS.get(failure.reason, Status.NO_ANSWER)


def acted_in(trace: Trace) -> bool:
    """Whether a message that can act left: a SET, or an ACTION inside the association."""
    return any(
        entry.layer is Layer.APDU
        and entry.direction == "down"
        and entry.plain is not None
        and entry.plain[:1] in (b"\xc1", b"\xc3")
        for entry in trace.entries
    )


def _apdus(trace: Trace) -> tuple[Apdu, ...]:
    told, octets = [], 0
    for entry in trace.apdus():
        if entry.direction not in ("down", "up"):
            continue
        octets += len(entry.octets)
        hidden = entry.secret or octets > APDU_OCTETS_TOLD_MAX
        told.append(
            Apdu(
                entry.at,
                "down" if entry.direction == "down" else "up",
                b"" if hidden else entry.octets,
                None if hidden else entry.plain,
            )
        )
    return tuple(told)


def _frames(trace: Trace) -> tuple[Frame, ...]:
    found = [
        Frame(
            entry.at,
            "down" if entry.direction == "down" else "up",
            "tcp",
            len(entry.octets),
            "sent" if entry.direction == "down" else "delivered",
            0.0,
        )
        for entry in trace.entries
        if entry.layer is Layer.FRAME and entry.direction in ("down", "up")
    ]
    return tuple(found[:FRAMES_TOLD_MAX])
