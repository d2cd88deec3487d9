"""`ami collection`: how much of what is expected of meters is here, what is not, and since when."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.domain.ledger import Curve, Entry, Gap, Summary, summed
from headend.domain.utility_day import day_of
from headend.store.backfill_queries import given_up
from headend.store.ledger_queries import (
    ChannelHeld,
    Wanted,
    channels,
    curve,
    ledger,
    missing,
    zones_of,
)
from headend.store.registry_queries import MeterFilter
from tools.collection.asking import (
    DAYS_MAX,
    LOAD_PROFILE,
    InPlace,
    OfConcentrator,
    OfMeter,
    Period,
    Plot,
    Profile,
    Question,
    day_named,
)
from tools.collection.backfill import backfill
from tools.collection.drawing import bars, rising
from tools.collection.phases import phases
from tools.collection.rollup import rollup
from tools.collection.schedules import schedules
from tools.collection.validation import findings, validate
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show

app = typer.Typer(
    name="collection",
    help="Completeness: what is expected of meters, and what is here.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("validate")(validate)
app.command("findings")(findings)
app.command("backfill")(backfill)
app.command("schedules")(schedules)
app.command("rollup")(rollup)
app.command("phases")(phases)

SHARES = (0.5, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
NOTHING_CAME = (
    "Nothing has come of it. A head-end collects what its configuration names, [[collection.task]]:"
    " ami explain concentrator NAME shows what each was told."
)

Day = Annotated[str | None, typer.Option(help="The last day, like 2026-07-06 [yesterday].")]
Days = Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="So many days, up to that one.")]


class By(enum.StrEnum):
    """What completeness is told by."""

    CONCENTRATOR = "concentrator"
    ZONE = "zone"
    METER = "meter"
    DAY = "day"


@app.command()
def status(
    day: Day = None,
    days: Days = 1,
    by: Annotated[By, typer.Option(help="One line for each.")] = By.CONCENTRATOR,
    concentrator: OfConcentrator = None,
    place: InPlace = None,
    meter: OfMeter = None,
    profile: Profile = LOAD_PROFILE,
    period: Period = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    plot: Plot = False,
    json: Json = False,
) -> None:
    """How much is here of what is expected; meters of which nothing came count as well.

    Of one meter, channel by channel as well.  Of a day under way what has ended by now is due.

    Example: [bold]ami collection status --day 2026-07-06 --by meter --concentrator C-001[/]
    """
    last = None if day is None else day_named(day, "--day")
    which = MeterFilter(concentrator, place, meter=meter)
    question = Question.of(config, database, last, days, which, profile, period)
    wanted = question.wanted

    def asked(
        connection: Any,
    ) -> tuple[list[Summary], list[Summary], dict[str, list[ChannelHeld]]]:
        entries = list(ledger(connection, wanted))
        name = _names(connection, entries, by, wanted)
        held = {}
        if meter is not None:
            held = {
                each.day.isoformat(): channels(connection, each) for each in entries if each.due
            }
        return summed(entries, name), summed(entries, lambda _: "all"), held

    rows, whole, held = question.put(asked)
    if json:
        print_json(
            {
                "profile": profile,
                "first_day": wanted.first,
                "last_day": wanted.last,
                "by": by,
                "items": [_told(each) for each in rows],
                "all": _told(whole[0]) if whole else None,
                "channels": held,
            }
        )
        return
    if not rows:
        out.print("nothing is expected of these days")
        return
    show(_table(by, [*rows, *whole]))
    if not whole[0].received:
        out.print(NOTHING_CAME, markup=False)
    if held:
        show(_channel_table(held))
    if plot:
        show(bars([(each.name or "none", each.share) for each in rows]))


@app.command()
def gaps(
    day: Day = None,
    days: Days = 10,
    concentrator: OfConcentrator = None,
    place: InPlace = None,
    meter: OfMeter = None,
    profile: Profile = LOAD_PROFILE,
    period: Period = None,
    limit: Annotated[int, typer.Option(min=1, help="How many gaps.")] = 100,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """What has ended and is not here, meter by meter, from when to when.

    Example: [bold]ami collection gaps --day 2026-07-06 --days 10 --json[/]
    """
    last = None if day is None else day_named(day, "--day")
    which = MeterFilter(concentrator, place, meter=meter)
    question = Question.of(config, database, last, days, which, profile, period)
    found = question.put(
        lambda connection: list(islice(missing(connection, question.wanted), limit + 1))
    )
    more, found = len(found) > limit, found[:limit]
    since = question.gone()
    ended = question.put(lambda connection: _ended(connection, found, question))
    if json:
        told = [_gap_told(each, question.asked_for_s, ended[each]) for each in found]
        print_json({"items": told, "more": more, "kept_since": since})
        return
    if not found:
        out.print("no gaps")
        return
    table = Table("meter", "concentrator", "from", "to", "intervals", "asked for until", box=None)
    for each in found:
        table.add_row(
            each.meter,
            each.concentrator or "",
            question.local(each.begin),
            question.local(each.end),
            f"{each.intervals:,}",
            f"given up: {ended[each]}"
            if ended[each]
            else question.local(each.end + question.asked_for_s),
        )
    show(table)
    if more:
        out.print(f"and more: --limit {limit * 10}")


@app.command("curve")
def curve_(
    day: Annotated[
        str | None, typer.Argument(help="Whose intervals, like 2026-07-06 [yesterday].")
    ] = None,
    concentrator: OfConcentrator = None,
    place: InPlace = None,
    meter: OfMeter = None,
    profile: Profile = LOAD_PROFILE,
    period: Period = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    plot: Plot = False,
    json: Json = False,
) -> None:
    """By when so much of a day was here: 98 % by 05:40.

    Example: [bold]ami collection curve 2026-07-06 --plot[/]
    """
    which = MeterFilter(concentrator, place, meter=meter)
    last = None if day is None else day_named(day, "DAY")
    question = Question.of(config, database, last, 1, which, profile, period)
    found: Curve = question.put(lambda connection: curve(connection, question.wanted))
    (span,) = question.wanted.spans.values()
    marks = [(share, found.reached(share)) for share in SHARES]
    goals = {_length(each): each for each in (86_400.0, question.asked_for_s)}
    after = [(text, found.share_at(span.end + each)) for text, each in goals.items()]
    here = found.arrivals[-1][1] if found.arrivals else 0
    since = question.gone()
    if json:
        print_json(
            {
                "day": question.wanted.last,
                "profile": profile,
                "expected": found.expected,
                "received": here,
                "kept_since": since,
                "by": [{"share": share, "at": _moment(at)} for share, at in marks],
                "after": dict(after),
                "points": [
                    {"at": _moment(at), "share": count / found.expected}
                    for at, count in found.arrivals
                ],
            }
        )
        return
    if not found.expected:
        if since is None:
            out.print("nothing is expected of this day")
        return
    table = Table("share", f"of {question.wanted.last} by", box=None)
    for share, at in marks:
        table.add_row(f"{share:.1%}", "not yet" if at is None else question.local(at))
    show(table)
    for text, reached in after:
        out.print(f"{_percent(reached)} within {text} of the day's end")
    out.print(f"{here:,} of {found.expected:,} intervals are here")
    if plot:
        points = [((at - span.begin) / 3600, count) for at, count in found.arrivals]
        show(rising(points, found.expected))


def _names(connection: Any, entries: list[Entry], by: By, wanted: Wanted) -> Callable[[Entry], str]:
    match by:
        case By.CONCENTRATOR:
            return lambda entry: entry.concentrator or ""
        case By.METER:
            return lambda entry: entry.meter
        case By.DAY:
            return lambda entry: entry.day.isoformat()
    until = datetime.fromtimestamp(wanted.spans[wanted.last].end, UTC)
    zones = zones_of(connection, list(dict.fromkeys(each.meter for each in entries)), until)
    return lambda entry: zones.get(entry.meter, "")


def _table(by: By, rows: list[Summary]) -> Table:
    names = (by, "meters", "complete", "silent", "due", "here", "share", "late", "changed")
    table = Table(*names, box=None)
    for each in rows:
        counts = (each.meters, each.complete, each.silent, each.due, each.received)
        late = (each.late, each.changed)
        table.add_row(
            each.name or "none",
            *(f"{count:,}" for count in counts),
            _percent(each.share),
            *(f"{count:,}" for count in late),
        )
    return table


def _channel_table(held: dict[str, list[ChannelHeld]]) -> Table:
    table = Table("day", "channel", "due", "here", box=None)
    for day, each_day in held.items():
        for each in each_day:
            name = each.name if each.attribute == 2 else f"{each.name}:{each.attribute}"
            table.add_row(day, name, f"{each.due:,}", f"{each.received:,}")
    return table


def _told(summary: Summary) -> dict[str, Any]:
    return {**asdict(summary), "share": summary.share}


def _ended(connection: Any, gaps: list[Gap], question: Question) -> dict[Gap, str | None]:
    """Why nobody asks for a gap any more, where that is so."""
    wanted, names = question.wanted, list(dict.fromkeys(each.meter for each in gaps))
    known = given_up(connection, names, wanted.profile, wanted.first, wanted.last)
    found: dict[Gap, str | None] = {}
    for gap in gaps:
        days = [day_of(at, wanted.zone) for at in (gap.begin + 1, gap.end)]
        reasons = [known[gap.meter, day].reason for day in days if (gap.meter, day) in known]
        over = gap.end + question.asked_for_s <= wanted.now.timestamp()
        if over or len(reasons) == len(days):
            found[gap] = reasons[-1] if reasons else "over"
        else:
            found[gap] = None
    return found


def _gap_told(gap: Gap, asked_for_s: float, ended: str | None) -> dict[str, Any]:
    return {
        "meter": gap.meter,
        "concentrator": gap.concentrator,
        "profile": gap.profile,
        "after": _moment(gap.begin),
        "until": _moment(gap.end),
        "intervals": gap.intervals,
        "asked_until": _moment(gap.end + asked_for_s),
        "given_up": ended,
    }


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _length(seconds: float) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{round(days)} days" if days > 1 and not rest else f"{seconds / 3600:g} h"


def _percent(share: float | None) -> str:
    """Never 100 % where something is missing."""
    if share is None:
        return "-"
    return f"{min(share, 0.9999) if share < 1 else share:.2%}"
