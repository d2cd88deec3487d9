"""A scenario file: a story of the field and of orders, told as data.

Unknown keys are errors.  The file says what; the engine says how.  Durations are text ("90s", "5m",
"1h30m"); `at` counts from the scenario's start.

    about = "The concentrator's modem fails; the order comes back with that reason."
    seed = 7
    start = 2026-07-06T10:00:00
    timezone = "America/Santiago"
    duration = "1h"

    [[fault]]
    kind = "modem"
    target = "C-001"
    at = "10s"

    [[order]]
    at = "3m"
    meter = "90000001"
    kind = "set-limit"
    amount = "3300"

    [expect]
    failed = { modem-fault = 1 }
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from devices.field_spec import TransformerSpec, transformers
from devices.meter.models import names
from headend.app.calendar import working_days
from headend.config import (
    BadConfig,
    ClockPolicy,
    CollectionPolicy,
    CollectionTask,
    ConcentratorPolicy,
    Delivery,
    DirectPolicy,
    FieldPolicy,
    OrderPolicy,
)
from headend.domain.reason import ReasonCode
from scenarios import ask_spec
from scenarios.ask_spec import AskSpec as AskSpec
from scenarios.fault_spec import ALL, contradictions
from scenarios.fault_spec import FaultSpec as FaultSpec
from scenarios.mistakes import Path as Place
from scenarios.mistakes import in_words, line_of, spelled
from scenarios.parts import BadScenario as BadScenario
from scenarios.parts import Duration as Duration
from scenarios.parts import Part as Part
from scenarios.parts import seconds as seconds

Radio = Literal["none", "169-2.4k", "169-4.8k", "868-50k", "868-100k", "868-150k"]


class FieldSpec(Part, frozen=True):
    """How many devices there are and how they are linked."""

    meters: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60
    concentrators: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    engines: Literal["alternate", "own", "gurux"] = "alternate"  # who speaks DLMS for concentrators
    outages: Literal["usual", "none"] | None = None  # left out: usual but for meters of the story
    discovery: bool = False  # concentrators look for meters that are not in their table
    mode: Literal["store-and-forward", "gateway"] = "store-and-forward"
    gateways: tuple[str, ...] = ()  # concentrators that only carry, whatever the others do
    spacing_m: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 8  # from service to service
    access: Literal["prime", "meters-and-more"] = "prime"  # how meters repeat for others
    radio: Radio = "none"  # the second module of each meter
    wan: Literal["ideal", "cellular"] = "ideal"  # cellular: sites and cells lose the network
    cell_size: Annotated[int, msgspec.Meta(ge=1)] = 4  # concentrators in a cell of the network
    router: Literal["built-in", "external"] = "built-in"  # where concentrators have their modem
    memory_octets: Annotated[int, msgspec.Meta(ge=1)] | None = None  # of each concentrator
    patience: Duration | None = None  # of a concentrator with a meter that does not answer, in all
    noticed_after: Duration | None = None  # how soon the broker gives a silent session up; else 90s
    noise: Literal["mains", "clean", "middleton-rare", "middleton-weak", "middleton-frequent"] = (
        "mains"  # on the power line; docs/models.md
    )
    grid: bool = True  # loads and voltages come from a power flow of each transformer
    wrong_phase_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1  # of records; with a grid

    def transformers(self) -> tuple[TransformerSpec, ...]:
        """By number, each with its customers' meters and, on a grid, its head meter."""
        return transformers(self.meters, self.concentrators, heads=self.grid)


