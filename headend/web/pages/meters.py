"""Meters: where each stands, what it last said, what happened to it, and why it is not reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, Security

from headend.domain.account import Permission
from headend.models import BadModel
from headend.rest import events as rest_events
from headend.rest import meters as rest
from headend.rest import orders as rest_orders
from headend.rest import readings as rest_readings
from headend.rest.why import WhyTold
from headend.rest.why import why as rest_why
from headend.store import queries
from headend.web import standing
from headend.web.chart import Chart
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Named, Visit, visiting

PAGES = (Page("meters", "/meters", Menu.OPERATION, Permission.REGISTRY_READ),)
PLOTTED = timedelta(days=2)
ROWS_MAX = 500
VOLTAGES = {"1.0.32.7.0.255": "L1", "1.0.52.7.0.255": "L2", "1.0.72.7.0.255": "L3"}
IMPORT = "1.0.1.8.0.255"
TIMES = {"xaxis": {"type": "date", "tickformat": "%H:%M\n%d-%m", "hoverformat": "%d-%m %H:%M"}}
P = Permission

router = APIRouter()


@router.get("/meters")
async def meters(visit: Annotated[Visit, Security(visiting, scopes=[P.REGISTRY_READ])]) -> Response:
    name = visit.asked("find")
    unknown = None
    if name is not None:
        if await visit.parts.read(lambda connection: queries.meter(connection, name)):
            return visit.to(f"/meters/{name}")
        unknown = name
    found = await rest.list_meters(
        visit.parts, visit.caller, visit.asked("concentrator"), 50, visit.asked("cursor")
    )
    return rendered(
        visit, "meters.html", found=found, next=visit.onward(found.next), standing=standing,
        unknown=unknown,
    )  # fmt: skip


@router.get("/meters/{name}")
async def meter(
    visit: Annotated[Visit, Security(visiting, scopes=[P.REGISTRY_READ])], name: Named
) -> Response:
    parts, caller = visit.parts, visit.caller
    told = await rest.show_meter(parts, caller, name)
    latest: Any = []
    charts: list[Chart] = []
    if visit.may(P.READING_READ):
        latest = await rest_readings.latest_readings(parts, caller, name)
        charts = await _charts(visit, name)
    events = None
    if visit.may(P.EVENT_READ):
        events = await rest_events.list_events(
            parts, caller, device=name, name=None, severity=None, incident=None, since=None,
            until=None, acknowledged=None, limit=10, cursor_=None,
        )  # fmt: skip
    orders = None
    if visit.may(P.ORDER_READ):
        orders = await rest_orders.list_orders(
            parts, caller, state=[], kind=[], reason=[], meter=name, concentrator=None,
            source=None, since=None, until=None, held=None, limit=10, cursor_=None,
        )  # fmt: skip
    return rendered(
        visit, "meter.html", meter=told, latest=latest, charts=charts, events=events,
        orders=orders, standing=standing, words=_words(visit, told.model),
        named=_naming(visit, told.model), key=visit.web.sessions.secret(),
    )  # fmt: skip


@router.post("/meters/{name}/read")
async def read_meter(
    visit: Annotated[Visit, Security(visiting, scopes=[P.READING_DEMAND])], name: Named
) -> Response:
    """Have it read now, by an order that is then followed."""
    wanted = rest.ReadWanted(objects=visit.form.get("object", [])[: rest.OBJECTS_MAX] or ["clock"])
    answer = await rest.read_meter(
        visit.request, visit.parts, visit.caller, name, wanted, visit.field("key")
    )
    number = answer.headers["Location"].rpartition("/")[2]
    return visit.to(f"/orders/{number}", "meters.done.asked")


@router.get("/meters/{name}/why")
async def why(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])],
    name: Named,
    days: Annotated[int, Query(ge=2, le=31)] = 7,
) -> Response:
    answer = await rest_why(
        visit.parts, visit.caller, name, days, visit.words.language.value, "", ""
    )
    told = WhyTold.model_validate_json(bytes(answer.body))
    return rendered(
        visit, "why.html", why=told, standing=standing, chart=_days(visit, told), name=name
    )


def _naming(visit: Visit, model: str) -> Callable[[rest_readings.ReadingTold], str]:
    """What a reading is of, in words where the meter's model has one."""
    try:
        objects = visit.parts.placing.reads.shelf.get(model).objects
    except (BadModel, KeyError):
        objects = {}
    words = {each.name: word for word, each in objects.items()}

    def named(reading: rest_readings.ReadingTold) -> str:
        word = reading.word or words.get(reading.object, "")
        return visit.words.of("meters.word", word) if word else reading.object

    return named


