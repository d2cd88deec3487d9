"""The field port over the bus, on the simulated clock, against a concentrator of few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import FieldPolicy
from headend.field.broker import BrokerUnavailable, Will
from headend.field.bus import Bus, BusClient
from headend.field.concentrators import HANDOVER_S, Concentrators
from headend.ports import Command, Report
from protocols.concentrator import messages, topics
from protocols.concentrator.messages import Action, FaultEntry, Result
from tests.conftest import SIMULATED_START
from tests.field.standin import StandIn

POLICY = FieldPolicy(ack_timeout_s=30.0, result_grace_s=30.0, withdraw_timeout_s=20.0)
WINDOW_S = 300.0


class Ear:
    """Notes what the listener hears; `open` lets it finish."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def late_result(self, concentrator: str, result: Result) -> None:
        self.heard.append(("late", concentrator, result))
        await self.open.wait()

    async def came_online(self, concentrator: str, at: datetime) -> None:
        self.heard.append(("online", concentrator, at))

    async def went_offline(self, concentrator: str, at: datetime) -> None:
        self.heard.append(("offline", concentrator, at))

    async def learned(self, concentrator: str, entries: Sequence[FaultEntry]) -> None:
        self.heard.append(("learned", concentrator, tuple(entries)))

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.heard if entry[0] == kind]


class Scene:
    """A head-end's adapter and one concentrator on one bus; the concentrator's line is 1 s long."""

    def __init__(self) -> None:
        self.clock = LoopClock(SIMULATED_START)
        self.bus = Bus()
        self.hes = BusClient(self.bus, "hes")
        self.field = Concentrators(self.hes, self.clock, SeededChance(1, "hes"), POLICY)
        self.ear = Ear()
        self.line = BusClient(self.bus, "C1", delay_s=lambda octets: 1.0, keepalive_s=60)
        self.there = StandIn(self.line, self.clock)

    async def begin(self) -> Scene:
        self.field.listen(self.ear)
        await self.field.start()
        await self.hes.connect()
        await self.there.start()
        await self.connect_concentrator()
        await self.say_something()
        await asyncio.sleep(5)
        return self

    async def say_something(self) -> None:
        """A word of late: without one, a command that acts waits for an answer to a knock."""
        word = messages.ReceiptFromConcentrator(id="word", at=self.clock.now(), of="nothing")
        await self.there.say(word)

    async def connect_concentrator(self) -> None:
        self.line.will = Will(topics.status("C1"), self.there.will())
        await self.line.connect()
        await self.there.online()

    def command(self, order: int = 1, attempt: int = 1) -> Command:
        return Command(
            order=order,
            attempt=attempt,
            concentrator="C1",
            meter="M1",
            action=Action.SET_LIMIT,
            not_after=self.clock.now() + timedelta(seconds=WINDOW_S),
            amount=Decimal("3450.50"),
            unit="W",
        )


def seconds() -> float:
    return asyncio.get_running_loop().time()


async def test_a_command_is_accepted_carried_out_and_receipted() -> None:
    scene = await Scene().begin()
    command, accepted = scene.command(), []

    async def on_accepted() -> None:
        accepted.append(seconds())

    begun = seconds()
    report = await scene.field.perform(command, on_accepted=on_accepted)
    assert (report.sent, report.accepted) == (True, True)
    assert report.result is not None and report.result.status is messages.Status.DONE
    assert accepted == [begun + 2.0]  # down and up
    assert seconds() == begun + 5.0  # down 1 s, the acceptance's way there and back 2, work 1, up 1
    (execute,) = scene.there.commands()
    assert execute == messages.Execute(
        id=execute.id,
        at=SIMULATED_START + timedelta(seconds=begun),
        order="1",
        attempt=1,
        meter="M1",
        action=Action.SET_LIMIT,
        not_after=command.not_after,
        amount="3450.50",
        unit="W",
    )
    assert scene.there.receipted == set()  # not stored yet
    await scene.field.stored(command)
    await asyncio.sleep(2)
    assert scene.there.receipted == {report.result.id}
    await asyncio.sleep(600)
    assert scene.there.tasks == set() and scene.ear.of("late") == []


async def test_an_amount_is_written_out_in_full() -> None:
    scene = await Scene().begin()
    await scene.field.perform(replace(scene.command(), amount=Decimal("5E+3")))
    assert scene.there.commands()[0].amount == "5000"


