"""A step that breaks by a mistake of our own, wherever that is: the order ends all the same, once,
says of the meter no more than is known, and holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from rich.console import Console
from sqlalchemy import text

from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders import conclusion, effect, rules, settle, step
from headend.orders.asking import Asking
from headend.orders.conclusion import Conclusions
from headend.orders.settle import Settling
from headend.ports import StoreUnavailable
from headend.store.transaction import SqlTransaction
from headend.trouble import in_a_line
from protocols.commercial.messages import decode_result
from tests import databases
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import NO_WORD, Say, ScriptedField
from tools.explain.command import _story, _why
from tools.explain.explanation import as_json, gather

SECRET = "what only the log may say"
NEVER = ReasonCode.INTERNAL_ERROR
PERHAPS = ReasonCode.INTERNAL_ERROR_UNKNOWN
TOOK_EFFECT = "found after the end: the command took effect"
NO_EFFECT = "found after the end: the command did not take effect"
NOT_FOUND = "the effect could not be found out"
A_LATER_ONE = "the effect cannot be found out: a later order has acted on the meter"


class Mistake(Exception):
    pass


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged, unprinted: with all their locals, stacks take seconds to print."""
    with structlog.testing.capture_logs() as logs:
        yield logs


@dataclass(slots=True)
class Poison:
    """Breaks whatever is done about order 1, so many times."""

    left: float = float("inf")
    error: type[Exception] = Mistake
    broken: int = 0

    def around(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        def piece(*args: Any, **named: Any) -> Any:
            if self.left > 0 and any(map(_concerned, [*args, *named.values()])):
                self.left -= 1
                self.broken += 1
                raise self.error(SECRET)
            return whole(*args, **named)

        return piece


def _concerned(value: object) -> bool:
    if isinstance(value, Order):
        return value.number == 1
    return getattr(value, "order", None) in (1, "1")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step breaks: what the order's end must then say, and what is found out later."""

    owners: tuple[Any, ...]
    name: str
    reason: ReasonCode
    script: tuple[Say, ...] = ()
    bounded: bool = False
    finding: str | None = None


PLACES = {
    "checking the day": Place((rules,), "day_allowed", NEVER),
    "looking where it is": Place((Asking,), "offline", NEVER),
    "the command": Place((step,), "command_of", PERHAPS, finding=NO_EFFECT),
    "asking": Place((ScriptedField,), "perform", PERHAPS, finding=NO_EFFECT),
    "judging": Place((step, conclusion, effect), "judge_command", PERHAPS, finding=NOT_FOUND),
    "judging a look": Place((effect,), "judge_look", PERHAPS, (NO_WORD,), finding=A_LATER_ONE),
    "concluding": Place((Conclusions,), "write", PERHAPS, finding=TOOK_EFFECT),
    "ending": Place((Settling,), "end", PERHAPS, finding=TOOK_EFFECT),
    "the reply": Place((settle,), "result_message", PERHAPS, finding=NOT_FOUND),
    "promising the end": Place((Settling,), "promise_end", PERHAPS, (), True, finding=NOT_FOUND),
    "the store's last word": Place((SqlTransaction,), "save_order", NEVER),
}


async def begun(
    office: Office, monkeypatch: pytest.MonkeyPatch, place: Place, poison: Poison
) -> int:
    """Order 1, taken in whole; from its first step on it breaks at a place."""
    office.field.script += place.script
    until = SIMULATED_START + timedelta(hours=3) if place.bounded else None
    number = await office.order(until=until)
    assert number == 1 and office.field.commands == []
    for owner in place.owners:
        monkeypatch.setattr(owner, place.name, poison.around(getattr(owner, place.name)))
    return number


async def finished(office: Office, number: int = 1) -> Order:
    """The order, once nothing is left to do with it."""
    async with asyncio.timeout(96 * 3600):
        while not (order := await office.tell(number)).final or order.verify_at is not None:
            await asyncio.sleep(10)
    return order


def breakages(office: Office) -> list[str]:
    return [line.cause for line in office.journal() if line.cause.startswith("the step broke")]


def expected(office: Office, error: type[Exception] = Mistake) -> None:
    """Nothing but what the test provoked went wrong."""
    assert office.life.lanes.errors
    assert all(isinstance(each, error) for each in office.life.lanes.errors)
    office.life.lanes.errors.clear()


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_an_order_that_breaks_its_steps_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, place, Poison())
        second, other = await office.order(amount=2000), await office.order(meter="M2")
        assert (await _final(office, other)).state is State.DONE
        order = await _final(office, 1)
        assert (order.state, order.reason) == (State.FAILED, place.reason)
        assert order.ended_at is not None
        after_s = (order.ended_at - order.accepted_at).total_seconds()
        assert after_s >= 60 + 120 + 240 + 480  # four rests, each longer
        assert place.reason is PERHAPS or after_s == 900
        assert (await _final(office, second)).state is State.DONE
        assert office.field.meter("M1").limit == 2000
        await finished(office)
        expected(office)
        *earlier, last = breakages(office)[:5]
        assert all(f"Mistake: {SECRET}; taken again at" in cause for cause in earlier)
        assert last.startswith(f"the step broke 5 times, at last: Mistake: {SECRET}; ")
        reply, *events = office.told()
        assert reply.reason is not None and reply.reason.code == place.reason
        assert (reply.ok, reply.kind, reply.request_message_id) == (False, "reply", "m1")
        notes = [event.note for event in events]
        assert len(notes) == (place.finding is not None)
        assert place.finding is None or str(notes[0]).startswith(place.finding)
        for out in office.outgoing():
            assert SECRET not in out.body.decode()
        await office.check()


