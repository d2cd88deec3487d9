"""Steps that are taken in the store: flags, history, places, orders and keys go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from headend.domain.keys import KeyState
from headend.domain.life_cycle import Step, stage_of
from headend.domain.meter import Stage
from headend.domain.order import State
from headend.domain.place import RegisterRead
from headend.domain.reading import Reading
from headend.domain.reason import ReasonCode
from headend.ports import Transaction
from headend.registry.exchange import exchange
from headend.registry.lives import By, NotTaken, hanging_at, install, known, link, move, remove
from headend.store.keys import KeyRow
from tests.registry.desk import T0, Desk, by, new
from tests.store.making import STORY, order

NOW = T0 + timedelta(days=1)


async def in_service(desk: Desk, name: str, place: str) -> None:
    """A meter through its whole life up to service."""

    def work(tx: Transaction) -> None:
        install(tx, name, place, by())
        move(tx, known(tx, name), Step.COMMISSION, by(hours=1))
        link(tx, name, "C1", by(hours=2))
        move(tx, known(tx, name), Step.SERVE, by(hours=3))

    await desk.do(work)


async def test_each_step_leaves_a_line_with_who_when_and_why() -> None:
    desk = Desk()
    await desk.open(new("1"))
    await in_service(desk, "1", "SP1")
    lines = await desk.do(lambda tx: tx.life_of("1"))
    assert [(line.step, line.was, line.stage) for line in lines] == [
        (Step.INSTALL, Stage.IN_STOCK, Stage.INSTALLED),
        (Step.COMMISSION, Stage.INSTALLED, Stage.COMMISSIONED),
        (Step.LINK, Stage.COMMISSIONED, Stage.LINKED),
        (Step.SERVE, Stage.LINKED, Stage.IN_SERVICE),
    ]
    assert [line.why for line in lines] == ["at SP1", "", "behind C1", ""]
    assert {line.who for line in lines} == {"os:ana"}
    await desk.store.close()


REFUSED: dict[str, tuple[Callable[[Transaction], object], str, str]] = {
    "a meter that nobody knows": (lambda tx: known(tx, "9"), "no-such-meter", "no meter 9"),
    "a place that nobody knows": (lambda tx: install(tx, "2", "SP9", by()), "no-such-place", "SP9"),
    "a place where nothing hangs": (lambda tx: install(tx, "2", "T1", by()), "no-such-place", "T1"),
    "a place that is taken": (lambda tx: install(tx, "2", "SP1", by()), "place-taken", "meter 1"),
    "installed twice": (lambda tx: install(tx, "1", "SP2", by()), "meter-in-service", "hangs"),
    "linked from stock": (lambda tx: link(tx, "2", "C1", by()), "meter-in-stock", "nowhere"),
    "a concentrator that nobody knows": (
        lambda tx: link(tx, "1", "C9", by()),
        "no-such-concentrator",
        "C9",
    ),
}


@pytest.mark.parametrize(("work", "code", "why"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_leaves_nothing_and_says_what_to_do(
    work: Callable[[Transaction], object], code: str, why: str
) -> None:
    desk = Desk()
    await desk.open(new("1"), new("2"))
    await in_service(desk, "1", "SP1")
    before = await desk.do(lambda tx: (tx.life_of("1"), tx.life_of("2"), tx.meter("2")))
    with pytest.raises(NotTaken, match=why) as refused:
        await desk.do(work)
    assert refused.value.code == code and refused.value.next_step
    assert before == await desk.do(lambda tx: (tx.life_of("1"), tx.life_of("2"), tx.meter("2")))
    await desk.store.close()


def key(meter: str, client: int) -> KeyRow:
    return KeyRow(meter, client, 1, KeyState.CURRENT, 1, "e", f"{meter}-{client}", b"sealed", 1)


async def with_history(desk: Desk) -> None:
    """Meter 1 in service, read, with keys and orders in every state that waits; 2 in stock."""
    await desk.open(replace(new("1"), contracted_w=Decimal(5500), recorded_phase="B"), new("2"))
    await in_service(desk, "1", "SP1")
    read = Reading("1", "1.0.1.8.0.255", 2, T0, T0, "order 3", value="123456", unit="Wh")
    await desk.do(lambda tx: tx.add_readings([read]))
    for client in (1, 2):
        await desk.words(lambda tx, c=client: tx.add_keys(key("1", c)))  # type: ignore[misc]
    for number, state in enumerate((State.QUEUED, State.EXECUTING, State.UNKNOWN), start=1):
        asked = order(number, meter="1", state=state)
        await desk.do(lambda tx, o=asked: tx.add_order(o, STORY))  # type: ignore[misc]


async def test_an_exchange_keeps_the_history_of_both_under_the_service_point() -> None:
    desk = Desk()
    await with_history(desk)
    first = RegisterRead(Decimal(0), "Wh", T0, "technician")
    done = await desk.do(
        lambda tx: exchange(
            tx, "1", "2", by("burnt", hours=5), desk.settling, now=NOW, first_read=first
        )
    )
    assert (stage_of(done.old), stage_of(done.new)) == (Stage.REMOVED, Stage.INSTALLED)
    assert (done.new.contracted_w, done.new.recorded_phase) == (Decimal(5500), "B")
    assert done.new.lane is None and done.old.lane is None
    hung = await desk.do(lambda tx: tx.installations_at("SP1"))
    at = T0 + timedelta(hours=5)
    assert [(each.meter, each.since, each.until) for each in hung] == [
        ("1", T0, at),
        ("2", at, None),
    ]
    assert hung[0].last_read == RegisterRead(Decimal(123456), "Wh", T0, "order 3")
    assert hung[1].first_read == first
    lives = await desk.do(lambda tx: (tx.life_of("1")[-1], tx.life_of("2")[-1]))
    assert (
        lives[0].why == "burnt: exchanged for 2" and lives[1].why == "burnt: at SP1, in place of 1"
    )
    await desk.store.close()


def showed(kwh: str, unit: str = "Wh") -> RegisterRead:
    value = Decimal(kwh) * (1000 if unit == "Wh" else 1)
    return RegisterRead(value, unit, T0 + timedelta(hours=5), "technician")


# 123.456 kWh were read at T0, 200 kWh after the meter was taken down, by what is told of it.
SHOWN_LAST = {
    # what the display showed, and whether it is taken
    "more than was read": (showed("123.457"), True),
    "just what was read": (showed("123.456"), True),
    "less": (showed("123.455"), False),
    "less, in kWh": (showed("12", "kWh"), False),
    "what cannot be compared": (showed("1", "varh"), True),
}


@pytest.mark.parametrize(("shown", "taken"), SHOWN_LAST.values(), ids=SHOWN_LAST)
async def test_a_last_reading_below_what_was_read_is_refused_unless_told_so(
    shown: RegisterRead, taken: bool
) -> None:
    desk = Desk()
    await with_history(desk)
    late = T0 + timedelta(hours=6)
    after = Reading("1", "1.0.1.8.0.255", 2, late, late, "order 4", value="200000", unit="Wh")
    await desk.do(lambda tx: tx.add_readings([after]))

    async def exchanged(*, below_readings: bool) -> None:
        await desk.do(
            lambda tx: exchange(
                tx, "1", "2", by("burnt", hours=5), desk.settling, now=NOW, last_read=shown,
                below_readings=below_readings,
            )
        )  # fmt: skip

    if not taken:
        before = await desk.do(lambda tx: (tx.life_of("1"), tx.installations_at("SP1")))
        with pytest.raises(NotTaken, match=r"below the 123\.456 kWh of order 3") as refused:
            await exchanged(below_readings=False)
        assert refused.value.code == "below-readings"
        assert before == await desk.do(lambda tx: (tx.life_of("1"), tx.installations_at("SP1")))
    await exchanged(below_readings=not taken)
    left, line = await desk.do(lambda tx: (tx.installations_of("1")[-1], tx.life_of("1")[-1]))
    assert left.last_read == shown
    assert ("below the 123.456 kWh of order 3, as os:ana says" in line.why) is not taken
    await desk.store.close()


async def test_a_last_reading_below_the_first_is_refused() -> None:
    desk = Desk()
    await desk.open(new("1"))
    first = RegisterRead(Decimal(5000), "Wh", T0, "technician")
    await desk.do(lambda tx: install(tx, "1", "SP1", by(), first))
    with pytest.raises(NotTaken, match=r"4\.9 kWh is below the 5 kWh of technician"):
        await desk.do(
            lambda tx: remove(
                tx, "1", by("burnt", hours=5), desk.settling, now=NOW, last_read=showed("4.9")
            )
        )
    await desk.store.close()


async def test_an_exchange_ends_the_old_meter_s_orders_and_retires_its_keys() -> None:
    desk = Desk()
    await with_history(desk)
    done = await desk.do(
        lambda tx: exchange(tx, "1", "2", by("burnt", hours=5), desk.settling, now=NOW)
    )
    ended = {each.number: (each.state, each.reason, each.ended_at) for each in done.orders}
    gone = ReasonCode.METER_REMOVED
    assert ended == {
        1: (State.CANCELLED, gone, NOW),
        2: (State.FAILED, gone, NOW),
        3: (State.FAILED, gone, NOW),
    }
    assert await desk.do(lambda tx: tx.open_orders_of_meter("1")) == []
    last = await desk.do(lambda tx: tx.last_line(1))
    assert last is not None and last.cause == "the meter was removed: burnt: exchanged for 2"
    rows = await desk.words(lambda tx: tx.all_key_rows())
    assert {row.state for row in rows} == {KeyState.RETIRED} and len(rows) == 2
    await desk.store.close()


BAD_EXCHANGES = {
    "with itself": ("1", "1", by(), "own place"),
    "before it was hung up": ("1", "2", By("os:ana", T0 - timedelta(days=1)), "since 2026-07-06"),
    "by one that is not in stock": ("1", "3", by(), "hangs somewhere"),
    "of one whose place nobody knows": ("3", "2", by(), "where meter 3 hangs"),
}


@pytest.mark.parametrize(("old", "other", "who", "why"), BAD_EXCHANGES.values(), ids=BAD_EXCHANGES)
async def test_an_exchange_that_cannot_be_leaves_everything(
    old: str, other: str, who: By, why: str
) -> None:
    desk = Desk()
    await with_history(desk)
    await desk.do(lambda tx: tx.put_meters([replace(new("3"), stage=Stage.INSTALLED)]))
    with pytest.raises(NotTaken, match=why):
        await desk.do(lambda tx: exchange(tx, old, other, who, desk.settling, now=NOW))
    assert len(await desk.do(lambda tx: tx.open_orders_of_meter("1"))) == 3
    there = await desk.do(lambda tx: hanging_at(tx, "SP1"))
    assert there is not None and there.meter == "1"
    assert stage_of(await desk.do(lambda tx: known(tx, "2"))) is Stage.IN_STOCK
    await desk.store.close()


async def test_a_removed_meter_comes_back_by_way_of_the_stock() -> None:
    desk = Desk()
    await desk.open(new("1"))
    await in_service(desk, "1", "SP1")
    await desk.do(lambda tx: remove(tx, "1", by("moved", hours=4), desk.settling, now=NOW))
    with pytest.raises(NotTaken, match="removed"):
        await desk.do(lambda tx: install(tx, "1", "SP2", by()))
    await desk.do(lambda tx: move(tx, known(tx, "1"), Step.RESTOCK, by("repaired", hours=9)))
    await desk.do(lambda tx: install(tx, "1", "SP2", by(hours=10)))
    hung = await desk.do(lambda tx: tx.installations_of("1"))
    assert [each.service_point for each in hung] == ["SP1", "SP2"]
    await desk.store.close()


async def test_where_a_meter_hangs_that_was_there_before_is_written_down_once() -> None:
    desk = Desk()
    await desk.open(replace(new("1"), stage=None, commissioned=True, concentrator="C1"))
    await desk.do(lambda tx: install(tx, "1", "SP1", by()))
    assert stage_of(await desk.do(lambda tx: known(tx, "1"))) is Stage.LINKED
    with pytest.raises(NotTaken, match="hangs somewhere"):
        await desk.do(lambda tx: install(tx, "1", "SP2", by()))
    await desk.store.close()
