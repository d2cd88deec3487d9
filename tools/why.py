"""`ami why METER`: why a meter is not reading: the verdict, what shows it, and what to do next."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer

from headend.clock import WallClock
from headend.config import BadConfig
from headend.domain.why import Verdict, Why
from headend.store.why_queries import DAYS_SHOWN
from headend.store.why_queries import why as why_of
from headend.why.page import page
from headend.why.words import evidence_of, local, next_step_of, sentence, text_of, word
from tools.database.opening import configured, reading
from tools.moments import stated
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, failed, out, print_json, wrong_usage


class Lang(enum.StrEnum):
    """The languages of the answer."""

    EN = "en"
    ES = "es"


def why(
    meter: Annotated[str, typer.Argument(help="The meter's number.")],
    lang: Annotated[Lang, typer.Option("--lang", help="The language of the answer.")] = Lang.EN,
    days: Annotated[
        int, typer.Option(min=2, max=31, help="So many days, up to today.")
    ] = DAYS_SHOWN,
    at: Annotated[
        str | None, typer.Option(help="As was heard by then, like 2026-07-06T12:00Z [now].")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as a page, too.")] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Why a meter is not reading: the verdict first, then what shows it, and what to do next.

    Example: [bold]ami why 90000001 --html why.html[/]
    """
    try:
        settings = configured(config, database)
        zone = ZoneInfo(settings.orders.zone)
    except BadConfig as error:
        wrong_usage(str(error))
    except (ZoneInfoNotFoundError, ValueError):
        wrong_usage(f"{settings.orders.zone!r} is no time zone")
    now = WallClock().now() if at is None else stated("--at", at)
    with reading(settings.database) as reader:
        found = reader.read(lambda connection: why_of(connection, meter, zone, now, days=days))
    if found is None:
        wrong_usage(f"no meter {meter}", "See which: ami meter list", code="no-such-meter")
    if html is not None:
        try:
            html.write_text(page(found, lang.value, zone), encoding="utf-8")
        except OSError as error:
            failed(f"{html}: {error.strerror}", code="no-file")
        err.print(f"written: {html}", style="dim")
    if json:
        print_json(_as_json(found, lang, zone))
        return
    _tell(found, lang, zone)


def _tell(found: Why, lang: Lang, zone: ZoneInfo) -> None:
    style = "bold green" if found.verdict is Verdict.READS else "bold"
    out.print(sentence(found, lang.value, zone), style=style, markup=False)
    for cause in found.causes:
        at = "" if cause.at is None else f", {local(cause.at, zone)}"
        out.print(f"  {text_of(cause, lang.value, zone)}", markup=False)
        shown = f"    {word('evidence', lang.value)}: {evidence_of(cause, lang.value, zone)}{at}"
        out.print(shown, style="dim", markup=False)
        if next_step_of(cause, lang.value, zone):
            out.print(f"    → {next_step_of(cause, lang.value, zone)}", markup=False)


def _as_json(found: Why, lang: Lang, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "sentence": sentence(found, lang.value, zone),
        "last_at": found.last_at,
        "ripe": found.ripe,
        "missing": found.missing,
        "causes": [
            {
                "text": text_of(each, lang.value, zone),
                "evidence": evidence_of(each, lang.value, zone),
                "next_step": next_step_of(each, lang.value, zone),
                "at": each.at,
                "stops": each.stops,
            }
            for each in found.causes
        ],
        "days": [{"day": day.day, "due": day.due, "received": day.received} for day in found.days],
        "meter": msgspec.to_builtins(found.meter),
    }
