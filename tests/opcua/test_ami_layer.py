"""The AMI/MDM adapter's data layer, as a plain reading of the rules has it, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from headend.domain.measured import BY_WORD
from headend.integration.cim import ami
from headend.integration.cim.ami import AmiLayer
from headend.integration.cim.layer import SourceUnavailable
from headend.integration.cim.limits import Limits
from headend.ports import StoreUnavailable, Transaction
from headend.store.queries import Connection
from headend.store.store import SqlStore
from protocols.cim import get
from protocols.cim.envelope import Message
from protocols.cim.profile import reading
from protocols.cim.profile.instance import Instance
from tests import databases
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import STAMP, asked, codes
from tests.opcua.readings import BARE, FIRST, METERS, NOON, QUARTER, ROWS, enter, values

pytest_generate_tests = databases.on_both

T = TypeVar("T")
AMI = reading.profile("ami")
KNOWN = {
    METERS[0]: ("CurrentA", "EnergyImport", "Frequency", "PowerFactor", "VoltageA"),
    METERS[1]: ("CurrentA", "EnergyImport", "PowerFactor", "VoltageA"),
}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[AmiLayer]:
    store = SqlStore(databases.at(tmp_path / "ami.db"), live=False)

    def work(tx: Transaction) -> None:
        enter(tx)

    asyncio.run(store.run(work))

    async def read(query: Callable[[Connection], T]) -> T:
        return store.read(query)

    yield AmiLayer(read, "AMI-1")
    asyncio.run(store.close())


def instances() -> Iterator[Instance]:
    for place, name in enumerate(METERS):
        said: dict[str, Any] = {"mRID": name, "name": name, "serialNumber": name}
        yield Instance(AMI["Meter"], said | {"amrSystem": "AMI-1"}, {"UsagePoint": f"P-{name}"})
        said = {"mRID": f"P-{name}", "name": f"door of {name}", "ratedPower": 5000.0 + place}
        yield Instance(AMI["UsagePoint"], said)
    for name, words in KNOWN.items():
        for word in words:
            quantity, key = BY_WORD[word], f"{name}.{word}"
            said = {
                "mRID": key,
                "name": key,
                "measurementType": quantity.measurement,
                "phases": quantity.phases,
                "unitMultiplier": "none",
                "unitSymbol": quantity.unit,
            }
            yield Instance(AMI["Analog"], said, {"PowerSystemResource": name})


async def every_page(message: Message, source: Any, size: int) -> tuple[list[Instance], list[str]]:
    found, told, request = list[Instance](), list[str](), message
    for _ in range(500):
        reply, some = await asked(request, AMI, source, Limits(page=size))
        found += some
        told += codes(reply)
        page = get.next_page(reply)
        if page is None:
            return found, told
        request = get.following(message, page)
    raise AssertionError("its pages do not end")


QUESTIONS: dict[str, Message] = {
    **{
        f"all of {name}": get.all_instances(name, STAMP)
        for name in ("IdentifiedObject", "PowerSystemResource", "Meter", "UsagePoint", "Analog")
    },
    **{
        f"{noun} by {options}": get.filtered(noun, options, STAMP)
        for noun, options in (
            ("Meter", {"mRID": METERS[1]}),
            ("Meter", {"name": METERS[1], "serialNumber": METERS[0]}),
            ("Meter", {"amrSystem": "AMI-1"}),
            ("Meter", {"amrSystem": "another"}),
            ("UsagePoint", {"mRID": f"P-{METERS[2]}"}),
            ("UsagePoint", {"mRID": "T-0001"}),
            ("UsagePoint", {"ratedPower": "5001"}),
            ("UsagePoint", {"connectionState": "connected"}),
            ("Analog", {"mRID": f"{METERS[0]}.VoltageA"}),
            ("Analog", {"mRID": f"{METERS[0]}.VoltageB"}),
            ("Analog", {"measurementType": "PhaseVoltage", "phases": "A"}),
            ("Analog", {"measurementType": "PhaseVoltage", "phases": "B"}),
            ("Analog", {"unitSymbol": "Wh"}),
            ("IdentifiedObject", {"name": METERS[0]}),
        )
    },
    **{
        f"{name} of {ids}": get.associated(noun, name, ids, STAMP)
        for noun, name, ids in (
            ("Meter", "UsagePoint", [METERS[0]]),
            ("Meter", "UsagePoint", [METERS[2], METERS[0]]),
            ("UsagePoint", "EndDevices", [f"P-{METERS[1]}"]),
            ("UsagePoint", "EndDevices", ["T-0001"]),
            ("Meter", "Measurements", [METERS[1], METERS[0]]),
            ("Meter", "Measurements", [BARE]),
            ("Meter", "Measurements", ["nobody", METERS[0]]),
            ("Meter", "Measurements", ["nobody"]),
            ("PowerSystemResource", "Measurements", [METERS[0]]),
            ("Analog", "PowerSystemResource", [f"{METERS[1]}.PowerFactor"]),
            ("Analog", "PowerSystemResource", [f"{METERS[1]}.Frequency"]),
            ("Analog", "PowerSystemResource", ["no-dot"]),
        )
    },
}


async def test_instances(source: AmiLayer) -> None:
    """Whole, and page by page."""
    naive = Naive(AMI, instances())
    for name, message in QUESTIONS.items():
        for size in (1000, 2):
            expected = await every_page(message, naive, size)
            assert await every_page(message, source, size) == expected, name


def _values(key: str, start: datetime, end: datetime) -> list[Instance]:
    meter, _, word = key.rpartition(".")
    found = []
    for place in range(ROWS):
        at = FIRST + place * QUARTER
        if start <= at < end:
            value = values(METERS.index(meter) + 1, place)[word]
            said: dict[str, Any] = {"timeStamp": at}
            if value is None:
                said["quality"] = "bad"
            else:
                said |= {"quality": "uncertain" if place == 9 else "good", "value": value}
            found.append(Instance(AMI["AnalogValue"], said, {"Analog": key}))
    return found


async def test_a_history(source: AmiLayer) -> None:
    """The load profile's rows, raw; one that the meter gave no value for is named."""
    keys = [f"{METERS[0]}.EnergyImport", f"{METERS[0]}.VoltageA", f"{METERS[1]}.VoltageA"]
    start, end = FIRST - QUARTER, FIRST + 40 * QUARTER
    expected = [each for key in keys for each in _values(key, start, end)]
    assert len(expected) == 120
    message = get.associated("Analog", "AnalogValues", keys, STAMP, start=start, end=end)
    for size in (1000, 33):
        found, told = await every_page(message, source, size)
        assert found == expected
        assert told.count("PARTIAL 5.7 DATO_ILEGIBLE") == 2
    message = get.associated(
        "Analog", "AnalogValues", keys[:1], STAMP, start=NOON, end=NOON + timedelta(days=1)
    )
    found, told = await every_page(message, source, 1000)
    assert (found, told) == (_values(keys[0], NOON, NOON + QUARTER), ["OK 0.0"])


