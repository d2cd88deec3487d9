"""An ACCESS carried out by a server's own GET, SET and ACTION, part after part.

Source: Green Book 9.3.11.  Where the request says to break on error, the parts after the first that
failed are not carried out and end with other-reason.
"""

from __future__ import annotations

from collections.abc import Callable

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
    GetRequest,
    GetResponse,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import NULL

Answer = Callable[[GetRequest | SetRequest | ActionRequest], Response]


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
