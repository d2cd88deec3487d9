"""What stands in the small store that pages are looked at over."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from headend.domain.account import Role
from headend.domain.event import Event, Incident, IncidentKind, Severity, Source
from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.order import Kind
from headend.domain.reading import Reading
from headend.domain.service_level import By, Measured
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange
from headend.orders.accept import Submission, Wish
from headend.ports import Transaction
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.concentrator.upkeep import EventCode, EventEntry, MemoryTold, MeterPlace, State
from tests.web.ground import Ground, opened

NAMES = [f"7400{number:04}" for number in range(1, 13)]
TRAFO = "C-1"
PROFILE = "1.0.99.1.0.255"
ZONE = ZoneInfo("America/Santiago")
LAYOUT = Layout(
    PROFILE,
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=0, unit=30),
        ColumnTold(3, "1.0.32.7.0.255", 2, scaler=-1, unit=35),
        ColumnTold(3, "1.0.52.7.0.255", 2, scaler=-1, unit=35),
        ColumnTold(3, "1.0.72.7.0.255", 2, scaler=-1, unit=35),
    ),
    900,
)


@contextlib.asynccontextmanager
async def filled() -> AsyncIterator[Ground]:
    """A ground with a bit of everything in it."""
    async with opened() as ground:
        now = ground.clock.now()
        await ground.store.run(lambda tx: _registry(tx, now))
        await ground.store.run(lambda tx: _heard(tx, now))
        await ground.store.run(lambda tx: _collected(tx, now))
        await ground.store.run(lambda tx: _alarms(tx, now))
        await _orders(ground, now)
        await ground.someone(Role.OPERATOR)
        yield ground


def _registry(tx: Transaction, now: datetime) -> None:
    tx.put_concentrators([Concentrator(TRAFO)])
    tx.put_meters(
        Meter(
            name, TRAFO, commissioned=True, model="sim-3p", contracted_w=Decimal(6600),
            stage=Stage.IN_SERVICE, blocked=name == NAMES[-1],
        )
        for name in NAMES
    )  # fmt: skip


def _heard(tx: Transaction, now: datetime) -> None:
    ago = [now - timedelta(hours=hours) for hours in range(30)]
    tx.add_session(SessionChange("C-0", ago[29], True, 3, "ami-dc-1"))
    tx.add_session(SessionChange("C-0", ago[2], False, 3, "ami-dc-1"))
    tx.add_session(SessionChange(TRAFO, ago[20], True, 7, "ami-dc-2"))
    ways = [(), (), (0,), (0,), (0, 2), (0, 2), (1,), (1, 6), (), (8,), (8, 9), ()]
    places = tuple(
        MeterPlace(
            meter=name, registered=place != 11, link=None if place == 11 else "plc",
            level=len(way) + 1 if place != 11 else 0, via=tuple(NAMES[each] for each in way),
            snr_db=None if place == 11 else 18.0 - 2 * place, last_heard=ago[0],
        )
        for place, (name, way) in enumerate(zip(NAMES, ways, strict=True))
    )  # fmt: skip
    state = State(
        id="s-2", of="s-1", at=now, boot=7, up_since=ago[20], firmware="ami-dc-2",
        memory=MemoryTold(12, 48_000, 4_000_000, 0), meters=places,
        events=(EventEntry(ago[20], EventCode.RESTARTED, "power came back"),),
    )  # fmt: skip
    tx.put_state(KnownState(TRAFO, now, state))
    tx.add_clock(ClockMeasured(TRAFO, ago[1], 0.4, 0.1))
    tx.put_hours(
        HourHeard(TRAFO, name, ago[hours], 12 - (place % 4), 12)
        for place, name in enumerate(NAMES)
        for hours in range(1, 4)
    )


def _collected(tx: Transaction, now: datetime) -> None:
    number = tx.layout_number(LAYOUT)
    today = now.astimezone(ZONE).date()
    for place, name in enumerate(NAMES):
        register = 100_000
        for back in range(6, -1, -1):
            day = today - timedelta(days=back)
            begin = int(datetime.combine(day, time(), ZONE).timestamp())
            rows = []
            for interval in range(96):
                end = begin + (interval + 1) * 900
                wave = math.sin(math.pi * interval / 48)
                register += 60 + int(50 * (1 - wave))
                lost = place == 4 and back == 2 and 30 < interval < 60
                if end > now.timestamp() or lost or (place == 7 and back < 4):
                    continue
                volts = tuple(2200 + int(40 * wave) - 15 * phase for phase in range(3))
                rows.append(Row(end, end + 60, number, RowQuality(0), (None, register, *volts)))
            if rows:
                tx.put_interval_day(_day(name, day, tuple(rows), now))
    tx.add_readings(
        Reading(NAMES[0], name, 2, now, now, "order 1", word, value, unit)
        for name, word, value, unit in (
            ("1.0.1.8.0.255", "energy-import", "184230", "Wh"),
            ("1.0.32.7.0.255", "voltage-l1", "221.4", "V"),
            ("1.0.13.7.0.255", "power-factor", "0.95", None),
        )
    )


def _day(name: str, day: date, rows: tuple[Row, ...], now: datetime) -> IntervalDay:
    return IntervalDay(name, PROFILE, day, 96, len(rows), 0, 0, now, rows)


def _alarms(tx: Transaction, now: datetime) -> None:
    place = "transformer T-1"
    began = now - timedelta(minutes=30)
    number = tx.add_incident(Incident(IncidentKind.OUTAGE, place, began, now, members=3, without=1))
    for name in NAMES[:3]:
        tx.add_event(
            Event(
                name, "power-down", Severity.CRITICAL, began, now, (Source.PUSH,), 1, place,
                IncidentKind.OUTAGE, number,
            )
        )  # fmt: skip
    today = now.astimezone(ZONE).date()
    tx.put_measured(
        today,
        [
            Measured(today, "alarms", 60, By.ALL, "", 21, 20, 19, 7, 2, "alarms major", now),
            Measured(today, "alarms", 60, By.ZONE, "N", 9, 9, 6, 0, 0, "alarms major", now),
        ],
    )


async def _orders(ground: Ground, now: datetime) -> None:
    wishes = (
        Wish(NAMES[0], Kind.SET_LIMIT, Decimal(3300), "W"),
        Wish(NAMES[1], Kind.CONNECT),
        Wish(NAMES[2], Kind.DISCONNECT),
        Wish("99999999", Kind.CONNECT),
    )
    acceptance = ground.parts.placing.acceptance
    for number, wish in enumerate(wishes):
        submission = Submission("COMERCIAL", (wish,), f"m-{number}", any_day=True)

        def work(tx: Transaction, submission: Submission = submission, id: int = number) -> None:
            acceptance.accept(tx, submission, f"t-{id}", at=now)

        await ground.store.run(work)
