"""Comparison of a feeder's daily profile, on line only: what an action has changed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from headend.analysis.compared_days import (
    first_offer,
    latest_earlier,
    offered_earlier,
    offered_later,
    refused,
)
from headend.analysis.quantity import PHASES, QUANTITIES
from headend.domain.account import Permission
from headend.domain.feeder import KeptInstance
from headend.ports.adapters import AdapterFailed
from headend.store import feeder_queries as queries
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation
from headend.web.consulta.charts import profile_charts
from headend.web.consulta.comparing import change, compared
from headend.web.consulta.naming import names_in
from headend.web.consulta.organisation import CIRCUIT, SUBSTATION, Organisation
from headend.web.page import Menu, Page
from headend.web.pages.exploration import Name, Reader
from headend.web.render import rendered

PATH: Final = "/online/profile"
PAGES = (Page("profile", PATH, Menu.ONLINE, Permission.READING_READ),)
OFFERED: Final = 26
"""Days in a choice; a field takes any other."""
router = APIRouter()

Day = Annotated[date | None, Query()]


@router.get(PATH)
async def show(
    visit: Reader, feeder: Name = "", earlier: Day = None, later: Day = None
) -> Response:
    """Nothing is asked of SIMOCE before somebody chooses a feeder."""
    today = visit.parts.clock.now().astimezone(visit.words.zone).date()
    offered = first_offer(today)
    pair = (earlier or offered[0], later or offered[1])
    wrong = refused(*pair, today)
    talk = Conversation(visit.web.adapters)
    organisation, failed, found = Organisation(), None, None
    name: str | None = None
    circuit: KeptInstance | None = None
    try:
        organisation = await exploring.tree(talk)
        circuit = organisation.known.get((CIRCUIT, feeder))
        if circuit is not None and wrong is None:
            name = (await names_in(talk, "SIMOCE", await visit.parts.read(queries.mappings))).get(
                feeder
            )
        if circuit is not None and name is not None:
            asked = len(talk.said)
            found = await compared(
                talk, name, pair, visit.words.zone, visit.parts.config.analysis,
                organisation.kilovolts(circuit),
            )  # fmt: skip
            talk.said[:] = talk.answering(asked)
    except AdapterFailed as error:
        failed = error
    charts = []
    if found is not None:
        said = (visit.words.day(pair[0]), visit.words.day(pair[1]))
        charts = profile_charts(visit.words, found.labels, said, found.profiles)
    return rendered(
        visit, "profile.html", circuits=_offered(organisation), circuit=circuit, feeder=feeder,
        pair=pair, wrong=wrong, name=name, found=found, charts=charts, failed=failed,
        said=talk.said, latest=latest_earlier(today), QUANTITIES=QUANTITIES, PHASES=PHASES,
        change=change, earlier_days=offered_earlier(pair[1], today)[:OFFERED],
        later_days=offered_later(pair[0], today)[:OFFERED],
        coverage=visit.parts.config.analysis.minimum_coverage,
    )  # fmt: skip


def _offered(organisation: Organisation) -> list[tuple[str, str]]:
    made = []
    for each in organisation.places(CIRCUIT):
        substation = organisation.within(each, SUBSTATION)
        above = "" if substation is None else f" · {substation.name}"
        made.append((each.key, f"{each.name}{above}"))
    return made
