"""/meters and /concentrators: what the registry knows, and why a meter is not reading."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.meter import Concentrator, Meter, Stage
from headend.rest.asking import HeadEnd, known, source_of
from headend.rest.orders import Key, OrderTold, created, told
from headend.rest.paging import Cursor, Limit, Page, after_name, by_name, page
from headend.rest.placing import Asked
from headend.rest.problems import described, not_found
from headend.rest.values import DeviceName
from headend.store import queries
from headend.store.meter_queries import meter_page
from headend.store.upkeep_queries import sessions_of, state_of

router = APIRouter(prefix="/api/v1", tags=["registry"])

MeterName = Annotated[DeviceName, Path(description="The meter's number.")]
OBJECTS_MAX = 64


class MeterTold(BaseModel):
    """A registered meter."""

    name: str
    model: str
    concentrator: str | None
    address: str | None = Field(description="Where the head-end reaches it by itself.")
    commissioned: bool
    blocked: bool
    stage: Stage | None = Field(
        description="Where it stands in its life; null where none keeps it."
    )
    contracted_w: str | None = Field(description="The highest limit that may be set; decimal text.")
    recorded_phase: str | None

    @staticmethod
    def of(meter: Meter) -> MeterTold:
        contracted = meter.contracted_w
        return MeterTold(
            name=meter.name,
            model=meter.model,
            concentrator=meter.concentrator,
            address=meter.address,
            commissioned=meter.commissioned,
            blocked=meter.blocked,
            stage=meter.stage,
            contracted_w=None if contracted is None else str(contracted),
            recorded_phase=meter.recorded_phase,
        )


class CauseTold(BaseModel):
    """One thing that stands between the head-end and a meter's values."""

    text: str
    evidence: str = Field(description="How it is known.")
    at: datetime | None
    next_step: str = Field(description="What helps; empty where nothing is known to.")


class MeterExplained(BaseModel):
    """Why a meter is not reading; no causes where nothing was heard against it."""

    meter: MeterTold
    causes: list[CauseTold]
    orders: list[OrderTold] = Field(description="The last ones, the latest first.")


class ConcentratorTold(BaseModel):
    """A registered concentrator, as it was last heard."""

    name: str
    online: bool | None = Field(description="null where nothing was heard of it yet.")
    since: datetime | None = Field(description="When it came on line, or went off it.")
    firmware: str | None
    told_at: datetime | None = Field(description="When it last told of itself.")


class ReadWanted(BaseModel):
    """What to read of a meter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objects: Annotated[
        list[Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")]],
        Field(min_length=1, max_length=OBJECTS_MAX),
    ] = Field(description="Words of the meter's model, or logical names.")


@router.get("/meters", responses=described(400, 401, 403, 429, 503))
async def list_meters(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])],
    concentrator: Annotated[DeviceName | None, Query(description="Only those of it.")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[MeterTold]:
    """Meters by name."""
    after = after_name(cursor_)
    found = await parts.read(
        lambda connection: queries.meters(
            connection,
            concentrator=concentrator,
            after=after,
            limit=limit + 1,
            within=caller.place,
        )
    )
    return page(found, limit, MeterTold.of, lambda last: by_name(last.name))


@router.get("/meters/{name}", responses=described(400, 401, 403, 404, 429, 503))
async def show_meter(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])],
    name: MeterName,
) -> MeterTold:
    """One meter."""
    found = await parts.read(lambda connection: queries.meter(connection, name))
    if found is None:
        raise no_meter(name)
    return MeterTold.of(found)


@router.get("/meters/{name}/explanation", responses=described(400, 401, 403, 404, 429, 503))
async def explain_meter(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_READ])],
    name: MeterName,
) -> MeterExplained:
    """Why a meter is not reading, from the registry outwards to the meter."""
    page = await parts.read(lambda connection: meter_page(connection, name))
    if page is None:
        raise no_meter(name)
    return MeterExplained(
        meter=MeterTold.of(page.meter),
        causes=[
            CauseTold(text=each.text, evidence=each.evidence, at=each.at, next_step=each.next_step)
            for each in page.causes
        ],
        orders=[OrderTold.of(order) for order in page.orders],
    )


@router.post(
    "/meters/{name}/reads",
    status_code=201,
    response_model=OrderTold,
    responses=described(400, 401, 403, 404, 413, 422, 429, 503),
)
async def read_meter(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_DEMAND])],
    name: MeterName,
    wanted: ReadWanted,
    key: Key,
) -> Response:
    """Have a meter read now, by an order; its values are among the meter's readings once it is
    done."""
    octets = name.encode() + b" " + wanted.model_dump_json().encode()
    asked = Asked(caller, source_of(request), key, octets)
    return created(await parts.placing.read(asked, name, wanted.objects, told))


@router.get("/concentrators", responses=described(400, 401, 403, 429, 503))
async def list_concentrators(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])],
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[ConcentratorTold]:
    """Concentrators by name."""
    after = after_name(cursor_)

    def found(connection: queries.Connection) -> list[ConcentratorTold]:
        some = queries.concentrators(connection, after=after, limit=limit + 1)
        return [_concentrator(connection, each) for each in some]

    some = await parts.read(found)
    return page(some, limit, lambda told: told, lambda last: by_name(last.name))


def _concentrator(connection: queries.Connection, one: Concentrator) -> ConcentratorTold:
    session = next(iter(sessions_of(connection, one.name, limit=1)), None)
    state = state_of(connection, one.name)
    return ConcentratorTold(
        name=one.name,
        online=None if session is None else session.online,
        since=None if session is None else session.at,
        firmware=None if session is None else session.firmware or None,
        told_at=None if state is None else state.received_at,
    )


def no_meter(name: str) -> Exception:
    """There is no such meter."""
    return not_found(f"meter {name}", "GET /api/v1/meters lists those that there are.")
