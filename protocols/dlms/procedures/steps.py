"""What procedures are made of: one request and its answer, and how a procedure ends early.

`procedure` makes a generator of steps a procedure: where a step finds no way on it raises `Ended`,
and the procedure returns that outcome in place of what it was to find.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

from protocols.concentrator.clock import ClockTold
from protocols.concentrator.demand import DemandRead
from protocols.concentrator.messages import (
    LimitRead,
    ObjectRead,
    Refusal,
    Status,
    SupplyRead,
    UpdateTold,
)
from protocols.dlms.codes import ActionResult, DataAccessResult, ServiceError
from protocols.dlms.objects.shape import Misshapen
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    GetResult,
    MethodDescriptor,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import Boolean, Structure, Value

Request = GetRequest | SetRequest | ActionRequest
ACTING_REQUESTS = (SetRequest, ActionRequest)  # those that can change something at the meter
ABSENT = frozenset(
    {
        DataAccessResult.OBJECT_UNDEFINED,
        DataAccessResult.OBJECT_UNAVAILABLE,
        DataAccessResult.OBJECT_CLASS_INCONSISTENT,
    }
)
"""A meter that answers a GET so has no such object."""
_P = ParamSpec("_P")
_T = TypeVar("_T")
_Y = TypeVar("_Y")


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to ask for a while: the meter works on something.  Answered by None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request could not be said in this association, and nothing left: not agreed on, too long.

    Stands where an answer would, so that a procedure can ask in another way.
    """

    cause: str


Answer = GetResponse | SetResponse | ActionResponse | ExceptionResponse | NotSent


class Unanswered(Exception):
    """No answer came, or none that says anything.  Thrown into the procedure that waits for it.

    `untrusted`: one came that could not be verified, or that was said before.
    """

    untrusted = False


class UnexpectedAnswer(Unanswered):
    """The meter answered with a value that its interface class does not allow; the text says which.

    Nothing can be concluded from such an answer, so it counts as none.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a procedure ended.  Maps one to one to the fields of `messages.Result`."""

    status: Status
    acted: bool = False  # a request that can act was sent, whatever came of it
    refusal: Refusal | None = None
    before: LimitRead | None = None
    limit: LimitRead | None = None
    supply: SupplyRead | None = None
    load: SupplyRead | None = None  # of the load relay
    demand: DemandRead | None = None
    readings: tuple[ObjectRead, ...] = ()  # of objects that were asked for by name
    update: UpdateTold | None = None  # of firmware
    clock: ClockTold | None = None
    detail: str = ""  # a sentence for the log, where status and refusal do not say it all


def to_result_fields(outcome: Outcome) -> dict[str, Any]:
    """The outcome as keyword arguments of `messages.Result`."""
    return {
        "status": outcome.status,
        "acted": outcome.acted,
        "refusal": outcome.refusal,
        "before": outcome.before,
        "limit": outcome.limit,
        "supply": outcome.supply,
        "load": outcome.load,
        "demand": outcome.demand,
        "readings": outcome.readings,
        "update": outcome.update,
        "clock": outcome.clock,
    }


Procedure = Generator[Request, Answer, Outcome]
Finding = Generator[Request, Answer, _T | Outcome]
"""A procedure that returns what it found, or how it ended without."""
Working = Generator[Request | Pause, Any, _T | Outcome]
"""One that also waits for the meter."""


