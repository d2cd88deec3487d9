"""What a concentrator promises about repeating, withdrawing, expiring and remembering."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices import faults
from devices.concentrator.flash import Flash
from devices.concentrator.journal import KEPT, Journal
from devices.span import Span
from protocols.concentrator import messages
from protocols.concentrator.messages import (
    Accepted,
    Action,
    FaultLog,
    ReadFaultLog,
    ReceiptFromConcentrator,
    Result,
    Status,
    encode,
)
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

DURING_ERRAND_S = 0.8  # associated, nothing that acts sent yet
ERRAND_S = 10.0


def statuses(stage: Stage, order: str = "1") -> list[tuple[int, Status, bool]]:
    """Each attempt's results, in the order of arrival, without repetitions."""
    found = dict.fromkeys((r.attempt, r.status, r.acted) for r in stage.head_end.results(order))
    return list(found)


@pytest.fixture(params=["own", "gurux"])
def stage(request: pytest.FixtureRequest) -> Stage:
    stage = Stage(engines=request.param)
    stage.run(1)
    return stage


def test_a_command_is_accepted_receipted_and_done(stage: Stage) -> None:
    command = stage.execute()
    stage.send(command)
    stage.run(ERRAND_S)
    kinds = [type(message) for message in stage.head_end.heard[1:]]
    assert kinds == [Accepted, ReceiptFromConcentrator, Result]
    assert stage.head_end.of(ReceiptFromConcentrator)[0].of == command.id
    (result,) = stage.head_end.results()
    assert (result.status, result.acted, result.engine) == (
        Status.DONE,
        True,
        stage.concentrator.engines("1", 1),
    )
    assert result.limit is not None and result.limit.threshold_normal == "3300"
    assert result.before is not None and result.before.unlimited
    assert result.link is not None and result.link.registered
    assert result.link.frames_sent == result.link.link_acks > 0
    assert {apdu.direction for apdu in result.apdus} == {"down", "up"}
    assert any(apdu.plain and apdu.plain != apdu.wire for apdu in result.apdus)
    assert {frame.fate for frame in result.frames} == {"delivered", "sent"}


def test_keys_are_in_no_result(stage: Stage) -> None:
    stage.send(stage.execute())
    stage.run(ERRAND_S)
    keys = stage.world.entry(METER).keys
    for payload in stage.head_end.raw:
        message = messages.decode_upward(payload)
        for apdu in getattr(message, "apdus", ()):
            for key in (keys.encryption, keys.authentication):
                assert key not in apdu.wire and key not in (apdu.plain or b"")


def test_a_repeat_is_answered_from_memory(stage: Stage) -> None:
    command = stage.execute()
    stage.send(command, command)
    stage.run(DURING_ERRAND_S)
    stage.send(command)  # under way: accepted again
    stage.run(ERRAND_S)
    stage.send(command)  # done
    stage.run(ERRAND_S)
    assert len(stage.head_end.of(Accepted)) == 3
    assert len({encode(result) for result in stage.head_end.results()}) == 1
    assert len(stage.head_end.results()) == 2
    assert len(stage.deeds("limit-written")) == 1


def test_a_repeat_is_answered_from_memory_after_a_reboot(stage: Stage) -> None:
    command = stage.execute()
    stage.send(command)
    stage.run(ERRAND_S)
    stage.concentrator.reboot("test")
    stage.run(100)
    stage.send(command)
    stage.run(ERRAND_S)
    first, again = stage.head_end.results()
    assert encode(first) == encode(again) and stage.concentrator.flash.boot == 2
    assert len(stage.deeds("limit-written")) == 1


