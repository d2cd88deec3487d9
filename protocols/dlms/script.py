"""What a client says, one message after the other, without knowing how messages travel.

Generators that yield a message for the engine and are sent the event that answers it; `Use` names
the engine that speaks from then on, and `Pause` how long to wait; both are sent None.  `Session`
and the head-end's conversations drive them, each over its own line and with its own patience.  A
driver that gets no answer may throw `Unanswered`; what its association cannot say it answers by
`NotSent`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from protocols.concentrator.messages import Refusal, Status
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    AssociationResult,
    Conformance,
    DataAccessResult,
    ServiceError,
)
from protocols.dlms.events import Associated, AssociationRefused, ClientEngine, Event
from protocols.dlms.keys import COUNTER_MAX
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import (
    ACTING_REQUESTS,
    Answer,
    NotSent,
    Outcome,
    Pause,
    Request,
    Unanswered,
    UnexpectedAnswer,
    exception_outcome,
    read_counter,
    standard_name,
)
from protocols.dlms.services import (
    ActionResponse,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SetResponse,
)

PUBLIC_CLIENT = 16
# A counter that the meter names comes in the clear, so anybody may have named it.  One that would
# leave less than a sixteenth of all is not taken: a forger could otherwise use up the key at once.
COUNTER_TAKEN_MAX = COUNTER_MAX - (1 << 28)


@dataclass(frozen=True, slots=True)
class Use:
    """From here on this engine speaks, as this client; with `for_counter` the public one."""

    engine: ClientEngine
    client: int
    for_counter: bool = False


@dataclass(frozen=True, slots=True)
class CounterSource:
    """Where the public client finds the invocation counter of the association to come.

    Meters in the field accept a counter only if it grew, and only they know how far it has come:
    another client, or we before a crash, may have used more than we remember.
    """

    engine: ClientEngine  # without authentication and ciphering
    counter: LogicalName
    client: int = PUBLIC_CLIENT


@dataclass(frozen=True, slots=True)
class Begun:
    """The association is open; `resynchronised` where the meter had come further than we knew."""

    associated: Associated
    resynchronised: bool = False


T = TypeVar("T")
Message = AssociationRequest | Request | ReleaseRequest
Heard = Event | NotSent | None
Script = Generator[Message | Use | Pause, Heard, T]

# Asked immediately before something that can act is sent.  True sends it.  False, STALE or
# CANCELLED ends the procedure there, with nothing sent; False says STALE.
ActNow = Callable[[], bool | Status]
Objects = set[tuple[int, LogicalName]]

_Answered = Associated | AssociationRefused | ExceptionResponse
_KEY_ERRORS = (ServiceError.DECIPHERING_ERROR, ServiceError.INVOCATION_COUNTER_ERROR)
_UNDEFINED = Refusal(
    "get", DataAccessResult.OBJECT_UNDEFINED, standard_name(DataAccessResult.OBJECT_UNDEFINED)
)
_USED_UP = Outcome(
    Status.KEY_REJECTED, detail="the meter's invocation counter is nearly used up: change the key"
)


# --- the association ------------------------------------------------------------------------------


def begin(
    engine: ClientEngine | Callable[[int], ClientEngine],
    *,
    client: int,
    counter: CounterSource | None = None,
    known: int | None = None,
) -> Script[Begun | Outcome]:
    """Associate, with a counter that the meter takes.

    `engine` is the engine to use, or a function that makes it from the next invocation counter to
    use: the one that is `known`, or else the one that the meter names by the `counter` source.

    A meter that has no such object is told the first counter there is.

    A meter that has come further than what is `known` says so, or is asked by the `counter` source
    where it only refuses, or keeps silent.  Then there is one more try with a higher counter; the
    counter is never lowered, and a key that is wrong is not tried twice.
    """
    if not callable(engine):
        return _begun((yield from _associate(engine, client)))
    first = known
    if first is None:
        if counter is None:
            raise ValueError("an engine that counts needs a counter to begin with")
        found = yield from _next_counter(counter)
        if isinstance(found, Outcome):
            if found.refusal != _UNDEFINED:
                return found
            found = 1  # a meter without such an object: if it has come further, it says so
        first, counter = found, None  # just asked for: asking again would tell nothing new
    tried = engine(first)
    silence: Unanswered | None = None
    answer: _Answered | None = None
    try:
        answer = yield from _associate(tried, client)
    except Unanswered as error:
        if error.untrusted:
            raise  # the meter took our counter, since it answered
        silence = error
    following: int | None = None
    match answer:
        case None if counter is None:
            assert silence is not None
            raise silence
        case None:
            pass
        case ExceptionResponse(service_error=ServiceError.INVOCATION_COUNTER_ERROR) as refused:
            due = refused.invocation_counter
            # Some name the lowest that they accept, some the last that they saw.
            following = None if due is None else due + 1
        case ExceptionResponse(service_error=ServiceError.DECIPHERING_ERROR):
            pass
        case AssociationRefused(AssociationResult(), AcseUserDiagnostic.AUTHENTICATION_FAILURE):
            pass
        case _:
            return _begun(answer)
    if following is None and counter is not None:
        try:
            found = yield from _next_counter(counter)
        except Unanswered:
            if silence is None:
                raise
            raise silence from None  # what came first tells more of the cause
        if isinstance(found, Outcome) and found.status is Status.KEY_REJECTED:
            return found
        following = found if isinstance(found, int) else None
    if following is None or following <= first:  # we were not behind: the key is another
        if answer is None:
            assert silence is not None
            raise silence
        return _begun(answer)
    if following > COUNTER_TAKEN_MAX:
        return _USED_UP
    following = max(following, tried.invocation_counter)
    return _begun((yield from _associate(engine(following), client)), resynchronised=True)


def _next_counter(source: CounterSource) -> Script[int | Outcome]:
    """The next counter that the meter accepts, as its public client tells."""
    begun = _begun((yield from _associate(source.engine, source.client, for_counter=True)))
    if isinstance(begun, Outcome):
        return begun
    try:
        found = yield from carry_out(read_counter(source.counter), begun.associated, lambda: False)
    except UnexpectedAnswer as error:
        found = Outcome(Status.NO_ANSWER, detail=str(error))
    try:
        yield ReleaseRequest()
    except Unanswered:
        pass  # what was asked for is known
    if isinstance(found, Outcome):
        return found
    return _USED_UP if found >= COUNTER_TAKEN_MAX else found + 1


def _associate(
    engine: ClientEngine, client: int, *, for_counter: bool = False
) -> Script[_Answered]:
    yield Use(engine, client, for_counter)
    match (yield AssociationRequest()):
        case Associated() | AssociationRefused() | ExceptionResponse() as answered:
            return answered
        case other:
            raise RuntimeError(f"{other!r} answers no association request")


def _begun(answered: _Answered, *, resynchronised: bool = False) -> Begun | Outcome:
    """How an errand goes on, or ends, whose association was answered so."""
    match answered:
        case AssociationRefused() as refused:
            return _refused_outcome(refused)
        case ExceptionResponse() as exception:
            return exception_outcome("associate", exception)
        case associated:
            return Begun(associated, resynchronised)


def _refused_outcome(refused: AssociationRefused) -> Outcome:
    diagnostic = refused.diagnostic
    service = "user" if isinstance(diagnostic, AcseUserDiagnostic) else "provider"
    detail = f"{standard_name(refused.result)} by the acse-service-{service}"
    if refused.initiate_error is not None:
        detail += f", initiate {standard_name(refused.initiate_error)}"
    if refused.by_us:
        detail = "the meter did not prove that it knows the key"
    keys = diagnostic is AcseUserDiagnostic.AUTHENTICATION_FAILURE
    return Outcome(
        Status.KEY_REJECTED if keys else Status.REFUSED,
        refusal=Refusal("associate", int(diagnostic), standard_name(diagnostic)),
        detail=detail,
    )


# --- what is done in it ---------------------------------------------------------------------------


def carry_out(
    procedure: Generator[Request | Pause, Any, T],
    associated: Associated,
    act_now: ActNow,
    there: Objects | None = None,
) -> Script[T | Outcome]:
    """Run a procedure inside the association; what it returns.

    `act_now` has the last word before each request that can act.  What the procedure does not
    catch of an answer that never comes goes on to the caller.

    `there` are the objects that the meter is known to have, and grow: any other one is asked for
    alone, as meters are in use that break down at a list that names one they have not.  None for a
    meter that lists may say anything to.
    """
    try:
        request = next(procedure)
        while True:
            if isinstance(request, Pause):
                yield request
                request = procedure.send(None)
                continue
            if isinstance(request, ACTING_REQUESTS):
                verdict = act_now()
                if verdict is not True:
                    procedure.close()
                    return Outcome(verdict or Status.STALE, detail="nothing that acts was sent")
            try:
                answer = yield from _ask(request, associated, there)
            except Unanswered as error:
                request = procedure.throw(error)
            else:
                request = procedure.send(answer)
    except StopIteration as stop:
        found: T = stop.value
        return found


def _ask(request: Request, associated: Associated, there: Objects | None) -> Script[Answer]:
    """One answer to one request, over as few exchanges as the association allows."""
    if not isinstance(request, GetRequest) or len(request.attributes) == 1:
        return _answer((yield request))
    if there is not None:
        return (yield from _ask_around(request, associated, there))
    if associated.negotiated.conformance & Conformance.MULTIPLE_REFERENCES:
        answer = _answer((yield request))
        match answer:
            case NotSent():
                pass  # the list is too long for the meter
            case ExceptionResponse(service_error=error) if error not in _KEY_ERRORS:
                pass  # some meters promise multiple references and then refuse them
            case _:
                return answer
    parts: list[GetResponse] = []
    for attribute in request.attributes:
        answer = _answer((yield GetRequest.of(attribute)))
        if not isinstance(answer, GetResponse):
            return answer
        parts.append(answer)
    return GetResponse.joined(parts)


def _ask_around(request: GetRequest, associated: Associated, there: Objects) -> Script[Answer]:
    """As `_ask`: alone for each object that is not known to be there, until it is."""
    told: dict[int, GetResponse] = {}
    for at, attribute in enumerate(request.attributes):
        which = (attribute.class_id, attribute.instance)
        if which in there:
            continue
        answer = _answer((yield GetRequest.of(attribute)))
        if not isinstance(answer, GetResponse):
            return answer
        told[at] = answer
        if not isinstance(answer.results[0], DataAccessResult):
            there.add(which)
    left = [at for at in range(len(request.attributes)) if at not in told]
    if left:
        rest = GetRequest.of(*(request.attributes[at] for at in left))
        answer = yield from _ask(rest, associated, None)
        if not isinstance(answer, GetResponse):
            return answer
        told |= dict(zip(left, answer.each(), strict=True))
    return GetResponse.joined([told[at] for at in range(len(told))])


def _answer(event: Heard) -> Answer:
    if isinstance(event, (GetResponse, SetResponse, ActionResponse, ExceptionResponse, NotSent)):
        return event
    raise RuntimeError(f"{event!r} answers no request")
