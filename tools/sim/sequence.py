"""`ami sim sequence`: a story as a sequence diagram, drawn from its run's journals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenarios.engine import run
from scenarios.schema import BadScenario
from scenarios.sequence.drawing import drawing
from scenarios.sequence.mermaid import mermaid
from scenarios.sequence.svg import svg
from scenarios.sequence.tape import Tape
from scenarios.sequence.text import text
from scenarios.sequence.words import Language
from tools.options import Json
from tools.sim.command import (
    File,
    Seed,
    app,
    cannot_be_played,
    find,
    has_a_directory,
    mind_the_log,
)
from tools.terminal import err, failed, print_json


@app.command()
def sequence(
    file: File,
    seed: Seed = None,
    order: Annotated[
        int | None, typer.Option(min=1, help="Only what belongs to the order of this number.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file, as SVG.")
    ] = None,
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="As text that Mermaid draws, in place of plain text.")
    ] = False,
    lang: Annotated[Language, typer.Option(help="Of the labels.")] = Language.EN,
    json: Json = False,
) -> None:
    """Play a story, and show who told whom what: MDM, head-end, concentrator and meter.

    Drawn from the run itself: the journals of the external systems and of the head-end, and what
    travelled.  Receipts are left out, and what repeats is one line with a count.

    Example: [bold]ami sim sequence sequence-4-a-clock-is-synchronised --svg clock.svg --lang es[/]
    """
    name, scenario = find(file)
    has_a_directory("--svg", to)
    mind_the_log(False)
    tape = Tape()
    try:
        story = run(scenario, seed=seed, recorder=tape)
    except BadScenario as error:
        cannot_be_played(file, error)
    title = name if order is None else f"{name}, {order}"
    drawn = drawing(title, story, tape, language=lang, order=order)
    if order is not None and not drawn.rows:
        failed(f"the story has no order {order}", f"It has {len(story.records)}: leave --order out")
    if to is not None:
        to.write_text(svg(drawn), "utf-8")
        err.print(f"{to}: {len(drawn.rows)} lines", markup=False)
    if json:
        print_json(
            [
                {
                    "at_us": row.step.at_us,
                    "from": row.step.source,
                    "to": row.step.target,
                    "label": row.label,
                    "count": row.step.count,
                    "frames": row.step.frames,
                    "lost": row.step.lost,
                    "order": row.step.order,
                }
                for row in drawn.rows
            ]
        )
    elif to is None:
        typer.echo(mermaid(drawn) if as_mermaid else text(drawn), nl=False)
