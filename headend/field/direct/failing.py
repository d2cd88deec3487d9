"""What went wrong on a line, a link or in an association, as a reason with its next step."""

from __future__ import annotations

from headend.domain.failure import Failure
from headend.domain.reason import REASON_OF_DLMS, ReasonCode
from headend.field.direct.dialogue import Contended, LinkGone, NoAnswer, NoLine, UsedUp
from headend.field.direct.line import LineError, LineLost, NotConnected
from protocols.concentrator.messages import Refusal, Status
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.events import Violation
from protocols.dlms.procedures import NotSent, Outcome, Unanswered, standard_name
from protocols.link import Down, LinkDown

_REASON_OF_NAME = {
    standard_name(code): REASON_OF_DLMS[int(code)] for code in DataAccessResult if code
}

_OF_LINK = {
    Down.REFUSED: (
        ReasonCode.REFUSED_ASSOCIATION,
        "check the client's and the server's address; the meter may serve another client just now",
    ),
    Down.NO_ANSWER: (
        ReasonCode.NO_ANSWER_UNKNOWN,
        "check that the line leads to this meter, then its framing and server address",
    ),
    Down.PEER: (ReasonCode.LINE_LOST, "try again; the meter ended the link by itself"),
    Down.INACTIVE: (ReasonCode.LINE_LOST, "try again"),
    Down.LOST: (ReasonCode.LINE_LOST, "try again"),
    Down.BROKEN: (ReasonCode.METER_NOT_UNDERSTOOD, "try another framing: wrapper, hdlc or mode-e"),
    Down.REJECTED: (ReasonCode.METER_NOT_UNDERSTOOD, "try smaller frames and a window of 1"),
    Down.NO_DLMS: (
        ReasonCode.METER_NOT_UNDERSTOOD,
        "this port offers no DLMS; look for another port of the meter",
    ),
    Down.REQUESTED: (ReasonCode.LINE_LOST, "open the conversation again"),
}

ASK_KEYS = "check key, client address and system title; meters lock after a few wrong logins"


def of_line(error: LineError, *, acted: bool = False) -> Failure:
    """A line that cannot be opened, or that broke."""
    lost = isinstance(error, LineLost)
    reason = ReasonCode.LINE_LOST if lost else ReasonCode.LINE_UNAVAILABLE
    if isinstance(error, NotConnected):
        reason = ReasonCode.METER_NOT_CONNECTED
    reason = error.reason or reason
    return Failure(reason, f"{error.happened}: {error.why}", error.next_step, acted)


def of_link(down: LinkDown, lost: LineLost | None, *, acted: bool = False) -> Failure:
    """A link that did not come up, or ended."""
    if lost is not None:
        return of_line(lost, acted=acted)
    reason, next_step = _OF_LINK[down.reason]
    why = f"{down.reason}: {down.detail}" if down.detail else str(down.reason)
    return Failure(reason, why, next_step, acted)


def of_unanswered(error: Unanswered, lost: LineLost | None, *, acted: bool) -> Failure:
    """A request without an answer, or without one that says anything."""
    match error:
        case NoLine(error=broken):
            return of_line(broken, acted=acted)
        case UsedUp():
            next_step = "change the meter's key: its invocation counters are used up"
            return Failure(ReasonCode.WRONG_KEY_OR_COUNTER, str(error), next_step, acted)
        case Contended():
            return of_contended(error, acted=acted)
        case LinkGone(down=down):
            return of_link(down, lost, acted=acted)
        case NoAnswer(violations=violations) if Violation.MALFORMED in violations:
            next_step = "look at the trace; the meter may need a quirk in its model"
            return Failure(ReasonCode.METER_NOT_UNDERSTOOD, str(error), next_step, acted)
        case NoAnswer():
            next_step = "try again; if it stays silent, ask for less at once"
            return Failure(ReasonCode.NO_ANSWER_UNKNOWN, str(error), next_step, acted)
        case _:
            return Failure(ReasonCode.METER_NOT_UNDERSTOOD, str(error), "look at the trace", acted)


def of_contended(error: Exception, *, acted: bool = False) -> Failure:
    """Another conversation under the same key is under way."""
    next_step = "wait until the other conversation is over"
    return Failure(ReasonCode.METER_BUSY, str(error), next_step, acted)


def of_association(error: Unanswered, lost: LineLost | None) -> Failure:
    """An association that got no answer.  One that came and could not be verified tells of another
    key, or of a meter that has lost its counter and so repeats itself."""
    if error.untrusted:
        return Failure(ReasonCode.WRONG_KEY_OR_COUNTER, str(error), ASK_KEYS)
    return of_unanswered(error, lost, acted=False)


def of_not_sent(not_sent: NotSent, *, acted: bool = False) -> Failure:
    """A request that the association does not allow."""
    next_step = "use an association with more rights, or another way to read this"
    return Failure(ReasonCode.REFUSED_SCOPE_VIOLATED, not_sent.cause, next_step, acted)


def of_outcome(outcome: Outcome, *, acted: bool = False) -> Failure:
    """An association, or a request in it, that the meter refused."""
    why = outcome.detail
    if outcome.refusal is not None:
        why = f"{outcome.refusal.name} ({outcome.refusal.code})" + (f", {why}" if why else "")
    match outcome.status:
        case Status.KEY_REJECTED:
            return Failure(ReasonCode.WRONG_KEY_OR_COUNTER, why, ASK_KEYS, acted)
        case Status.STALE:
            return Failure(ReasonCode.EXPIRED, why, acted=acted)
        case Status.CANCELLED:
            return Failure(ReasonCode.CANCELLED, why, acted=acted)
        case Status.REFUSED:
            return Failure(_reason_of(outcome.refusal), why, _next_step(outcome.refusal), acted)
        case _:
            return Failure(ReasonCode.NO_ANSWER_UNKNOWN, why, "try again", acted)


def _reason_of(refusal: Refusal | None) -> ReasonCode:
    if refusal is None:
        return ReasonCode.REFUSED_OTHER
    if refusal.service == "associate":
        return ReasonCode.REFUSED_ASSOCIATION
    # By name: an exception-response counts its errors otherwise than a data-access-result.
    return _REASON_OF_NAME.get(refusal.name, ReasonCode.REFUSED_OTHER)


def _next_step(refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    if refusal.service == "associate":
        return "check the client address and how this client proves itself"
    if refusal.name == "read-write-denied":
        return "use a client with more rights"
    return "look at the meter's object list"