def test_a_later_attempt_of_an_order_that_is_done_acts_no_more(stage: Stage) -> None:
    stage.send(stage.execute(Action.DISCONNECT))
    stage.run(ERRAND_S)
    stage.send(stage.execute(Action.CONNECT, order="2"))  # somebody else, meanwhile
    stage.run(ERRAND_S)
    stage.concentrator.reboot("test")
    stage.run(100)
    stage.send(stage.execute(Action.DISCONNECT, attempt=2))
    stage.send(stage.execute(Action.READ_SUPPLY, attempt=3))  # "was it carried out?"
    stage.run(ERRAND_S)
    assert statuses(stage) == [
        (1, Status.DONE, True),
        (2, Status.DONE, False),
        (3, Status.DONE, False),
    ]
    assert all(not result.supply.output_on for result in stage.head_end.results())
    assert [deed["deed"] for deed in stage.deeds()] == ["relay-opened", "relay-closed"]


def test_a_reading_is_never_answered_from_memory(stage: Stage) -> None:
    stage.send(stage.execute(Action.READ_LIMIT))
    stage.run(ERRAND_S)
    stage.send(stage.execute(order="2", amount="2000"))
    stage.run(ERRAND_S)
    stage.send(stage.execute(Action.READ_LIMIT, attempt=2))
    stage.run(ERRAND_S)
    before, after = stage.head_end.results()
    assert before.limit.unlimited and after.limit.threshold_normal == "2000"


def test_an_attempt_that_a_later_one_has_overtaken_is_not_begun(stage: Stage) -> None:
    faults.run(stage.world, [faults.RefusesLimit(METER, Span(None, stage.env.now + 30))])
    early = stage.execute(attempt=1, amount="1000")
    stage.send(stage.execute(attempt=2, amount="2000"))
    stage.run(60)
    stage.send(early)
    stage.run(ERRAND_S)
    assert statuses(stage) == [(2, Status.REFUSED, True), (1, Status.CANCELLED, False)]
    assert not stage.deeds("limit-written")


@pytest.mark.parametrize("left_s", [-1.0, 0.0, 0.3])
def test_a_stale_command_is_refused(stage: Stage, left_s: float) -> None:
    """Also one that would become stale while its last message is on the way."""
    stage.send(stage.execute(within=left_s + 0.1))  # the wire takes a tenth
    stage.run(ERRAND_S)
    assert statuses(stage) == [(1, Status.STALE, False)]
    assert not stage.deeds()


def test_a_withdrawal_before_anything_acted(stage: Stage) -> None:
    command = stage.execute()
    stage.send(command)
    stage.run(DURING_ERRAND_S)
    stage.send(stage.withdraw(command))
    stage.run(ERRAND_S)
    assert statuses(stage) == [(1, Status.CANCELLED, False)] and not stage.deeds()


def test_a_withdrawal_that_comes_too_late_tells_how_it_ended(stage: Stage) -> None:
    command = stage.execute()
    stage.send(command)
    stage.run(ERRAND_S)
    stage.send(stage.withdraw(command))
    stage.run(ERRAND_S)
    assert statuses(stage) == [(1, Status.DONE, True)] and len(stage.head_end.results()) == 2


def test_a_withdrawal_overtakes_its_command(stage: Stage) -> None:
    command = stage.execute()
    stage.send(stage.withdraw(command))
    stage.run(ERRAND_S)
    stage.concentrator.reboot("test")
    stage.run(100)
    stage.send(command)
    stage.run(ERRAND_S)
    assert statuses(stage) == [(1, Status.CANCELLED, False)] and not stage.deeds()
    (result,) = {encode(result) for result in stage.head_end.results()}
    assert stage.head_end.results()[0].meter == METER


def test_a_withdrawal_of_an_order_that_was_carried_out_says_so(stage: Stage) -> None:
    stage.send(stage.execute())
    stage.run(ERRAND_S)
    stage.send(stage.withdraw(stage.execute(attempt=2)))
    stage.run(ERRAND_S)
    assert statuses(stage) == [(1, Status.DONE, True), (2, Status.DONE, False)]


def test_a_withdrawal_survives_a_reboot(stage: Stage) -> None:
    faults.run(stage.world, [faults.SilentMeter(METER, Span(None, stage.env.now + 60))])
    command = stage.execute(within=1000)
    stage.send(command)
    stage.run(1)
    stage.send(stage.withdraw(command))
    stage.run(0.3)
    stage.concentrator.reboot("test")
    stage.run(200)
    assert statuses(stage) == [(1, Status.CANCELLED, False)] and not stage.deeds()


