"""The data layer over OPC UA: what SIMOCE and SCADA show, as a plain reading of the rules has
it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headend.integration.cim.layer import DataLayer
from headend.integration.cim.limits import LIMITS, Limits
from headend.integration.cim.opcua import OpcUaLayer
from headend.integration.cim.opcua_connection import Server
from headend.integration.cim.opcua_mapping import address_mapping_of
from headend.opcua.served import Bounds
from headend.opcua.server import OpcUaServer, Place
from protocols.cim import get
from protocols.cim.envelope import Message
from protocols.cim.profile.instance import Instance, position
from protocols.cim.profile.model import Profile
from scenarios.utility import quality_events
from scenarios.utility.measuring import QUANTITIES
from scenarios.utility.naming import System, feeder_key, head_meter_key, substation_key
from scenarios.utility.opcua import Systems, systems
from scenarios.utility.scada import Scada
from scenarios.utility.simoce import Simoce
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import STAMP, asked, codes
from tests.opcua.hosting import AT, Host, SetClock, host
from tests.opcua.utility import HEADS, SCADA, SIMOCE, UTILITY, analog_key, averages, instances

pytestmark = pytest.mark.live

F1, F2, F3, F4 = UTILITY.feeders
DAY = timedelta(days=1)
PROFILES = {System.SIMOCE: SIMOCE, System.SCADA: SCADA}
# A server that gives little at a time, as those of small devices do.
MEAGRE = Bounds(references=7, samples=50, reads=10, browses=3)


@pytest.fixture(scope="module")
def servers() -> Iterator[Host]:
    with host() as running:
        yield running


@pytest.fixture(scope="module")
def both(servers: Host) -> Iterator[Systems]:
    with servers.hold(systems(UTILITY, SetClock(), bounds=MEAGRE, scan=None)) as found:
        yield found


@asynccontextmanager
async def layer_of(both: Systems, system: System) -> AsyncIterator[OpcUaLayer]:
    server = both.simoce if system is System.SIMOCE else both.scada
    source = OpcUaLayer(Server(server.url), address_mapping_of(system.lower()))
    try:
        yield source
    finally:
        await source.close()


async def every_page(
    message: Message, profile: Profile, source: DataLayer, size: int
) -> tuple[list[Instance], list[str]]:
    found, told, request = list[Instance](), list[str](), message
    for _ in range(200):
        reply, some = await asked(request, profile, source, Limits(page=size))
        found += some
        told += codes(reply)
        page = get.next_page(reply)
        if page is None:
            return found, told
        request = get.following(message, page)
    raise AssertionError("its pages do not end")


NODES = ("PowerSystemResource", "Substation", "Feeder", "Meter", "Measurement", "Analog")


@pytest.mark.parametrize("system", PROFILES)
async def test_all_instances_whole_and_in_pages(both: Systems, system: System) -> None:
    profile = PROFILES[system]
    naive = Naive(profile, instances(system))
    async with layer_of(both, system) as source:
        for name in (*NODES, *(("Discrete",) if system is System.SCADA else ())):
            message = get.all_instances(name, STAMP)
            expected, _ = await every_page(message, profile, naive, 1000)
            assert expected
            for size in (1000, 5):
                found, told = await every_page(message, profile, source, size)
                assert found == expected
                assert {"PARTIAL 0.1", "PARTIAL 0.2", "OK 0.0"}.issuperset(told)


FILTERS = (
    ("Feeder", {"mRID": "KEY"}),
    ("Analog", {"measurementType": "LineCurrent"}),
    ("Analog", {"measurementType": "LineCurrent", "phases": "B"}),
    ("Analog", {"unitSymbol": "V", "unitMultiplier": "none"}),
    ("Meter", {"serialNumber": str(F2.head_meter)}),
    ("Measurement", {"name": "no such name"}),
    ("PowerSystemResource", {"name": "no such name"}),
)


@pytest.mark.parametrize("system", PROFILES)
@pytest.mark.parametrize("noun, options", FILTERS)
async def test_filters(both: Systems, system: System, noun: str, options: dict[str, str]) -> None:
    profile = PROFILES[system]
    options = {
        name: feeder_key(system, F3) if value == "KEY" else value for name, value in options.items()
    }
    message = get.filtered(noun, options, STAMP)
    naive = Naive(profile, instances(system))
    async with layer_of(both, system) as source:
        expected = await every_page(message, profile, naive, 7)
        assert await every_page(message, profile, source, 7) == expected


def _ways(system: System) -> tuple[tuple[str, str, list[str], str | None], ...]:
    special = "measurementType=LineCurrent;phases=A" if system is System.SCADA else None
    substations = [substation_key(system, it) for it in UTILITY.substations]
    return (
        ("Substation", "Feeders", substations[:1], None),
        ("Substation", "Feeders", substations, None),
        ("Feeder", "NormalEnergizingSubstation", [feeder_key(system, F4)], None),
        ("Meter", "Feeder", [head_meter_key(system, F1)], None),
        ("Feeder", "Measurements", [feeder_key(system, F1)], special),
        ("PowerSystemResource", "Measurements", [head_meter_key(system, F1)], special),
        ("Analog", "PowerSystemResource", [analog_key(system, F1, QUANTITIES[0])], None),
        ("Substation", "Feeders", [substations[0], "nobody's"], None),
        ("Substation", "Feeders", ["nobody's"], None),
        ("Meter", "Feeder", ["nobody's"], None),
    )


@pytest.mark.parametrize("system", PROFILES)
async def test_associations(both: Systems, system: System) -> None:
    profile = PROFILES[system]
    naive = Naive(profile, instances(system))
    async with layer_of(both, system) as source:
        for noun, name, ids, special in _ways(system):
            message = get.associated(noun, name, ids, STAMP, special=special)
            expected = await every_page(message, profile, naive, 4)
            assert await every_page(message, profile, source, 4) == expected


async def test_a_history_page_by_page(both: Systems) -> None:
    """Two days of two analogs, in order of analog and time; a value of bad quality is named."""
    quantities = QUANTITIES[0], QUANTITIES[4]
    keys = [analog_key(System.SIMOCE, F1, each) for each in quantities]
    start, end = AT - 2 * DAY, AT - timedelta(seconds=1)
    message = get.associated("Analog", "AnalogValues", keys, STAMP, start=start, end=end)
    async with layer_of(both, System.SIMOCE) as source:
        found, told = await every_page(message, SIMOCE, source, 1000)
        again, _ = await every_page(message, SIMOCE, source, 71)
    assert found == again
    assert [position(SIMOCE, it) for it in found] == sorted(position(SIMOCE, it) for it in found)
    shown = {(it.references["Analog"], it.attributes["timeStamp"]): it.attributes for it in found}
    lost = 0
    for key, quantity in zip(keys, quantities, strict=True):
        expected = averages(F1, quantity, start, end)
        assert len(expected) == 288
        for at, value in expected.items():
            said = shown.pop((key, at))
            if said["quality"] == "bad":
                lost += 1
                assert "value" not in said
            else:
                assert said["value"] == value
    assert shown == {}
    assert lost > 0 and told.count("PARTIAL 5.7 DATO_ILEGIBLE") == lost


async def test_the_window_holds_its_start_and_not_its_end(both: Systems) -> None:
    key = analog_key(System.SIMOCE, F1, QUANTITIES[3])
    start, end = AT - DAY, AT - DAY + timedelta(hours=1)
    message = get.associated("Analog", "AnalogValues", [key], STAMP, start=start, end=end)
    async with layer_of(both, System.SIMOCE) as source:
        _, found = await asked(message, SIMOCE, source)
    times = [it.attributes["timeStamp"] for it in found]
    assert times == [start + place * timedelta(minutes=10) for place in range(6)]


KINDS = {
    "HUECO": "sag",
    "ELEVACION": "swell",
    "INTERRUPCION": "interruption",
    "DESBALANCE": "unbalance",
    "ARMONICOS": "harmonics",
}


async def test_power_quality_events(both: Systems) -> None:
    keys = {feeder_key(System.SIMOCE, it): it for it in (F1, F2)}
    start, end = AT - 31 * DAY, AT
    expected = []
    for key, feeder in keys.items():
        for day in range(int(start.timestamp()) // 86_400, int(end.timestamp()) // 86_400 + 1):
            for each in quality_events.events_of(HEADS, feeder, day):
                at = datetime.fromtimestamp(each.begin, UTC)
                if start <= at < end:
                    attributes = {
                        "mRID": each.number,
                        "kind": KINDS[each.kind],
                        "startDateTime": at,
                        "duration": each.seconds,
                        "magnitude": each.percent,
                        "phases": each.phases,
                    }
                    cls = SIMOCE["CFE_PowerQualityEvent"]
                    expected.append(Instance(cls, attributes, {"PowerSystemResource": key}))
    expected.sort(key=lambda it: str(it.attributes["mRID"]))
    assert len(expected) > 10
    message = get.associated("Feeder", "PowerQualityEvents", [*keys], STAMP, start=start, end=end)
    async with layer_of(both, System.SIMOCE) as source:
        for size in (1000, 4):
            found, told = await every_page(message, SIMOCE, source, size)
            assert found == expected
            assert not any("5.7" in each for each in told)
        # A substation has none of its own, and a meter none.
        for noun, key in (
            ("Substation", substation_key(System.SIMOCE, F1.substation)),
            ("Meter", head_meter_key(System.SIMOCE, F1)),
        ):
            message = get.associated(noun, "PowerQualityEvents", [key], STAMP, start=start, end=end)
            reply, found = await asked(message, SIMOCE, source)
            assert (codes(reply), found) == (["OK 0.0"], [])


async def test_the_present_in_scada(both: Systems) -> None:
    """All of it, and of one feeder; each as the power flow has it at the scan."""
    second = int(AT.timestamp())
    async with layer_of(both, System.SCADA) as source:
        found, told = await every_page(get.all_instances("AnalogValue", STAMP), SCADA, source, 9)
        keys = [analog_key(System.SCADA, F2, each) for each in QUANTITIES]
        message = get.associated("Analog", "AnalogValues", keys, STAMP)
        of_one, _ = await every_page(message, SCADA, source, 1000)
        message = get.associated(
            "Discrete", "DiscreteValues", [f"{feeder_key(System.SCADA, F2)}.52"], STAMP
        )
        _, (breaker,) = await asked(message, SCADA, source)
    values = {it.references["Analog"]: it.attributes for it in found}
    assert len(values) == len(found) == len(UTILITY.feeders) * (len(QUANTITIES) + 2)
    for feeder in UTILITY.feeders:
        for quantity in QUANTITIES:
            said = values[analog_key(System.SCADA, feeder, quantity)]
            assert said["timeStamp"] == AT
            if said["quality"] == "good":
                assert said["value"] == HEADS.at(feeder, quantity, second)
    assert {it.references["Analog"] for it in of_one} == {*keys}
    assert breaker.attributes["value"] == (0 if HEADS.is_off(F2, second) else 1)
    assert not any(each.startswith("FAILED") for each in told)


REFUSED: dict[str, tuple[System, Message, str]] = {
    "values without a window": (
        System.SIMOCE, get.all_instances("AnalogValue", STAMP), "3.1 DEMASIADOS_DATOS",
    ),
    "events without a window": (
        System.SIMOCE, get.filtered("CFE_PowerQualityEvent", {"kind": "sag"}, STAMP),
        "3.1 DEMASIADOS_DATOS",
    ),
    "an event by its key": (
        System.SIMOCE,
        get.associated("CFE_PowerQualityEvent", "PowerSystemResource", ["PQ-1"], STAMP),
        "3.1 DEMASIADOS_DATOS",
    ),
    "an unknown class": (
        System.SIMOCE, get.all_instances("Discrete", STAMP), "2.5 CLASE_DESCONOCIDA",
    ),
    "an unknown attribute": (
        System.SCADA, get.filtered("Feeder", {"length": "1"}, STAMP), "1.8 ATRIBUTO_DESCONOCIDO",
    ),
    "a value of another type": (
        System.SCADA, get.filtered("Analog", {"phases": "R"}, STAMP), "1.8 VALOR_INVALIDO",
    ),
    "a history without an end": (
        System.SIMOCE, get.associated("Analog", "AnalogValues", ["x"], STAMP, start=AT),
        "1.6 PLAZO_FALTA",
    ),
    "times where there is no history": (
        System.SCADA,
        get.associated("Analog", "AnalogValues", ["x"], STAMP, start=AT, end=AT + DAY),
        "1.8 PLAZO_NO_ADMITIDO",
    ),
    "special attributes where there are none": (
        System.SIMOCE, get.associated("Feeder", "Measurements", ["x"], STAMP, special="phases=A"),
        "1.8 ESPECIAL_NO_ADMITIDO",
    ),
    "an unknown meter": (
        System.SCADA, get.associated("Meter", "Measurements", ["x"], STAMP),
        "2.4 MEDIDOR_DESCONOCIDO",
    ),
}  # fmt: skip


@pytest.mark.parametrize("system, message, code", REFUSED.values(), ids=REFUSED)
async def test_what_is_refused(both: Systems, system: System, message: Message, code: str) -> None:
    async with layer_of(both, system) as source:
        reply, found = await asked(message, PROFILES[system], source)
    assert (codes(reply), found) == ([f"FAILED {code}"], [])


async def test_a_page_of_another_question(both: Systems) -> None:
    async with layer_of(both, System.SIMOCE) as source:
        reply, _ = await asked(get.all_instances("Analog", STAMP), SIMOCE, source, Limits(page=3))
        page = get.next_page(reply)
        assert page is not None
        message = get.following(get.all_instances("Feeder", STAMP), page)
        reply, _ = await asked(message, SIMOCE, source)
    assert codes(reply) == ["FAILED 2.15 PAGINA_INVALIDA"]


async def test_a_server_that_is_away_and_comes_back(servers: Host) -> None:
    """While nobody listens, and again once somebody does, by the same layer."""
    place = Place("SIMOCE")
    first = OpcUaServer(Simoce(UTILITY, HEADS, SetClock()), place, SetClock())
    servers.do(first.start())
    url = first.url
    source = OpcUaLayer(Server(url), address_mapping_of("simoce"))
    message = get.all_instances("Feeder", STAMP)
    reply, found = await asked(message, SIMOCE, source)
    assert (codes(reply), len(found)) == (["OK 0.0"], 4)
    servers.do(first.stop())
    for _ in range(2):
        reply, found = await asked(message, SIMOCE, source)
        # Until the loss is noticed the catalogue answers; a value must come from the server.
        key = analog_key(System.SIMOCE, F1, QUANTITIES[0])
        history = get.associated("Analog", "AnalogValues", [key], STAMP, start=AT - DAY, end=AT)
        reply, _ = await asked(history, SIMOCE, source)
        assert codes(reply) == ["FAILED 5.3 FUENTE_CAIDA"]
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    second = OpcUaServer(Simoce(UTILITY, HEADS, SetClock()), replace(place, port=port), SetClock())
    servers.do(second.start())
    try:
        reply, found = await asked(history, SIMOCE, source)
        assert len(found) > 100
    finally:
        await source.close()
        servers.do(second.stop())


class Slow(Simoce):
    """One that does not come to an end with its history."""

    async def history(self, *_: Any) -> Any:
        await asyncio.Event().wait()


async def test_a_server_that_takes_too_long(servers: Host) -> None:
    server = OpcUaServer(Slow(UTILITY, HEADS, SetClock()), Place("SIMOCE"), SetClock())
    servers.do(server.start())
    source = OpcUaLayer(Server(server.url), address_mapping_of("simoce"))
    key = analog_key(System.SIMOCE, F1, QUANTITIES[0])
    history = get.associated("Analog", "AnalogValues", [key], STAMP, start=AT - DAY, end=AT)
    try:
        await source.known(SIMOCE["Feeder"], [])
        reply, _ = await asked(history, SIMOCE, source, replace(LIMITS, source_s=0.2))
        assert codes(reply) == ["FAILED 4.1 FUENTE_LENTA"]
    finally:
        await source.close()
        servers.do(server.stop())


async def test_a_server_that_is_something_else(both: Systems) -> None:
    """SCADA where SIMOCE was expected: none of its names are there."""
    source = OpcUaLayer(Server(both.scada.url), address_mapping_of("simoce"))
    reply, _ = await asked(get.all_instances("Feeder", STAMP), SIMOCE, source)
    await source.close()
    assert codes(reply) == ["FAILED 5.3 FUENTE_CAIDA"]


async def test_with_a_user(servers: Host) -> None:
    """The right one is let in, a wrong one and nobody are not."""
    user = "cim", "a long password for a test"

    async def proves(name: str, password: str, _: str) -> str | None:
        return name if (name, password) == user else None

    clock = SetClock()
    server = OpcUaServer(Scada(UTILITY, HEADS, clock), Place("SCADA"), clock, proves=proves)
    servers.do(server.start())
    try:
        for named, expected in (
            (Server(server.url, *user), ["OK 0.0"]),
            (Server(server.url, user[0], "wrong"), ["FAILED 5.3 FUENTE_CAIDA"]),
            (Server(server.url), ["FAILED 5.3 FUENTE_CAIDA"]),
        ):
            source = OpcUaLayer(named, address_mapping_of("scada"))
            reply, _ = await asked(get.all_instances("Feeder", STAMP), SCADA, source)
            await source.close()
            assert codes(reply) == expected
    finally:
        servers.do(server.stop())


async def test_many_who_ask_at_once(both: Systems) -> None:
    """Over one connection; each gets its own answer."""
    async with layer_of(both, System.SIMOCE) as source:
        keys = [analog_key(System.SIMOCE, it, QUANTITIES[0]) for it in UTILITY.feeders] * 3
        replies = await asyncio.gather(
            *(
                asked(
                    get.associated("Analog", "AnalogValues", [it], STAMP, start=AT - DAY, end=AT),
                    SIMOCE,
                    source,
                )
                for it in keys
            )
        )
    for key, (_, found) in zip(keys, replies, strict=True):
        assert len(found) == 144
        assert {it.references["Analog"] for it in found} == {key}
