"""`ami concentrator add` and `list`: the concentrators that the registry knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headend.app.entering import add_seal_key
from headend.app.registering import registry_desk
from headend.config import BadConfig
from headend.domain.meter import Concentrator
from headend.ports import StoreUnavailable
from headend.registry.shipment.delivered import NAME
from headend.store import queries
from protocols.concentrator.keys import SEAL_KEY_OCTETS
from tools.database.opening import ADVICE, configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show, wrong_usage


def registry_verbs(app: typer.Typer) -> None:
    """The verbs of `ami concentrator` that concern the registry."""
    app.command("add")(add)
    app.command("list")(list_concentrators)


def add(
    name: Annotated[str, typer.Argument(help="Its id, by which it opens its session.")],
    sim: Annotated[
        str | None, typer.Option(help="Its SIM, as the carrier's portal knows it.")
    ] = None,
    seal_key: Annotated[
        Path | None,
        typer.Option(help="File with its 64 hexadecimal digits, by which meters' keys are sealed."),
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Enter a concentrator, or change its SIM.  Its meters: ami meter link, or what it discovers.

    Example: [bold]ami concentrator add C-007 --sim 8956012345678901234 --seal-key c-007.key[/]
    """
    key = None if seal_key is None else _key(seal_key)
    if NAME.fullmatch(name) is None:
        text = f"a concentrator's id has letters, digits and . _ / - (64 at most), not {name!r}"
        wrong_usage(text, code="bad-name")
    entered = Concentrator(name, sim)
    try:
        asyncio.run(_put(entered, config, database))
        if key is not None:
            asyncio.run(add_seal_key(configured(config, database), name, key))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json(entered)
    else:
        out.print(f"concentrator {name}: entered", markup=False)


def _key(file: Path) -> bytes:
    """What a file says in hexadecimal digits."""
    advice = "one line of 64 hexadecimal digits: openssl rand -hex 32"
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except OSError as error:
        wrong_usage(f"--seal-key {file}: {error.strerror}", advice)
    except ValueError:
        wrong_usage(f"--seal-key {file}: no hexadecimal digits", advice)
    if len(key) != SEAL_KEY_OCTETS:
        wrong_usage(f"--seal-key {file}: {len(key)} octets, not {SEAL_KEY_OCTETS}", advice)
    return key


async def _put(entered: Concentrator, config: Path | None, database: str | None) -> None:
    async with registry_desk(configured(config, database)) as desk:
        await desk.do(lambda tx: tx.put_concentrators([entered]))


def list_concentrators(
    after: Annotated[str, typer.Option(help="Continue behind this name.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """The registry's concentrators, by name; how one fares: ami explain concentrator.

    Example: [bold]ami concentrator list --json[/]
    """
    with reading(database, config) as reader:
        found = reader.read(
            lambda connection: queries.concentrators(connection, after=after, limit=limit)
        )
    if json:
        print_json(found)
        return
    table = Table("concentrator", "SIM", box=None)
    for each in found:
        table.add_row(each.name, each.sim or "")
    show(table)
