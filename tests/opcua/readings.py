"""A registry of a few meters, and what came of them: two days of load profile, and registers read
apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from headend.collection.filling import fill
from headend.domain.interval import Row, RowQuality
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading
from headend.events.taking import EventIntake
from headend.ports import Transaction
from protocols.concentrator.collecting import ColumnTold, Layout

ZONE = ZoneInfo("America/Santiago")
T0 = datetime(2026, 7, 6, tzinfo=UTC)
NOON = T0 + timedelta(hours=12)
QUARTER = timedelta(minutes=15)
ROWS = 144
"""Quarter hours of a meter: a day and a half, up to noon."""

LAYOUT = Layout(
    "1.0.99.1.0.255",
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(1, "0.0.96.10.1.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=1, unit=30),
        ColumnTold(3, "1.0.32.7.0.255", 2, scaler=-1, unit=35),
        ColumnTold(3, "1.0.13.7.0.255", 2, scaler=-3, unit=255),
        ColumnTold(3, "1.0.31.7.0.255", 2, scaler=-2, unit=35),  # volts where amperes belong
    ),
    900,
)
FIRST = NOON - (ROWS - 1) * QUARTER
METERS = ("90000001", "90000002", "90000003")  # the last of them nobody has read
BARE = METERS[-1]


def values(number: int, place: int) -> dict[str, float | None]:
    """What meter number `number` measured in its row number `place`."""
    return {
        "EnergyImport": 10.0 * (1000 * number + place),
        "VoltageA": None if place == 5 else (2290 + (number + place) % 20) / 10,
        "PowerFactor": (900 + place % 100) / 1000,
        "CurrentA": None,
    }


def enter(tx: Transaction) -> None:
    """All of it."""
    tx.put_concentrators([Concentrator("C-001")])
    tx.put_meters(
        Meter(name, "C-001", commissioned=True, contracted_w=Decimal(5000 + place))
        for place, name in enumerate(METERS)
    )
    above = None
    for kind, code in (
        (PlaceKind.REGION, "D1"),
        (PlaceKind.FEEDER, "F-VEN-4010"),
        (PlaceKind.TRANSFORMER, "T-0001"),
    ):
        tx.put_places([Place(code, kind, above, f"name of {code}")])
        above = code
    for name in METERS:
        tx.put_places([Place(f"P-{name}", PlaceKind.SERVICE_POINT, above, f"door of {name}")])
        tx.add_installation(Installation(name, f"P-{name}", T0 - timedelta(days=100)))
    for number, name in enumerate(METERS[:2], 1):
        _profile(tx, number, name)
    tx.add_readings(
        [
            register(METERS[0], "1.0.1.8.0.255", "123.456", "kWh", NOON + timedelta(minutes=3)),
            register(METERS[0], "1.0.14.7.0.255", "50.02", "Hz", NOON - timedelta(days=3)),
            register(METERS[0], "1.0.14.7.0.255", "49.98", "Hz", NOON - timedelta(days=2)),
            register(METERS[0], "1.0.52.7.0.255", "much", "V", NOON),
            register(METERS[0], "0.0.96.1.0.255", "a number of its own", None, NOON),
        ]
    )


def register(meter: str, name: str, value: str, unit: str | None, at: datetime) -> Reading:
    return Reading(meter, name, 2, at, at, "order 1", value=value, unit=unit)


def _profile(tx: Transaction, number: int, name: str) -> None:
    layout = tx.layout_number(LAYOUT)
    rows = [_row(layout, number, place) for place in range(ROWS)]
    fill(tx, name, LAYOUT, rows, zone=ZONE, now=NOON, events=EventIntake())
    # One that comes again and says something else stands beside the first, and counts for nothing.
    again = _row(layout, number, 7)
    changed = again._replace(cells=(None, 0, 1, 1, 1, 1), came=again.came + 60)
    fill(tx, name, LAYOUT, [changed], zone=ZONE, now=NOON, events=EventIntake())


def _row(layout: int, number: int, place: int) -> Row:
    at = int((FIRST + place * QUARTER).timestamp())
    told = values(number, place)
    volts, energy, factor = told["VoltageA"], told["EnergyImport"], told["PowerFactor"]
    assert energy is not None and factor is not None
    cells = (
        None,
        0,
        round(energy / 10),
        None if volts is None else round(volts * 10),
        round(factor * 1000),
        777,
    )
    quality = RowQuality.CLOCK_DOUBTFUL if place == 9 else RowQuality.GOOD
    return Row(at, at + 60, layout, int(quality), cells)
