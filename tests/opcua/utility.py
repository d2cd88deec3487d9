"""What SIMOCE and SCADA should show, made from the generator's parts alone: neither mapping nor
OPC UA has a say in what these are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from protocols.cim.profile import reading
from protocols.cim.profile.instance import Instance
from scenarios.utility.making import make
from scenarios.utility.measuring import QUANTITIES, TOTALS, FeederHeads, Quantity
from scenarios.utility.model import Feeder, Plan, Utility
from scenarios.utility.naming import System, feeder_key, head_meter_key, substation_key
from scenarios.utility.opcua import heads_of
from tests.opcua.hosting import AT, SetClock

PLAN = Plan(zones=1, areas=1, substations=2, feeders=2, transformers=1, meters=4, vip=0, requests=0)
UTILITY = make(7, AT, PLAN)
HEADS: FeederHeads = heads_of(UTILITY, SetClock())
SIMOCE, SCADA = reading.profile("simoce"), reading.profile("scada")

WORDS = {
    "LineCurrent": ("Corriente", "I", "none", "A"),
    "PhaseVoltage": ("Tension", "V", "k", "V"),
    "ActivePower": ("Potencia_Activa", "P", "k", "W"),
    "ReactivePower": ("Potencia_Reactiva", "Q", "k", "VAr"),
    "ThreePhaseActivePower": ("Potencia_Activa", "P", "k", "W"),
    "ThreePhaseReactivePower": ("Potencia_Reactiva", "Q", "k", "VAr"),
}


def point(system: System, quantity: Quantity) -> str:
    word, letter, _, _ = WORDS[quantity.measurement]
    if system is System.SIMOCE:
        return f"{word}_{'3F' if quantity.phases == 'ABC' else quantity.phases}"
    return letter + ("" if quantity.phases == "ABC" else quantity.phases)


def analog_key(system: System, feeder: Feeder, quantity: Quantity) -> str:
    return f"{feeder_key(system, feeder)}.{point(system, quantity)}"


def instances(system: System, utility: Utility = UTILITY) -> Iterator[Instance]:
    """Resources and measurements, without values."""
    profile = SIMOCE if system is System.SIMOCE else SCADA

    def made(name: str, attributes: dict[str, Any], **references: str) -> Instance:
        return Instance(profile[name], attributes, references)

    for substation in utility.substations:
        key = substation_key(system, substation)
        title = substation.name if system is System.SIMOCE else f"S.E. {substation.name}"
        yield made("Substation", {"mRID": key, "name": title})
    for feeder in utility.feeders:
        key, meter = feeder_key(system, feeder), head_meter_key(system, feeder)
        above = substation_key(system, feeder.substation)
        title, of_meter = key, meter
        if system is System.SIMOCE:
            title = f"Circuito {feeder.bay} {feeder.substation.name.replace('í', 'i')}"
            of_meter = f"Medidor {title}"
        yield made("Feeder", {"mRID": key, "name": title}, NormalEnergizingSubstation=above)
        said = {"mRID": meter, "name": of_meter, "serialNumber": str(feeder.head_meter)}
        yield made("Meter", said, Feeder=key)
        for resource, quantities in ((key, QUANTITIES), (meter, TOTALS)):
            for quantity in quantities:
                name = point(system, quantity)
                _, _, multiplier, symbol = WORDS[quantity.measurement]
                said = {
                    "mRID": f"{resource}.{name}",
                    "name": name.replace("_", " "),
                    "measurementType": quantity.measurement,
                    "phases": quantity.phases,
                    "unitMultiplier": multiplier,
                    "unitSymbol": symbol,
                }
                yield made("Analog", said, PowerSystemResource=resource)
        if system is System.SCADA:
            for name, what in (("52", "SwitchPosition"), ("79", "RecloserInService")):
                said = {
                    "mRID": f"{key}.{name}",
                    "name": name,
                    "measurementType": what,
                    "unitMultiplier": "none",
                    "unitSymbol": "none",
                }
                yield made("Discrete", said, PowerSystemResource=key)


def averages(
    feeder: Feeder, quantity: Quantity, start: datetime, end: datetime
) -> dict[datetime, float]:
    """What SIMOCE's ten minutes should be, by their ends."""
    found = {}
    at = start
    while at < end:
        second = int(at.timestamp())
        if second % 600 == 0:
            found[at.astimezone(UTC)] = HEADS.average(feeder, quantity, second - 600, second)
        at += timedelta(minutes=1)
    return found
