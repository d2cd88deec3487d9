"""A SOAP server that tells readings and events, over a store with a day of a few meters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading
from headend.domain.validation import Check, Estimate, Finding, Method, ValidatedDay
from headend.orders.inbox import Inbox
from headend.ports import Transaction
from headend.soap.door.admission import Admission
from headend.soap.door.server import SoapServer
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.reading.events import EventDesk
from headend.soap.reading.later import Answering, Later
from headend.soap.reading.readings import ReadingDesk
from headend.store.store import SqlStore
from protocols.cim import envelope, exchange, schema, xml
from protocols.cim.envelope import Message, Request
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.replies import Stamp, soap_envelope
from protocols.concentrator.collecting import ColumnTold, Layout
from tests import databases
from tests.soap.desk import CountingChance, FixedClock, RememberingDesk

ZONE = ZoneInfo("America/Santiago")
DAY = date(2026, 7, 5)
BEGIN = datetime(2026, 7, 5, 4, tzinfo=UTC)  # midnight in Santiago, in winter
END = BEGIN + timedelta(days=1)
ENERGY, VOLTAGE = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", "0.2.2.6.0.1.54.0.0.0.0.0.0.0.128.0.29.0"
REGISTER, DAILY = "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0", "11.0.0.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
LOAD = Layout(
    "1.0.99.1.0.255",
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=0, unit=30),
        ColumnTold(3, "1.0.32.7.0.255", 2, scaler=-1, unit=35),
    ),
    900,
)
DAYS = Layout(
    "1.0.99.2.0.255",
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, scaler=1, unit=30)),
    86_400,
)
ADDRESS = "http://127.0.0.1:9/callback"
STAMP = Stamp(source="MDM", message_id="q-1", at=END, correlation_id="c-1")


def quarter(number: int) -> datetime:
    """The end of a day's interval, the first is 1; 0 is its midnight."""
    return BEGIN + timedelta(minutes=15 * number)


def rows(layout: int, *, without: Sequence[int] = (), begin: datetime = BEGIN) -> tuple[Row, ...]:
    """A day's rows: 250 Wh in each quarter, the voltage 220.0 V and a tenth more in each."""
    ends = (number for number in range(1, 97) if number not in without)
    return tuple(
        Row(round((begin + timedelta(minutes=15 * n)).timestamp()), round(END.timestamp()), layout,
            0, (None, 1000 + 250 * n, 2200 + n))
        for n in ends
    )  # fmt: skip


def day_of(
    meter: str, day: date, found: tuple[Row, ...], profile: str = LOAD.profile
) -> IntervalDay:
    return IntervalDay(meter, profile, day, 96, len(found), 0, 0, END, found)


@dataclass
class House:
    """`ask` and `tell` go through the whole door, schema checks included."""

    server: SoapServer
    store: SqlStore
    desk: ReadingDesk
    events: EventDesk
    answering: Answering
    clock: FixedClock

    async def ask(
        self, record: Any, style: Style = GENERIC, stamp: Stamp = STAMP, **asked: Any
    ) -> Message:
        question = exchange.question(record, stamp, style, asked=Request(**asked))
        return await self.post(question)

    async def post(self, message: Message) -> Message:
        octets = xml.serialize(soap_envelope(envelope.write(message)))
        answer = await self.server.handle(octets)
        assert answer.status == 200, answer.body
        body = xml.parse(answer.body)[0][0]
        schema.check(body)
        schema.check_strict(body)
        return exchange.receive(body).message


async def house(meters: Sequence[str] = ("M1", "M2", "M3")) -> House:
    """M1 has a whole day, M2 lacks the quarters 11 and 12, M3 has nothing."""
    store = databases.store()
    clock, chance = FixedClock(END + timedelta(hours=10)), CountingChance()

    async def read(query: Any) -> Any:
        return store.read(query)

    def fill(tx: Transaction) -> None:
        tx.put_concentrators([Concentrator("C1")])
        tx.put_meters([Meter(name, "C1", True) for name in meters])
        tx.put_places(  # type: ignore[attr-defined]
            [
                Place("T1", PlaceKind.TRANSFORMER),
                Place("S1", PlaceKind.SERVICE_POINT, "T1"),
                Place("S2", PlaceKind.SERVICE_POINT, "T1"),
                Place("S9", PlaceKind.SERVICE_POINT, "T1"),
            ]
        )
        for point, name in zip(("S1", "S2"), meters, strict=False):
            tx.add_installation(Installation(name, point, BEGIN))  # type: ignore[attr-defined]
        load, days = tx.layout_number(LOAD), tx.layout_number(DAYS)
        midnight = rows(load, begin=BEGIN - timedelta(days=1))[-1]
        midnight = midnight._replace(cells=(None, 1000, 2199))
        doubtful = rows(load)
        doubtful = tuple(
            row._replace(quality=int(RowQuality.CLOCK_DOUBTFUL)) if row.at == _at(5) else row
            for row in doubtful
        )
        changed = doubtful[6]._replace(
            quality=int(RowQuality.CHANGED), cells=(None, 999_999, 9999), came=doubtful[6].came + 1
        )
        for name, found in (
            (meters[0], (*doubtful, changed)),
            (meters[1], rows(load, without=(11, 12))),
        ):
            tx.put_interval_day(day_of(name, DAY - timedelta(days=1), (midnight,)))
            tx.put_interval_day(day_of(name, DAY, found))
        day = timedelta(days=1)
        for n, name in enumerate((DAY - day, DAY)):
            row = Row(
                round((BEGIN + n * day).timestamp()), _at(96), days, 0, (None, 100 + 2400 * n)
            )
            tx.put_interval_day(day_of(meters[0], name, (row,), DAYS.profile))
        looked = (Finding(Check.SPIKE, _at(20), "1.0.32.7.0.255"), Finding(Check.CLOCK, _at(5)))
        made = tuple(
            Estimate(_at(n), "1.0.1.8.0.255", 1000 + 250 * n, Method.LINEAR) for n in (11, 12)
        )
        late = END + timedelta(hours=1)
        tx.put_validated_day(ValidatedDay(meters[0], LOAD.profile, DAY, late, late, looked))
        tx.put_validated_day(ValidatedDay(meters[1], LOAD.profile, DAY, late, late, (), made))
        tx.add_readings(
            Reading(meters[0], "1.0.1.8.0.255", 2, at, at, "order 1", value=value, unit="Wh")
            for at, value in (
                (quarter(40), "11000"),
                (quarter(41) + timedelta(seconds=7), "11255.5"),
            )
        )

    await store.run(fill)
    desk = ReadingDesk(read, clock, chance, ZONE)
    events = EventDesk(read, clock, chance)
    inbox = Inbox(store, clock, chance)
    desk.later = events.later = Later(inbox, clock, chance, lambda: None)
    asked = {"MeterReadings": desk, "EndDeviceEvents": events}
    answering = Answering(store, clock, chance, asked, lambda: None)
    desks: dict[tuple[str, str], Any] = {
        ("get", said): each
        for noun, each in (("MeterReadings", desk), ("EndDeviceEvents", events))
        for said in (noun, f"Get{noun}")
    }
    addresses = ReplyAddresses((ADDRESS,))
    admission = Admission(clock=clock, reply_addresses=addresses)
    server = SoapServer(RememberingDesk(), clock, chance, admission, desks)
    return House(server, store, desk, events, answering, clock)


def _at(number: int) -> int:
    return round(quarter(number).timestamp())
