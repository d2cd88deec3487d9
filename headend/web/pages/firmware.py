"""The shelf of meters' firmware: what is on it, how far each image has come, and a new one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response, Security

from headend.domain.account import Permission
from headend.domain.meter_image import IDENTIFIER_OCTETS_MAX
from headend.rest import firmware as rest
from headend.rest.problems import Problem
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting
from headend.web.wrong_form import told

PAGES = (Page("firmware", "/firmware", Menu.OPERATION, Permission.REGISTRY_READ),)
Reader = Annotated[Visit, Security(visiting, scopes=[Permission.REGISTRY_READ])]
Installer = Annotated[Visit, Security(visiting, scopes=[Permission.FIRMWARE_INSTALL])]
FIELDS = ("model", "version", "identifier", "signature", "why")

router = APIRouter()


@router.get("/firmware")
async def shelf(visit: Reader) -> Response:
    return await _shelf(visit, dict.fromkeys(FIELDS, ""))


@router.get("/firmware/{image}")
async def image(visit: Reader, image: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Response:
    found = await rest.show_image(visit.parts, visit.caller, image)
    return rendered(visit, "firmware_image.html", image=found)


@router.post("/firmware")
async def add_image(visit: Installer) -> Response:
    given = {name: visit.field(name) for name in FIELDS}
    try:
        if not given["why"]:
            raise ValueError("why: ?")
        about = rest.ImageWanted(
            model=given["model"], version=given["version"],
            identifier=given["identifier"] or None, signature=given["signature"] or None,
        )  # fmt: skip
        answer = await rest.shelved(
            visit.request, visit.parts, visit.caller, visit.key, about,
            visit.files.get("image", b""),
        )  # fmt: skip
    except (Problem, ValueError) as error:
        return await _shelf(visit, given, error)
    return visit.to(f"/firmware/{rest.ImageTold.model_validate_json(answer).image}",
        "firmware.done.added")  # fmt: skip


async def _shelf(visit: Visit, given: dict[str, str], wrong: Exception | None = None) -> Response:
    found = await rest.list_images(visit.parts, visit.caller, 50, visit.asked("cursor"))
    given["key"] = visit.web.sessions.secret()  # under that of a wrong form nothing was done
    return rendered(
        visit, "firmware.html", 200 if wrong is None else 400, found=found,
        next=visit.onward(found.next), given=given, wrong=None if wrong is None else told(wrong),
        models=visit.parts.placing.reads.shelf.names(), identifier_max=IDENTIFIER_OCTETS_MAX,
        most=visit.parts.config.rest.body_max_bytes,
    )  # fmt: skip
