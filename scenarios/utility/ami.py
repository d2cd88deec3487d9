"""What the head-end's database holds: the utility's meters where they hang, and a day of some.

It is entered by the head-end's own desks, as its registry and its collection would have it; what
the meters measured is what the simulated grid gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from devices.grid.field_grid import FieldGrid
from headend.app.registering import registry_desk
from headend.collection.filling import fill
from headend.config import Config
from headend.domain.interval import Row
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation
from headend.events.taking import EventIntake
from headend.ports import Transaction
from headend.registry.places import settle
from protocols.concentrator.collecting import ColumnTold, Layout
from scenarios.utility.field import field_of
from scenarios.utility.model import Utility
from scenarios.utility.naming import System, head_meter_key
from scenarios.utility.places import places

READ_MAX: Final = 24
"""Meters with a day of load profile: the others have not been read yet."""

ROWS: Final = 96
_QUARTER_S: Final = 900
_LONG: Final = timedelta(days=400)  # since when the meters hang
_MS_PER_HOUR: Final = 3_600_000

LAYOUT: Final = Layout(
    "1.0.99.1.0.255",
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=0, unit=30),
        *(ColumnTold(3, f"1.0.{c}.7.0.255", 2, scaler=-1, unit=35) for c in (32, 52, 72)),
    ),
    _QUARTER_S,
)
"""Time, energy imported (Wh), and the voltage of each phase (0.1 V)."""


async def write(utility: Utility, database: Path, now_s: int, zone: ZoneInfo) -> None:
    """A head-end's database in a file.  The last row ends at the quarter before `now_s` (POSIX)."""
    async with registry_desk(Config(database=f"sqlite:///{database}")) as desk:
        since, grid = desk.now - _LONG, FieldGrid(utility.seed, field_of(utility))
        rows = {name: [*_rows(grid, name, now_s)] for name in _read(utility)}

        def enter(tx: Transaction) -> None:
            tx.put_concentrators(
                Concentrator(name)
                for name in dict.fromkeys(it.concentrator for it in utility.transformers)
            )
            tx.put_meters(_meters(utility))
            wrong = settle(tx, (*places(utility),))
            if wrong:
                raise ValueError("; ".join(wrong))
            for each in utility.meters:
                name = str(each.index)
                tx.add_installation(Installation(name, f"P-{each.index}", since))
            layout = tx.layout_number(LAYOUT)
            for name, found in rows.items():
                numbered = [row._replace(layout=layout) for row in found]
                fill(tx, name, LAYOUT, numbered, zone=zone, now=desk.now, events=EventIntake())

        await desk.do(enter)


def _read(utility: Utility) -> list[str]:
    return [str(each.index) for each in utility.meters[:READ_MAX]]


def _meters(utility: Utility) -> Iterator[Meter]:
    """Customers' meters, and those at the heads of feeders."""
    for each in utility.meters:
        yield Meter(
            str(each.index),
            each.transformer.concentrator,
            commissioned=True,
            contracted_w=Decimal(each.contracted_w),
        )
    for feeder in utility.feeders:
        yield Meter(head_meter_key(System.AMI, feeder))


def _rows(grid: FieldGrid, meter: str, now_s: int) -> Iterator[Row]:
    load = grid.load_of(meter)
    last = now_s - now_s % _QUARTER_S
    for number in range(ROWS):
        at = last - (ROWS - 1 - number) * _QUARTER_S
        hours = load.energy(at).active_import // _MS_PER_HOUR
        volts: list[int | None] = [phase.voltage_dv for phase in load.at(at)]
        volts += [None] * (3 - len(volts))  # of phases that the meter has not
        yield Row(at, at + 60, 0, 0, (None, hours, *volts))
