"""A circuit's transformers by the meters below them, drawn and told; whom to move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from headend.analysis.windows import DayRange
from headend.domain.feeder import KeptInstance
from headend.domain.place import Place, PlaceKind
from headend.rest.problems import not_found, wrong_question
from headend.store.registry_queries import above, place
from headend.web.chart import Chart
from headend.web.consulta import transformers as consulta
from headend.web.consulta.kept import organisation
from headend.web.consulta.organisation import CIRCUIT, Organisation
from headend.web.consulta.transformers import Asked, Plan, Transformer
from headend.web.pages.exploration import Reader
from headend.web.pages.feeder import PATH as FEEDER
from headend.web.pages.feeder import Key
from headend.web.render import rendered
from headend.web.wording import Words

PATH: Final = f"{FEEDER}/transformers"
LENGTHS: Final = (1, 3, 7, 14)
MOVES_MAX: Final = 4
KVA_MAX: Final = 100_000.0
router = APIRouter()

Days = Annotated[int, Query(ge=1, le=LENGTHS[-1])]
Code = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True)
class Found:
    """A circuit and what the registry has of it.  `feeders` are those of its name: one where it is
    known, none or several where it is not.  `chosen` is what is looked at closely."""

    organisation: Organisation
    circuit: KeptInstance
    feeders: Sequence[Place]
    transformers: Sequence[Transformer] = ()
    chosen: Transformer | None = None


@router.get(PATH)
async def show(
    visit: Reader,
    key: Key,
    days: Days = 7,
    at: Code = "",
    moves: Annotated[int, Query(ge=0, le=MOVES_MAX)] = 3,
    kva: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    config = visit.parts.config
    zone = ZoneInfo(config.orders.zone)
    last = visit.parts.clock.now().astimezone(zone).date() - timedelta(days=1)
    asked = Asked(
        DayRange(last - timedelta(days=days - 1), last), zone, config.analysis, _rating(kva), moves
    )
    found = await visit.parts.read(lambda connection: _found(connection, key, at, asked))
    if found is None:
        raise not_found("circuit of this key", "Choose one on the dashboard.")
    plans = [] if found.chosen is None else consulta.plans(found.chosen)
    return rendered(
        visit, "transformers.html", found=found, circuit=found.circuit, asked=asked, days=days,
        path=found.organisation.path(found.circuit), lengths=LENGTHS, moves=moves, kva=kva,
        plans=plans, chart=moves_chart(visit.words, plans) if len(plans) > 1 else None,
        moves_max=MOVES_MAX,
        worked_out=any(each.by is not None for each in found.transformers),
    )  # fmt: skip


def _rating(text: str) -> float | None:
    """Raises `Problem`."""
    if not text.strip():
        return None
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        found = -1.0
    if not 0 < found <= KVA_MAX:
        raise wrong_question("kva", f"a rating is a number of kVA above 0, up to {KVA_MAX:.0f}")
    return found


def _found(connection: Any, key: str, at: str, asked: Asked) -> Found | None:
    """Raises `Problem`."""
    tree = organisation(connection)
    circuit = tree.known.get((CIRCUIT, key))
    if circuit is None:
        return None
    feeders = consulta.feeders_named(connection, circuit.name)
    if len(feeders) != 1:
        return Found(tree, circuit, feeders)
    feeder = feeders[0]
    chosen = None
    if at:
        chosen = consulta.looked_at(connection, _of_feeder(connection, feeder, at), asked)
    plain = Asked(asked.days, asked.zone, asked.policy)
    return Found(tree, circuit, feeders, consulta.transformers(connection, feeder, plain), chosen)


def _of_feeder(connection: Any, feeder: Place, code: str) -> Place:
    """The feeder itself, or a transformer of its.  Raises `Problem`."""
    it = place(connection, code)
    if it == feeder:
        return feeder
    if it is None or it.kind is not PlaceKind.TRANSFORMER or feeder not in above(connection, code):
        raise not_found("transformer of this circuit", "Choose one on the circuit's page.")
    return it


def moves_chart(words: Words, plans: Sequence[Plan]) -> Chart:
    """What each further move gains."""
    text, number = words.text, words.number
    counts = [len(each.moves) for each in plans]
    lines = (
        (text("transformers.percent"), [each.percent for each in plans], "solid"),
        (text("transformers.mean_of_hours"), [each.mean_of_hours for each in plans], "dash"),
    )
    return Chart(
        "moves", text("transformers.gain"), text("transformers.gain_about"),
        [
            {"type": "scatter", "mode": "lines+markers", "name": name, "x": counts, "y": values,
             "line": {"dash": dash}, "ami": place}
            for place, (name, values, dash) in enumerate(lines)
        ],
        (text("transformers.moves"), *(name for name, _, _ in lines)),
        [
            (str(len(each.moves)), f"{number(each.percent, 2)} %",
             f"{number(each.mean_of_hours, 2)} %")
            for each in plans
        ],
        {"xaxis": {"dtick": 1, "title": {"text": text("transformers.moves")}},
         "yaxis": {"rangemode": "tozero", "title": {"text": "%"}}},
    )  # fmt: skip