async def _final(office: Office, number: int) -> Order:
    async with asyncio.timeout(24 * 3600):
        while not (order := await office.tell(number)).final:
            await asyncio.sleep(1)
    return order


async def test_a_limit_whose_end_cannot_be_promised_says_that_it_may_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, PLACES["promising the end"], Poison())
        await finished(office)
        expected(office)
        note = office.told()[-1].note
        assert note == f"{NOT_FOUND}; a limit that was to end may stay in the meter"


@pytest.mark.parametrize("name", ["checking the day", "asking", "concluding", "promising the end"])
async def test_breakages_are_counted_across_restarts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, PLACES[name], Poison())
        while not (await office.tell()).final:
            await asyncio.sleep(45)
            office.life.lanes.errors.clear()
            await office.crash()
            await asyncio.sleep(5)
            office.start()
        assert (await office.tell()).reason is PLACES[name].reason
        assert len([cause for cause in breakages(office) if "taken again" in cause]) == 4
        await finished(office)
        office.life.lanes.errors.clear()
        await office.check()


async def test_what_mends_itself_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as office:
        poison = Poison(left=4)
        await begun(office, monkeypatch, PLACES["asking"], poison)
        assert (await _final(office, 1)).state is State.DONE
        assert len(breakages(office)) == poison.broken == 4
        expected(office)
        await office.check()


@pytest.mark.parametrize("name", PLACES)
async def test_the_deadline_ends_it_before_its_rests_do(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(deadline_s=100.0, breakages_max=1000, verify_for_s=600.0) as office:
        await begun(office, monkeypatch, PLACES[name], Poison())
        order = await _final(office, 1)
        assert order.state is State.FAILED and order.ended_at is not None
        assert timedelta(0) <= order.ended_at - order.deadline < timedelta(seconds=60)
        await finished(office)
        office.life.lanes.errors.clear()
        await office.check()


async def test_a_database_that_is_away_is_no_breakage(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as office:
        poison = Poison(left=9, error=StoreUnavailable)
        await begun(office, monkeypatch, PLACES["asking"], poison)
        assert (await _final(office, 1)).state is State.DONE
        assert (poison.broken, breakages(office)) == (9, [])
        expected(office, StoreUnavailable)


async def test_a_process_that_dies_is_no_breakage() -> None:
    async with opened() as office:
        office.field.script += [Say(after_s=250)]
        await office.order()
        for _ in range(9):
            await asyncio.sleep(10)
            await office.crash()
            await asyncio.sleep(1)
            office.start()
        assert (await office.ended()).state is State.DONE
        assert breakages(office) == []
        await office.check()


async def test_an_end_that_cannot_be_written_comes_once_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, PLACES["checking the day"], Poison())
        post = SqlTransaction.post
        monkeypatch.setattr(SqlTransaction, "post", Poison(left=3).around(post))
        other = await office.order(meter="M2")
        assert (await _final(office, other)).state is State.DONE
        order = await _final(office, 1)
        assert (order.state, order.reason) == (State.FAILED, NEVER)
        expected(office)
        await office.check()


async def test_an_order_is_cancelled_while_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, PLACES["checking the day"], Poison())
        await asyncio.sleep(10)
        assert len((await office.cancel(number=1)).done) == 1
        await asyncio.sleep(3600)
        assert (await office.tell()).state is State.CANCELLED
        expected(office)
        await office.check()


