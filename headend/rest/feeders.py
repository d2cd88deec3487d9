"""/feeders: their unbalance by window, and which feeder of SIMOCE's is which of SIAD's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.access.desk import By
from headend.analysis.bands import Colour
from headend.analysis.judged import Judged
from headend.analysis.quantity import Quantity
from headend.analysis.unbalance import Formula
from headend.domain.account import Caller, Permission
from headend.domain.feeder import FeederMapping, FeederRoll, Span
from headend.rest.asking import HeadEnd, known, source_of
from headend.rest.problems import Problem, described
from headend.rest.values import DeviceName
from headend.store import feeder_queries as queries
from headend.store.feeder_queries import Feeder
from headend.store.queries import Connection
from headend.tasks import dashboard
from headend.tasks.desk import TaskRefused
from headend.tasks.mapping_desk import MappingDesk

router = APIRouter(prefix="/api/v1/feeders", tags=["feeders"])

Seer = Annotated[Caller, Security(known, scopes=[Permission.READING_READ])]
Writer = Annotated[Caller, Security(known, scopes=[Permission.TASK_WRITE])]
Circuit = Annotated[DeviceName, Path(description="SIAD's key of the circuit.")]
_STATUS = {"no-such-feeder": 404, "feeder-taken": 409, "not-mapped": 409}


class QuantityTold(BaseModel):
    """One quantity of a feeder in a window; null where not defined."""

    averages: list[float | None] = Field(description="Phases A, B, C: A, kW, kvar or V.")
    percent: float | None = Field(description="Unbalance of the averages: max deviation.")
    magnitude: float | None = Field(description="The same in A, kW, kvar or V.")
    mean_of_hours: float | None = Field(description="The mean of the hours' unbalances, percent.")
    p95: float | None = Field(description="What 95 % of the hours do not exceed, percent.")
    coverage: float | None = Field(description="0 to 1: values that were there.")
    hours: float | None = Field(description="0 to 1: hours that count.")
    colour: Colour


class FeederTold(BaseModel):
    """A feeder, where it is, and what a window says of it."""

    simoce: str | None
    siad: str | None
    name: str
    substation: str
    area: str
    zone: str
    quantities: dict[Quantity, QuantityTold] | None = Field(description="null without figures.")
    power_factor: float | None
    capacitors_kvar: float | None = Field(description="To reach the power factor of [analysis].")

    @staticmethod
    def of(feeder: Feeder, told: Judged | None) -> FeederTold:
        return FeederTold(
            simoce=feeder.key,
            siad=feeder.circuit or None,
            name=feeder.name,
            substation=feeder.substation_name,
            area=feeder.area_name,
            zone=feeder.zone_name,
            quantities=None if told is None else {
                quantity: QuantityTold(
                    averages=list(each.averages), percent=each.percent, magnitude=each.magnitude,
                    mean_of_hours=each.mean_of_hours, p95=each.p95, coverage=each.coverage,
                    hours=each.hours, colour=each.colour,
                )
                for quantity, each in told.quantities.items()
            },
            power_factor=None if told is None else told.power_factor,
            capacitors_kvar=None if told is None else told.capacitors_kvar,
        )  # fmt: skip


class ChangeTold(BaseModel):
    """A feeder whose colour is another than the day before."""

    feeder: str
    quantity: Quantity
    before: Colour
    now: Colour
    worse: bool | None


class FeedersTold(BaseModel):
    """All feeders in a window, how many are of which colour, and what changed since the window of
    the day before."""

    window: Span
    formula: Formula = Field(description="By which `percent` and `magnitude` are computed.")
    day: date | None = Field(description="The window's last day; null where nothing is loaded.")
    counts: dict[Quantity, dict[Colour, int]]
    changes: list[ChangeTold]
    items: list[FeederTold]


class MappingTold(BaseModel):
    """A feeder in SIAD and in SIMOCE; null where nobody knows."""

    siad: str | None
    simoce: str | None
    siad_name: str
    simoce_name: str
    how: str | None = Field(
        description="repository, hand, or the name of a rule; hand without simoce: left to people."
    )
    at: datetime | None
    who: str

    @staticmethod
    def of(one: FeederMapping) -> MappingTold:
        return MappingTold(
            siad=one.siad,
            simoce=one.simoce,
            siad_name=one.siad_name,
            simoce_name=one.simoce_name,
            how=one.how,
            at=one.at,
            who=one.who,
        )


class MappingsTold(BaseModel):
    """All of them."""

    items: list[MappingTold]


class MappingWanted(BaseModel):
    """Which feeder of SIMOCE's a circuit is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    simoce: DeviceName