def _words(visit: Visit, model: str) -> list[str]:
    """What may be read of a meter of this model."""
    if not visit.may(P.READING_DEMAND):
        return []
    try:
        return list(visit.parts.placing.reads.shelf.get(model).objects)
    except (BadModel, KeyError):
        return ["clock"]


def _days(visit: Visit, told: WhyTold) -> Chart:
    words = visit.words
    days = [words.short_day(each.day) for each in told.days]
    return Chart(
        "days",
        words.text("meters.days"),
        words.text("meters.days_about"),
        [
            {"type": "bar", "name": words.text("meters.received"), "x": days,
             "y": [each.received for each in told.days], "ami": 2},
            {"type": "bar", "name": words.text("meters.missing"), "x": days,
             "y": [each.due - each.received for each in told.days], "ami": 5,
             "marker": {"pattern": {"shape": "/"}}},
        ],
        [words.text(f"meters.{key}") for key in ("day", "due", "received", "missing")],
        [
            [words.day(e.day), str(e.due), str(e.received), str(e.due - e.received)]
            for e in told.days
        ],
        {"barmode": "stack", "xaxis": {"type": "category", "nticks": 10}},
        260,
    )  # fmt: skip


async def _charts(visit: Visit, name: str) -> list[Chart]:
    """Energy of each interval, and voltages, of the last two days of which there are any."""
    profiles = await rest_readings.list_profiles(visit.parts, visit.caller, name)
    known = [each for each in profiles if each.profile == rest_readings.LOAD_PROFILE]
    if not known:
        return []
    zone = visit.words.zone
    until = datetime.combine(known[0].last_day + timedelta(days=1), time(), zone)
    shown = await rest_readings.show_profile(
        visit.parts, visit.caller, name, rest_readings.LOAD_PROFILE, since=until - PLOTTED,
        until=until + timedelta(seconds=1), limit=ROWS_MAX, cursor_=None,
    )  # fmt: skip
    series: dict[str, list[tuple[datetime, float]]] = {}
    for row in shown.items:
        for column, value in zip(shown.layouts[row.layout], row.values, strict=True):
            if column.object in VOLTAGES or column.object == IMPORT:
                try:
                    series.setdefault(column.object, []).append((row.at, float(value or "nan")))
                except ValueError:
                    continue
    return [*_energy(visit, series.get(IMPORT, [])), *_voltage(visit, series)]


def _energy(visit: Visit, register: list[tuple[Any, float]]) -> list[Chart]:
    """What each interval took: the difference of the register at its ends."""
    steps = [
        (at, after - before)
        for (_, before), (at, after) in zip(register, register[1:], strict=False)
        if after >= before
    ]
    if not steps:
        return []
    words = visit.words
    times = [f"{at.astimezone(words.zone):%Y-%m-%d %H:%M}" for at, _ in steps]
    return [
        Chart(
            "energy", words.text("meters.energy"), words.text("meters.energy_about"),
            [{"type": "bar", "x": times, "y": [value for _, value in steps], "ami": 0}],
            [words.text("meters.time"), "Wh"],
            [[words.when(at), words.number(value, 0)] for at, value in steps],
            {**TIMES, "yaxis": {"title": {"text": "Wh"}}}, 260,
        )
    ]  # fmt: skip


def _voltage(visit: Visit, series: dict[str, list[tuple[Any, float]]]) -> list[Chart]:
    words = visit.words
    lines = {VOLTAGES[name]: values for name, values in series.items() if name in VOLTAGES}
    if not lines:
        return []
    by_time: dict[Any, dict[str, float]] = {}
    for phase, values in lines.items():
        for at, value in values:
            if value == value:
                by_time.setdefault(at, {})[phase] = value
    phases = sorted(lines)
    times = sorted(by_time)
    dashes = {"L1": "solid", "L2": "dash", "L3": "dot"}
    return [
        Chart(
            "voltage", words.text("meters.voltage"), words.text("meters.voltage_about"),
            [
                {"type": "scatter", "mode": "lines", "name": phase, "ami": place,
                 "line": {"dash": dashes[phase]},
                 "x": [f"{at.astimezone(words.zone):%Y-%m-%d %H:%M}" for at in times],
                 "y": [by_time[at].get(phase) for at in times]}
                for place, phase in enumerate(phases)
            ],
            [words.text("meters.time"), *phases],
            [
                [words.when(at), *(words.number(by_time[at].get(phase), 1) for phase in phases)]
                for at in times
            ],
            {**TIMES, "yaxis": {"title": {"text": "V"}}}, 260,
        )
    ]  # fmt: skip
