"""Which feeder of SIMOCE's is which circuit of SIAD's; those that nobody knows, mapped by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.feeder import FeederMapping
from headend.rest import feeders as rest
from headend.store import feeder_queries as queries
from headend.store.feeder_queries import Feeder
from headend.store.queries import Connection
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (Page("mappings", "/mappings", Menu.OPERATION, Permission.READING_READ),)
Reader = Annotated[Visit, Security(visiting, scopes=[Permission.READING_READ])]
Writer = Annotated[Visit, Security(visiting, scopes=[Permission.TASK_WRITE])]
SHOWN_MAX = 200

router = APIRouter()


@router.get("/mappings")
async def mappings(visit: Reader) -> Response:
    def found(connection: Connection) -> tuple[list[FeederMapping], dict[str, Feeder]]:
        places = {it.circuit: it for it in queries.feeders(connection) if it.circuit}
        return queries.mappings(connection), places

    known, places = await visit.parts.read(found)
    sought = visit.asked("q") or ""
    mapped = [it for it in known if it.siad and it.simoce]
    fitting = [it for it in mapped if _has(it, sought)]
    return rendered(
        visit, "mappings.html", places=places, sought=sought, mapped=len(mapped),
        fitting=len(fitting), shown=fitting[:SHOWN_MAX],
        siad=[it for it in known if not it.simoce], simoce=[it for it in known if not it.siad],
    )  # fmt: skip


@router.post("/mappings")
async def map_by_hand(visit: Writer) -> Response:
    wanted = rest.MappingWanted(simoce=visit.field("simoce"))
    await rest.map_feeder(visit.request, visit.parts, visit.caller, visit.field("siad"), wanted)
    return visit.to("/mappings", "mappings.done.mapped")


@router.post("/mappings/unmap")
async def unmap(visit: Writer) -> Response:
    await rest.unmap_feeder(visit.request, visit.parts, visit.caller, visit.field("siad"))
    return visit.to("/mappings", "mappings.done.unmapped")


def _has(one: FeederMapping, sought: str) -> bool:
    said = f"{one.siad} {one.siad_name} {one.simoce} {one.simoce_name}"
    return sought.casefold() in said.casefold()
