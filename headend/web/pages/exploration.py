"""CIM exploration: the tree from the region to the circuit, from the database or through the
adapters.  Who the VIP customers of a circuit are is not kept: it is asked on line."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response, Security

from headend.domain.account import Permission
from headend.rest.asking import refusal
from headend.rest.problems import not_found, wrong_question
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation
from headend.web.consulta.exploring import ONLY_ON, Show, View
from headend.web.consulta.kept import of_kept
from headend.web.consulta.organisation import Place
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Elsewhere, Visit, visiting
from protocols.cim import xml

KEPT: Final = "/exploration"
ON_LINE: Final = "/online/exploration"
PAGES = (
    Page("exploration", KEPT, Menu.CONSULTA, Permission.READING_READ),
    Page("online_exploration", ON_LINE, Menu.ONLINE, Permission.READING_READ),
)
router = APIRouter()

Name = Annotated[str, Query(max_length=64)]
Reader = Annotated[Visit, Security(visiting, scopes=[Permission.READING_READ])]


@router.get(KEPT)
async def from_database(
    visit: Reader, cls: Name = "", key: Name = "", show: Show = Show.INFORMATION
) -> Response:
    place = await asked_for(visit, cls, key, show)
    if show is Show.VIP:
        raise Elsewhere(f"{ON_LINE}?{visit.request.url.query}")
    view = await visit.parts.read(lambda connection: of_kept(connection, place, show))
    return _shown(visit, view, KEPT)


@router.get(ON_LINE)
async def on_line(
    visit: Reader, cls: Name = "", key: Name = "", show: Show = Show.INFORMATION
) -> Response:
    place = await asked_for(visit, cls, key, show)
    view = await exploring.on_line(Conversation(visit.web.adapters), place, show)
    return _shown(visit, view, ON_LINE)


async def asked_for(visit: Visit, cls: str, key: str, show: Show) -> Place | None:
    """The place, where this may be asked about it.  Raises `Problem`."""
    if show in ONLY_ON:
        if cls != ONLY_ON[show]:
            raise wrong_question("show", f"{show} is asked on a {ONLY_ON[show]}")
        await guarded(visit)
    return (cls, key) if cls else None


async def guarded(visit: Visit) -> None:
    """Names, e-mail and telephones are for who may see customers.  Raises `Problem`."""
    if visit.may(Permission.CUSTOMER_READ):
        return
    refused = await visit.parts.guard.refuses(
        visit.caller, Permission.CUSTOMER_READ, f"GET {visit.request.url.path}",
        source=visit.source,
    )  # fmt: skip
    if refused is not None:
        raise refusal(refused, Permission.CUSTOMER_READ)


def _shown(visit: Visit, view: View, path: str) -> Response:
    if view.missing:
        raise not_found("place of this class and key", "Choose one in the tree.")

    def stamp(text: str) -> str:
        return visit.words.when(xml.date_time(text))

    return rendered(
        visit, "exploration.html", view=view, path=path, online=path == ON_LINE, stamp=stamp
    )