class Area(Part, frozen=True):
    """Concentrators that faults hit together."""

    name: str
    concentrators: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class MeterSpec(Part, frozen=True):
    """What is different about one meter: in the registry, in the table, in the field."""

    name: str
    registered: bool = True  # the head-end knows it
    commissioned: bool = True
    linked: bool = True
    blocked: bool = False
    in_table: bool = True  # its concentrator knows it
    foreign: bool = False  # another maker's: other letters, client address and objects
    direct: bool = False  # the head-end reaches it by itself, without a concentrator
    contracted_w: str = "10000"
    load_w: Annotated[int, msgspec.Meta(ge=0)] | None = None
    control_mode: Annotated[int, msgspec.Meta(ge=0, le=6)] | None = None
    distance_m: Annotated[float, msgspec.Meta(ge=0, le=10_000)] | None = None
    branch: Annotated[int, msgspec.Meta(ge=0)] | None = None  # of the transformer's streets
    model: str | None = None  # of devices/meter/models


class OrderSpec(Part, frozen=True):
    """A message of the commercial system."""

    at: Duration
    kind: Literal[
        "set-limit", "remove-limit", "connect", "arm", "disconnect",
        "load-off", "load-on", "reset-demand",
    ]  # fmt: skip
    meter: str | None = None
    meters: tuple[str, ...] = ()
    amount: str | None = None
    unit: str = "W"
    carrier: Literal["attribute", "option", "meter-config"] = "attribute"
    style: Literal["typed", "generic"] = "typed"
    message_id: str | None = None  # the same twice is a duplicate
    any_day: bool = False
    deadline: Duration | None = None  # counted from `at`
    until: Duration | None = None  # end of what is bound in time, counted from the start
    cancel_at: Duration | None = None
    until_pressed: bool = False  # connect, arm: done once a hand at the meter has been there
    soap_reply: bool = False  # ask for a SOAP callback as well

    def names(self) -> tuple[str, ...]:
        return self.meters or ((self.meter,) if self.meter else ())


class ReadSpec(Part, frozen=True):
    """A read that an operator asks for, or a schedule."""

    at: Duration
    meter: str
    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    scheduled: bool = False  # it comes after whatever somebody waits for
    deadline: Duration | None = None  # counted from `at`


class RekeySpec(Part, frozen=True):
    """New keys that an operator orders for a meter."""

    at: Duration
    meter: str


class ImageSpec(Part, frozen=True):
    """Meters' firmware that is put on the shelf.  A meter refuses an image for other `hardware`."""

    version: Annotated[str, msgspec.Meta(pattern="^[!-~]{1,32}$")]
    octets: Annotated[int, msgspec.Meta(ge=256, le=524_288)] = 4096
    hardware: Annotated[str, msgspec.Meta(pattern="^[!-~]{1,32}$")] = "SIM-3P"


class CampaignSpec(Part, frozen=True):
    """One kind of order that an operator wants for many meters: those named, or all behind a
    concentrator."""

    at: Duration
    kind: Literal[
        "set-limit", "remove-limit", "connect", "disconnect", "load-off", "load-on",
        "reset-demand", "update-firmware", "change-keys",
    ]  # fmt: skip
    meters: tuple[str, ...] = ()
    concentrator: str | None = None
    amount: str | None = None
    unit: str = "W"
    until: Duration | None = None  # end of a limit bound in time, counted from the start
    image: ImageSpec | None = None  # update-firmware only
    waves: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("100%",)
    pace: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stop_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    emergency: bool = False
    any_day: bool = False


class ClockSpec(Part, frozen=True):
    """A meter's clock that an operator wants measured, and put right where it is off."""

    at: Duration
    meter: str


class TariffSpec(Part, frozen=True):
    """A tariff calendar that an operator orders for a meter, as `ami meter tariff` takes it."""

    at: Duration
    meter: str
    calendar: str  # TOML
    activate: Duration | None = None  # counted from the start; left out: at once


class MdmSpec(Part, frozen=True):
    """A question of the utility's MDM to the REST door, with its token."""

    at: Duration
    ask: Annotated[str, msgspec.Meta(pattern=r"^(GET|POST) /\S*$")]  # such as "GET /events"
    body: dict[str, Any] = {}
    status: int | None = None  # of the answer; left out: any that is no error


