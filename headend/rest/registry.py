"""/places, a meter's life and its steps, and new concentrators.

What the registry's commands do, by REST.

Each step is the same as by command, taken in one transaction with its line in the meter's life and
in the audit log; the Idempotency-Key gives the same answer to the same question again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security

from headend.domain.account import Caller, Permission
from headend.domain.meter import Concentrator
from headend.domain.order import Order
from headend.domain.place import CODE, Place, PlaceKind
from headend.ports import Transaction
from headend.registry.lives import NotTaken
from headend.registry.places import settle
from headend.rest.asking import HeadEnd, known
from headend.rest.meters import MeterName, MeterTold, no_meter
from headend.rest.once import Asking, once
from headend.rest.orders import Key
from headend.rest.paging import Cursor, Limit, Page, after_name, by_name, page
from headend.rest.problems import described, not_found, wrong_question
from headend.rest.registry_steps import take
from headend.rest.registry_told import (
    ConcentratorWanted,
    InstallationTold,
    LifeLineTold,
    MeterLife,
    PlaceTold,
    PlaceWanted,
    StepWanted,
)
from headend.store import registry_queries as queries

router = APIRouter(prefix="/api/v1", tags=["registry"])

Reader = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])]
WRITE = Permission.REGISTRY_WRITE
Writer = Annotated[Caller, Security(known, scopes=[WRITE])]
_ASKED = described(400, 401, 403, 429, 503)
_SHOWN = described(400, 401, 403, 404, 429, 503)
_DONE = described(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("/meters/{name}/life", responses=_SHOWN)
async def show_life(parts: HeadEnd, caller: Reader, name: MeterName) -> MeterLife:
    """Where a meter stands, each step of its life, and where it hung."""
    found = await parts.read(lambda connection: queries.meter_file(connection, name))
    if found is None:
        raise no_meter(name)
    return MeterLife(
        meter=name,
        stage=found.stage,
        life=[LifeLineTold.of(line) for line in found.life],
        installations=[InstallationTold.of(each) for each in found.installations],
    )


@router.post("/meters/{name}/steps", response_model=MeterTold, responses=_DONE)
async def take_step(
    request: Request, parts: HeadEnd, caller: Writer, name: MeterName, wanted: StepWanted, key: Key
) -> Response:
    """Take a step in a meter's life: hang it up, link it, take it into service, block it, take it
    down, exchange it for another.  Orders that a step ends are told to who ordered them."""
    now = parts.clock.now()
    settling = parts.placing.withdrawal.settling
    ended: list[Order] = []

    def work(tx: Transaction) -> bytes:
        meter, orders = take(tx, name, wanted, caller.account, settling, now=now)
        ended.extend(orders)
        return MeterTold.of(meter).model_dump_json().encode()

    octets = name.encode() + b" " + wanted.model_dump_json().encode()
    step = f"{wanted.step} below readings" if wanted.below_readings else wanted.step
    told = f"{step}: {wanted.why}" if wanted.why else step
    answer = await once(
        request, parts, Asking(caller, WRITE, key, octets, f"meter {name}", told), work
    )
    settling.announce(ended)
    return Response(answer, media_type="application/json")


@router.get("/places", responses=_ASKED)
async def list_places(
    parts: HeadEnd,
    caller: Reader,
    kind: Annotated[PlaceKind | None, Query(description="Only of this level.")] = None,
    within: Annotated[str | None, Query(max_length=64, description="Only what lies in it.")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[PlaceTold]:
    """Places by code."""
    after = after_name(cursor_) or ""
    found = await parts.read(
        lambda connection: queries.places(
            connection, kind=kind, within=within, after=after, limit=limit + 1
        )
    )
    return page(found, limit, PlaceTold.of, lambda last: by_name(last.code))


@router.get("/places/{code}", responses=_SHOWN)
async def show_place(
    parts: HeadEnd, caller: Reader, code: Annotated[str, Path(max_length=64)]
) -> PlaceTold:
    """One place, and what it lies in."""
    found = await parts.read(lambda connection: queries.place(connection, code))
    if found is None:
        raise not_found(f"place {code}", "GET /api/v1/places lists those that there are.")
    return PlaceTold.of(found)


@router.post("/places", response_model=PlaceTold, responses=_DONE)
async def put_place(
    request: Request, parts: HeadEnd, caller: Writer, wanted: PlaceWanted, key: Key
) -> Response:
    """Enter a place, or change its name and where it lies."""
    if CODE.fullmatch(wanted.code) is None:
        raise wrong_question("body.code", "letters, digits and . _ / - (64 at most)")
    place = Place(wanted.code, wanted.kind, wanted.parent, wanted.name)

    def work(tx: Transaction) -> bytes:
        if wrong := settle(tx, (place,)):
            raise NotTaken(wrong[0], "GET /api/v1/places lists those that there are.", "misplaced")
        return PlaceTold.of(place).model_dump_json().encode()

    octets = b"place " + wanted.model_dump_json().encode()
    told = f"{wanted.kind} in {wanted.parent or 'nothing'}"
    answer = await once(
        request, parts, Asking(caller, WRITE, key, octets, f"place {place.code}", told), work
    )
    return Response(answer, media_type="application/json")


@router.post("/concentrators", response_model=ConcentratorWanted, responses=_DONE)
async def put_concentrator(
    request: Request, parts: HeadEnd, caller: Writer, wanted: ConcentratorWanted, key: Key
) -> Response:
    """Enter a concentrator, or change its SIM."""

    def work(tx: Transaction) -> bytes:
        tx.put_concentrators([Concentrator(wanted.name, wanted.sim)])
        return wanted.model_dump_json().encode()

    octets = b"concentrator " + wanted.model_dump_json().encode()
    subject = f"concentrator {wanted.name}"
    answer = await once(
        request, parts, Asking(caller, WRITE, key, octets, subject, "entered"), work
    )
    return Response(answer, media_type="application/json")
