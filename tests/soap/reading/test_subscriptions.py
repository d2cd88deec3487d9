"""Readings and events told as they come: each once, whatever the order, and nothing lost."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from headend.collection.filling import fill
from headend.config import BadConfig, Config, parse
from headend.config.subscribers import Subscriber
from headend.domain.change import Change, ChangeKind
from headend.domain.interval import Row
from headend.domain.reading import Reading
from headend.events.taking import EventIntake
from headend.ports import Transaction
from headend.soap.outbound.news import BadSubscriber, interest
from headend.soap.outbound.subscriptions import Subscriptions
from protocols.cim import exchange, meter_readings
from protocols.cim.envelope import Kind, Message
from protocols.cim.records.end_device_events_auto import EndDeviceEvents
from protocols.cim.records.meter_readings_auto import MeterReadings
from tests.databases import on_one
from tests.soap.reading.house import (
    ADDRESS,
    ENERGY,
    LOAD,
    REGISTER,
    VOLTAGE,
    ZONE,
    House,
    house,
    quarter,
)
from tests.soap.reading.test_events import event
from tests.soap.reading.test_later import heads, opened, settled

MDM = Subscriber(name="mdm", address=ADDRESS, readings=(ENERGY, VOLTAGE, REGISTER), events=("all",))


@dataclass
class Utility:
    """M9 has nothing yet."""

    at: House
    told: Subscriptions

    async def arrive(self, *numbers: int, meter: str = "M9") -> None:
        """Rows of these quarters come, a minute after what came before."""
        clock = self.at.clock
        clock.at += timedelta(minutes=1)
        now = clock.at

        def work(tx: Transaction) -> None:
            layout = tx.layout_number(LOAD)
            rows = [
                Row(round(quarter(n).timestamp()), int(now.timestamp()), layout, 0,
                    (None, 1000 + 250 * n, 2200 + n))
                for n in numbers
            ]  # fmt: skip
            fill(tx, meter, LOAD, rows, zone=ZONE, now=now, events=EventIntake())

        await self.at.store.run(work)

    async def number(self) -> None:
        while await self.at.store.run(lambda tx: tx.number_changes(1000)):
            pass

    async def heard(self, channel: str = "soap") -> list[Message]:
        """All that is told, each settled before the next."""
        await self.number()
        found: list[Message] = []
        while True:
            made = await self.told.look()
            due = await heads(self.at, channel)
            if not due and not made:
                return found
            for head in due:
                found.append(opened(head))
                assert await settled(self.at, head)


async def utility(of: Subscriber = MDM) -> Utility:
    at = await house(("M9", "M8", "M7"))
    at.store.telling = True
    for table in ("interval_days", "validated_days", "readings"):
        await at.store.change(lambda c, t=table: c.exec_driver_sql(f"DELETE FROM {t}"))
    told = Subscriptions(
        at.store, at.desk.read, at.clock, at.events.chance, ZONE, [interest(of)], lambda: None
    )
    made = Utility(at, told)
    assert await made.heard() == []  # it begins here
    return made


def values(messages: list[Message]) -> Counter[tuple[str, str, datetime, str | None]]:
    found: Counter[tuple[str, str, datetime, str | None]] = Counter()
    for message in messages:
        for record in exchange.content(message):
            if isinstance(record, MeterReadings):
                for one in meter_readings.read(record):
                    assert one.meter is not None
                    found.update(
                        (one.meter.value, one.reading_type, v.at, v.value) for v in one.values
                    )
    return found


def expected(last: int, *without: int) -> set[tuple[str, str, datetime, str | None]]:
    here = [n for n in range(last + 1) if n not in without]
    energy = {("M9", ENERGY, quarter(n), "0.250") for n in here if n - 1 in here}
    return energy | {("M9", VOLTAGE, quarter(n), f"{220 + n / 10:.1f}") for n in here}


ORDERS = {
    "one by one": [[n] for n in range(9)],
    "all at once": [list(range(9))],
    "a late one between": [[0, 1, 2], [4, 5, 6, 7, 8], [3]],
    "backwards": [[n] for n in reversed(range(9))],
    "again and again": [[0, 1, 2], [0, 1, 2, 3], [2, 3, 4, 5, 6, 7, 8], [8]],
    "as it happens": [[0, 5], [3, 1], [2, 8, 4], [7, 6]],
}


@on_one
@pytest.mark.parametrize("heard_each", [True, False], ids=["heard each time", "heard at the end"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
async def test_each_value_is_told_once(order: list[list[int]], heard_each: bool) -> None:
    of = await utility()
    found: list[Message] = []
    for numbers in order:
        await of.arrive(*numbers)
        if heard_each:
            found += await of.heard()
    found += await of.heard()
    told = values(found)
    assert set(told) == expected(8)
    assert set(told.values()) == {1}


@on_one
async def test_any_order() -> None:
    for seed in range(6):
        draw = random.Random(seed)
        of = await utility()
        numbers = draw.sample(range(13), 13)
        found: list[Message] = []
        while numbers:
            some, numbers = numbers[: (cut := draw.randint(1, 5))], numbers[cut:]
            await of.arrive(*some)
            if draw.random() < 0.5:
                found += await of.heard()
        found += await of.heard()
        told = values(found)
        assert (set(told), set(told.values())) == (expected(12), {1}), seed


async def test_messages_events_and_registers() -> None:
    of = await utility()
    now = of.at.clock.now()

    def work(tx: Transaction) -> None:
        number = tx.add_event(event("M9", "power-down", 3))
        tx.tell(Change(ChangeKind.EVENT, "new", now, number, "M9"))
        tx.tell(Change(ChangeKind.EVENT, "changed", now, number, "M9"))
        tx.tell(Change(ChangeKind.EVENT, "new", now, 99_999, "M9"))  # came out as another since
        tx.add_readings(
            [Reading("M9", "1.0.1.8.0.255", 2, quarter(3), now, "order 1", value="5000", unit="Wh")]
        )

    await of.at.store.run(work)
    readings, events = await of.heard()
    assert values([readings]) == Counter({("M9", REGISTER, quarter(3), "5.000"): 1})
    (content,) = exchange.content(events)
    assert isinstance(content, EndDeviceEvents)
    assert [each.end_device_event_type for each in content.end_device_event] == ["3.26.0.47"]
    for message, noun in ((readings, "MeterReadings"), (events, "EndDeviceEvents")):
        header = message.header
        assert (message.kind, message.typed) == (Kind.EVENT, noun)
        assert header is not None
        assert (header.verb, header.noun, header.ack_required) == ("created", noun, True)
        assert header.correlation_id == header.message_id
    assert await of.heard() == []


@on_one
async def test_pages_of_a_subscriber_who_takes_little() -> None:
    of = await utility(msgspec.structs.replace(MDM, values_max=4, generic=True, ack=False))
    await of.arrive(*range(9))
    found = await of.heard()
    assert len(found) == 5  # 8 of energy and 9 of voltage
    assert set(values(found)) == expected(8)
    assert {m.typed for m in found} == {None}
    assert {m.header.ack_required for m in found if m.header} == {False}


async def test_who_does_not_acknowledge_holds_up_no_more_than_a_few() -> None:
    of = await utility(msgspec.structs.replace(MDM, waiting_max=1))
    for number in range(60):
        await of.arrive(number)
    await of.number()
    while await of.told.look():
        pass
    waiting = await of.at.store.run(lambda tx: tx.outbound_waiting("subscriber/mdm"))
    assert waiting == 1
    assert set(values(await of.heard())) == expected(59)


@on_one
async def test_a_group_and_another_system_s_wishes() -> None:
    wanted = msgspec.structs.replace(
        MDM, readings=(VOLTAGE,), events=("3.26.0.216",), meters=("M9",)
    )
    of = await utility(wanted)
    await of.arrive(1, 2)
    await of.arrive(1, 2, meter="M8")
    told = values(await of.heard())
    assert {key[:2] for key in told} == {("M9", VOLTAGE)}


@on_one
async def test_a_worker_that_was_slower_posts_nothing() -> None:
    of = await utility()
    other = Subscriptions(
        of.at.store, of.at.desk.read, of.at.clock, of.at.events.chance, ZONE, of.told.interests,
        lambda: None,
    )  # fmt: skip
    await of.arrive(0, 1)
    await of.number()
    read = of.told.read

    async def meanwhile(query: Any) -> Any:
        found = await read(query)
        if type(found).__name__ == "News":
            while await other.look():
                pass
        return found

    of.told.read = meanwhile
    told = values(await of.heard())
    assert (set(told), set(told.values())) == (expected(1), {1})


TWO = 'name = "mdm"\nevents = ["all"]\n[[subscriber]]\nname = "mdm"\nevents = ["all"]'
BAD = {
    "nothing wanted": 'name = "mdm"',
    "a name twice": TWO,
    "a word that nobody knows": 'name = "mdm"\nevents = ["all"]\nevent = "x"',
}


@on_one
@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_no_configuration(text: str) -> None:
    with pytest.raises(BadConfig):
        parse(f"[[subscriber]]\n{text}")


@on_one
@pytest.mark.parametrize(
    "wanted", [{"readings": ("coffee",)}, {"readings": ("1" + ENERGY,)}, {"events": ("3.1.1.1",)}]
)
def test_wishes_that_nobody_can_meet(wanted: dict[str, Any]) -> None:
    with pytest.raises(BadSubscriber):
        interest(Subscriber(name="mdm", **wanted))


@on_one
def test_whoever_is_told_has_changes_written_down() -> None:
    assert not Config().telling
    assert Config(subscriber=(MDM,)).telling