async def test_repeats_are_held_back_until_the_report_is_stored() -> None:
    scene = await Scene().begin()
    command = scene.command()
    report = await scene.field.perform(command)
    await asyncio.sleep(HANDOVER_S / 2)  # several repeats have come
    assert report.result is not None and scene.ear.of("late") == []
    await scene.field.stored(command)
    await asyncio.sleep(30)
    assert scene.there.receipted == {report.result.id} and scene.ear.of("late") == []


async def test_a_report_that_is_never_stored_comes_again_as_a_late_result() -> None:
    scene = await Scene().begin()
    report = await scene.field.perform(scene.command())
    await asyncio.sleep(HANDOVER_S + 3 * scene.there.repeat_s)
    assert report.result is not None
    assert scene.ear.of("late") == [("late", "C1", report.result)]
    assert scene.there.receipted == {report.result.id}


async def test_nothing_is_sent_to_a_concentrator_known_to_be_offline() -> None:
    scene = await Scene().begin()
    scene.line.drop()
    await asyncio.sleep(5)
    assert scene.field.connectivity("C1").online is False
    assert await scene.field.perform(scene.command()) == Report(sent=False)
    assert await scene.field.withdraw(scene.command()) == Report(sent=False)
    await scene.connect_concentrator()
    await asyncio.sleep(60)
    assert scene.there.commands() == []


async def test_nothing_is_sent_without_a_broker() -> None:
    scene = await Scene().begin()
    scene.hes.drop()
    assert await scene.field.perform(scene.command()) == Report(sent=False)


async def test_a_command_that_acts_is_not_sent_into_silence() -> None:
    """Whoever does not answer a knock cannot have got the command either: it had no effect."""
    scene = await Scene().begin()
    scene.there.answers_knocks = False
    await asyncio.sleep(POLICY.knock_after_s)
    begun = seconds()
    assert await scene.field.perform(scene.command()) == Report(sent=False)
    assert seconds() == begun + POLICY.ack_timeout_s
    await asyncio.sleep(60)
    assert scene.there.commands() == []
    assert scene.there.knocks() == 2


async def test_whoever_answers_a_knock_is_sent_the_command() -> None:
    scene = await Scene().begin()
    await asyncio.sleep(POLICY.knock_after_s)
    begun = seconds()
    report = await scene.field.perform(scene.command())
    assert report.result is not None and seconds() == begun + 2.0 + 5.0
    assert isinstance(scene.there.heard[0], messages.ReadFaultLog)


async def test_commands_that_knock_at_once_share_one_knock() -> None:
    scene = await Scene().begin()
    await asyncio.sleep(POLICY.knock_after_s)
    reports = await asyncio.gather(
        *(scene.field.perform(scene.command(order)) for order in range(1, 5))
    )
    assert all(report.result is not None for report in reports)
    assert scene.there.knocks() == 1 and len(scene.there.commands()) == 4


async def test_commands_that_knock_in_turn_share_what_is_under_way() -> None:
    """The later one has its full patience; between two knocks there is always the same rest."""
    scene = await Scene().begin()
    scene.there.answers_knocks = False
    await asyncio.sleep(POLICY.knock_after_s)
    begun, ends = seconds(), []

    async def order(number: int) -> None:
        assert await scene.field.perform(scene.command(number)) == Report(sent=False)
        ends.append(seconds() - begun)

    first = asyncio.create_task(order(1))
    await asyncio.sleep(10)
    await asyncio.gather(first, order(2))
    assert ends == [POLICY.ack_timeout_s, 10 + POLICY.ack_timeout_s]
    assert scene.there.knocks() == 3  # at 0, 15 and 30 s


async def test_a_time_that_went_into_knocking_is_not_waited_for_again() -> None:
    scene = await Scene().begin()
    await asyncio.sleep(POLICY.knock_after_s)
    scene.there.work_s, scene.there.answers_knocks = None, False
    begun = seconds()
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(20)
    await scene.say_something()
    assert await performing == Report(sent=True, accepted=True)
    assert seconds() == begun + WINDOW_S + POLICY.result_grace_s