async def test_a_page_looks_at_a_bounded_number_of_meters(
    source: AmiLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may then be empty, and the next one goes on behind them."""
    monkeypatch.setattr(ami, "METERS_MAX", 1)
    naive = Naive(AMI, instances())
    for message in (
        get.all_instances("Analog", STAMP),
        get.filtered("Analog", {"measurementType": "Frequency"}, STAMP),
        get.filtered("UsagePoint", {"name": f"door of {METERS[2]}"}, STAMP),
        get.all_instances("IdentifiedObject", STAMP),
    ):
        expected, _ = await every_page(message, naive, 1000)
        found, told = await every_page(message, source, 1000)
        assert found == expected
        assert len(told) > 1


REFUSED = {
    "values without a window": (
        get.all_instances("AnalogValue", STAMP), "3.1 DEMASIADOS_DATOS",
    ),
    "an analog that there is not": (
        get.associated("Analog", "AnalogValues", ["x.y"], STAMP, start=FIRST, end=NOON),
        "2.15 CLAVE_DESCONOCIDA",
    ),
    "a class of another adapter": (
        get.all_instances("Feeder", STAMP), "2.5 CLASE_DESCONOCIDA",
    ),
}  # fmt: skip


async def test_what_is_refused(source: AmiLayer) -> None:
    for name, (message, code) in REFUSED.items():
        reply, found = await asked(message, AMI, source)
        assert (codes(reply), found) == ([f"FAILED {code}"], []), name


@databases.on_one
async def test_a_store_that_is_away() -> None:
    async def read(query: Callable[[Connection], T]) -> T:
        raise StoreUnavailable("it is gone")

    source = AmiLayer(read, "AMI-1")
    with pytest.raises(SourceUnavailable):
        await source.known(AMI["Meter"], [METERS[0]])
    reply, _ = await asked(get.all_instances("Meter", STAMP), AMI, source)
    assert codes(reply) == ["FAILED 5.3 FUENTE_CAIDA"]
