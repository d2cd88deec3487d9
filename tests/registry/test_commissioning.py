"""A meter is asked itself: what holds, what is put right, and what keeps it from commissioning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter as Device
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from headend.app.commissioning import Commissioned, NotTaken, commission
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import BadConfig, Config, KeyStorage
from headend.domain.commissioning import Verdict
from headend.domain.life_cycle import Step, stage_of
from headend.domain.meter import Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.field.direct.line import Line, LineLost, LineUnavailable
from headend.ports import Transaction
from headend.registry.lives import By, install
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import START_S, MeterLine, meter

NAME = "4711"
CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
ENVELOPE = bytes(range(64))
WHO = "os:ana"
CLOCK_TIME = (LogicalName("0.0.1.0.0.255"), 2)


@dataclass(slots=True)
class Site:
    """A meter on the wall, its record in a database, and a line between."""

    config: Config
    device: Device = field(default_factory=meter)
    spoil: Callable[[bytes], bytes | None] = lambda octets: octets
    reachable: bool = True

    async def line_to(self, known: Meter) -> Line:
        if not self.reachable:
            raise LineUnavailable("no route", "the cable is out", "plug it in")
        return MeterLine(self.device, spoil=self.spoil)

    async def commission(self, **more: Any) -> Commissioned:
        return await commission(
            self.config,
            NAME,
            WHO,
            dialling=self,
            clock=LoopClock(SIMULATED_START),
            chance=SeededChance(1),
            live=False,
            **more,
        )

    async def with_store(self, work: Callable[[Transaction], Any]) -> Any:
        store = SqlStore(self.config.database, live=False)
        try:
            return await store.run(work)
        finally:
            await store.close()


async def site(tmp_path: Path, **recorded: Any) -> Site:
    """The meter hangs at SP1, installed, with the record that a shipment made."""
    envelope = tmp_path / "envelope.key"
    envelope.write_text(ENVELOPE.hex())
    storage = KeyStorage(envelope_file=envelope)
    it = Site(Config(database=databases.at(tmp_path / "ami.db"), keys=storage))
    identity = it.device.identity
    record: dict[str, Any] = {
        "model": "sim-3p",
        "address": "tcp://10.1.2.3",
        "identity": identity.logical_device_name.decode(),
        "title": identity.system_title.hex().upper(),
        "stage": Stage.IN_STOCK,
        **recorded,
    }
    store = SqlStore(it.config.database, live=False)
    await store.run(lambda tx: tx.put_places([Place("SP1", PlaceKind.SERVICE_POINT)]))
    await store.run(lambda tx: tx.put_meters([Meter(NAME, **record)]))
    await store.run(lambda tx: install(tx, NAME, "SP1", By(WHO, SIMULATED_START)))
    vault = KeyVault(store, Envelope([ENVELOPE]))
    await vault.install(NAME, MANAGEMENT_CLIENT, keys_of(it.device, CLIENT))
    await store.close()
    return it


def verdicts(done: Commissioned) -> dict[str, Verdict]:
    return {check.what: check.verdict for check in done.checks}


ALL_HOLDS = {
    "association": Verdict.HELD,
    "system title": Verdict.HELD,
    "logical device name": Verdict.HELD,
    "firmware": Verdict.NOTED,
    "clock": Verdict.HELD,
    "breaker": Verdict.NOTED,
    "limiter": Verdict.NOTED,
    "register": Verdict.HELD,
}


async def test_all_holds_and_the_meter_is_commissioned(tmp_path: Path) -> None:
    it = await site(tmp_path)
    done = await it.commission(why="new house")
    assert verdicts(done) == ALL_HOLDS
    assert done.held and done.meter.commissioned
    assert stage_of(done.meter) is Stage.LINKED  # its own address is its link
    found = {check.what: check.found for check in done.checks}
    assert found["breaker"] == "connected, supply on"
    assert found["register"] is not None and found["register"].endswith(" Wh")
    life = await it.with_store(lambda tx: tx.life_of(NAME))
    assert [(line.step, line.who, line.why) for line in life[1:]] == [
        (Step.COMMISSION, WHO, "new house")
    ]
    assert await it.with_store(lambda tx: tx.checks_of(NAME)) == list(done.checks)
    (hung,) = await it.with_store(lambda tx: tx.installations_of(NAME))
    assert hung.first_read is not None and hung.first_read.source == "commissioning"
    with pytest.raises(NotTaken, match="commissioned already"):
        await it.commission()


async def test_a_clock_that_is_wrong_is_set(tmp_path: Path) -> None:
    it = await site(tmp_path)
    it.device.set_clock(START_S - 86_400, now=START_S)
    done = await it.commission()
    (clock,) = (check for check in done.checks if check.what == "clock")
    assert clock.verdict is Verdict.CORRECTED and done.held
    assert clock.found is not None and clock.found.startswith("-864")


async def test_what_the_record_lacks_is_learned(tmp_path: Path) -> None:
    it = await site(tmp_path, identity=None, title=None)
    done = await it.commission()
    assert done.held
    identity = it.device.identity
    assert done.meter.identity == identity.logical_device_name.decode()
    assert done.meter.title == identity.system_title.hex().upper()


async def test_a_limit_above_the_contract_is_told(tmp_path: Path) -> None:
    it = await site(tmp_path, contracted_w=Decimal(1))
    done = await it.commission()
    (limiter,) = (check for check in done.checks if check.what == "limiter")
    assert limiter.expected == "at most 1 W" and limiter.verdict is Verdict.NOTED


def unreachable(it: Site) -> None:
    it.reachable = False


def silent(it: Site) -> None:
    it.device.set_fault("silent", now=START_S)


def other_keys(it: Site) -> None:
    it.device.set_fault("wrong-key", now=START_S)


def cut_after(messages: int) -> Callable[[Site], None]:
    def cut(it: Site) -> None:
        heard = 0

        def spoil(octets: bytes) -> bytes:
            nonlocal heard
            heard += 1
            if heard > messages:
                raise LineLost("it broke", "pulled out", "try again")
            return octets

        it.spoil = spoil

    return cut


def refused_clock(it: Site) -> None:
    it.device.set_clock(START_S + 7_200, now=START_S)
    it.device.faults.refused_sets[CLOCK_TIME] = DataAccessResult.READ_WRITE_DENIED


def pretended_clock(it: Site) -> None:
    it.device.set_clock(START_S + 7_200, now=START_S)
    it.device.faults.ignored_sets.add(CLOCK_TIME)


def nothing(it: Site) -> None:
    """The record alone is wrong."""


FAILING: dict[str, tuple[dict[str, Any], Callable[[Site], None], str, str]] = {
    # record, what is done to the meter, the check that fails, a part of why
    "it cannot be reached": ({}, unreachable, "association", "plug it in"),
    "it is silent": ({}, silent, "association", ""),
    "it has other keys": ({}, other_keys, "association", "key"),
    "another meter hangs there": (
        {"title": "46524E00000000FF"},
        nothing,
        "system title",
        "another",
    ),
    "it calls itself otherwise": ({"identity": "FRNX"}, nothing, "logical device name", "another"),
    "its clock refuses to be set": ({}, refused_clock, "clock", "read-write-denied"),
    "its clock takes a time and keeps its own": ({}, pretended_clock, "clock", "is broken"),
    "the line breaks on the way": ({}, cut_after(9), "conversation", "broke"),
}


@pytest.mark.parametrize(("record", "damage", "what", "why"), FAILING.values(), ids=FAILING)
async def test_what_does_not_hold_is_kept_with_the_reason_and_the_meter_stays(
    record: dict[str, Any], damage: Callable[[Site], None], what: str, why: str, tmp_path: Path
) -> None:
    it = await site(tmp_path, **record)
    damage(it)
    done = await it.commission()
    assert not done.held
    (bad,) = (check for check in done.checks if check.verdict is Verdict.FAILED)
    assert bad.what == what and bad.why and why in bad.why
    assert stage_of(done.meter) is Stage.INSTALLED and not done.meter.commissioned
    assert await it.with_store(lambda tx: tx.checks_of(NAME)) == list(done.checks)
    assert len(await it.with_store(lambda tx: tx.life_of(NAME))) == 1


@pytest.mark.parametrize("messages", range(3, 14))
async def test_cut_anywhere_it_is_commissioned_by_the_next_try(
    messages: int, tmp_path: Path
) -> None:
    it = await site(tmp_path)
    cut_after(messages)(it)
    await it.commission()
    it.spoil = lambda octets: octets
    if not (await it.with_store(lambda tx: tx.meter(NAME))).commissioned:
        assert (await it.commission()).held


WITHOUT_LINE = {
    # the record's concentrator: a part of why it is refused, and of what to do
    None: ("linked to no concentrator", "ami meter link 4711"),
    "C-1": ("by way of C-1, and no head-end runs", "ami serve"),
}


@pytest.mark.parametrize(("concentrator", "told"), WITHOUT_LINE.items(), ids=map(str, WITHOUT_LINE))
async def test_a_meter_without_a_line_of_its_own_takes_another(
    concentrator: str | None, told: tuple[str, str], tmp_path: Path
) -> None:
    it = await site(tmp_path, address=None, concentrator=concentrator)
    with pytest.raises(NotTaken, match=told[0]) as refused:
        await it.commission()
    assert told[1] in refused.value.next_step and "--line" in refused.value.next_step
    done = await it.commission(line="/dev/ttyUSB0")
    assert done.held and done.meter.lane == concentrator
    assert stage_of(done.meter) is (Stage.LINKED if concentrator else Stage.COMMISSIONED)


async def test_without_an_envelope_key_nothing_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = await site(tmp_path)
    monkeypatch.delenv("AMI_ENVELOPE_KEY", raising=False)
    it.config = Config(database=it.config.database)
    with pytest.raises(BadConfig, match="envelope"):
        await it.commission()
