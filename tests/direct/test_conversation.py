"""A conversation with a simulated meter, on the simulated clock: what works, and what may not."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec

import msgspec
import pytest

from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.access import Credentials, MemoryCounters
from headend.field.direct.conversation import Opened
from headend.field.direct.dialogue import RESERVED, Progress, Withheld
from headend.field.direct.line import LineLost
from headend.field.direct.trace import Layer
from headend.models import Framing, Quirks
from headend.models.schema import Engine
from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.dlms.codes import ApduTag, AuthenticationMechanism, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Answer, Outcome, Request, read_limit, set_limit
from protocols.dlms.services import AttributeDescriptor, SetRequest
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString
from protocols.hdlc.server import HdlcServer
from protocols.mode_e.server import ModeEServer
from protocols.wrapper.link import WrapperServer
from tests.direct.bench import (
    ANSWER_AFTER_S,
    MeterLine,
    access,
    conversation,
    meter,
    model,
)

POWER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2)
NUMBER = AttributeDescriptor(1, LogicalName("0.0.96.1.0.255"), 2)
OBJECTS = AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 2)
ABSENT = AttributeDescriptor(3, LogicalName("1.0.99.99.0.255"), 2)
LIMIT = AttributeDescriptor(71, LogicalName("0.0.17.0.0.255"), 4)
ENGINES = [Engine.OURS, Engine.GURUX] if find_spec("gurux_dlms") else [Engine.OURS]
FAR = {
    Framing.WRAPPER: WrapperServer,
    Framing.HDLC: HdlcServer,
    Framing.MODE_E: ModeEServer,
}
LOST = LineLost("it broke", "pulled out", "try again")


async def failing(talk) -> Failure:  # type: ignore[no-untyped-def]
    async with talk:
        opened = await talk.open()
    assert isinstance(opened, Failure), opened
    return opened


@pytest.mark.parametrize("framing", FAR)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("role", ["public", "reader", "management", "concentrator"])
async def test_every_role_opens_reads_and_leaves_the_meter_released(
    role: str, engine: Engine, framing: Framing
) -> None:
    line = MeterLine(meter(), far=FAR[framing])
    async with conversation(line, role, model=model(engine=engine)) as talk:
        opened = await talk.open()
        assert isinstance(opened, Opened), opened
        assert opened.framing is framing, "tried by turns"
        ciphered = role in ("management", "concentrator")
        assert opened.meter_title == (line.device.identity.system_title if ciphered else b"")
        read = await talk.read(NUMBER, POWER)
        number = OctetString(line.device.identity.number.encode())
        denied = DataAccessResult.READ_WRITE_DENIED
        assert read == (number, denied if role == "public" else DoubleLongUnsigned(2000))
    assert line.opened == line.closed == (2 if framing is Framing.HDLC else 1)
    assert (opened.identified is not None) is (framing is Framing.MODE_E)
    assert line.device.next_deadline() is None, "no association is left open"


async def test_a_limit_is_written_and_read_back() -> None:
    line = MeterLine(meter())
    async with conversation(line) as talk:
        await talk.open()
        outcome = await talk.perform(set_limit(Decimal(3500), "W"))
        assert isinstance(outcome, Outcome) and outcome.status is Status.DONE
        assert outcome.limit is not None and outcome.limit.threshold_normal == "3500"


async def test_a_long_answer_comes_in_blocks_and_tells_how_far_it_is() -> None:
    line, told = MeterLine(meter()), list[Progress]()
    async with conversation(line) as talk:
        await talk.open()
        read = await talk.read(OBJECTS, progress=told.append)
    assert not isinstance(read, Failure) and isinstance(read[0], Array)
    assert [each.apdus for each in told] == list(range(1, len(told) + 1)) and len(told) > 1
    assert told[-1].octets > 1024


async def test_a_refusal_of_one_attribute_is_a_value_beside_the_others() -> None:
    async with conversation(MeterLine(meter())) as talk:
        await talk.open()
        absent, power = await talk.read(ABSENT, POWER)  # type: ignore[misc]
    assert absent is DataAccessResult.OBJECT_UNDEFINED and power == DoubleLongUnsigned(2000)


# Counters.


async def test_a_counter_that_nobody_knows_is_read_first_and_never_used_twice() -> None:
    device = meter()
    device.note_counters(1, own=1, peer=5000)  # another client has been here
    counters = MemoryCounters()
    for _ in range(3):
        line = MeterLine(device)
        async with conversation(line, access=access(device, "management", counters)) as talk:
            opened = await talk.open()
            assert isinstance(opened, Opened) and not opened.resynchronised
    assert counters.next_own is not None and 5000 < counters.next_own < 5000 + RESERVED
    assert device.counters(1)[1] == counters.next_own, "settled where the meter stands"


async def test_a_counter_behind_the_meter_s_costs_one_refusal_and_no_order() -> None:
    device = meter()
    device.note_counters(1, own=1, peer=5000)
    counters = MemoryCounters(7)
    async with conversation(
        MeterLine(device), access=access(device, "management", counters)
    ) as talk:
        opened = await talk.open()
    assert isinstance(opened, Opened) and opened.resynchronised
    assert (counters.next_own or 0) > 5000


async def test_a_counter_ahead_of_the_meter_s_is_never_lowered() -> None:
    device = meter()
    counters = MemoryCounters(90_000)
    quirk = model(quirks=Quirks(counter_first=True))
    talk = conversation(
        MeterLine(device), model=quirk, access=access(device, "management", counters)
    )
    async with talk:
        assert isinstance(await talk.open(), Opened)
    assert (counters.next_own or 0) > 90_000


async def test_a_wrong_key_is_tried_once_and_not_again() -> None:
    device = meter()
    device.faults.wrong_keys = True
    counters = MemoryCounters(7)
    line = MeterLine(device)
    failure = await failing(conversation(line, access=access(device, "management", counters)))
    assert failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER
    logins = [
        frame.source
        for octets in line.written
        for frame in wrapper.Decoder().feed(octets)
        if frame.apdu[0] == ApduTag.AARQ
    ]
    assert logins == [1, 16], "one login, then the public client's look at the counter"


async def test_no_octet_leaves_before_its_counter_is_reserved() -> None:
    device, order = meter(), list[str]()

    class Watched(MemoryCounters):
        async def reserve(self, end: int) -> None:
            await asyncio.sleep(1)  # as a disk takes
            await super().reserve(end)
            order.append(f"reserved {end}")

    def heard(octets: bytes) -> bytes:
        order.append("written")
        return octets

    counters = Watched(1)
    line = MeterLine(device, heard=heard)
    async with conversation(line, access=access(device, "management", counters)) as talk:
        assert isinstance(await talk.open(), Opened)
    assert order[0].startswith("reserved"), order


# What fails, and what it says.


async def test_a_line_that_cannot_be_opened() -> None:
    failure = await failing(conversation(MeterLine(meter(), refuses=1)))
    assert failure.reason is ReasonCode.LINE_UNAVAILABLE
    assert "nobody is there" in str(failure) and "Try: look for it" in str(failure)


async def test_a_missing_key_is_told_before_anything_is_opened() -> None:
    line = MeterLine(meter())
    stripped = replace(access(line.device, "management"), credentials=Credentials())
    failure = await failing(conversation(line, access=stripped))
    assert (failure.reason, line.opened) == (ReasonCode.KEY_NOT_KNOWN, 0)
    assert "client 1 needs keys" in str(failure)


async def test_a_wrong_password_is_told_as_such() -> None:
    line = MeterLine(meter())
    wrong = replace(access(line.device, "reader"), credentials=Credentials(password=b"guess"))
    failure = await failing(conversation(line, "reader", access=wrong))
    assert failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        ({"client": 99}, ReasonCode.REFUSED_ASSOCIATION),
        ({"server": 99}, ReasonCode.NO_ANSWER_UNKNOWN),
    ],
)
async def test_addresses_that_are_nobodys(strange: dict[str, int], reason: ReasonCode) -> None:
    line = MeterLine(meter())
    public = msgspec.structs.replace(model().association["public"], **strange)
    elsewhere = model(association={**model().association, "public": public})
    failure = await failing(conversation(line, "public", model=elsewhere, framing=Framing.WRAPPER))
    assert failure.reason is reason
    assert failure.next_step


async def test_a_meter_that_hangs_up_in_the_middle() -> None:
    answers = iter(range(100))

    def spoil(octets: bytes) -> bytes:
        if next(answers) >= 6:
            raise LOST
        return octets

    line = MeterLine(meter(), spoil=spoil)
    async with conversation(line) as talk:
        assert isinstance(await talk.open(), Opened)
        failure = None
        while not isinstance(failure, Failure):
            failure = await talk.read(POWER)
        again = await talk.read(POWER)
    assert failure.reason is ReasonCode.LINE_LOST and "pulled out" in failure.why
    assert isinstance(again, Failure) and again.reason is ReasonCode.LINE_LOST
    assert not failure.acted


async def test_a_question_that_got_lost_is_asked_again() -> None:
    drops = {"left": 0}

    def heard(octets: bytes) -> bytes | None:
        drops["left"] -= 1
        return None if drops["left"] == 0 else octets

    line = MeterLine(meter(), heard=heard)
    async with conversation(line) as talk:
        await talk.open()
        drops["left"] = 1
        assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)


async def test_what_acts_leaves_once_and_its_effect_is_not_guessed() -> None:
    def write() -> Generator[Request, Answer, Answer]:
        return (yield SetRequest.of(LIMIT, DoubleLongUnsigned(1234)))

    sets = []

    def spoil(octets: bytes) -> bytes | None:
        return None if sets else octets

    line = MeterLine(meter(), spoil=spoil)
    async with conversation(line) as talk:
        await talk.open()
        before = len(line.written)
        sets.append(1)
        failure = await talk.perform(write())
        written = len(line.written) - before
        sets.clear()
        assert isinstance(failure, Failure) and failure.acted and written == 1
        assert "its effect is not known" in str(failure)
        assert await talk.read(LIMIT) == (DoubleLongUnsigned(1234),)


async def test_a_late_answer_is_not_taken_for_another_one() -> None:
    late: list[bytes] = []

    def spoil(octets: bytes) -> bytes | None:
        if late and late[0] == b"hold":
            late[0] = octets
            return None
        return late.pop() + octets if late else octets

    line = MeterLine(meter(), spoil=spoil)
    async with conversation(line) as talk:
        await talk.open()
        late.append(b"hold")
        assert await talk.read(POWER) == (DoubleLongUnsigned(2000),), "asked again"
        assert any(entry.layer is Layer.VIOLATION for entry in talk.trace.entries)


async def test_a_meter_on_a_serial_line_without_sign_on() -> None:
    line = MeterLine(meter(), far=HdlcServer, kind="serial")
    async with conversation(line) as talk:
        opened = await talk.open()
        assert isinstance(opened, Opened), opened
        assert opened.framing is Framing.MODE_E and opened.identified is None
        assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)


async def test_octets_that_are_no_dlms() -> None:
    line = MeterLine(meter(), spoil=lambda octets: b"HTTP/1.1 400\r\n\r\n")
    failure = await failing(conversation(line, framing=Framing.WRAPPER))
    assert failure.reason is ReasonCode.METER_NOT_UNDERSTOOD and "framing" in failure.next_step


@pytest.mark.parametrize("phase", ["first", "middle"])
async def test_cancelling_leaves_the_meter_released(phase: str) -> None:
    line = MeterLine(meter())
    blocks = asyncio.Event()

    async def work() -> None:
        async with conversation(line) as talk:
            await talk.open()
            if phase == "first":
                blocks.set()
            await talk.read(OBJECTS, progress=lambda _: blocks.set())
            raise AssertionError("nobody cancelled")

    task = asyncio.create_task(work())
    await blocks.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    last = wrapper.Decoder().feed(line.written[-1])[0].apdu
    assert last[0] == ApduTag.RLRQ
    assert line.closed == 1 and line.device.next_deadline() is None
    await asyncio.sleep(2 * ANSWER_AFTER_S)


async def test_nothing_that_acts_is_sent_when_its_time_is_over() -> None:
    line = MeterLine(meter())
    async with conversation(line) as talk:
        await talk.open()
        result = await talk.perform(set_limit(Decimal(3500), "W"), may_act=lambda: Status.STALE)
        assert isinstance(result, Failure)
        assert (result.reason, result.acted) == (ReasonCode.EXPIRED, False)
        limit = await talk.perform(read_limit())
        assert isinstance(limit, Outcome) and limit.limit is not None and limit.limit.unlimited


async def test_a_dry_run_shows_what_would_leave_and_sends_nothing_that_acts() -> None:
    line = MeterLine(meter())
    async with conversation(line, dry_run=True) as talk:
        await talk.open()
        with pytest.raises(Withheld):
            await talk.perform(set_limit(Decimal(3500), "W"))
        withheld = [entry for entry in talk.trace.entries if entry.direction == "withheld"]
        assert [entry.layer for entry in withheld] == [Layer.APDU, Layer.FRAME]
        assert withheld[1].octets.endswith(withheld[0].octets)
        assert all(withheld[0].octets not in octets for octets in line.written)
        assert await talk.read(LIMIT) == (DoubleLongUnsigned(2**32 - 1),), "and goes on"
    assert line.device.next_deadline() is None


# The trace.


async def test_the_trace_has_every_frame_and_every_apdu_with_its_time() -> None:
    line = MeterLine(meter())
    async with conversation(line) as talk:
        await talk.open()
        await talk.read(POWER)
    down = [e.octets for e in talk.trace.entries if (e.layer, e.direction) == (Layer.FRAME, "down")]
    assert down == line.written
    apdus = talk.trace.apdus()
    own = [e for e in apdus if e.octets[0] in range(0x60, 0x64)]
    assert len(own) == 8 and not any(e.plain for e in own), "AARQ to RLRE, of two associations"
    proofs = [e for e in apdus if e.plain is None and e not in own]
    assert [e.octets[0] for e in proofs] == [0xCB, 0xCF], "nor do the proofs of HLS"
    assert any(e.plain and e.plain.endswith(bytes.fromhex("0006000007D0")) for e in apdus)
    times = [entry.at for entry in talk.trace.entries]
    assert times == sorted(times) and times[0] < times[-1]


async def test_what_may_hold_a_password_is_marked() -> None:
    line = MeterLine(meter())
    async with conversation(line, "reader") as talk:
        await talk.open()
        await talk.read(POWER)
    password = line.device.identity.password(2)
    holding = [entry for entry in talk.trace.entries if password in entry.octets]
    assert holding and all(entry.secret for entry in holding)
    assert not all(entry.secret for entry in talk.trace.entries)


async def test_without_authentication_nobody_proves_anything() -> None:
    line = MeterLine(meter(AuthenticationMechanism.NONE))
    async with conversation(line, "public") as talk:
        assert isinstance(await talk.open(), Opened)
        assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)
