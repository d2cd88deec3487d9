"""/firmware: the shelf of meters' firmware, and images put on it.

An image that is on the shelf goes to no meter by that; orders bring it: `ami firmware install`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.meter_image import IDENTIFIER_OCTETS_MAX, MeterImage
from headend.ports import Transaction
from headend.registry.firmware_shelf import BadImage, Wanted, labelled, put
from headend.rest.asking import HeadEnd, Parts, known
from headend.rest.once import Asking, once
from headend.rest.orders import Key
from headend.rest.paging import Cursor, Limit, Page, after_name, by_name, page
from headend.rest.problems import Problem, described, not_found
from headend.store import image_queries

router = APIRouter(prefix="/api/v1/firmware", tags=["firmware"])

Reader = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])]
Installer = Annotated[Caller, Security(known, scopes=[Permission.FIRMWARE_INSTALL])]
Text = Annotated[str, Field(pattern=rf"^[\x20-\x7e]{{1,{IDENTIFIER_OCTETS_MAX}}}$")]


class ImageWanted(BaseModel):
    """What stands beside an image's octets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$")]
    version: Text
    identifier: Text | None = Field(default=None, description="The version if left out.")
    signature: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2}){1,1024}$")] | None = Field(
        default=None, description="That the meter must show of it, hexadecimal."
    )


class ImageTold(BaseModel):
    """An image on the shelf, without its octets."""

    image: str = Field(description="Its SHA-256, by which orders name it.")
    model: str = Field(description="The model of meters that it was made for.")
    version: str = Field(description="What a meter tells when it runs it.")
    identifier: str = Field(description="What the meter is told that it is called.")
    size: int = Field(description="Octets.")
    signature: str | None
    added_at: datetime
    added_by: str

    @staticmethod
    def of(label: MeterImage) -> ImageTold:
        return ImageTold(**{name: getattr(label, name) for name in ImageTold.model_fields})


class ImageShown(ImageTold):
    """One image, and how far it has come."""

    stages: dict[str, int] = Field(description="How many meters are at each stage.")


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_images(
    parts: HeadEnd, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Page[ImageTold]:
    """The shelf, by model and time."""
    after = after_name(cursor)
    found = await parts.read(
        lambda connection: image_queries.labels(connection, after=after, limit=limit + 1)
    )
    return page(found, limit, ImageTold.of, lambda each: by_name(each.image))


@router.get("/{image}", responses=described(400, 401, 403, 404, 429, 503))
async def show_image(
    parts: HeadEnd, caller: Reader, image: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
) -> ImageShown:
    """One image, and how many meters it has brought how far."""
    label = await parts.read(lambda connection: image_queries.label(connection, image))
    if label is None:
        raise not_found(f"image {image}", "GET /api/v1/firmware lists those that there are.")
    stages = await parts.read(lambda connection: image_queries.sums(connection, image))
    return ImageShown(**ImageTold.of(label).model_dump(), stages=stages)


@router.post(
    "",
    response_model=ImageTold,
    responses=described(400, 401, 403, 408, 409, 413, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The image's octets, as its maker gave it out.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def add_image(
    request: Request,
    parts: HeadEnd,
    caller: Installer,
    key: Key,
    about: Annotated[ImageWanted, Query()],
) -> Response:
    """Put an image on the shelf.  One that is there already stays as it is, and is told."""
    answer = await shelved(request, parts, caller, key, about, await request.body())
    return Response(answer, media_type="application/json")


async def shelved(
    request: Request, parts: Parts, caller: Caller, key: str, about: ImageWanted, octets: bytes
) -> bytes:
    """The image on the shelf, as `ImageTold` tells it.  Raises `Problem`."""
    shelf = parts.placing.reads.shelf
    model, version, signature = about.model, about.version, bytes.fromhex(about.signature or "")
    wanted = Wanted(octets, model, version, about.identifier or "", signature)
    if model not in shelf.names():
        raise Problem(
            409, "no-such-model", "Nothing was put on the shelf.",
            f"the head-end has no model {model}", f"It has {', '.join(shelf.names())}.",
        )  # fmt: skip
    try:
        label = labelled(shelf, wanted, caller.account, parts.clock.now())
    except BadImage as error:
        raise _bad(error) from error

    def work(tx: Transaction) -> bytes:
        return ImageTold.of(put(tx, label)).model_dump_json().encode()

    told = f"{version} for {model}, {label.size} octets, SHA-256 {label.image}"
    octets_told = f"firmware {told} {label.identifier} {label.signature}".encode()
    asking = Asking(caller, Permission.FIRMWARE_INSTALL, key, octets_told, "meters' firmware", told)
    try:
        return await once(request, parts, asking, work)
    except BadImage as error:
        raise _bad(error) from error


def _bad(error: BadImage) -> Problem:
    return Problem(
        409, "bad-image", "Nothing was put on the shelf.", str(error),
        "GET /api/v1/firmware lists what is there.",
    )  # fmt: skip
