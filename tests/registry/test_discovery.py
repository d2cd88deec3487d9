"""What concentrators discover is linked where the registry expects it, and refused otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.domain.meter import Concentrator, Meter, Stage
from headend.registry.discovery import Discoveries
from headend.store import upkeep_queries as queries
from headend.store.store import SqlStore
from protocols.concentrator.messages import AdmitMeter, Discovered, Downward, RefuseMeter
from tests import databases
from tests.conftest import SIMULATED_START

METERS = (
    Meter("1", identity="FRN0000000001", title="46524E0000000001"),
    Meter("2", "C-1", identity="FRN0000000002"),
    Meter("3", "C-2", identity="FRN0000000003"),
    Meter("4", identity="FRN0000000004", blocked=True),
    Meter("5", identity="FRN0000000005", address="tcp://10.1.2.3"),
    Meter("6", identity="FRN0000000006", stage=Stage.IN_STOCK),
    Meter("7", identity="FRN0000000007", stage=Stage.REMOVED),
    Meter("9", identity="FRN0000000009", address="gateway"),
    Meter("8", identity="FRN0000000008", commissioned=True, stage=Stage.COMMISSIONED),
)


@dataclass(slots=True)
class Way:
    told: list[Downward] = field(default_factory=list)
    failures: int = 0

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        await asyncio.sleep(1)
        self.failures -= 1
        if self.failures >= 0:
            return False
        self.told.append(message)
        return True


def found(identity: str, *findings: str, title: str = "") -> Discovered:
    return Discovered(
        id="d",
        at=SIMULATED_START,
        module="M",
        identity=identity,
        title=title,
        conforms=not findings,
        findings=findings,
    )


async def decided(word: Discovered, *, failures: int = 0) -> tuple[Downward, str | None]:
    """What the concentrator C-1 is told, and where the meter is linked afterwards."""
    store, clock, way = SqlStore(databases.memory(), live=False), LoopClock(SIMULATED_START), Way()
    way.failures = failures
    await store.run(lambda tx: tx.put_concentrators([Concentrator("C-1")]))
    await store.run(lambda tx: tx.put_meters(METERS))
    desk = Discoveries(store, clock, SeededChance(1), way)
    work = asyncio.create_task(desk.run())
    assert await desk.found("C-1", word)
    await asyncio.sleep(desk.retry_s * failures + 10)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert desk.errors == []
    (message,) = way.told
    (kept,) = store.read(queries.discoveries)
    assert kept.admitted is isinstance(message, AdmitMeter)
    name = kept.meter
    meter = await store.run(lambda tx: None if name is None else tx.meter(name))
    await store.close()
    return message, None if meter is None else meter.concentrator


ADMITTED = {
    "one that is expected somewhere": (found("FRN0000000001"), "1"),
    "one that is known by its title": (found("XXX", title="46524E0000000001"), "1"),
    "one that is commissioned": (found("FRN0000000008"), "8"),
    "one that is to be reached through a gateway": (found("FRN0000000009"), "9"),
    "one that is linked here": (found("FRN0000000002"), "2"),
}


@pytest.mark.parametrize(("word", "meter"), ADMITTED.values(), ids=ADMITTED)
async def test_admitted_and_linked(word: Discovered, meter: str) -> None:
    message, linked = await decided(word)
    assert isinstance(message, AdmitMeter)
    assert (message.module, message.meter, linked) == ("M", meter, "C-1")


REFUSED = {
    "does not conform": (
        found("FRN0000000001", "lacks a clock: object-undefined"),
        "lacks a clock",
    ),
    "nobody knows it": (found("FRN0000000099"), "not in the registry"),
    "tells no name": (found("", "tells no logical device name"), "does not conform"),
    "linked elsewhere": (found("FRN0000000003"), "linked to C-2"),
    "blocked": (found("FRN0000000004"), "blocked"),
    "in stock, by the records": (found("FRN0000000006"), "by the records it hangs nowhere"),
    "removed": (found("FRN0000000007"), "it is removed"),
    "reached by another way": (found("FRN0000000005"), "tcp://10.1.2.3"),
}


@pytest.mark.parametrize(("word", "why"), REFUSED.values(), ids=REFUSED)
async def test_refused_with_the_reason(word: Discovered, why: str) -> None:
    message, linked = await decided(word)
    assert isinstance(message, RefuseMeter)
    assert why in message.why
    assert linked != "C-1"


async def test_the_answer_is_told_until_the_concentrator_has_it() -> None:
    message, _ = await decided(found("FRN0000000001"), failures=2)
    assert isinstance(message, AdmitMeter)
