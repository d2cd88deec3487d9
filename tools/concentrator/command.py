"""`ami concentrator`: what is done to concentrators themselves."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from headend.ports import StoreUnavailable
from tools.concentrator.activities import activity_verbs
from tools.concentrator.registry import registry_verbs
from tools.database.opening import ADVICE, database_of, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, wrong_usage

app = typer.Typer(
    help="Concentrators themselves: in the registry, what they are asked, and their firmware.",
    no_args_is_help=True,
)
registry_verbs(app)
activity_verbs(app)


@app.callback()
def _concentrator() -> None:
    """What is done to concentrators themselves."""


@app.command()
def update(
    name: Annotated[str, typer.Argument(help="The concentrator's id.")],
    image: Annotated[Path, typer.Option(help="The image's file.")],
    version: Annotated[str, typer.Option(help="The version that it will tell.")],
    at: Annotated[
        str | None, typer.Option(help="When to activate it, ISO 8601 with a zone; now without.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Enter a firmware image; the head-end hands it out, and the concentrator activates it.

    Example: [bold]ami concentrator update C-007 --image fw.bin --version 1.1.0
    --at 2026-07-07T03:00:00-04:00[/]
    """
    from headend.app.entering import (
        add_firmware,  # the other commands need not wait for the head-end
    )

    try:
        octets = image.read_bytes()
    except OSError as error:
        wrong_usage(f"--image {image}: {error.strerror}")
    if not octets:
        wrong_usage(f"--image {image}: there is nothing in it")
    with reading(database, config):
        pass  # ends where there is none: an update must not make a database
    try:
        entered = asyncio.run(
            add_firmware(database_of(config, database), name, octets, version, _time(at))
        )
    except KeyError:
        wrong_usage(
            f"no concentrator {name}",
            "See the registry, or the file it was entered from",
            code="no-such-concentrator",
        )
    except StoreUnavailable as error:
        failed(f"no database: {error}", ADVICE)
    if json:
        told = {"concentrator": name, "image": entered.image, "version": version}
        print_json({**told, "activate_at": entered.activate_at, "octets": len(octets)})
        return
    active = clock_text(entered.activate_at)
    out.print(f"{name}: {version}, {len(octets)} octets, at {active} UTC", markup=False)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        wrong_usage(f"--at {text}: no time; write it like 2026-07-07T03:00:00-04:00")
    if found.tzinfo is None:
        wrong_usage(f"--at {text}: a time without a zone; write it like 2026-07-07T03:00:00-04:00")
    return found