async def test_a_session_that_has_just_begun_is_word_enough() -> None:
    scene = await Scene().begin()
    scene.there.answers_knocks = False
    scene.line.drop()
    await asyncio.sleep(POLICY.knock_after_s)
    await scene.connect_concentrator()
    await asyncio.sleep(2)
    assert (await scene.field.perform(scene.command())).result is not None
    assert scene.there.knocks() == 0


async def test_a_session_that_begins_ends_the_knocking() -> None:
    scene = await Scene().begin()
    scene.there.answers_knocks = False
    await asyncio.sleep(POLICY.knock_after_s)
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(5)
    scene.line.drop()
    await asyncio.sleep(5)
    await scene.connect_concentrator()
    assert (await performing).result is not None


async def test_a_retained_session_is_no_word_of_late() -> None:
    """What the broker kept tells how it was; a head-end that has just started knocks."""
    scene = await Scene().begin()
    await asyncio.sleep(POLICY.knock_after_s)
    scene.there.answers_knocks = False
    line = BusClient(scene.bus, "hes-2")
    successor = Concentrators(line, scene.clock, SeededChance(1, "hes", 2), POLICY)
    await successor.start()
    await line.connect()
    await asyncio.sleep(1)
    assert successor.connectivity("C1").online is True
    assert await successor.perform(scene.command()) == Report(sent=False)
    assert scene.there.commands() == [] and scene.there.knocks() == 2


async def test_a_reading_needs_no_knock() -> None:
    scene = await Scene().begin()
    await asyncio.sleep(POLICY.knock_after_s)
    reading = replace(scene.command(), action=Action.READ_LIMIT, amount=None, unit=None)
    assert (await scene.field.perform(reading)).result is not None
    assert isinstance(scene.there.heard[0], messages.Execute)


async def test_a_concentrator_never_heard_of_is_knocked_at() -> None:
    scene = await Scene().begin()
    assert scene.field.connectivity("C9").online is None
    begun = seconds()
    elsewhere = replace(scene.command(), concentrator="C9")
    assert await scene.field.perform(elsewhere) == Report(sent=False)
    assert seconds() == begun + POLICY.ack_timeout_s
    reading = replace(elsewhere, action=Action.READ_LIMIT, amount=None, unit=None)
    assert await scene.field.perform(reading) == Report(sent=True)


async def test_a_command_is_sent_again_under_the_same_id_until_it_is_stored() -> None:
    scene = await Scene().begin()
    scene.there.accepts = False
    begun = seconds()
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(10)
    assert len(scene.there.commands()) == 1
    await asyncio.sleep(10)
    first, second = scene.there.commands()
    assert first.id == second.id and first.at is not None and second.at is not None
    assert second.at - first.at == timedelta(seconds=POLICY.ack_timeout_s / 2 + 0)
    assert await performing == Report(sent=True)
    assert seconds() == begun + POLICY.ack_timeout_s


async def test_a_receipt_for_the_command_counts_as_stored() -> None:
    scene = await Scene().begin()
    scene.there.accepts = False
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(3)
    (execute,) = scene.there.commands()
    await scene.there.say(
        messages.ReceiptFromConcentrator(id="r", at=scene.clock.now(), of=execute.id)
    )
    await asyncio.sleep(60)
    assert len(scene.there.commands()) == 1 and not performing.done()
    assert (await performing).accepted


async def test_a_result_is_waited_for_until_its_time_and_grace_have_passed() -> None:
    scene = await Scene().begin()
    scene.there.work_s = None
    begun = seconds()
    report = await scene.field.perform(scene.command())
    assert report == Report(sent=True, accepted=True)
    assert seconds() == begun + WINDOW_S + POLICY.result_grace_s


async def test_a_repeat_past_its_time_is_sent_and_answered_from_memory() -> None:
    """The head-end restarted; the concentrator remembers how the command ended."""
    scene = await Scene().begin()
    command = scene.command()
    first = await scene.field.perform(command)
    scene.there.tasks.pop().cancel()
    await asyncio.sleep(WINDOW_S + 100)
    again = await scene.field.perform(command)
    assert again.result == first.result
    assert scene.there.executed == [("1", 1)]


async def test_a_late_result_is_receipted_only_after_the_listener_is_done() -> None:
    scene = await Scene().begin()
    scene.ear.open.clear()
    late = scene.there.result("7", 2, "M1", Action.CONNECT)
    await scene.there.say(late)
    await asyncio.sleep(30)
    assert scene.ear.of("late") == [("late", "C1", late)] and scene.there.receipted == set()
    scene.ear.open.set()
    await asyncio.sleep(5)
    assert scene.there.receipted == {late.id}