class OperateSpec(Part, frozen=True):
    """What only a command at the head-end does: `ami firmware install`, `ami concentrator
    firmware`."""

    at: Duration
    do: Literal["firmware"]
    target: str  # a meter or a concentrator
    version: str = "2"


class PressSpec(Part, frozen=True):
    """A hand at a meter presses the button that brings an armed supply back."""

    at: Duration
    meter: str


class HeadEndEvent(Part, frozen=True):
    """Something that happens to the head-end or to what it leans on."""

    at: Duration
    do: Literal["crash-head-end", "commercial-down", "commercial-up"]
    down: Duration = "5s"  # crash-head-end: until it starts again


class Sources(Part, frozen=True):
    """Which evidence the head-end can get; tests take one away and see the reason weaken."""

    last_will: bool = True
    carrier_portal: bool = True
    link_reports: bool = True
    fault_log: bool = True


class HeadEndSpec(Part, frozen=True):
    """What is different about the head-end's configuration."""

    orders: dict[str, Any] = {}
    field: dict[str, Any] = {}
    delivery: dict[str, Any] = {}
    direct: dict[str, Any] = {}
    clock: dict[str, Any] = {}
    collection: dict[str, Any] = {}  # without the tasks, which are [[task]]
    concentrator: dict[str, Any] = {}  # what is asked of concentrators by schedule


class Expect(Part, frozen=True):
    """What must be true at the end."""

    orders: int | None = None
    done: int | None = None
    failed: dict[str, int] | None = None  # by reason: failed, rejected, expired, cancelled alike
    refused_messages: int | None = None  # answered FAILED or with a fault, nothing stored
    answers: tuple[str, ...] | None = None  # of each message: "OK 0.3", "FAILED 2.4", ...
    replies: int | None = None  # final replies that the commercial system stored
    events: int | None = None  # `created EndDeviceEvents` it stored
    findings: dict[str, int] | None = None  # events after the end, by a word their note contains
    limit: dict[str, str] | None = None  # meter: limit in W at the end, "none" without one
    supply: dict[str, Literal["connected", "disconnected", "ready"]] | None = None
    load: dict[str, Literal["on", "off"]] | None = None  # of meters with a load relay, at the end
    periods: dict[str, int] | None = None  # billing periods that clients ended, by meter
    attempts_min: int | None = None  # of the order with the most
    done_within: Duration | None = None  # from acceptance, each order that is done
    done_within_by_kind: dict[str, Duration] | None = None  # likewise, each order of one kind
    latency_p50: Duration | None = None  # from acceptance, of the orders that are done, at most
    latency_p95: Duration | None = None
    frames_lost_min: int | None = None
    frames_by_radio_min: int | None = None
    broadcasts_min: int | None = None  # messages to all meters of a concentrator at once
    link_changes_min: int | None = None  # modules that came, went, or were reached another way
    level: dict[str, int] | None = None  # meter: hops to it on the power line at the end; 0: none
    readings: int | None = None  # values that reads brought
    last_gasps: Annotated[str, msgspec.Meta(pattern=r"^\d+ of \d+$")] | None = None
    # "9 of 12": that the head-end heard, of those that meters gave as their supply went
    pushes: dict[str, int] | None = None  # kept, by a word of their quality; "all": how many
    incidents: tuple[str, ...] | None = None  # "outage at concentrator C-001 of 24, ended"
    alarm_p95: Duration | None = None  # from a push's own time to the head-end, at most
    completeness: dict[Duration, Annotated[float, msgspec.Meta(ge=0, le=1)]] | None = None
    # by this time after the start: the least share of the load profiles' intervals since the start
    # that had come, but for those that had ended within `completeness_lag` before
    completeness_lag: Duration = "75m"
    availability: dict[str, tuple[float, float]] | None = None
    # of a meter, or of all of a concentrator's: the least and the greatest share of keep-alives
    # that were heard, in the whole hours that the concentrator told of
    discovered: dict[str, bool] | None = None  # by module: whether it was admitted
    blocks_lost_min: int | None = None  # that concentrators' memories dropped, as they told
    blocks_lost_max: int | None = None
    keys: dict[str, Literal["delivered", "changed", "under way"]] | None = None
    # meter: which keys it and the head-end have at the end
    campaigns: tuple[str, ...] | None = None  # "done: 24 done, 0 failed, 0 waiting", in turn
    clocks: dict[str, Annotated[float, msgspec.Meta(gt=0)]] | None = None
    # meter: by so many seconds, ahead or behind, its clock is off at the end at most
    tariffs: dict[str, str] | None = None  # meter: the calendar that is in force at the end
    firmware: dict[str, str] | None = None  # meter: the version that it runs at the end
    activities: dict[str, ask_spec.States] | None = None
    # by what concentrators were asked: how many are in which state; others there are not
    wrong_phase_records: int | None = None  # meters that the registry has on another phase
    energy_closes: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    # the largest share of a transformer's energy that customers and modelled losses may leave

    @property
    def nothing(self) -> bool:
        """Whether no run could miss it."""
        by_name = (
            "limit",
            "supply",
            "load",
            "periods",
            "findings",
            "level",
            "completeness",
            "availability",
            "pushes",
            "keys",
            "clocks",
            "tariffs",
            "firmware",
            "done_within_by_kind",
        )  # empty, they name nothing
        other = (*by_name, "completeness_lag")
        told = (getattr(self, name) for name in self.__struct_fields__ if name not in other)
        return all(each is None for each in told) and not any(
            getattr(self, name) for name in by_name
        )


