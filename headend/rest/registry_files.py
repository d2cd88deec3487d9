"""/places/import and /installations: the tables of `ami place`, by REST.

The body is the file, CSV.  All of it is entered in one transaction, or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Annotated, Any, BinaryIO, TypeVar

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel

from headend.domain.account import Caller, Permission
from headend.ports import Transaction
from headend.registry.hanging import hang
from headend.registry.hanging import read as read_hung
from headend.registry.lives import By
from headend.registry.places import read as read_places
from headend.registry.places import settle
from headend.registry.sheets import BadFile, Flaw
from headend.rest.asking import HeadEnd, Parts, known
from headend.rest.once import Asking, once
from headend.rest.orders import Key
from headend.rest.problems import Problem, WrongPart, described

T = TypeVar("T")

router = APIRouter(prefix="/api/v1", tags=["registry"])

WRITE = Permission.REGISTRY_WRITE
Writer = Annotated[Caller, Security(known, scopes=[WRITE])]
_DONE = described(400, 401, 403, 408, 409, 413, 422, 429, 503)
SHOWN_MAX = 50


def _file(about: str) -> dict[str, Any]:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {
        "requestBody": {"required": True, "description": about, "content": {"text/csv": schema}}
    }


class Entered(BaseModel):
    """How many lines of a file were entered."""

    entered: int


class _TakenBack(Exception):
    """What was refused, so that nothing is kept."""

    def __init__(self, wrong: list[WrongPart]) -> None:
        super().__init__()
        self.wrong = wrong


@router.post(
    "/places/import",
    response_model=Entered,
    responses=_DONE,
    openapi_extra=_file("CSV with the columns kind, code, parent, name."),
)
async def import_places(request: Request, parts: HeadEnd, caller: Writer, key: Key) -> Response:
    """Enter places, or change their names and where they lie."""
    body = await request.body()
    survey = await _read(parts, body, read_places)
    if survey.flaws:
        raise _refused(_parts(survey.flaws))

    def work(tx: Transaction) -> bytes:
        if wrong := settle(tx, survey.places):
            raise _TakenBack([WrongPart(where=each.split(":")[0], why=each) for each in wrong])
        return _entered(len(survey.places))

    return await _taken(request, parts, caller, key, "places", body, work)


@router.post(
    "/installations",
    response_model=Entered,
    responses=_DONE,
    openapi_extra=_file("CSV with the columns meter, service_point, at, first_kwh."),
)
async def hang_meters(request: Request, parts: HeadEnd, caller: Writer, key: Key) -> Response:
    """Hang many meters up, as the step `install` does one."""
    body, now = await request.body(), parts.clock.now()
    hung, flaws = await _read(parts, body, read_hung)
    if flaws:
        raise _refused(_parts(flaws))

    def work(tx: Transaction) -> bytes:
        if wrong := hang(tx, hung, By(caller.account, now)):
            raise _TakenBack(_parts(wrong))
        return _entered(len(hung))

    return await _taken(request, parts, caller, key, "installations", body, work)


async def _read(parts: Parts, body: bytes, reading: Callable[[BinaryIO], T]) -> T:
    """All of a file.  Raises `Problem`."""
    try:
        return await parts.outside(lambda: reading(BytesIO(body)))
    except BadFile as error:
        raise _refused(_parts([error.flaw])) from error


async def _taken(
    request: Request,
    parts: Parts,
    caller: Caller,
    key: str,
    what: str,
    body: bytes,
    work: Callable[[Transaction], bytes],
) -> Response:
    digest = hashlib.sha256(body).hexdigest()
    asking = Asking(caller, WRITE, key, f"{what} {digest}".encode(), what, f"SHA-256 {digest}")
    try:
        answer = await once(request, parts, asking, work)
    except _TakenBack as error:
        raise _refused(error.wrong) from error
    return Response(answer, media_type="application/json")


def _entered(count: int) -> bytes:
    return Entered(entered=count).model_dump_json().encode()


def _parts(flaws: Sequence[Flaw]) -> list[WrongPart]:
    return [
        WrongPart(
            where=f"line {each.line}" + (f", {each.column}" if each.column else ""),
            why=f"{each.why}; to do: {each.next_step}",
        )
        for each in flaws
    ]


def _refused(wrong: list[WrongPart]) -> Problem:
    return Problem(
        409, "file-refused", "Nothing was entered.", f"{len(wrong)} lines are wrong",
        "Correct these lines, and send the whole file again.", wrong=wrong[:SHOWN_MAX],
    )  # fmt: skip
