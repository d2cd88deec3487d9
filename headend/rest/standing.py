"""/health for who balances load, /metrics for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security
from pydantic import BaseModel, Field

from headend.backup.place import Place
from headend.domain.account import Caller, Permission
from headend.ports import StoreUnavailable
from headend.rest.asking import HeadEnd, known
from headend.rest.metrics import TEXT, Counted
from headend.rest.problems import described
from headend.store import queries

router = APIRouter(tags=["standing"])

OPEN = frozenset({"/health"})
"""Routes that ask for no token: it would be in every load balancer, and they tell nothing."""


class Health(BaseModel):
    """Whether the head-end can do its work."""

    healthy: bool
    parts: dict[str, bool] = Field(description="Of which: database, broker, work, name.")


@router.get("/health", responses={503: {"model": Health, "description": "Not now."}})
async def health(parts: HeadEnd, response: Response) -> Health:
    """200 where all is well, 503 where something is not."""
    told = dict(parts.healthy())
    try:
        await parts.read(lambda connection: queries.meter(connection, ""))
        told["database"] = True
    except (StoreUnavailable, OSError):
        told["database"] = False
    healthy = all(told.values())
    response.status_code = 200 if healthy else 503
    return Health(healthy=healthy, parts=told)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {TEXT: {}}}, **described(401, 403, 429, 503)},
)
async def metrics(
    parts: HeadEnd, caller: Annotated[Caller, Security(known, scopes=[Permission.METRICS_READ])]
) -> Response:
    """The head-end's metrics, in Prometheus's text format."""
    now, folder = parts.clock.now(), parts.config.backup.place
    backup_at = None if folder is None else await parts.outside(Place(folder).newest_at)
    counted = await parts.read(lambda connection: Counted.of(connection, now, backup_at))
    return Response(parts.metrics.text(counted), media_type=TEXT)
