"""`ami sim replay`: a live run played again, with another policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from scenarios.cuts import Values
from scenarios.engine import run
from scenarios.replay import NothingToReplay, ended, recorded, values_of
from scenarios.schema import BadScenario, built
from scenarios.toml_text import written
from scenarios.whatif import Variant, place_of, varied
from tools.database import reading
from tools.sim.command import Json, app, has_a_directory
from tools.sim.whatif import choice
from tools.terminal import failed, log_nothing, out, print_json, show, wrong_usage


@app.command()
def replay(
    database: Annotated[str, typer.Argument(help="A head-end's database: URL, or a file's path.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Like retries=5; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what nobody recorded.")] = 1,
    timezone: Annotated[str, typer.Option(help="The utility's.")] = "America/Santiago",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scenario that was made of it.")
    ] = None,
    json: Json = False,
) -> None:
    """Play the orders of a live run again, as recorded and with another policy, and compare.

    Example: [bold]ami sim replay ami.db --set retries=8 --set breaker_rest_s=60[/]
    """
    log_nothing()
    has_a_directory("--output", output)
    with reading(database) as reader:
        try:
            record = reader.read(recorded)
        except NothingToReplay as error:
            failed(f"{database}: {error}")
    try:
        values = values_of(record, timezone)
        pairs = [choice(each) for each in changes or ()]
        variant = Variant(tuple((place_of(key), each[0]) for key, each in pairs))
        other = varied(values, variant)
        was, again, changed = ended(record.orders), _played(values, seed), _played(other, seed)
    except BadScenario as error:
        wrong_usage(f"{database}: {error}")
    if output is not None:
        output.write_text(written(other), encoding="utf-8")
    rows = [*zip(was, again, changed, strict=True)]
    if json:
        keys = ("recorded", "replayed", "changed")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    table = Table("order", "recorded", "replayed", variant.name or "no change", box=None)
    for order, row in zip(record.orders, rows, strict=True):
        style = "bold" if row[1] != row[2] else ""
        table.add_row(str(order.number), *(Text(each, style) for each in row))
    show(table)
    done = [sum(each == "done" for each in column) for column in (was, again, changed)]
    out.print(Text(f"done: {done[0]} recorded, {done[1]} replayed, {done[2]} with the change"))


def _played(values: Values, seed: int) -> list[str]:
    return ended([record.order for record in run(built(values), seed=seed).records])