class Ended(Exception):
    """Leaves a procedure from within one of its steps."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.status)
        self.outcome = outcome


def procedure(
    steps: Callable[_P, Generator[_Y, Any, _T]],
) -> Callable[_P, Generator[_Y, Any, _T | Outcome]]:
    """Steps that return the outcome with which one of them ended.

    A value that its class does not allow counts as no answer: UnexpectedAnswer.
    """

    @functools.wraps(steps)
    def run(*args: _P.args, **options: _P.kwargs) -> Generator[_Y, Any, _T | Outcome]:
        try:
            return (yield from steps(*args, **options))
        except Ended as ended:
            return ended.outcome
        except Misshapen as error:
            raise UnexpectedAnswer(str(error)) from error

    return run


# --- one request, one answer ----------------------------------------------------------------------


def get_told(
    *attributes: AttributeDescriptor,
) -> Generator[Request, Answer, tuple[GetResponse, ...]]:
    """Read attributes: for each an answer of its own, with what was wrong with its octets."""
    answer = yield GetRequest(attributes)
    refused = refused_outcome("get", answer)
    if refused is not None:
        raise Ended(refused)
    assert isinstance(answer, GetResponse)
    return answer.each()


def get_each(
    *attributes: AttributeDescriptor,
) -> Generator[Request, Answer, tuple[GetResult, ...]]:
    """Read attributes, each with its value or with why there is none."""
    told = yield from get_told(*attributes)
    return tuple(each.results[0] for each in told)


def get_alone(
    *attributes: AttributeDescriptor,
) -> Generator[Request, Answer, tuple[GetResult, ...]]:
    """Read attributes of objects that the meter may not have, each by a request of its own.

    Meters are in use that break down at a list that names one they have not.
    """
    found: list[GetResult] = []
    for attribute in attributes:
        found += yield from get_each(attribute)
    return tuple(found)


def get(*attributes: AttributeDescriptor) -> Generator[Request, Answer, tuple[Value, ...]]:
    """Read attributes that must all be there: one refusal ends the procedure."""
    results = yield from get_each(*attributes)
    return tuple(present(*each) for each in zip(attributes, results, strict=True))


def present(attribute: AttributeDescriptor, result: GetResult) -> Value:
    """The value of an attribute that must be there; its refusal ends the procedure."""
    if isinstance(result, DataAccessResult):
        where = f"{attribute.instance} class {attribute.class_id} attribute {attribute.attribute}"
        refusal = refusal_of("get", result)
        raise Ended(Outcome(Status.REFUSED, refusal=refusal, detail=f"reading {where}"))
    return result


def put(attribute: AttributeDescriptor, value: Value) -> Generator[Request, Answer, None]:
    """Write an attribute; a refusal ends the procedure."""
    refused = refused_outcome("set", (yield SetRequest.of(attribute, value)))
    if refused is not None:
        raise Ended(refused)


def act(
    method: MethodDescriptor, parameters: Value | None
) -> Generator[Request, Answer, ActionResult | Outcome]:
    """Invoke a method: its code, or the outcome where the meter answered something else."""
    answer = yield ActionRequest.of(method, parameters)
    if isinstance(answer, ActionResponse) and len(answer.results) == 1:
        return answer.results[0].result
    refused = refused_outcome("action", answer)
    assert refused is not None
    return refused


Service = Literal["associate", "get", "set", "action"]


def refused_outcome(service: Service, answer: Answer) -> Outcome | None:
    """The outcome when the answer as a whole is a refusal, or None."""
    match answer:
        case NotSent(cause):
            return Outcome(Status.REFUSED, detail=f"not sent: {cause}")
        case ExceptionResponse():
            return exception_outcome(service, answer)
        case GetResponse():
            return None
        case SetResponse((result,)):
            code: DataAccessResult | ActionResult = result
        case ActionResponse((returned,)):
            code = returned.result
        case _:
            raise UnexpectedAnswer(f"one {service} was asked, {len(answer.results)} answered")
    return None if code == 0 else Outcome(Status.REFUSED, refusal=refusal_of(service, code))


def exception_outcome(service: Service, answer: ExceptionResponse) -> Outcome:
    """How an order ends that the meter answered with an exception-response."""
    code = answer.service_error
    keys = code in (ServiceError.DECIPHERING_ERROR, ServiceError.INVOCATION_COUNTER_ERROR)
    return Outcome(
        Status.KEY_REJECTED if keys else Status.REFUSED,
        refusal=refusal_of(service, code),
        detail=f"exception-response, {standard_name(answer.state_error)}",
    )


def refusal_of(service: Service, code: enum.IntEnum) -> Refusal:
    """The meter's own error, by number and name."""
    return Refusal(service=service, code=int(code), name=standard_name(code))


def standard_name(code: enum.IntEnum) -> str:
    """The standard's spelling of a code: READ_WRITE_DENIED is `read-write-denied`."""
    return code.name.lower().replace("_", "-")


# --- what a value must be -------------------------------------------------------------------------


def structure(value: Value, what: str, *kinds: type[Value]) -> tuple[Any, ...]:
    """The elements of a structure that must have exactly these types."""
    if not isinstance(value, Structure) or [type(element) for element in value] != list(kinds):
        expected = ", ".join(kind.__name__ for kind in kinds)
        raise UnexpectedAnswer(f"{what} is not a structure of {expected}")
    return tuple(value)


def truth(value: Value, what: str) -> bool:
    """A boolean."""
    if not isinstance(value, Boolean):
        raise UnexpectedAnswer(f"{what} is {type(value).__name__}, not a boolean")
    return bool(value)