def test_what_was_not_begun_begins_after_a_reboot(stage: Stage) -> None:
    stage.send(stage.execute())
    stage.run(DURING_ERRAND_S)
    stage.concentrator.reboot("test")
    stage.run(100)
    assert statuses(stage) == [(1, Status.DONE, True)]
    assert len(stage.deeds("limit-written")) == 1


def test_what_was_not_begun_is_stale_after_a_long_reboot(stage: Stage) -> None:
    stage.send(stage.execute(within=60))
    stage.run(DURING_ERRAND_S)
    stage.concentrator.reboot("test", boot_s=70)
    stage.run(200)
    assert statuses(stage) == [(1, Status.STALE, False)] and not stage.deeds()


def test_a_clock_that_lost_time_with_the_power_does_not_make_a_command_fresh(stage: Stage) -> None:
    stage.send(stage.execute(within=60))
    stage.run(DURING_ERRAND_S)
    stage.concentrator.power_off()
    stage.concentrator.clock.step(-3600)
    stage.concentrator.power_on("test", boot_s=70)
    stage.run(200)
    assert statuses(stage) == [(1, Status.STALE, False)] and not stage.deeds()


@pytest.mark.parametrize("behind_s", [10, 10_000])
def test_a_clock_that_is_behind_does_not_stretch_a_command(stage: Stage, behind_s: int) -> None:
    faults.run(stage.world, [faults.ClockWrong(CONCENTRATOR, Span(), step_s=-behind_s)])
    faults.run(stage.world, [faults.SilentMeter(METER, Span(None, stage.env.now + 9))])
    stage.send(stage.execute(within=10))
    stage.run(60)
    assert statuses(stage) == [(1, Status.STALE, False)] and not stage.deeds()
    stage.send(stage.execute(order="2"))
    stage.run(60)
    assert statuses(stage, "2") == [(1, Status.DONE, True)]


def test_a_clock_that_is_set_back_does_not_stretch_a_command(stage: Stage) -> None:
    faults.run(stage.world, [faults.SilentMeter(METER, Span(None, stage.env.now + 15))])
    stage.send(stage.execute(within=12))
    stage.run(1)
    stage.concentrator.clock.step(-1000)
    stage.run(60)
    assert statuses(stage) == [(1, Status.STALE, False)] and not stage.deeds()


def test_a_full_queue_is_busy_and_remembers_nothing() -> None:
    stage = Stage(queue_max=2)
    stage.run(1)
    commands = [stage.execute(order=str(order)) for order in (1, 2, 3)]
    stage.send(*commands)
    stage.run(30)
    assert statuses(stage, "3") == [(1, Status.BUSY, False)]
    receipts = {receipt.of for receipt in stage.head_end.of(ReceiptFromConcentrator)}
    assert commands[2].id not in receipts and commands[0].id in receipts
    stage.send(commands[2])
    stage.run(30)
    assert statuses(stage, "3") == [(1, Status.BUSY, False), (1, Status.DONE, True)]


def test_a_meter_that_is_not_in_the_table(stage: Stage) -> None:
    faults.run(stage.world, [faults.AbsentFromTable(METER, Span(None, stage.env.now + 30))])
    stage.run(1)
    stage.send(stage.execute(), stage.execute(order="2", meter="77"))
    stage.run(60)
    assert statuses(stage) == [(1, Status.NOT_IN_TABLE, False)]
    assert statuses(stage, "2") == [(1, Status.NOT_IN_TABLE, False)]
    stage.send(stage.execute(order="3"))
    stage.run(ERRAND_S)
    assert statuses(stage, "3") == [(1, Status.DONE, True)]


def test_results_are_told_until_the_receipt() -> None:
    stage = Stage(deaf=1.0)
    stage.run(1)
    stage.send(stage.execute())
    stage.run(3600)
    assert not stage.head_end.heard and len(stage.concentrator.flash.outbox) == 1
    stage.concentrator.reboot("test")
    stage.head_end.deaf = 0.0
    stage.run(600)
    assert len({encode(result) for result in stage.head_end.results()}) == 1
    assert not stage.concentrator.flash.outbox
    told = len(stage.head_end.results())
    stage.run(3600)
    assert len(stage.head_end.results()) == told