def meters_of(expect: Expect) -> Iterator[str]:
    """The meters of which it says how they stand at the end."""
    at_meters: tuple[dict[str, Any] | None, ...]
    at_meters = (expect.limit, expect.supply, expect.load, expect.periods, expect.level)
    for each in at_meters:
        yield from each or ()


class Scatter(Part, frozen=True):
    """What chance adds to the plot, anew for each seed (see `scenarios.scatter`)."""

    begin: Duration  # everything begins between these two
    end: Duration
    meters: Annotated[int, msgspec.Meta(ge=1)]  # orders go to so many, the field's first ones
    messages: Annotated[int, msgspec.Meta(ge=0)] = 0  # each to one meter or to some
    faults: Annotated[int, msgspec.Meta(ge=0)] = 0  # of any kind, at any device that matters
    fault_longest: Duration = "15m"
    crashes: Annotated[int, msgspec.Meta(ge=0)] = 0  # of the head-end
    outages: Annotated[int, msgspec.Meta(ge=0)] = 0  # of the commercial system


class Sweep(Part, frozen=True):
    """How the file is held over many seeds."""

    own_seed_only: tuple[str, ...] = ()  # expectations that chance may miss under another seed


class Scenario(Part, frozen=True):
    """The whole file."""

    about: str
    start: datetime  # local, in `timezone`
    duration: Duration
    expect: Expect
    seed: int = 1
    timezone: str = "America/Santiago"
    field: FieldSpec = FieldSpec()
    head_end: HeadEndSpec = HeadEndSpec()
    evidence: Sources = Sources()
    scatter: Scatter | None = None
    sweep: Sweep = Sweep()
    area: tuple[Area, ...] = ()
    meter: tuple[MeterSpec, ...] = ()
    fault: tuple[FaultSpec, ...] = ()
    order: tuple[OrderSpec, ...] = ()
    event: tuple[HeadEndEvent, ...] = ()
    read: tuple[ReadSpec, ...] = ()
    rekey: tuple[RekeySpec, ...] = ()
    campaign: tuple[CampaignSpec, ...] = ()
    clock: tuple[ClockSpec, ...] = ()
    tariff: tuple[TariffSpec, ...] = ()
    press: tuple[PressSpec, ...] = ()
    mdm: tuple[MdmSpec, ...] = ()
    operate: tuple[OperateSpec, ...] = ()
    ask: tuple[AskSpec, ...] = ()
    task: tuple[CollectionTask, ...] = ()  # what is collected

    @property
    def start_utc(self) -> datetime:
        return self.start.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)

    def order_policy(self) -> OrderPolicy:
        return msgspec.convert({"zone": self.timezone, **self.head_end.orders}, OrderPolicy)

    def field_policy(self) -> FieldPolicy:
        return msgspec.convert(self.head_end.field, FieldPolicy)

    def delivery(self) -> Delivery:
        return msgspec.convert(self.head_end.delivery, Delivery)

    def direct_policy(self) -> DirectPolicy:
        return msgspec.convert(self.head_end.direct, DirectPolicy)

    def clock_policy(self) -> ClockPolicy:
        return msgspec.convert(self.head_end.clock, ClockPolicy)

    def concentrator_policy(self) -> ConcentratorPolicy:
        return msgspec.convert(self.head_end.concentrator, ConcentratorPolicy)

    def collection_policy(self) -> CollectionPolicy:
        policy = msgspec.convert(self.head_end.collection, CollectionPolicy)
        return msgspec.structs.replace(policy, task=self.task)


