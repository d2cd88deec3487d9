"""`ami token`: what programs show in place of a password."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from headend.clock import WallClock
from headend.domain.account import Permission, Token
from headend.store.access_queries import tokens
from tools.account import run
from tools.database.opening import reading
from tools.moments import moment
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, err, out, print_json
from tools.terminal import show as show_

app = typer.Typer(help="Tokens: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    account: Annotated[str, typer.Argument(help="The account that it speaks for.")],
    scope: Annotated[
        list[Permission] | None,
        typer.Option("--scope", help="A permission; several may be named. None: the account's."),
    ] = None,
    about: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires: Annotated[
        str | None, typer.Option(help="90d from now, or a date with its zone.  Else 90 days.")
    ] = None,
    config: ConfigFile = None,
    place: Annotated[
        str | None, typer.Option(help="Only for the meters of this place: zone:NORTE.")
    ] = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Make a token.  Its text is shown now and never again.

    Example: [bold]ami token create crm --scope order.send --about "work orders"[/]
    """
    ends = None if expires is None else moment("--expires", expires, WallClock().now())
    token, text = run(
        config,
        database,
        lambda desk, by: desk.create_token(
            account, by, scopes=scope or (), about=about, expires_at=ends, place=place
        ),
    )
    if json:
        print_json({**_row(token), "token": text})
        return
    out.print(text, markup=False)
    err.print(
        f"for {token.account} until {clock_text(token.expires_at)}Z: {', '.join(token.scopes)}\n"
        "Keep it now: it is shown once.  Sent as  Authorization: Bearer TOKEN",
        markup=False,
    )


@app.command("list")
def list_(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    json: Json = False,
) -> None:
    """All tokens, the latest first.

    Example: [bold]ami token list --account crm[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: tokens(connection, account))
    if json:
        print_json([_row(each) for each in found])
        return
    table = Table("token", "account", "about", "scopes", "ends (UTC)", "used (UTC)", "", box=None)
    for each in found:
        table.add_row(
            each.id,
            each.account,
            each.about,
            ", ".join(each.scopes),
            clock_text(each.expires_at),
            clock_text(each.used_at),
            "" if each.revoked_at is None else "revoked",
        )
    show_(table)


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id: ami token list.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Let a token be of no use from now on.

    Example: [bold]ami token revoke abcd2345[/]
    """
    token = run(config, database, lambda desk, by: desk.revoke_token(id, by))
    if json:
        print_json(_row(token))
        return
    out.print(f"token {token.id} of {token.account} is revoked", markup=False)


def _row(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "account": token.account,
        "about": token.about,
        "scopes": token.scopes,
        "made_at": token.made_at,
        "made_by": token.made_by,
        "expires_at": token.expires_at,
        "place": token.place,
        "used_at": token.used_at,
        "revoked_at": token.revoked_at,
    }