async def test_a_receipt_that_breaks_changes_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, Place((ScriptedField,), "stored", NEVER), Poison(left=1))
        assert (await _final(office, 1)).state is State.DONE
        assert _column(office, "lease_owner") is None
        expected(office)
        await office.check()


async def test_a_look_that_broke_rests_although_its_concentrator_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as office:
        poison = Poison()
        await begun(office, monkeypatch, PLACES["judging a look"], poison)
        await _final(office, 1)
        before = poison.broken
        for _ in range(20):
            await asyncio.sleep(2)
            await office.life.hearing.came_online("C1", office.clock.now())
        assert poison.broken <= before + 1
        await finished(office)
        expected(office)


UNREADABLE = {
    "evidence": "no JSON",
    "value_read": "{}x",
    "state": "of-a-later-program",
    "amount": "a lot",
    "not_after": "yesterday",
}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(column, marks=databases.sqlite_only("PostgreSQL knows when yesterday was"))
        if column == "not_after"
        else column
        for column in UNREADABLE
    ],
)
async def test_an_order_that_cannot_be_read_ends_and_holds_up_nobody(column: str) -> None:
    async with opened() as office:
        start = SIMULATED_START + timedelta(hours=1)
        await office.order(start=start)
        second = await office.order(start=start, kind=Kind.DISCONNECT)
        other = await office.order(start=start, meter="M2")
        await office.store.run(
            lambda tx: tx._connection.execute(
                text(f"UPDATE orders SET {column} = :value WHERE number = 1"),
                {"value": UNREADABLE[column]},
            )
        )
        await asyncio.sleep(3600 + 60)
        assert (await office.tell(other)).state is State.DONE
        assert (await _final(office, second)).state is State.DONE
        assert _column(office, "state") == "failed"
        reply, legacy = office.outgoing()
        assert {reply.kind, legacy.kind} == {"reply"}
        told = decode_result(reply.body)
        assert told.reason is not None and told.reason.code == NEVER
        assert await office.store.run(lambda tx: tx.waiting_orders()) == 0
        office.life.lanes.errors.clear()


def _column(office: Office, name: str, number: int = 1) -> Any:
    return office.store.read(
        lambda connection: connection.execute(
            text(f"SELECT {name} FROM orders WHERE number = {number}")
        ).scalar_one()
    )


async def test_explain_tells_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as office:
        await begun(office, monkeypatch, PLACES["concluding"], Poison())
        await finished(office)
        expected(office)
        told = office.store.read(lambda connection: gather(connection, 1))
        assert told is not None
        assert as_json(told)["reason"]["code"] == PERHAPS
        console = Console(width=200, record=True, file=StringIO())
        console.print(_story(told, frames=False, soap=False, octets=False), *_why(told.order))
        shown = console.export_text()
        assert shown.count(f"Mistake: {SECRET}") == 5
        assert "ORDEN_INTERRUMPIDA_EFECTO_DESCONOCIDO" in shown


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 300),
        (Mute(), "Mute"),
    ],
)
def test_an_error_in_a_line(error: Exception, line: str) -> None:
    assert in_a_line(error) == line
