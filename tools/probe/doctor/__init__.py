"""`ami probe doctor`: what is wrong with the line, the login or the meter, and what to try next.

findings  what can be found, in words
clients   which client addresses get a link
parity    with which parity a sign-on is answered, where nothing is understood
ways      by which framing, speed and address the meter answers
logins    who is let in by what, with two logins at most
health    clock, profile, error and alarm registers
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.doctor import health
from tools.probe.doctor.clients import linked
from tools.probe.doctor.findings import Finding, Level, good, note
from tools.probe.doctor.logins import LOGINS_MAX, Logins
from tools.probe.doctor.ways import Search
from tools.probe.report import Column, Report, Table
from tools.probe.talk import Stopped, Talk
from tools.terminal import err, out

COLUMNS = (
    Column("level", "level"),
    Column("code", "code"),
    Column("found", "found"),
    Column("next", "try"),
)
MARKS = {Level.GOOD: "✔", Level.NOTE: "·", Level.WARN: "!", Level.BAD: "✘"}
COLOURS = {Level.GOOD: "green", Level.NOTE: "", Level.WARN: "yellow", Level.BAD: "bold red"}


@verb("doctor")
async def doctor(
    desk: Desk,
    days: Annotated[
        int, typer.Option("--days", help="Days of the profile to look through.", min=1, max=60)
    ] = 3,
) -> Report:
    """Examine line, login and meter: what is wrong, and what to try next.

    It logs in twice at most, and only with credentials that were given, because meters lock; the
    public client, which needs none, is not counted.

    Example: [bold]ami probe doctor --port /dev/ttyUSB0 --lang es[/]
    """
    findings = await examined(desk, days)
    worst = any(found.level is Level.BAD for found in findings)
    if not desk.quiet:
        for found in findings:
            _show(found, desk)
    rows = tuple((str(found.level), found.code, *found.told(desk.language)) for found in findings)
    table = (Table("findings", "", COLUMNS, rows),)
    tell = desk.quiet or desk.options.export is not None
    codes = [found.code for found in findings if found.level in (Level.WARN, Level.BAD)]
    return desk.report(
        "", tables=table if tell else (), done=not worst, journal={"findings": codes}
    )


async def examined(desk: Desk, days: int) -> list[Finding]:
    """Everything that was found, in the order in which it was looked for."""
    search = Search(desk, desk.model())
    logins: Logins | None = None
    found: list[Finding] = []
    _tell("looking for a way to the meter", desk)
    async with search.talk() as public:
        if search.way is not None:
            logins = Logins(desk, search.way)
        if public is not None:
            found += await _looked(public, logins)
    findings = [*search.findings, *found]
    if logins is None:
        return findings
    findings += await linked(desk, logins.way)
    examined_by_login = False
    for role in logins.roles():
        logins.spend()
        _tell(f"logging in as {role}", desk)
        before = len(logins.findings)
        try:
            async with desk.talk(way=logins.way_of(role)) as talk:
                logins.entered(talk, role)
                if not examined_by_login:
                    logins.findings += await _examined_inside(talk, days, public is None)
                    examined_by_login = True
        except Stopped as stopped:
            if len(logins.findings) == before:  # else it was let in, and the line broke later
                logins.refused(role, stopped.failure)
    if not logins.count:
        logins.findings.append(note("no-credentials"))
    logins.findings.append(good("logins", count=logins.count, most=LOGINS_MAX))
    return [*findings, *logins.findings]


async def _looked(public: Talk, logins: Logins | None) -> list[Finding]:
    """What anybody may see."""
    findings: list[Finding] = []
    try:
        findings += await health.identity(public)
        findings += await health.associations(public)
        findings += await health.clock(public)
        if logins is not None:
            await logins.counters(public)
    except Stopped:
        pass  # a public client that may read little is no fault
    return findings


async def _examined_inside(talk: Talk, days: int, clock_too: bool) -> list[Finding]:
    findings = await health.identity(talk) if clock_too else []
    if clock_too:
        findings += await health.clock(talk)
    findings += await health.registers(talk)
    findings += await health.profile(talk, talk.model, days)
    return findings


def _tell(what: str, desk: Desk) -> None:
    if not desk.quiet and err.is_terminal:
        err.print(Text(f"{what} …", style="dim"))


def _show(found: Finding, desk: Desk) -> None:
    what, then = found.told(desk.language)
    out.print(Text.assemble((f"{MARKS[found.level]} ", COLOURS[found.level]), what))
    if then:
        tried = "pruebe" if desk.language == "es" else "try"
        out.print(Text.assemble(("  → ", "dim"), f"{tried}: {then}"))
