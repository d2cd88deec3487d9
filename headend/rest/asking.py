"""Who asks, and whether they may.

A route names its permission as the scope of its token: `Security(known, scopes=[...])`, and OpenAPI
tells it.  A test holds that no route is without one but those of `standing` and the description.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from headend.access.guard import Guard, Refusal, Refused
from headend.campaigns.desk import CampaignDesk
from headend.config import Config
from headend.domain.account import Caller, Permission
from headend.domain.service_level import ServiceLevels
from headend.ports import Clock
from headend.registry.shipment.by_request import Shipments
from headend.rest import within
from headend.rest.feed import Feed
from headend.rest.making import Making
from headend.rest.metrics import Metrics
from headend.rest.placing import Placing
from headend.rest.problems import Problem
from headend.tasks.desk import TaskDesk

T = TypeVar("T")


class Reads(Protocol):
    """Carries out a query on what is committed."""

    def __call__(self, query: Callable[[Any], T]) -> Awaitable[T]: ...


class Outside(Protocol):
    """Carries out what would hold the loop up."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes need of the head-end."""

    guard: Guard
    read: Reads
    placing: Placing
    campaigns: CampaignDesk
    clock: Clock
    config: Config
    metrics: Metrics
    healthy: Callable[[], dict[str, bool]]
    feed: Feed
    levels: ServiceLevels
    outside: Outside
    shipments: Shipments
    tasks: TaskDesk
    making: Making = field(default_factory=Making)


async def parts_of(request: Request) -> Parts:
    """The head-end behind a request.  Awaited, as FastAPI calls plain functions in threads."""
    parts: Parts = request.app.state.parts
    return parts


HeadEnd = Annotated[Parts, Depends(parts_of)]

bearer = HTTPBearer(scheme_name="token", auto_error=False, description="A token: ami token create")
_STATUS = {Refusal.NOT_PERMITTED: 403, Refusal.TOO_MANY: 429, Refusal.LOCKED: 429}


async def known(
    request: Request,
    scopes: SecurityScopes,
    parts: HeadEnd,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller, who may what the route asks for.  Raises `Problem`."""
    (permission,) = map(Permission, scopes.scopes)
    if shown is None:
        raise Problem(
            401, "no-token", "Who asks is not known.", "no token came with the question",
            "Send  Authorization: Bearer TOKEN; an administrator makes one: ami token create",
            {"WWW-Authenticate": 'Bearer realm="ami"'},
        )  # fmt: skip
    source = source_of(request)
    found = await parts.guard.show(shown.credentials, source=source)
    if isinstance(found, Refused):
        raise refusal(found, permission)
    await demand(parts, request, found, permission, f"{request.method} {request.url.path}")
    await within.check(request, parts.read, found)
    return found


async def demand(
    parts: Parts, request: Request, caller: Caller, permission: Permission, subject: str
) -> None:
    """Go on where this caller may.  Raises `Problem`."""
    refused = await parts.guard.refuses(caller, permission, subject, source=source_of(request))
    if refused is not None:
        raise refusal(refused, permission)


def source_of(request: Request) -> str:
    """The address that a request came from."""
    return "" if request.client is None else request.client.host


def refusal(refused: Refused, permission: Permission) -> Problem:
    """A refusal as it is told."""
    status = _STATUS.get(refused.code, 401)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ami", error="invalid_token"'
    if status == 403:  # RFC 6750, 3.1
        told = f'Bearer realm="ami", error="insufficient_scope", scope="{permission}"'
        headers["WWW-Authenticate"] = told
    if refused.wait_s is not None:
        headers["Retry-After"] = str(math.ceil(refused.wait_s))
    titles = {401: "Who asks is not known.", 403: "That is not permitted.", 429: "Too many tries."}
    return Problem(status, refused.code, titles[status], refused.why, refused.next_step, headers)
