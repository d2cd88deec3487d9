"""SCADA of the distribution control centre: what is now, over OPC UA.

    Objects / CCD / SE_VEN / VEN4010        IA IB IC VA ... P Q, and the breaker 52, the recloser 79
                           / VEN4010_MED    the meter at the head; Alimentador says which feeder

No history.  Values are of the moment of the last scan, which `scan_s` are from one to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from devices.chance import octets
from headend.opcua.reach import Reach
from headend.opcua.space import Happening, HappeningType, Kind, Node, Quality, Sample
from headend.ports import Clock
from scenarios.utility.measuring import QUANTITIES, TOTALS, FeederHeads, Quantity
from scenarios.utility.model import Feeder, Substation, Utility
from scenarios.utility.naming import System, feeder_key, head_meter_key, substation_key
from scenarios.utility.tree import Tree

URI = "urn:scada:ccd"
SCAN_S = 4
BREAKER, RECLOSER = "52", "79"
BREAKER_STATES = ("ABIERTO", "CERRADO", "INTERMEDIO")
RECLOSER_STATES = ("FUERA", "EN SERVICIO")
_LETTERS = {
    "LineCurrent": "I",
    "PhaseVoltage": "V",
    "ActivePower": "P",
    "ReactivePower": "Q",
    "ThreePhaseActivePower": "P",
    "ThreePhaseReactivePower": "Q",
}


def point_name(quantity: Quantity) -> str:
    """What SCADA calls a quantity."""
    phase = "" if quantity.phases == "ABC" else quantity.phases
    return _LETTERS[quantity.measurement] + phase


class Scada(Tree):
    """SCADA's address space."""

    uri = URI
    types: Collection[str] = ("EstacionType", "AlimentadorType", "EquipoMedicionType")
    happenings: Collection[HappeningType] = ()

    def __init__(self, utility: Utility, heads: FeederHeads, clock: Clock) -> None:
        self._utility, self._heads, self._clock = utility, heads, clock
        self._points: dict[str, tuple[Feeder, Quantity]] = {}
        self._switches: dict[str, tuple[Feeder, str]] = {}
        self._texts: dict[str, str] = {}
        super().__init__(self._made())

    async def present(self, variables: Sequence[Node]) -> Mapping[str, Sample]:
        second = int(self._clock.now().timestamp()) // SCAN_S * SCAN_S
        return {each.id: self._sample(each.id, second) for each in variables}

    async def history(self, variable: Node, reach: Reach, limit: int) -> Sequence[Sample]:
        return ()

    async def events(self, source: Node, reach: Reach, limit: int) -> Sequence[Happening]:
        return ()

    def _sample(self, id: str, second: int) -> Sample:
        at = datetime.fromtimestamp(second, UTC)
        if id in self._texts:
            return Sample(at, self._texts[id])
        feeder, what = self._points.get(id) or self._switches[id]
        if self._lost(feeder, second):
            return Sample(at, None, Quality.BAD)
        if isinstance(what, Quantity):
            return Sample(at, self._heads.at(feeder, what, second))
        if what == BREAKER:
            return Sample(at, 0 if self._heads.is_off(feeder, second) else 1)
        return Sample(at, 1)

    def _lost(self, feeder: Feeder, second: int) -> bool:
        """Whether the feeder's terminal is out of reach: some hours of a year (assumption)."""
        hour = second // 3600
        return octets(self._utility.seed, "scada", "lost", feeder.number, hour, count=1)[0] == 0

    def _made(self) -> Iterator[Node]:
        yield Node("CCD", "CCD", Kind.FOLDER, "", "Centro de Control de Distribución")
        for substation in self._utility.substations:
            yield from self._station(substation)

    def _station(self, substation: Substation) -> Iterator[Node]:
        key = substation_key(System.SCADA, substation)
        yield Node(key, key, Kind.OBJECT, "CCD", f"S.E. {substation.name}", type="EstacionType")
        for feeder in self._utility.feeders:
            if feeder.substation == substation:
                yield from self._feeder(feeder, key)

    def _feeder(self, feeder: Feeder, station: str) -> Iterator[Node]:
        key = feeder_key(System.SCADA, feeder)
        yield Node(key, key, Kind.OBJECT, station, type="AlimentadorType")
        yield from self._analogs(feeder, key, QUANTITIES)
        for name, states in ((BREAKER, BREAKER_STATES), (RECLOSER, RECLOSER_STATES)):
            id = f"{key}.{name}"
            self._switches[id] = feeder, name
            yield Node(id, name, Kind.STATE, key, states=states)
        meter = head_meter_key(System.SCADA, feeder)
        yield Node(meter, meter, Kind.OBJECT, station, type="EquipoMedicionType")
        for name, text in (("Serie", str(feeder.head_meter)), ("Alimentador", key)):
            id = f"{meter}.{name}"
            self._texts[id] = text
            yield Node(id, name, Kind.PROPERTY, meter)
        yield from self._analogs(feeder, meter, TOTALS)

    def _analogs(
        self, feeder: Feeder, parent: str, quantities: Sequence[Quantity]
    ) -> Iterator[Node]:
        for quantity in quantities:
            name = point_name(quantity)
            id = f"{parent}.{name}"
            self._points[id] = feeder, quantity
            yield Node(id, name, Kind.ANALOG, parent, unit=quantity.unit)
