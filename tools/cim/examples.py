"""`ami cim examples`: messages to begin with, of each noun, adapter and pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from protocols.cim import examples
from protocols.cim.example import Example
from tools.options import Json
from tools.terminal import out, print_json, show, wrong_usage


def examples_(
    name: Annotated[
        str | None,
        typer.Argument(help="The message, as the list names it; or a noun, for its messages."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write them below this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """List example messages, print one, or write them: NOUN/pattern.xml.

    Example: [bold]ami cim examples EndDeviceControls/create-async > order.xml[/]
    """
    every = examples.every()
    found = [it for it in every if name is None or it.name == name or _is_of(it, name)]
    if not found:
        nouns = ", ".join(dict.fromkeys(it.name.partition("/")[0] for it in every))
        wrong_usage(f"no example {name}", f"There are those of {nouns}", code="no-such-example")
    if to is not None:
        _write(to, found)
    if json:
        print_json(
            [{"name": it.name, "about": it.about, "message": it.octets.decode()} for it in found]
        )
    elif to is not None:
        out.print(f"{len(found)} messages below {to}", markup=False)
    elif name == found[0].name:
        out.print(found[0].octets.decode(), markup=False, soft_wrap=True, end="")
    else:
        table = Table("example", "what it shows", box=None)
        for it in found:
            table.add_row(it.name, it.about)
        show(table)


def _is_of(example: Example, noun: str) -> bool:
    return example.name.partition("/")[0] == noun


def _write(folder: Path, found: list[Example]) -> None:
    """Ends the command where it cannot be written."""
    try:
        for it in found:
            place = folder / f"{it.name}.xml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(it.octets)
    except OSError as error:
        wrong_usage(f"{error.filename}: {error.strerror}", code="no-folder")
