"""/places, /shipments, a meter's life and its steps, and new concentrators.

What the registry's commands do, by REST.

Each step is the same as by command, taken in one transaction with its line in the meter's life and
in the audit log; the Idempotency-Key gives the same answer to the same question again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel

from headend.access import lines
from headend.domain.account import Caller, Permission
from headend.domain.meter import Concentrator
from headend.domain.order import Order
from headend.domain.place import CODE, Place, PlaceKind
from headend.domain.shipment import Receipt
from headend.orders.inbox import Conflict, Received
from headend.ports import Transaction
from headend.registry.lives import NotTaken
from headend.registry.places import settle
from headend.rest.asking import HeadEnd, Parts, known, source_of
from headend.rest.meters import MeterName, MeterTold, no_meter
from headend.rest.orders import Key
from headend.rest.paging import Cursor, Limit, Page, after_name, by_name, page
from headend.rest.problems import Problem, described, not_found, wrong_question
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
Writer = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_WRITE])]
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
    told = f"{wanted.step}: {wanted.why}" if wanted.why else wanted.step
    answer = await _once(request, parts, caller, key, octets, f"meter {name}", told, work)
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
    answer = await _once(request, parts, caller, key, octets, f"place {place.code}", told, work)
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
    answer = await _once(request, parts, caller, key, octets, subject, "entered", work)
    return Response(answer, media_type="application/json")


class ShipmentTold(BaseModel):
    """The receipt of a shipment that was taken in."""

    number: int
    digest: str
    file: str
    taken_at: datetime
    who: str
    meters: int
    entered: int
    changed: int
    unchanged: int
    keys_new: int
    keys_kept: int

    @staticmethod
    def of(receipt: Receipt) -> ShipmentTold:
        return ShipmentTold(**{name: getattr(receipt, name) for name in ShipmentTold.model_fields})


@router.get("/shipments", responses=_ASKED)
async def list_shipments(parts: HeadEnd, caller: Reader, limit: Limit = 50) -> list[ShipmentTold]:
    """The latest shipments, the last one first."""
    found = await parts.read(lambda connection: queries.receipts(connection, limit=limit))
    return [ShipmentTold.of(each) for each in found]


@router.get("/shipments/{number}", responses=_SHOWN)
async def show_shipment(
    parts: HeadEnd, caller: Reader, number: Annotated[int, Path(ge=1, le=2**53)]
) -> ShipmentTold:
    """One shipment's receipt."""
    found = await parts.read(lambda connection: queries.receipt(connection, number))
    if found is None:
        raise not_found(f"shipment {number}", "GET /api/v1/shipments lists those that there are.")
    return ShipmentTold.of(found)


async def _once(
    request: Request,
    parts: Parts,
    caller: Caller,
    key: str,
    octets: bytes,
    subject: str,
    told: str,
    work: Callable[[Transaction], bytes],
) -> bytes:
    """Do it with its line in the audit log, once for one key; the answer.  Raises `Problem`."""
    now, source = parts.clock.now(), source_of(request)

    def effect(tx: Transaction, _transaction_id: str) -> tuple[None, bytes]:
        answer = work(tx)
        line = lines.done(
            now, caller.account, Permission.REGISTRY_WRITE, subject, told, source=source
        )
        tx.add_audit(line)
        return None, answer

    message = Received(caller.account, key, hashlib.sha256(octets).hexdigest(), octets)
    try:
        taken = await parts.placing.inbox.take(message, effect)
    except NotTaken as error:
        status = 404 if error.code.startswith("no-such-") else 409
        raise Problem(
            status, error.code, "Nothing was changed.", str(error), error.next_step
        ) from error
    if isinstance(taken, Conflict):
        raise Problem(
            422, "key-reused", "Nothing was changed.",
            "another question came with this Idempotency-Key before",
            "Make a new key for each step.",
        )  # fmt: skip
    return taken.answer
