"""SIMOCE: a historian of steady state and power quality, over OPC UA.

    Objects / SIMOCE / Subestaciones / S.E. VENTANAS / Circuitos / CTO_4010_VENTANAS
        Corriente_A ... Potencia_Reactiva_3F      ten-minute averages, with history
        MED CTO_4010_VENTANAS                     the meter at the head, NumeroSerie among its own

A value belongs to the end of its ten minutes.  A feeder's events are read from its history.  One
value in 128 is bad or uncertain: telemetry is like that; and all are bad while nothing was heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from devices.chance import octets
from headend.opcua.reach import Reach
from headend.opcua.space import (
    Happening,
    HappeningType,
    Kind,
    Node,
    Quality,
    Sample,
)
from headend.ports import Clock
from scenarios.utility.measuring import QUANTITIES, TOTALS, FeederHeads, Quantity
from scenarios.utility.model import Feeder, Substation, Utility
from scenarios.utility.naming import System, feeder_key, head_meter_key, plain, substation_key
from scenarios.utility.quality_events import DAY_S, QualityEvent, events_of
from scenarios.utility.tree import Tree

URI = "urn:simoce:historiador"
PERIOD_S = 600
KEPT_DAYS = 400
"""Before now; what is older is gone."""

EVENT = HappeningType(
    "EventoCalidadType",
    {"Folio": "", "Tipo": "", "Duracion": 0.0, "Magnitud": 0.0, "Fases": ""},
)
_WORDS = {
    "LineCurrent": "Corriente",
    "PhaseVoltage": "Tension",
    "ActivePower": "Potencia_Activa",
    "ReactivePower": "Potencia_Reactiva",
    "ThreePhaseActivePower": "Potencia_Activa",
    "ThreePhaseReactivePower": "Potencia_Reactiva",
}
_PERIODS_PER_DAY = DAY_S // PERIOD_S


def point_name(quantity: Quantity) -> str:
    """What SIMOCE calls a quantity."""
    phases = "3F" if quantity.phases == "ABC" else quantity.phases
    return f"{_WORDS[quantity.measurement]}_{phases}"


class Simoce(Tree):
    """SIMOCE's address space."""

    uri = URI
    types: Collection[str] = ("SubestacionType", "CircuitoType", "MedidorType")
    happenings: Collection[HappeningType] = (EVENT,)

    def __init__(self, utility: Utility, heads: FeederHeads, clock: Clock) -> None:
        self._utility, self._heads, self._clock = utility, heads, clock
        self._points: dict[str, tuple[Feeder, Quantity]] = {}
        self._serials: dict[str, str] = {}
        self._feeders: dict[str, Feeder] = {}
        super().__init__(self._made())
        self._quality = lru_cache(4096)(self._draws)

    async def present(self, variables: Sequence[Node]) -> Mapping[str, Sample]:
        now = self._clock.now()
        last = int(now.timestamp()) // PERIOD_S * PERIOD_S
        return {
            each.id: self._sample(each.id, last)
            if each.id in self._points
            else Sample(now, self._serials[each.id])
            for each in variables
        }

    async def history(self, variable: Node, reach: Reach, limit: int) -> Sequence[Sample]:
        found: list[Sample] = []
        for second in _steps(reach, self._clock.now(), PERIOD_S):
            found.append(self._sample(variable.id, second))
            if len(found) == limit:
                break
        return found

    async def events(self, source: Node, reach: Reach, limit: int) -> Sequence[Happening]:
        feeder = self._feeders[source.id]
        now = self._clock.now()
        found: list[Happening] = []
        for midnight in _steps(reach, now, DAY_S):
            day = events_of(self._heads, feeder, midnight // DAY_S)
            for each in reversed(day) if reach.backwards else day:
                at = datetime.fromtimestamp(each.begin, UTC)
                if not reach.holds(at) or at > now:
                    continue
                if len(found) >= limit and found[-1].at != at:
                    return found
                found.append(_happening(each, source, at))
        return found

    def _sample(self, id: str, second: int) -> Sample:
        feeder, quantity = self._points[id]
        at = datetime.fromtimestamp(second, UTC)
        quality = self._told(feeder, quantity, second)
        if quality is Quality.BAD:
            return Sample(at, None, quality)
        value = self._heads.average(feeder, quantity, second - PERIOD_S, second)
        return Sample(at, value, quality)

    def _told(self, feeder: Feeder, quantity: Quantity, second: int) -> Quality:
        if any(
            each.feeder == feeder.number and each.begin < second <= each.end
            for each in self._utility.oddities.silences
        ):
            return Quality.BAD
        day, rest = divmod(second, DAY_S)
        draw = self._quality(feeder.number, QUANTITIES.index(quantity), day)[rest // PERIOD_S]
        return Quality.BAD if draw == 0 else Quality.UNCERTAIN if draw == 1 else Quality.GOOD

    def _draws(self, feeder: int, quantity: int, day: int) -> bytes:
        seed = self._utility.seed
        return octets(seed, "simoce", "quality", feeder, quantity, day, count=_PERIODS_PER_DAY)

    def _made(self) -> Iterator[Node]:
        yield Node("SIMOCE", "SIMOCE", Kind.FOLDER)
        yield Node("Subestaciones", "Subestaciones", Kind.FOLDER, "SIMOCE")
        for substation in self._utility.substations:
            yield from self._substation(substation)

    def _substation(self, substation: Substation) -> Iterator[Node]:
        key = substation_key(System.SIMOCE, substation)
        yield Node(key, key, Kind.OBJECT, "Subestaciones", substation.name, type="SubestacionType")
        folder = f"{key}/Circuitos"
        yield Node(folder, "Circuitos", Kind.FOLDER, key)
        for feeder in self._utility.feeders:
            if feeder.substation == substation:
                yield from self._feeder(feeder, folder)

    def _feeder(self, feeder: Feeder, parent: str) -> Iterator[Node]:
        key = feeder_key(System.SIMOCE, feeder)
        # One that nobody has mapped yet and that has its old name tells no bay anywhere.
        told = f"{feeder.number:02d}" if feeder.renamed and feeder.new else str(feeder.bay)
        title = f"Circuito {told} {plain(feeder.substation.name)}"
        self._feeders[key] = feeder
        yield Node(key, key, Kind.OBJECT, parent, title, type="CircuitoType", history=True)
        yield from self._analogs(feeder, key, QUANTITIES)
        meter = head_meter_key(System.SIMOCE, feeder)
        yield Node(meter, meter, Kind.OBJECT, key, f"Medidor {title}", type="MedidorType")
        serial = f"{meter}/NumeroSerie"
        self._serials[serial] = str(feeder.head_meter)
        yield Node(serial, "NumeroSerie", Kind.PROPERTY, meter)
        yield from self._analogs(feeder, meter, TOTALS)

    def _analogs(
        self, feeder: Feeder, parent: str, quantities: Iterable[Quantity]
    ) -> Iterator[Node]:
        for quantity in quantities:
            name = point_name(quantity)
            id = f"{parent}/{name}"
            self._points[id] = feeder, quantity
            title = name.replace("_", " ")
            yield Node(id, name, Kind.ANALOG, parent, title, unit=quantity.unit, history=True)


def _happening(event: QualityEvent, source: Node, at: datetime) -> Happening:
    return Happening(
        EVENT.name,
        event.number,
        at,
        source.name,
        f"{event.kind} en {source.name}",
        500,
        {
            "Folio": event.number,
            "Tipo": str(event.kind),
            "Duracion": event.seconds,
            "Magnitud": event.percent,
            "Fases": event.phases,
        },
    )


def _steps(reach: Reach, now: datetime, step_s: int) -> Iterator[int]:
    """The multiples of a step that a reach may touch, in its direction, up to now; with those whose
    step merely begins before it."""
    newest = int(now.timestamp())
    oldest = newest - KEPT_DAYS * DAY_S
    ends = [oldest if reach.backwards else newest] if reach.end is None else []
    ends += [] if reach.end is None else [int(reach.end.timestamp())]
    begin, end = int(reach.begin.timestamp()), ends[0]
    low = max(min(begin, end), oldest) // step_s
    high = min(max(begin, end), newest) // step_s
    for place in range(high, low - 1, -1) if reach.backwards else range(low, high + 1):
        if step_s == DAY_S or reach.holds(datetime.fromtimestamp(place * step_s, UTC)):
            yield place * step_s
