"""`ami database retain`: delete now what has outlived its span, or show what would go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Table

from headend.config import BadConfig
from headend.domain.retention import Outlived
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.terminal import err, failed, out, print_json, show, wrong_usage

NOTHING_SET = "nothing is deleted: \\[retention] names no span, so everything is kept for ever"


def retained(config: Path | None, database: str | None, *, dry_run: bool, json: bool) -> None:
    """The command's work; ends it where something of it cannot be."""
    from headend.app.access import by_command
    from headend.app.retaining import refuse_too_short, retain_now
    from headend.warehouse.place import PlaceUnavailable

    try:
        settings = configured(config, database)
        refuse_too_short(settings)
        with _shown() as told:
            found = asyncio.run(retain_now(settings, by_command(), told, dry_run=dry_run))
    except BadConfig as error:
        wrong_usage(str(error))
    except PlaceUnavailable as error:
        failed(f"{error}", "What the data store has taken is not known.", code="place-unavailable")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json({"dry_run": dry_run, "items": [_told(each) for each in found]})
        return
    if not settings.retention.enabled:
        out.print(NOTHING_SET)
        return
    went = "would go" if dry_run else "went"
    table = Table("table", "kept since", went, "oldest", "newest", "stay", "because", box=None)
    for each in found:
        table.add_row(*_cells(each))
    show(table)
    total, held = (sum(getattr(each, of) for each in found) for of in ("rows", "held"))
    out.print(f"{total:,} rows {went}, {held:,} stay as somebody needs them")


@contextmanager
def _shown() -> Iterator[Any]:
    """A bar for the table that is being worked on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as shown:
        bar = shown.add_task("", total=None)

        def told(table: str, done: int, of: int) -> None:
            shown.update(bar, description=table, completed=done, total=of)

        yield told


def _told(each: Outlived) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "table": each.table,
        "kept_since": each.kept_since,
        "rows": each.rows,
        "oldest": each.oldest,
        "newest": each.newest,
        "held": each.held,
        "held_because": {why.value: count for why, count in sorted(each.reasons.items())},
        "months_dropped": each.months_dropped,
    }


def _cells(each: Outlived) -> tuple[str, ...]:
    return (
        each.table,
        each.kept_since.isoformat(),
        f"{each.rows:,}",
        "" if each.oldest is None else f"{each.oldest:%Y-%m-%d}",
        "" if each.newest is None else f"{each.newest:%Y-%m-%d}",
        f"{each.held:,}",
        ", ".join(f"{why.value} {count:,}" for why, count in sorted(each.reasons.items())),
    )
