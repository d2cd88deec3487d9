"""/shipments: what manufacturers deliver, looked at and taken in, and the receipts.

The body is the file, CSV or XML.  Its keys are wrapped; the key that opens them is named, and never
comes with the question.  Either all of a shipment is taken in, in one transaction, or nothing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.shipment import Appraised, Fate, Receipt
from headend.ports import KeyShared, Transaction
from headend.registry.shipment.by_request import NotReadable, Refused, Weighing
from headend.rest.asking import HeadEnd, known
from headend.rest.once import Asking, once
from headend.rest.orders import Key
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import Problem, WrongPart, described, not_found
from headend.store import registry_queries as queries

router = APIRouter(prefix="/api/v1/shipments", tags=["registry"])

Reader = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])]
Writer = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_WRITE])]


class FileAbout(BaseModel):
    """What stands beside a file.  A parameter that nobody knows is refused: it may be a known one,
    misspelt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$")] = Field(
        default="shipment", description="The file's name, to tell it by."
    )
    transport_key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,23}$")] | None = Field(
        default=None,
        description="The name of a transport key in the head-end's configuration, never a key.",
    )


About = Annotated[FileAbout, Query()]
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file: CSV, or XML by shipment.xsd; told apart by how it begins.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


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


class ShipmentTaken(BaseModel):
    """What came of a shipment."""

    receipt: ShipmentTold
    again: bool = Field(description="The same file was taken in before; this is its receipt.")


class LineTold(BaseModel):
    """What becomes of one line."""

    line: int
    meter: str
    fate: Fate
    column: str
    why: str
    next_step: str

    @staticmethod
    def of(line: Appraised) -> LineTold:
        return LineTold(**{name: getattr(line, name) for name in LineTold.model_fields})


class ShipmentWeighed(BaseModel):
    """What would become of a shipment."""

    meters: int
    entered: int
    changed: int
    unchanged: int
    refused: int
    keys_new: int
    keys_kept: int
    lines: list[LineTold] = Field(description="The first 50 that are changed or refused.")

    @staticmethod
    def of(weighing: Weighing) -> ShipmentWeighed:
        names = set(ShipmentWeighed.model_fields) - {"lines"}
        lines = [LineTold.of(each) for each in weighing.lines]
        return ShipmentWeighed(**{name: getattr(weighing, name) for name in names}, lines=lines)


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_shipments(
    parts: HeadEnd, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Page[ShipmentTold]:
    """The receipts, the last one first."""
    before = after_number(cursor)
    found = await parts.read(
        lambda connection: queries.receipts(connection, before=before, limit=limit + 1)
    )
    return page(found, limit, ShipmentTold.of, lambda each: by_number(each.number))


@router.get("/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_shipment(
    parts: HeadEnd, caller: Reader, number: Annotated[int, Path(ge=1, le=2**53)]
) -> ShipmentTold:
    """One shipment's receipt."""
    found = await parts.read(lambda connection: queries.receipt(connection, number))
    if found is None:
        raise not_found(f"shipment {number}", "GET /api/v1/shipments lists those that there are.")
    return ShipmentTold.of(found)


@router.post(
    "/preview",
    openapi_extra=FILE,
    responses=described(400, 401, 403, 404, 408, 409, 413, 429, 503),
)
async def preview_shipment(
    request: Request,
    parts: HeadEnd,
    caller: Writer,
    about: About,
) -> ShipmentWeighed:
    """What would be entered, changed and refused; nothing is written."""
    body = await request.body()
    try:
        weighing = await parts.outside(
            lambda: parts.shipments.weigh(body, about.file, about.transport_key)
        )
    except NotReadable as error:
        raise _not_readable(error) from error
    return ShipmentWeighed.of(weighing)


@router.post(
    "",
    openapi_extra=FILE,
    response_model=ShipmentTaken,
    responses=described(400, 401, 403, 404, 408, 409, 413, 422, 429, 503),
)
async def take_shipment(
    request: Request,
    parts: HeadEnd,
    caller: Writer,
    key: Key,
    about: About,
) -> Response:
    """Take a shipment in: all of it, or nothing where a line is refused.  The same file again does
    nothing, and gets its receipt."""
    body, now = await request.body(), parts.clock.now()
    digest = hashlib.sha256(body).hexdigest()
    try:
        waiting = await parts.outside(
            lambda: parts.shipments.read(body, about.file, about.transport_key)
        )
    except NotReadable as error:
        raise _not_readable(error) from error

    def work(tx: Transaction) -> bytes:
        receipt, again = waiting.enter(tx, caller.account, now)
        told = ShipmentTaken(receipt=ShipmentTold.of(receipt), again=again)
        return told.model_dump_json().encode()

    asking = Asking(
        caller, Permission.REGISTRY_WRITE, key, f"shipment {digest} {about.file}".encode(),
        f"shipment {about.file}", f"SHA-256 {digest}",
    )  # fmt: skip
    try:
        answer = await once(request, parts, asking, work)
    except Refused as error:
        raise _refused(error) from error
    except KeyShared as error:
        raise Problem(
            409, "key-shared", "Nothing was taken in.", str(error),
            "Ask the manufacturer for a key of its own.",
        ) from error  # fmt: skip
    finally:
        waiting.close()
    return Response(answer, media_type="application/json")


def _not_readable(error: NotReadable) -> Problem:
    status = 404 if error.code.startswith("no-such-") else 409
    return Problem(status, error.code, "Nothing was looked at.", str(error), error.next_step)


def _refused(error: Refused) -> Problem:
    """With the first lines that are refused."""
    wrong = [
        WrongPart(
            where=f"line {each.line}" + (f", {each.column}" if each.column else ""),
            why=f"{each.why}; to do: {each.next_step}",
        )
        for each in error.weighing.lines
        if each.fate is Fate.REFUSED
    ]
    return Problem(
        409, "shipment-refused", "Nothing was taken in.", str(error),
        "Correct these lines, and look at all by POST /api/v1/shipments/preview.", wrong=wrong,
    )  # fmt: skip
