"""A feeder: its phases over time, its windows by every figure, how much of it came; as OpenDSS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from starlette.responses import PlainTextResponse

from headend.analysis.quantity import PHASES, QUANTITIES, Quantity
from headend.analysis.windows import MOBILE_MONTH_DAYS
from headend.domain.feeder import FeederHour, FeederRoll, KeptInstance, Span
from headend.rest.problems import not_found
from headend.store import feeder_queries as queries
from headend.tasks.dashboard import told
from headend.web.consulta.charts import days_chart, hours_chart, phases_chart
from headend.web.consulta.equivalent import opendss
from headend.web.consulta.kept import Kept, kept
from headend.web.consulta.organisation import CIRCUIT
from headend.web.consulta.standing import Shown, Standing, standings
from headend.web.pages.exploration import Name, Reader
from headend.web.render import rendered
from headend.web.visit import Visit

PATH: Final = "/feeder"
LENGTHS: Final = (1, 2, 7, 28)
router = APIRouter()

Key = Annotated[str, Query(max_length=64)]
Days = Annotated[int, Query(ge=1, le=MOBILE_MONTH_DAYS)]


@dataclass(frozen=True, slots=True)
class Found:
    """A circuit, what SIMOCE calls it, and its hours and days up to the newest."""

    kept: Kept
    circuit: KeptInstance
    simoce: str | None
    hours: Sequence[FeederHour]
    days: Sequence[FeederRoll]

    def by_hour(self, quantity: Quantity) -> list[tuple[int, float | None]]:
        """When each hour begins, and its unbalance as it was rolled up; None where it does not
        count."""
        place = QUANTITIES.index(quantity)
        rolled = {
            (roll.day, hour): percents[place]
            for roll in self.days
            for hour, percents in enumerate(roll.percents)
        }
        first: dict[date, int] = {}
        for number, each in enumerate(self.hours):
            first.setdefault(each.day, number)
        return [
            (each.begin, rolled.get((each.day, number - first[each.day])))
            for number, each in enumerate(self.hours)
        ]


@router.get(PATH)
async def show(
    visit: Reader, key: Key, quantity: Quantity = Quantity.CURRENT, days: Days = 7
) -> Response:
    found = await _found(visit, key, days)
    policy, organisation = visit.parts.config.analysis, found.kept.organisation
    standing: Standing = standings(
        organisation, [found.circuit], found.kept.newest_windows(), policy
    )[0]
    charts = []
    if found.hours:
        volts = organisation.volts(found.circuit)
        days_told = told(found.days, policy, {it.feeder: volts for it in found.days})
        charts = [
            phases_chart(visit.words, found.hours, quantity),
            hours_chart(visit.words, found.by_hour(quantity), quantity),
            days_chart(
                visit.words,
                [(it.day, it.judged) for it in days_told],
                quantity,
            ),
        ]
    return rendered(
        visit, "feeder.html", found=found, circuit=found.circuit, standing=standing,
        path=organisation.path(found.circuit), quantity=quantity, days=days, lengths=LENGTHS,
        quantities=[(each, visit.words.of("consulta.quantity", each)) for each in QUANTITIES],
        charts=charts, shown=[each for each in Shown if each in standing.windows],
        QUANTITIES=QUANTITIES, PHASES=PHASES, coverage=policy.minimum_coverage,
    )  # fmt: skip


@router.get(f"{PATH}/model.dss")
async def model(visit: Reader, key: Key, days: Days = 7) -> Response:
    """The feeder for the utility's simulator: its head, and what each phase draws hour by hour."""
    found = await _found(visit, key, days)
    kilovolts = found.kept.organisation.kilovolts(found.circuit)
    if not found.hours or kilovolts is None:
        raise not_found("hour, or nominal voltage, of this circuit", "Look at its page.")
    text = opendss(found.circuit.key, kilovolts, found.hours)
    name = "".join(each if each.isalnum() else "-" for each in found.circuit.key)
    headers = {"Content-Disposition": f'attachment; filename="{name}.dss"'}
    return PlainTextResponse(text, headers=headers)


async def _found(visit: Visit, key: Name, days: int) -> Found:
    """Raises `Problem`."""

    def ask(connection: Any) -> Found | None:
        all_of_it = kept(connection, place=(CIRCUIT, key))
        circuit = all_of_it.organisation.known.get((CIRCUIT, key))
        if circuit is None:
            return None
        simoce = next((it.simoce for it in all_of_it.mappings if it.siad == key), None)
        newest = all_of_it.newest
        if simoce is None or newest is None:
            return Found(all_of_it, circuit, simoce, (), ())
        first, month = newest - timedelta(days=days - 1), MOBILE_MONTH_DAYS - 1
        return Found(
            all_of_it,
            circuit,
            simoce,
            queries.hours(connection, simoce, first, newest),
            queries.trend(connection, Span.DAY, newest - timedelta(days=month), newest, simoce),
        )

    found = await visit.parts.read(ask)
    if found is None:
        raise not_found("circuit of this key", "Choose one on the dashboard.")
    return found
