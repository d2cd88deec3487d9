"""`ami collection rollup`: what is kept of a meter's channels by the day and by the hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.collection.validation.channels import Channel, Nature
from headend.domain.rollup import ChannelSum, Rolled, RolledDay, gained
from headend.domain.utility_day import span_of
from headend.store.collected_queries import rolled_days
from headend.store.registry_queries import MeterFilter
from headend.store.retention_queries import ROLLED_DAYS
from protocols.dlms.objects.units import UNITS
from tools.collection.asking import DAYS_MAX, LOAD_PROFILE, Profile, Question, day_named
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show

_COUNTS = ("expected", "received", "late", "changed", "quality", "status")


def rollup(
    meter: Annotated[str, typer.Argument(help="Its number.")],
    day: Annotated[
        str | None, typer.Option(help="The last day, like 2026-07-06 [yesterday].")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="So many days, up to that one.")
    ] = 1,
    profile: Profile = LOAD_PROFILE,
    hours: Annotated[bool, typer.Option("--hours", help="By the hour, not by the day.")] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """What is kept of a meter's channels by the day or by the hour, where \\[rollup] is enabled.

    Of registers what they gained, where both ends are known; of momentary values least, mean, most.

    Example: [bold]ami collection rollup 90000001 --day 2026-07-06 --hours[/]
    """
    last = None if day is None else day_named(day, "--day")
    question = Question.of(config, database, last, days, MeterFilter(meter=meter), profile)
    first, until = question.wanted.first, question.wanted.last
    found = question.put(
        lambda connection: rolled_days(connection, meter, profile, first - timedelta(days=1), until)
    )
    since = question.gone(ROLLED_DAYS)
    spans = [each for each in _spans(found, question, hours) if each[0] >= first]
    if json:
        items = [_told(end, before, now) for _, end, before, now in spans]
        told = {"meter": meter, "profile": profile, "items": items, "kept_since": since}
        print_json(told)
        return
    if not spans:
        if since is not None:
            return
        out.print("nothing is rolled up: \\[rollup] enabled = true has the head-end do it each day")
        return
    table = Table("until", "here", "channel", "gained", "least", "mean", "most", box=None)
    for _, end, before, now in spans:
        for each in now.channels:
            here = f"{now.received}/{now.expected}"
            table.add_row(question.local(end), here, each.name, *_cells(before, now, each))
    show(table)


def _spans(
    found: list[RolledDay], question: Question, hours: bool
) -> Iterator[tuple[date, int, Rolled | None, Rolled]]:
    """Each span with its day, its end, and the one right before it, where that is rolled up."""
    before: Rolled | None = None
    following: date | None = None
    for day in found:
        if day.day != following:
            before = None
        following = day.day + timedelta(days=1)
        end = span_of(day.day, question.wanted.zone).end
        parts = [(each.end, each) for each in day.hours] if hours else [(end, day)]
        for at, now in parts:
            yield day.day, at, before, now
            before = now


def _told(end: int, before: Rolled | None, now: Rolled) -> dict[str, Any]:
    told: dict[str, Any] = {"until": datetime.fromtimestamp(end, UTC)}
    told |= {name: getattr(now, name) for name in _COUNTS}
    told["channels"] = [
        _channel(each) | {"gained": gained(before, now, each) if _counts_up(each) else None}
        for each in now.channels
    ]
    return told


def _channel(each: ChannelSum) -> dict[str, Any]:
    return {
        "name": each.name, "scaler": each.scaler, "unit": _unit(each), "count": each.count,
        "first": each.first, "last": each.last, "least": each.least, "most": each.most,
        "mean": each.mean,
    }  # fmt: skip


def _cells(before: Rolled | None, now: Rolled, each: ChannelSum) -> list[str]:
    if _counts_up(each):
        gain = gained(before, now, each)
        return ["" if gain is None else _value(gain, each), "", "", ""]
    mean = f"{each.mean * 10.0**each.scaler:.{max(0, 1 - each.scaler)}f} {_unit(each)}"
    return ["", _value(each.least, each), mean, _value(each.most, each)]


def _counts_up(each: ChannelSum) -> bool:
    return Channel(each.name, each.scaler, each.unit).nature is Nature.REGISTER


def _value(count: int, each: ChannelSum) -> str:
    return f"{Decimal(count).scaleb(each.scaler):f} {_unit(each)}"


def _unit(each: ChannelSum) -> str:
    known = UNITS.get(each.unit)
    return "" if known is None else known.symbol