Found = tuple[list[Feeder], date | None, list[FeederRoll], list[FeederRoll]]


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_feeders(
    parts: HeadEnd,
    caller: Seer,
    window: Annotated[Span, Query(description="Mobile Month, Mobile 48 h, or a day.")] = Span.MONTH,
    day: Annotated[
        date | None, Query(description="The window's last day; left out: the newest.")
    ] = None,
) -> FeedersTold:
    """The dashboard's figures: every feeder in a window, counts by colour, what changed."""

    def found(connection: Connection) -> Found:
        last = day or queries.newest_day(connection, window)
        if last is None:
            return queries.feeders(connection), None, [], []
        before = date.fromordinal(max(1, last.toordinal() - 1))
        now, old = (queries.rolls(connection, window, each) for each in (last, before))
        return queries.feeders(connection), last, now, old

    feeders, last, now, old = await parts.read(found)
    nominal = {each.key: each.nominal_v for each in feeders if each.key is not None}
    policy = parts.config.analysis
    figures, before = (
        {it.feeder: it.judged for it in dashboard.told(each, policy, nominal)}
        for each in (now, old)
    )
    return FeedersTold(
        window=window,
        formula=Formula.MAX_DEVIATION,
        day=last,
        counts=dashboard.counts(figures.values()),
        changes=[
            ChangeTold(
                feeder=each.feeder, quantity=each.quantity, before=each.before, now=each.now,
                worse=each.worse,
            )
            for each in dashboard.changes(before, figures)
        ],
        items=[FeederTold.of(each, figures.get(each.key or "")) for each in feeders],
    )  # fmt: skip


@router.get("/mappings", responses=described(400, 401, 403, 429, 503))
async def list_mappings(
    parts: HeadEnd,
    caller: Seer,
    unmatched: Annotated[bool, Query(description="Only those that nobody knows.")] = False,
) -> MappingsTold:
    """Which feeder of SIMOCE's is which of SIAD's."""
    found = await parts.read(lambda connection: queries.mappings(connection, unmatched=unmatched))
    return MappingsTold(items=[MappingTold.of(each) for each in found])


@router.put("/mappings/{siad}", responses=described(400, 401, 403, 404, 409, 413, 429, 503))
async def map_feeder(
    request: Request, parts: HeadEnd, caller: Writer, siad: Circuit, wanted: MappingWanted
) -> MappingTold:
    """Map a circuit by hand: it stays so, whatever rules say."""
    desk, by = MappingDesk(parts.placing.store, parts.clock), By(caller.account, source_of(request))
    try:
        return MappingTold.of(await desk.map(siad, wanted.simoce, by))
    except TaskRefused as error:
        raise _refused(error) from error


@router.delete("/mappings/{siad}", responses=described(400, 401, 403, 404, 409, 429, 503))
async def unmap_feeder(
    request: Request, parts: HeadEnd, caller: Writer, siad: Circuit
) -> MappingTold:
    """Take a mapping back; the task may find another."""
    desk, by = MappingDesk(parts.placing.store, parts.clock), By(caller.account, source_of(request))
    try:
        return MappingTold.of(await desk.unmap(siad, by))
    except TaskRefused as error:
        raise _refused(error) from error


def _refused(error: TaskRefused) -> Problem:
    status = _STATUS.get(error.code, 400)
    title = "There is no such thing." if status == 404 else "It does not go that way now."
    return Problem(status, error.code, title, str(error), error.next_step)
