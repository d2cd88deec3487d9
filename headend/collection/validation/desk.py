"""Days whose rows are newer than the last look at them: new, late and corrected ones alike.

A day is looked at together with the ones beside it, whose rows say what a register showed at its
edges; so when one changes, they are looked at again too.  Also one of which nothing came: its page
is not there, but the days beside it tell how much it must have brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from headend.collection.validation.channels import Channel, Nature, Point, series
from headend.collection.validation.day import Given, looked_at
from headend.domain.interval import IntervalDay, Row
from headend.domain.ledger import periods, served
from headend.domain.reading import Reading
from headend.domain.utility_day import period_of, span_of
from headend.domain.validation import ValidatedDay
from headend.ports import Clock, Store, Transaction
from protocols.concentrator.collecting import Layout
from protocols.dlms.objects.units import UNITS

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
AT_ONCE = 50
"""Days that one transaction looks at: orders wait for no longer."""
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Validation:
    """Looks at days.  `zone` is the utility's, whose days they are; `at_once` how many one
    transaction looks at, each with those beside it."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    at_once: int = AT_ONCE

    async def catch_up(self, since: date, until: date = date.max) -> int:
        """Look at all days from then on that have rows nobody has looked at, up to and with
        another; how many looks."""
        looks = 0
        while True:
            found = await self.store.run(lambda tx: self._some(tx, since, until))
            looks += found
            if not found:
                return looks

    def _some(self, tx: Transaction, since: date, until: date) -> int:
        wanted = dict.fromkeys(
            (meter, profile, day + beside)
            for meter, profile, day in tx.days_to_validate(since, until, self.at_once)
            for beside in (timedelta(0), -_DAY, _DAY)
        )
        return sum(self.look(tx, *each) for each in wanted)

    def look(self, tx: Transaction, meter: str, profile: str, day: date) -> bool:
        """Look at one day and keep what comes of it; False where nothing is known of it, nor of
        both days beside it, and of one whose rows have outlived their span."""
        pages = {
            each.day: each for each in tx.interval_days(meter, profile, day - _DAY, day + _DAY)
        }
        own = pages.get(day)
        if tx.is_past(meter, profile, day) or (own is None and len(pages) < 2):
            return False
        given = self._given(tx, meter, profile, day, pages)
        findings, estimates = looked_at(given)
        raw_at = _NEVER if own is None else own.updated_at
        validated = ValidatedDay(meter, profile, day, raw_at, self.clock.now(), findings, estimates)
        tx.put_validated_day(validated)
        return True

    def _given(
        self, tx: Transaction, meter: str, profile: str, day: date, pages: dict[date, IntervalDay]
    ) -> Given:
        span, own = span_of(day, self.zone), pages.get(day)
        nearest = own or next(iter(pages.values()))
        period_s = period_of(span_of(nearest.day, self.zone), nearest.expected)
        past_day = day - _WEEK
        before = tx.interval_days(meter, profile, past_day - _DAY, past_day + _DAY)
        rows, past = _rows(pages.values()), _rows(before)
        layouts = {each: tx.layout(each) for each in {row.layout for row in (*rows, *past)}}
        known = tx.meter(meter)
        mine = (span,) if known is None else served(known, tx.life_of(meter), span)
        return Given(
            ends=tuple(periods(mine, span, period_s, self.zone, self.clock.now().timestamp())),
            period_s=period_s,
            own=() if own is None else own.rows,
            around=rows,
            before=past,
            layouts=layouts,
            reads=_reads(tx, meter, rows, layouts, span.begin, span.end),
        )


def _rows(pages: Iterable[IntervalDay]) -> list[Row]:
    return sorted((row for page in pages for row in page.rows), key=lambda row: row.at)


def _reads(
    tx: Transaction,
    meter: str,
    rows: Sequence[Row],
    layouts: dict[int, Layout],
    begin: int,
    end: int,
) -> dict[Channel, list[Point]]:
    """What the registers behind the channels were read to show, in the channels' counts."""
    registers = {
        channel: register
        for channel in series(rows, layouts)
        if (register := register_of(channel)) is not None
    }
    times = (datetime.fromtimestamp(each, UTC) for each in (begin, end))
    found = tx.register_reads(meter, sorted(set(registers.values())), *times)
    return {
        channel: [
            point
            for read in found
            if read.name == register and (point := _counted(read, channel)) is not None
        ]
        for channel, register in registers.items()
    }


def register_of(channel: Channel) -> str | None:
    """The register that counts what a channel does: of an interval's energy the one of the same
    quantity with time integral 1."""
    match channel.nature:
        case Nature.REGISTER:
            return channel.name
        case Nature.ENERGY:
            parts = channel.name.split(".")
            return ".".join((*parts[:3], str(Nature.REGISTER.value), *parts[4:]))
    return None


def _counted(read: Reading, channel: Channel) -> Point | None:
    """A read in the channel's counts, cut off as the register does; None in another unit."""
    unit = UNITS.get(channel.unit)
    if read.value is None or unit is None or read.unit != unit.symbol:
        return None
    try:
        count = Decimal(read.value).scaleb(-channel.scaler)
        return Point(int(read.at.timestamp()), int(count))
    except (InvalidOperation, ValueError, OverflowError):
        return None
