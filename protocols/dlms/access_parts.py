"""A request carried out part by part: each attribute or method of a list has a result of its own.

Source: Green Book 9.3.6 to 9.3.8, ACCESS 9.3.11.  Where an ACCESS says to break on error, the parts
after the first that failed are not carried out and end with other-reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.services import (
    SERVICE_OF,
    AccessAction,
    AccessGet,
    AccessItem,
    AccessRequest,
    AccessResponse,
    AccessResult,
    AccessService,
    AccessSet,
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    GetResult,
    MethodDescriptor,
    MethodReturn,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import NULL, Value

Get = Callable[[AttributeDescriptor], GetResult]
Set = Callable[[AttributeDescriptor, Value], DataAccessResult]
Act = Callable[[MethodDescriptor, Value | None], ActionResult | MethodReturn]
Answer = Callable[[GetRequest | SetRequest | ActionRequest], Response]


def by_parts(request: Request, *, get: Get, set_: Set, act: Act) -> Response:
    """The response to one request, with list or without, each part answered by itself."""
    match request:
        case AccessRequest():
            return carry_out(request, partial(by_parts, get=get, set_=set_, act=act))
        case GetRequest(attributes):
            return GetResponse(tuple(map(get, attributes)))
        case SetRequest(attributes, values):
            return SetResponse(tuple(map(set_, attributes, values)))
        case ActionRequest(methods, parameters):
            return ActionResponse(tuple(map(_returned, map(act, methods, parameters))))


def _returned(result: ActionResult | MethodReturn) -> MethodReturn:
    return result if isinstance(result, MethodReturn) else MethodReturn(result)


def carry_out(request: AccessRequest, answer: Answer) -> AccessResponse:
    """The response, each part answered by `answer` as if it had come alone."""
    results: list[AccessResult] = []
    failed = False
    for item in request.items:
        result = _not_done(item) if failed else _result(item, answer)
        results.append(result)
        failed = failed or request.break_on_error and bool(result.code)
    return AccessResponse(tuple(results))


def _not_done(item: AccessItem) -> AccessResult:
    if isinstance(item, AccessAction):
        return AccessResult(AccessService.ACTION, ActionResult.OTHER_REASON)
    return AccessResult(SERVICE_OF[type(item)], DataAccessResult.OTHER_REASON)


def _result(item: AccessItem, answer: Answer) -> AccessResult:
    """What answers no such request, an exception response for one, is other-reason."""
    response = answer(_alone(item))
    match item, response:
        case AccessGet(), GetResponse((found,)):
            if isinstance(found, DataAccessResult):
                return AccessResult(AccessService.GET, found)
            return AccessResult(AccessService.GET, DataAccessResult.SUCCESS, found)
        case AccessSet(), SetResponse((code,)):
            return AccessResult(AccessService.SET, code)
        case AccessAction(), ActionResponse((ended,)):
            returned = ended.returned
            data = NULL if isinstance(returned, DataAccessResult | None) else returned
            return AccessResult(AccessService.ACTION, ended.result, data)
        case _:
            return _not_done(item)


def _alone(item: AccessItem) -> GetRequest | SetRequest | ActionRequest:
    match item:
        case AccessGet(attribute):
            return GetRequest.of(attribute)
        case AccessSet(attribute, value):
            return SetRequest.of(attribute, value)
        case AccessAction(method, parameters):
            return ActionRequest.of(method, parameters)