async def test_nothing_is_receipted_while_nobody_listens() -> None:
    scene = Scene()
    await scene.field.start()
    await scene.hes.connect()
    await scene.there.start()
    await scene.connect_concentrator()
    await scene.there.say(scene.there.result("7", 2, "M1", Action.CONNECT))
    await asyncio.sleep(30)
    assert scene.there.receipted == set()


async def test_a_withdrawal_is_answered_by_the_result() -> None:
    scene = await Scene().begin()
    command = scene.command()
    report = await scene.field.withdraw(command)
    assert report.result is not None
    assert (report.result.status, report.result.acted) == (messages.Status.CANCELLED, False)
    await scene.field.stored(command)
    await asyncio.sleep(5)
    assert scene.there.receipted == {report.result.id}


async def test_an_unanswered_withdrawal_ends_in_its_time() -> None:
    scene = await Scene().begin()
    scene.there.accepts = False
    begun = seconds()
    assert await scene.field.withdraw(scene.command()) == Report(sent=True)
    assert seconds() == begun + POLICY.withdraw_timeout_s


async def test_a_concentrator_that_comes_back_is_sent_the_command_at_once() -> None:
    scene = await Scene().begin()
    scene.there.accepts = False
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(2)
    scene.line.drop()
    await asyncio.sleep(3)
    scene.there.accepts = True
    await scene.connect_concentrator()
    await asyncio.sleep(4)  # well before the half of `ack_timeout_s`
    assert len(scene.there.commands()) == 2 and scene.there.executed == [("1", 1)]
    assert (await performing).result is not None


async def test_another_s_word_is_not_believed() -> None:
    """A concentrator can neither accept nor answer for another, whatever it knows of its orders."""
    scene = await Scene().begin()
    scene.there.accepts = False
    stranger = StandIn(BusClient(scene.bus, "C2"), scene.clock, "C2")
    await stranger.broker.connect()  # type: ignore[attr-defined]
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(2)
    (execute,) = scene.there.commands()
    now = scene.clock.now()
    await stranger.say(messages.Accepted(id="a", at=now, order="1", attempt=1))
    await stranger.say(messages.ReceiptFromConcentrator(id="b", at=now, of=execute.id))
    forged = stranger.result("1", 1, "M1", Action.SET_LIMIT)
    await stranger.say(forged)
    assert await performing == Report(sent=True)
    assert scene.ear.of("late") == [("late", "C2", forged)]  # under its own name


