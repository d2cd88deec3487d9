"""`ami probe journal`: what this probe did, when, and what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.report import Column, Report, Table

COLUMNS = (
    Column("at", "when (UTC)"),
    Column("user", "who"),
    Column("action", "what"),
    Column("meter", "meter"),
    Column("port", "port"),
    Column("result", "result"),
    Column("facts", "facts"),
)
_OF_THEIR_OWN = {"user", "port", "result"}


@verb("journal")
async def journal(
    desk: Desk,
    last: Annotated[int, typer.Option("--last", help="So many of the newest lines.", min=1)] = 50,
) -> None:
    """Show the journal.  It lies in the data folder (XDG_DATA_HOME), or in --home.

    Example: [bold]ami probe journal --last 20[/]
    """
    rows = []
    for line in list(desk.probe.journal)[-last:]:
        facts = "; ".join(
            f"{key} {value}" for key, value in line.facts.items() if key not in _OF_THEIR_OWN
        )
        known = line.facts
        rows.append((line.at, known.get("user"), line.action, line.meter, known.get("port"),
                     known.get("result"), facts))  # fmt: skip
    where = str(desk.probe.folder)
    table = Table("lines", "", COLUMNS, tuple(rows))
    desk.show(Report("journal", "", None, desk.now(), (), (table,), (where,)))
