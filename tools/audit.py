"""`ami audit`: who was let do what, and whether the log is what was written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from headend.domain.audit import AuditEntry, AuditHead, Broken, Outcome
from headend.store.access_queries import AuditFilter, audit, verified
from tools.database.opening import reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, wrong_usage
from tools.terminal import show as show_

app = typer.Typer(help="The audit log: show, verify.", no_args_is_help=True)


@app.command()
def show(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    actor: Annotated[str | None, typer.Option(help="Only what this account did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this: a permission, login, lock-out, token.create …")
    ] = None,
    subject: Annotated[str | None, typer.Option(help='Only about this: "order 12".')] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only what ended so.")] = None,
    security: Annotated[bool, typer.Option(help="Only what the CERT is told.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Only from this date on, with its zone: 2026-11-23T18:00Z.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    json: Json = False,
) -> None:
    """The latest lines, newest first.

    Example: [bold]ami audit show --outcome refused --limit 20[/]
    """
    which = AuditFilter(actor, action, subject, outcome, security or None, _date(since))
    with reading(database, config) as reader:
        found = reader.read(lambda connection: audit(connection, which, limit=limit))
    if json:
        print_json(found)
        return
    table = Table("line", "at (UTC)", "who", "from", "what", "of what", "outcome", "", box=None)
    for each in found:
        table.add_row(*_cells(each))
    show_(table)


@app.command()
def verify(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    noted: Annotated[
        str | None,
        typer.Option(metavar="LINE:DIGEST", help="A head that was noted elsewhere, to compare."),
    ] = None,
    json: Json = False,
) -> None:
    """Walk the whole log: that no line was changed, moved or taken out.  Exit code 1 where one was.

    Prints the log's head: keep it somewhere else, and compare with it the next time.

    Example: [bold]ami audit verify --noted 1234:9f2c…[/]
    """
    kept = None if noted is None else _head(noted)
    with reading(database, config) as reader:
        found = reader.read(lambda connection: verified(connection, noted=kept))
    if isinstance(found, Broken):
        failed(
            f"the audit log is broken: line {found.number} {found.why}",
            "Keep this database as it is, and compare it with a backup.",
            code="audit-broken",
        )
    if json:
        print_json({"lines": found.number, "head": str(found)})
        return
    out.print(f"{found.number} lines, all as they were written; head {found}", markup=False)


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        str(entry.number),
        clock_text(entry.at),
        entry.actor or "-",
        entry.source,
        entry.action,
        entry.subject,
        entry.outcome,
        entry.detail,
    )


def _head(text: str) -> AuditHead:
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        wrong_usage("--noted takes what ami audit verify printed: a number, a colon, 64 digits")
    return AuditHead(int(found[1]), found[2])


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        wrong_usage(f"--since takes a date with its zone like 2026-11-23T18:00Z, not {text!r}")
    return at.astimezone(UTC)
