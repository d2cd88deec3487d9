"""Orders carried out by the head-end itself: what is reported, and what is never done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from devices.meter.device import Meter as Device
from devices.meter.identity import READER_CLIENT
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import DirectPolicy
from headend.domain.evidence import Source
from headend.domain.meter import Meter
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.field.direct.line import Line, LineLost
from headend.field.direct.performing import DirectField
from headend.models import Shelf
from headend.orders.judge import Busy, Done, EffectUnknown, NotDone, judge_command
from headend.ports import Command
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.concentrator.messages import Action, Result, Status, encode
from protocols.dlms.codes import ApduTag
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, meter

NAME = "4711"
LANE = "direct/10.1.2.0/24"
ENERGY = WantedObject(3, "1.0.1.8.0.255", 2, "active-energy-import")
ABSENT = WantedObject(3, "1.0.99.99.0.255", 2)


@dataclass(slots=True)
class Dial:
    make: Callable[[], Line]
    dialled: int = 0

    async def line_to(self, meter: Meter) -> Line:
        self.dialled += 1
        return self.make()


@dataclass(slots=True)
class Bench:
    field: DirectField
    device: Device
    dial: Dial
    vault: KeyVault
    lines: list[MeterLine]


@asynccontextmanager
async def bench(
    *, keys: bool = True, policy: DirectPolicy | None = None, **line: object
) -> AsyncIterator[Bench]:
    device = meter()
    store = SqlStore(databases.memory(), live=False)
    vault = KeyVault(store, Envelope([bytes(64)]))
    registered = Meter(NAME, commissioned=True, model="sim-3p", address="tcp://10.1.2.3")
    await store.run(lambda tx: tx.put_meters([registered]))
    if keys:
        await vault.install(NAME, 1, device.identity.keys(1))
    lines: list[MeterLine] = []

    def make() -> Line:
        lines.append(MeterLine(device, **line))  # type: ignore[arg-type]
        return lines[-1]

    dial = Dial(make)
    field = DirectField(
        store,
        LoopClock(SIMULATED_START),
        SeededChance(1),
        Shelf(),
        vault,
        dial,
        policy or DirectPolicy(),
    )
    yield Bench(field, device, dial, vault, lines)
    await store.close()


def command(action: Action = Action.SET_LIMIT, *, after_s: float = 300, **more: object) -> Command:
    values: dict[str, object] = {"amount": Decimal(3500), "unit": "W"}
    if action is not Action.SET_LIMIT:
        values = {}
    values |= {"meter": NAME, **more}
    return Command(
        order=7,
        attempt=1,
        concentrator=LANE,
        action=action,
        not_after=SIMULATED_START + timedelta(seconds=after_s),
        **values,  # type: ignore[arg-type]
    )


def result(report: object) -> Result:
    found = report.result  # type: ignore[attr-defined]
    assert isinstance(found, Result)
    return found


async def test_a_limit_is_set_and_the_whole_session_is_told() -> None:
    async with bench() as it:
        report = await it.field.perform(command())
        told = result(report)
        assert (told.status, told.acted, told.engine) == (Status.DONE, True, "own")
        assert told.limit is not None and told.limit.threshold_normal == "3500"
        assert (told.order, told.attempt, told.meter) == ("7", 1, NAME)
        assert report.direct and report.evidence == ()
        assert isinstance(judge_command(told, report.evidence), Done)
        assert [apdu.wire[0] for apdu in told.apdus][:1] == [ApduTag.AARQ]
        assert any(apdu.plain and apdu.plain[0] == 0xC1 for apdu in told.apdus)
        assert len(told.frames) == len(told.apdus) and told.frames[0].link == "tcp"
        assert it.device.next_deadline() is None, "released"
        again = await it.vault.keys(NAME, 1)
        assert again is not None
        following, _ = await it.vault.counters(again.current).load()
        assert following is not None and following > 5, "counters are kept"


async def test_a_read_brings_values_units_and_what_there_is_not() -> None:
    async with bench() as it:
        clock = WantedObject(8, "0.0.1.0.0.255", 2, "clock")
        wanted = (ENERGY, ABSENT, clock)
        told = result(await it.field.perform(command(Action.READ, objects=wanted)))
        energy, absent, time = told.readings
        assert (energy.unit, energy.error) == ("Wh", None)
        assert energy.raw == b"\x06" + int(energy.value or "").to_bytes(4, "big")
        assert (absent.value, absent.error) == (None, "object-undefined")
        assert time.value is not None and time.value.startswith("2026-07-0")
        assert not told.acted and told.status is Status.DONE


async def test_a_read_by_password_which_nothing_shows() -> None:
    async with bench() as it:
        password = it.device.identity.password(READER_CLIENT)
        await it.vault.install_password(NAME, READER_CLIENT, password)
        told = result(await it.field.perform(command(Action.READ, objects=(ENERGY,))))
        assert told.status is Status.DONE and told.readings[0].error is None
        association = told.apdus[0]
        assert association.wire == b"" and association.plain is None  # it holds the password
        assert password not in encode(told) and len(told.apdus) == 8  # AARQ, two GETs, RLRQ


async def test_a_read_that_nothing_comes_of_is_refused() -> None:
    async with bench() as it:
        report = await it.field.perform(command(Action.READ, objects=(ABSENT,)))
        told = result(report)
        assert told.status is Status.REFUSED and told.readings[0].error == "object-undefined"
        verdict = judge_command(told, report.evidence)
        assert isinstance(verdict, NotDone)
        assert verdict.reason is ReasonCode.REFUSED_OBJECT_UNDEFINED


async def test_nothing_that_acts_leaves_after_its_time() -> None:
    async with bench() as it:
        report = await it.field.perform(command(after_s=0.5))  # the session takes longer
        told = result(report)
        assert (told.status, told.acted) == (Status.STALE, False)
        assert it.device.limiter.threshold_normal == 2**32 - 1
        verdict = judge_command(told, report.evidence)
        assert isinstance(verdict, NotDone) and verdict.reason is ReasonCode.EXPIRED


async def test_what_an_earlier_life_may_have_sent_is_not_sent_again() -> None:
    async with bench() as it:
        report = await it.field.perform(command(), again=True)
        assert (result(report).status, it.dial.dialled) == (Status.UNKNOWN, 0)
        assert isinstance(judge_command(result(report), report.evidence), EffectUnknown)
        withdrawn = await it.field.withdraw(command())
        assert (result(withdrawn).status, it.dial.dialled) == (Status.UNKNOWN, 0)
        looked = await it.field.perform(command(Action.READ_LIMIT))
        assert result(looked).limit is not None
        read = await it.field.perform(command(Action.READ, objects=(ENERGY,)), again=True)
        assert result(read).status is Status.DONE, "a read may be made twice"


async def test_a_line_lost_after_the_command_left_the_effect_unknown() -> None:
    lost = LineLost("it broke", "pulled out", "try again")
    sent: list[int] = []

    def heard(octets: bytes) -> bytes:
        sent.append(octets[8])
        return octets

    def spoil(octets: bytes) -> bytes:
        if 0xC9 in sent:  # glo-set-request
            raise lost
        return octets

    async with bench(heard=heard, spoil=spoil) as it:
        report = await it.field.perform(command())
        told = result(report)
        assert (told.status, told.acted) == (Status.UNKNOWN, True)
        assert it.device.limiter.threshold_normal == 3500, "it did arrive"
        verdict = judge_command(told, report.evidence)
        assert isinstance(verdict, EffectUnknown) and not verdict.ask_concentrator


FAILURES = {
    # name: (bench, status, reason, whether another try may help)
    "no line": ({"refuses": 9}, Status.UNREACHABLE, ReasonCode.LINE_UNAVAILABLE, True),
    "no key": ({"keys": False}, Status.KEY_REJECTED, ReasonCode.KEY_NOT_KNOWN, False),
    "silence": (
        {"spoil": lambda octets: None},
        Status.NO_ANSWER,
        ReasonCode.NO_ANSWER_UNKNOWN,
        True,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_what_fails_before_anything_acted(name: str) -> None:
    how, status, reason, retry = FAILURES[name]
    async with bench(**how) as it:  # type: ignore[arg-type]
        report = await it.field.perform(command())
        assert (result(report).status, result(report).acted) == (status, False)
        (evidence,) = report.evidence
        assert evidence.source is Source.LINE and evidence.text
        verdict = judge_command(result(report), report.evidence)
        assert isinstance(verdict, NotDone)
        assert (verdict.reason, verdict.retry) == (reason, retry)


async def test_a_wrong_key_is_told_as_such() -> None:
    async with bench() as it:
        it.device.faults.wrong_keys = True
        report = await it.field.perform(command())
        verdict = judge_command(result(report), report.evidence)
        assert isinstance(verdict, NotDone)
        assert verdict.reason is ReasonCode.WRONG_KEY_OR_COUNTER


async def test_sessions_of_a_segment_and_of_a_meter_wait_for_one_another() -> None:
    async with bench(policy=DirectPolicy(sessions_per_segment=2)) as it:
        devices = {f"M{index}": meter(index=10 + index) for index in range(4)}
        for name, device in devices.items():
            registered = Meter(name, commissioned=True, model="sim-3p", address="tcp://10.1.2.4")
            await it.field.store.run(lambda tx, one=registered: tx.put_meters([one]))
            await it.vault.install(name, 1, device.identity.keys(1))
        lines: dict[str, list[MeterLine]] = {name: [] for name in devices}
        most = {"segment": 0, "meter": 0}

        def count(octets: bytes) -> bytes:
            now = [sum(line.opened > line.closed for line in each) for each in lines.values()]
            most["segment"] = max(most["segment"], sum(now))
            most["meter"] = max(most["meter"], *now)
            return octets

        class ByName:
            async def line_to(self, meter: Meter) -> Line:
                line = MeterLine(devices[meter.name], heard=count)
                lines[meter.name].append(line)
                return line

        it.field.dialling = ByName()
        reads = [
            it.field.perform(command(Action.READ, objects=(ENERGY,), meter=name))
            for name in [*devices, *devices]
        ]
        statuses = {result(report).status for report in await asyncio.gather(*reads)}
        assert statuses == {Status.DONE}
        assert most == {"segment": 2, "meter": 1}


async def test_a_meter_that_never_answers_is_left_when_the_command_s_time_is_over() -> None:
    async with bench(spoil=lambda octets: None, policy=DirectPolicy(grace_s=5)) as it:
        report = await it.field.perform(command(after_s=10))
        assert asyncio.get_running_loop().time() <= 10 + 5 + 16
        assert result(report).status is Status.NO_ANSWER


def test_busy_is_no_try() -> None:
    told = Result(
        id="7.1",
        at=datetime(2026, 7, 6, tzinfo=UTC),
        order="7",
        attempt=1,
        meter=NAME,
        action=Action.SET_LIMIT,
        status=Status.BUSY,
        acted=False,
    )
    assert judge_command(told) == Busy(ReasonCode.CONCENTRATOR_BUSY)
