"""`ami tariff`: tariff calendars as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from headend.registry.tariff_file import BadCalendar, parse
from protocols.concentrator.messages import TariffWanted
from tools.options import Json
from tools.terminal import out, print_json, show, wrong_usage

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

app = typer.Typer(help="Tariff calendars.", no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """Tariff calendars."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A calendar as TOML: docs/commands.md.")],
    json: Json = False,
) -> None:
    """Whether a file is a calendar, and what it says.  Exit code 2 where it is none.

    Example: [bold]ami tariff check summer.toml[/]
    """
    calendar = calendar_in(file)
    if json:
        print_json(msgspec.to_builtins(calendar))
        return
    out.print(f"calendar {calendar.name}", markup=False)
    seasons = Table("season", "from", "week", *WEEKDAYS, box=None)
    weeks = {each.name: each.days for each in calendar.weeks}
    for season in sorted(calendar.seasons, key=lambda each: (each.month, each.day)):
        begin = f"{season.month:02}-{season.day:02}"
        seasons.add_row(season.name, begin, season.week, *map(str, weeks[season.week]))
    show(seasons)
    days = Table("day", "from = tariff", box=None)
    for day in calendar.days:
        parts = (f"{_time(each.at_s)} = {each.tariff}" for each in day.switchings)
        days.add_row(str(day.id), ", ".join(parts))
    show(days)
    for special in calendar.special_days or ():
        year = "each year" if special.year is None else str(special.year)
        text = f"special day {special.month:02}-{special.day:02} ({year}): day {special.profile}"
        out.print(text, markup=False)
    if calendar.special_days is None:
        out.print("special days: the meter keeps those that it has")
    else:
        out.print("special days hold as soon as they are written, before the calendar does")


def calendar_in(file: Path) -> TariffWanted:
    """The calendar in a file; ends the command where there is none."""
    try:
        return parse(file.read_text(encoding="utf-8"))
    except BadCalendar as error:
        text = "\n".join(f"{file}: {each}" for each in error.mistakes)
        wrong_usage(text, "The form of the file: docs/commands.md", code="no-calendar")
    except UnicodeDecodeError:
        wrong_usage(f"{file} is no text", code="no-calendar")
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")


def _time(seconds: int) -> str:
    hour, rest = divmod(seconds, 3600)
    return f"{hour:02}:{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
