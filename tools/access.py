"""`ami access`: whether commands on a head-end's database ask for an account."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from tools.account import run
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json

app = typer.Typer(
    name="access",
    help="Whether commands ask for an account: show, commands.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


class What(enum.StrEnum):
    """Whom a command asks for."""

    ACCOUNT = "account"
    OPEN = "open"


@app.command()
def show(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """What commands on this database ask for, whatever configuration they name.

    Example: [bold]ami access show --database ami.db[/]
    """
    _tell(run(config, database, lambda desk, by: desk.commands_ask()), json)


@app.command()
def commands(
    what: Annotated[What, typer.Argument(help="account: an account's token; open: as configured.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Have commands ask for an account, by whatever configuration they name this database.

    It takes an administrator's token, where there is one; make that first: [bold]ami token
    create[/].

    Example: [bold]ami access commands account --database ami.db[/]
    """
    ask = what is What.ACCOUNT
    run(config, database, lambda desk, by: desk.let_commands_ask(ask, by))
    _tell(ask, json)


def _tell(ask: bool, json: bool) -> None:
    if json:
        print_json({"commands": "account" if ask else "open"})
    else:
        out.print("commands ask for an account" if ask else "commands ask as configured")
