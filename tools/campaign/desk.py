"""Who works at the campaigns' desk, and the words in which commands are refused there."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from headend.app.access import By, by_command
from headend.app.campaigns import (
    CampaignDesk,
    NotSecond,
    NotStarted,
    NotSteered,
    Refused,
    campaign_desk,
    proven,
)
from headend.config import BadConfig, Config, OrderPolicy
from headend.domain.account import Caller, Permission
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.terminal import failed, wrong_usage

T = TypeVar("T")

PASSWORD = "AMI_ACCOUNT_PASSWORD"
COMMAND = "command"

As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="ACCOUNT", help=f"Who you are; the password is asked, or {PASSWORD}."
    ),
]
Approver = Annotated[
    str,
    typer.Option(
        "--as", metavar="ACCOUNT", help=f"Who you are; the password is asked, or {PASSWORD}."
    ),
]


def policy_of(config: Path | None, database: str | None) -> OrderPolicy:
    """How the head-end weighs what is ordered.  Ends the command where it has no such settings."""
    try:
        return configured(config, database).orders
    except BadConfig as error:
        wrong_usage(str(error))


def at_desk(
    config: Path | None,
    database: str | None,
    account: str | None,
    permission: Permission,
    work: Callable[[CampaignDesk, By], Awaitable[T]],
) -> T:
    """Work as an account that may, or as the machine's user where none is named.  Ends the command
    where that cannot be."""

    async def done(desk: CampaignDesk, who: Caller | None) -> T:
        return await work(desk, by_command() if who is None else By(who.account, COMMAND))

    return _at_desk(config, database, account, permission, done)


def as_second(
    config: Path | None,
    database: str | None,
    account: str,
    work: Callable[[CampaignDesk, Caller], Awaitable[T]],
) -> T:
    """Decide as an account.  Ends the command where that cannot be."""

    async def done(desk: CampaignDesk, who: Caller | None) -> T:
        assert who is not None
        return await work(desk, who)

    return _at_desk(config, database, account, Permission.ORDER_APPROVE, done)


def _at_desk(
    config: Path | None,
    database: str | None,
    account: str | None,
    permission: Permission,
    work: Callable[[CampaignDesk, Caller | None], Awaitable[T]],
) -> T:
    try:
        settings = configured(config, database)
        password = "" if account is None else _password(account)
        return asyncio.run(_worked(settings, account, password, permission, work))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    except (NotStarted, NotSteered) as error:
        wrong_usage(str(error), error.next_step, code=error.code)
    except NotSecond as error:
        failed(
            str(error), "Let somebody else approve it, who has asked for none of it.",
            code="not-second-person",
        )  # fmt: skip


async def _worked(
    settings: Config,
    account: str | None,
    password: str,
    permission: Permission,
    work: Callable[[CampaignDesk, Caller | None], Awaitable[T]],
) -> T:
    who: Caller | None = None
    if account is not None:
        found = await proven(settings, account, password)
        if isinstance(found, Refused):
            failed(found.why, found.next_step, code=found.code)
        if not found.may(permission):
            failed(
                f"{account} may not: {permission} is missing",
                "Ask an administrator for it: ami account role", code="not-permitted",
            )  # fmt: skip
        who = found
    async with campaign_desk(settings) as desk:
        return await work(desk, who)


def _password(account: str) -> str:
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        failed("no terminal to ask for the password at", f"Set {PASSWORD}", code="no-password")
    typed: str = typer.prompt(f"Password of {account}", hide_input=True, err=True)
    return typed