def test_orders_for_one_meter_keep_their_order_and_meters_share_the_line() -> None:
    stage = Stage(errands_max=3)
    stage.run(1)
    for number, meter in enumerate([METER, METER, "90000002", "90000003"]):
        stage.send(stage.execute(order=str(number), amount=str(1000 + number), meter=meter))
    stage.run(60)
    assert [deed["value"] for deed in stage.deeds("limit-written")] == [1000, 1001]
    ends = [result.order for result in stage.head_end.of(Result)]
    assert ends.index("0") < ends.index("1") and ends[-1] == "1"
    transfers = list(stage.world.log.of_kind("transfer"))
    for one, next_ in zip(transfers, transfers[1:], strict=False):  # never two at once
        assert one["at"] <= next_["at"] - sum(next_["airtime_us"])


def test_the_fault_log_comes_unasked_after_a_recovered_connection_and_when_asked() -> None:
    stage = Stage()
    stage.run(1)
    now = stage.env.now
    faults.run(
        stage.world,
        [
            faults.ModemFails(CONCENTRATOR, Span(now + 10, now + 200), "sim broken"),
            faults.Reboot(CONCENTRATOR, Span(now + 20, None)),
        ],
    )
    stage.run(600)
    (told,) = stage.head_end.of(FaultLog)
    assert [(entry.component, entry.code) for entry in told.entries][0] == ("sim", 13)
    assert {entry.component for entry in told.entries} == {"sim", "concentrator"}
    stage.run(600)
    assert len(stage.head_end.of(FaultLog)) == 1  # told once
    stage.send(ReadFaultLog(id="H", since=stage.now() - timedelta(hours=1)))
    stage.run(10)
    assert stage.head_end.of(FaultLog)[1].entries == told.entries
    stage.send(ReadFaultLog(id="H2", since=stage.now()))
    stage.run(10)
    assert stage.head_end.of(FaultLog)[2].entries == ()


def test_a_message_it_does_not_understand_changes_nothing(stage: Stage) -> None:
    heard = len(stage.head_end.heard)
    for payload in (b"", b"{}", b"\xff", b'{"type":"fly","v":1}', b'{"type":"receipt","v":9}'):
        stage.wire.send(payload)
    stage.run(ERRAND_S)
    assert len(stage.head_end.heard) == heard
    assert len(list(stage.world.log.of_kind("not-understood"))) == 5


def test_the_memory_is_bounded_and_forgets_only_what_is_settled() -> None:
    stage = Stage(attempts_max=4, deaf=1.0)
    stage.run(1)
    for order in range(6):
        stage.send(stage.execute(Action.READ_SUPPLY, order=str(order)))
        stage.run(30)
    assert len(stage.concentrator.flash.attempts) == 4
    assert all(key.order in "0123" for key in stage.concentrator.flash.attempts)
    stage.head_end.deaf = 0.0
    stage.run(KEPT.total_seconds() - 3600)  # receipted by now, and still remembered
    stage.send(stage.execute(Action.READ_SUPPLY, order="4", attempt=2))
    stage.run(30)
    assert statuses(stage, "4") == [(2, Status.BUSY, False)]
    stage.run(7200)
    stage.send(stage.execute(Action.READ_SUPPLY, order="4", attempt=3))
    stage.run(30)
    assert statuses(stage, "4")[-1] == (3, Status.DONE, False)
    assert [key.order for key in stage.concentrator.flash.attempts] == ["4"]


def test_a_journal_cannot_end_an_attempt_twice() -> None:
    stage = Stage()
    journal = Journal(Flash())
    attempt = journal.store(stage.execute())
    journal.end(attempt, "1", b"{}", stage.now())
    with pytest.raises(ValueError, match="ended already"):
        journal.end(attempt, "2", b"{}", stage.now())
