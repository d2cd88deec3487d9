"""`ami account`: who may use the head-end, and what they may."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from headend.app.access import AccessRefused, AccountDesk, By, account_desk, by_command
from headend.config import BadConfig
from headend.domain.account import Account, Role
from headend.ports import StoreUnavailable
from headend.store.access_queries import accounts
from tools.database.opening import ADVICE, configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, wrong_usage
from tools.terminal import show as show_

T = TypeVar("T")

PASSWORD = "AMI_ACCOUNT_PASSWORD"

app = typer.Typer(
    help="Accounts: add, list, role, disable, enable, unlock, unlink, password.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="What the account is called.")]
Roles = Annotated[list[Role], typer.Option("--role", help="What it is; several may be named.")]


@app.command()
def add(
    name: Name,
    role: Roles,
    password: Annotated[
        bool,
        typer.Option(
            help=f"Asked for twice, or taken from {PASSWORD}; a program's account needs none."
        ),
    ] = True,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Make an account.

    Example: [bold]ami account add ana --role operator[/]
    """
    word = _password() if password else None
    _tell(run(config, database, lambda desk, by: desk.add(name, role, by, password=word)), json)


@app.command("list")
def list_(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """All accounts, by name.

    Example: [bold]ami account list --json[/]
    """
    with reading(database, config) as reader:
        found = reader.read(accounts)
    if json:
        print_json([_row(each) for each in found])
        return
    table = Table("account", "roles", "made (UTC)", "by", "standing", box=None)
    for each in found:
        table.add_row(
            each.name,
            ", ".join(each.roles),
            clock_text(each.made_at),
            each.made_by,
            _standing(each),
        )
    show_(table)


@app.command()
def role(
    name: Name,
    role: Roles,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Give an account these roles, in place of those that it has.

    Example: [bold]ami account role ana --role operator --role analyst[/]
    """
    _tell(run(config, database, lambda desk, by: desk.set_roles(name, role, by)), json)


@app.command()
def disable(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Let an account and its tokens do nothing any more, from now on.

    Example: [bold]ami account disable ana[/]
    """
    _tell(run(config, database, lambda desk, by: desk.disable(name, by)), json)


@app.command()
def enable(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Let a disabled account in again.

    Example: [bold]ami account enable ana[/]
    """
    _tell(run(config, database, lambda desk, by: desk.enable(name, by)), json)


@app.command()
def unlock(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Forget the wrong passwords that locked an account.

    Example: [bold]ami account unlock ana[/]
    """
    _tell(run(config, database, lambda desk, by: desk.unlock(name, by)), json)


@app.command()
def unlink(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Let an account be nobody's at the identity provider any more, until whoever bears its name
    there logs in.  Its sessions end.

    Example: [bold]ami account unlink ana[/]
    """
    _tell(run(config, database, lambda desk, by: desk.unlink(name, by)), json)


@app.command()
def password(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Give an account another password: asked for twice, or taken from AMI_ACCOUNT_PASSWORD.

    Example: [bold]ami account password ana[/]
    """
    word = _password()
    _tell(run(config, database, lambda desk, by: desk.set_password(name, word, by)), json)


def run(
    config: Path | None, database: str | None, work: Callable[[AccountDesk, By], Awaitable[T]]
) -> T:
    """Work at the desk of a head-end's database; ends the command where that cannot be."""

    async def at_desk() -> T:
        async with account_desk(configured(config, database)) as desk:
            return await work(desk, by_command())

    try:
        return asyncio.run(at_desk())
    except BadConfig as error:
        wrong_usage(str(error))
    except AccessRefused as error:
        wrong_usage(str(error), error.next_step, code=error.code)
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


def _password() -> str:
    """From the environment, or typed twice by a person."""
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        failed(
            "no terminal to ask for the password at",
            f"Set {PASSWORD}, or make an account without one: --no-password",
            code="no-password",
        )
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _standing(account: Account) -> str:
    if account.disabled_at is not None:
        return f"disabled since {clock_text(account.disabled_at)}"
    if account.locked_until is not None:
        return f"locked until {clock_text(account.locked_until)}"
    if account.password is not None:
        return ""
    return "tokens alone" if account.issuer is None else "by the identity provider"


def _row(account: Account) -> dict[str, object]:
    return {
        "account": account.name,
        "roles": account.roles,
        "permissions": sorted(account.permissions),
        "made_at": account.made_at,
        "made_by": account.made_by,
        "password": account.password is not None,
        "issuer": account.issuer,
        "subject": account.subject,
        "locked_until": account.locked_until,
        "disabled_at": account.disabled_at,
    }


def _tell(account: Account, json: bool) -> None:
    if json:
        print_json(_row(account))
        return
    told = f"account {account.name}: {', '.join(account.roles)}"
    standing = _standing(account)
    out.print(f"{told}; {standing}" if standing else told, markup=False)