def read(path: Path) -> Scenario:
    """The scenario in a file.  Raises `BadScenario`."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadScenario(f"{path}: {error.strerror}") from error
    except BadScenario as error:
        raise BadScenario(f"{path}: {error}") from error


def parse(text: str) -> Scenario:
    """The scenario in a TOML text.  Raises `BadScenario`."""
    try:
        return built(tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as error:
        raise BadScenario(f"no TOML: {error}") from error


def built(values: Mapping[str, Any], text: str = "") -> Scenario:
    """The scenario of a file's values; a mistake's line is found in the `text`.  Raises
    `BadScenario`."""
    try:
        scenario = msgspec.convert(values, Scenario)
    except msgspec.ValidationError as error:
        raise BadScenario(in_words(error, Scenario, text)) from error
    for name, policy in POLICIES.items():
        try:
            msgspec.convert(getattr(scenario.head_end, name), policy)
        except msgspec.ValidationError as error:
            raise BadScenario(in_words(error, policy, text, ("head_end", name))) from error
    for path, why in _contradictions(scenario):
        line = line_of(text, path)
        raise BadScenario((f"line {line}: " if line else "") + f"{spelled(path)} {why}")
    return scenario


def _contradictions(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """What the types cannot say: where, and what is wrong there."""
    try:
        ZoneInfo(scenario.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("timezone",), f"{scenario.timezone!r} is not known; take one like America/Santiago"
    if scenario.start.tzinfo is not None:
        yield ("start",), "takes local time; its zone goes into timezone"
    if not 2000 <= scenario.start.year <= 2100:
        yield ("start",), "takes a date from 2000 to 2100"
    try:
        working_days(scenario.order_policy())
    except BadConfig as error:
        yield ("head_end", "orders"), f"names a country or zone that is not known: {error}"
    yield from _after_the_end(scenario)
    for number, meter in enumerate(scenario.meter):
        if not _AMOUNT.fullmatch(meter.contracted_w):
            yield ("meter", number, "contracted_w"), "takes watts, like 10000"
        if meter.model is not None and meter.model not in names():
            yield ("meter", number, "model"), f"is one of: {', '.join(names())}"
    for number, order in enumerate(scenario.order):
        here = ("order", number)
        if bool(order.meter) == bool(order.meters):
            yield here, "names either meter or meters"
        if (order.amount is not None) != (order.kind == "set-limit"):
            yield here, "has an amount if it is a set-limit, and only then"
        if order.amount is not None and not _AMOUNT.fullmatch(order.amount):
            yield (*here, "amount"), "takes an amount like 3300 or 3.3; its unit goes into unit"
    for number, campaign in enumerate(scenario.campaign):
        here = ("campaign", number)
        if not campaign.meters and campaign.concentrator is None:
            yield here, "names meters, a concentrator, or both"
        if (campaign.amount is not None) != (campaign.kind == "set-limit"):
            yield here, "has an amount if it is a set-limit, and only then"
        if (campaign.image is not None) != (campaign.kind == "update-firmware"):
            yield here, "has an image if it is an update-firmware, and only then"
        if campaign.amount is not None and not _AMOUNT.fullmatch(campaign.amount):
            yield (*here, "amount"), "takes an amount like 3300 or 3.3; its unit goes into unit"
    yield from contradictions(scenario.fault)
    if scenario.ask:
        known = frozenset(each.concentrator for each in scenario.field.transformers())
        yield from ask_spec.contradictions(scenario.ask, known)
    for name in ("energy_closes", "wrong_phase_records"):
        if getattr(scenario.expect, name) is not None and not scenario.field.grid:
            yield ("expect", name), "needs a grid: [field] grid = true"
    yield from _without_what_they_hit(scenario)
    yield from _areas(scenario)
    for reason in scenario.expect.failed or ():
        if reason not in set(ReasonCode):
            yield ("expect", "failed"), f"names {reason!r}; reasons are: {', '.join(ReasonCode)}"
    for word in sorted(ask_spec.unknown_words(scenario.expect.activities or {})):
        yield ("expect", "activities"), f"names {word!r}; see [[ask]] for kinds and states"
    for name in scenario.sweep.own_seed_only:
        if name not in Expect.__struct_fields__ or getattr(scenario.expect, name) is None:
            yield ("sweep", "own_seed_only"), f"names {name!r}, which is not expected"
    scatter = scenario.scatter
    if scatter is not None and seconds(scatter.end) <= seconds(scatter.begin):
        yield ("scatter", "end"), "does not come after begin"
    if scatter is not None and scatter.meters > scenario.field.meters:
        yield ("scatter", "meters"), f"is more than the field's {scenario.field.meters}"


def _without_what_they_hit(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Faults of things that the field does not have."""
    direct = {meter.name for meter in scenario.meter if meter.direct}
    for number, fault in enumerate(scenario.fault):
        by_radio = fault.kind == "jamming" or fault.link == "rf"
        if by_radio and scenario.field.radio == "none":
            yield ("fault", number), "is of the radio; the field has none, see radio in [field]"
        has_router = scenario.field.router == "external" or fault.target in direct
        if fault.kind.startswith("router-") and not has_router:
            yield ("fault", number), "is of a router; [field] says router = built-in"
        if fault.kind == "line-cut" and not direct:
            yield (
                ("fault", number),
                "is of a meter's own line; none has one, see direct in [[meter]]",
            )


def _areas(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Areas whose names would be ambiguous."""
    seen = {ALL}
    for number, area in enumerate(scenario.area):
        if area.name in seen:
            yield ("area", number, "name"), "is the name of another"
        seen.add(area.name)


def _after_the_end(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """What would begin when the story is over, and so never."""
    end = seconds(scenario.duration)
    never = f"comes when the story is over; its duration is {scenario.duration}"
    tables = (
        "order",
        "fault",
        "event",
        "read",
        "rekey",
        "campaign",
        "clock",
        "tariff",
        "press",
        "mdm",
        "operate",
        "ask",
    )
    for table in tables:
        for number, part in enumerate(getattr(scenario, table)):
            for key in ("at", "cancel_at"):
                at = getattr(part, key, None)
                if at is not None and seconds(at) >= end:
                    yield (table, number, key), never
    if scenario.scatter is not None and seconds(scenario.scatter.end) > end:
        yield ("scatter", "end"), never


_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?")
POLICIES: dict[str, type[Any]] = {
    "orders": OrderPolicy,
    "field": FieldPolicy,
    "delivery": Delivery,
    "direct": DirectPolicy,
    "collection": CollectionPolicy,
    "clock": ClockPolicy,
    "concentrator": ConcentratorPolicy,
}