FOREIGN = {
    # name: what differs from the command's own result
    "another meter": {"meter": "M2"},
    "another action": {"action": Action.DISCONNECT},
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
async def test_a_result_that_names_another_command_is_not_taken(change: dict[str, object]) -> None:
    scene = await Scene().begin()
    scene.there.work_s = None
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(5)
    wrong = scene.there.result("1", 1, "M1", Action.SET_LIMIT)
    await scene.there.say(msgspec.structs.replace(wrong, **change))
    assert await performing == Report(sent=True, accepted=True)
    assert wrong.id not in scene.there.receipted


async def test_one_command_is_waited_for_once() -> None:
    scene = await Scene().begin()
    performing = asyncio.create_task(scene.field.perform(scene.command()))
    await asyncio.sleep(1)
    with pytest.raises(RuntimeError, match="waits for"):
        await scene.field.perform(scene.command())
    assert (await performing).result is not None


GARBAGE = {
    "no JSON": b"\xff\x00",
    "no object": b"[]",
    "unknown type": b'{"type":"greeting","id":"1","at":"2026-07-06T00:00:00Z"}',
    "a message that goes down": messages.encode(messages.ReceiptToConcentrator(id="1", of="2")),
    "another version": b'{"type":"receipt","id":"1","at":"2026-07-06T00:00:00Z","of":"2","v":2}',
    "an order that is no number": messages.encode(
        messages.Accepted(id="1", at=SIMULATED_START, order="\u0664x", attempt=1)
    ),
    "a status on the wrong topic": messages.encode(
        messages.Online(id="1", at=SIMULATED_START, concentrator="C1", boot=9, firmware="9")
    ),
    "empty": b"",
}


@pytest.mark.parametrize("payload", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_changes_nothing(payload: bytes) -> None:
    scene = await Scene().begin()
    before = list(scene.ear.heard)
    await scene.line.publish(topics.up("C1"), payload)
    await scene.line.publish(topics.status("C2"), payload)
    await asyncio.sleep(5)
    assert scene.ear.heard == before
    assert (await scene.field.perform(scene.command())).result is not None


async def test_sessions_are_known_by_their_status() -> None:
    scene = await Scene().begin()
    begun = scene.field.connectivity("C1").since
    assert scene.field.connectivity("C1").online is True and begun is not None
    cut_at = seconds()
    scene.line.cut()
    await asyncio.sleep(200)
    lost = scene.field.connectivity("C1")
    assert lost.online is False
    assert lost.since == SIMULATED_START + timedelta(seconds=cut_at + 90)  # 1.5 x keep-alive
    scene.line.restore()
    await scene.connect_concentrator()
    await asyncio.sleep(5)
    assert [entry[0] for entry in scene.ear.heard] == ["online", "offline", "online"]
    assert scene.field.connectivity("C1").online is True


async def test_the_will_of_an_earlier_start_is_too_late() -> None:
    scene = await Scene().begin()
    await scene.there.online(boot=2)
    await scene.line.publish(topics.status("C1"), scene.there.will(boot=1), retain=True)
    await asyncio.sleep(5)
    assert scene.field.connectivity("C1").online is True and scene.ear.of("offline") == []


async def test_a_head_end_that_starts_later_learns_from_the_retained_status() -> None:
    scene = await Scene().begin()
    successor = Concentrators(
        BusClient(scene.bus, "hes-2"), scene.clock, SeededChance(1, "hes", 2), POLICY
    )
    await successor.start()
    await successor._broker.connect()  # type: ignore[attr-defined]
    await asyncio.sleep(1)
    assert successor.connectivity("C1").online is True


async def test_its_own_reconnection_is_no_news_of_the_concentrators() -> None:
    scene = await Scene().begin()
    scene.hes.drop()
    await scene.hes.connect()  # the broker sends the retained status again
    await asyncio.sleep(5)
    assert len(scene.ear.of("online")) == 1


async def test_a_fault_log_is_handed_on_and_receipted() -> None:
    scene = await Scene().begin()
    entry = FaultEntry(at=scene.clock.now(), component="sim", code=13, text="SIM failure")
    await scene.there.say(messages.FaultLog(id="log-1", at=scene.clock.now(), entries=(entry,)))
    await asyncio.sleep(5)
    assert scene.ear.of("learned") == [("learned", "C1", (entry,))]
    assert scene.there.receipted == {"log-1"}


@pytest.mark.parametrize("seed", range(20))
async def test_on_a_line_that_comes_and_goes_each_command_has_one_effect_and_one_result(
    seed: int,
) -> None:
    from random import Random

    chance, scene = Random(f"line/{seed}"), await Scene().begin()
    results: dict[int, Result] = {}

    async def flap() -> None:
        while True:
            await asyncio.sleep(chance.uniform(1, 60))
            match chance.randrange(3):
                case 0:
                    scene.line.cut()
                    await asyncio.sleep(chance.uniform(1, 200))
                    scene.line.restore()
                case 1:
                    scene.line.drop()
                    await asyncio.sleep(chance.uniform(0, 30))
                case 2:
                    scene.hes.drop()
                    await asyncio.sleep(chance.uniform(0, 5))
            if not scene.hes.connected:
                await scene.hes.connect()
            if not scene.line.connected:
                try:
                    await scene.connect_concentrator()
                except BrokerUnavailable:
                    pass

    async def order(number: int) -> None:
        command = scene.command(number)
        while number not in results:
            report = await scene.field.perform(command)
            if report.result is not None:
                results[number] = report.result
                await scene.field.stored(command)
            else:
                await asyncio.sleep(5)

    flapping = asyncio.create_task(flap())
    async with asyncio.timeout(24 * 3600):
        await asyncio.gather(*(order(number) for number in range(1, 21)))
    flapping.cancel()
    assert sorted(scene.there.executed) == sorted((str(number), 1) for number in range(1, 21))
    assert {number: int(result.order) for number, result in results.items()} == {
        number: number for number in range(1, 21)
    }
