"""Accounts, tokens and the audit log for commands, beside a head-end that may run meanwhile."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from headend.access import lines
from headend.access.desk import AccessRefused, AccountDesk, By
from headend.access.guard import Guard, Refusal, Refused
from headend.access.passwords import Passwords
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.domain.account import Permission, permissions_of
from headend.domain.audit import Outcome
from headend.ports import Transaction
from headend.store.store import SqlStore

__all__ = [
    "AccessRefused",
    "AccountDesk",
    "By",
    "Refused",
    "account_desk",
    "acting_as",
    "by_command",
    "let",
    "note",
]

COMMAND = "command"
_acting: ContextVar[By | None] = ContextVar("acting", default=None)


@asynccontextmanager
async def account_desk(config: Config) -> AsyncIterator[AccountDesk]:
    """A desk on a head-end's database.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    chance = SystemChance()
    try:
        yield AccountDesk(store, WallClock(), chance, Passwords(chance), config.access)
    finally:
        await store.close()


def by_command() -> By:
    """Whoever runs a command: the account whose token was shown, else the machine's user.  No
    account is called as a user is, as none has a colon."""
    return _acting.get() or _by_user()


def _by_user() -> By:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = "?"
    return By(f"os:{user}", COMMAND)


@contextmanager
def acting_as(by: By) -> Iterator[None]:
    """Within it, a command is this one's."""
    before = _acting.set(by)
    try:
        yield
    finally:
        _acting.reset(before)


async def let(
    config: Config, token: str | None, permission: Permission, subject: str
) -> By | Refused:
    """Who acts by a command, or why they may not.

    A token that is shown counts, whatever the configuration says.  Without one it is the machine's
    user, where `[access] commands` is open, or where nobody could show one yet: while no account
    that makes accounts has ever had a token.  Raises `StoreUnavailable`.
    """
    if token is None and config.access.commands == "open":
        return _by_user()
    store, clock, chance = SqlStore(config.database, live=True), WallClock(), SystemChance()
    try:
        if token is None:
            if permission is Permission.ACCOUNT_WRITE and await store.run(_nobody_can):
                return _by_user()
            by, why = _by_user(), "no token was shown, and [access] commands asks for one"
            line = lines.refused(clock.now(), by.actor, permission, subject, why, source=by.source)
            await store.run(lambda tx: tx.add_audit(line))
            return Refused(
                Refusal.NOT_PROVEN,
                why,
                "Set AMI_TOKEN, or name its file: --token-file; an administrator makes one:"
                " ami token create",
            )
        guard = Guard(store, clock, Passwords(chance), config.access)
        caller = await guard.show(token, source=COMMAND)
        if isinstance(caller, Refused):
            return caller
        if caller.place is not None:
            why = "the token is for one place, and commands are for all"
            line = lines.refused(
                clock.now(), caller.account, permission, subject, why, source=COMMAND
            )
            await guard.note(line)
            return Refused(
                Refusal.NOT_PERMITTED, why, "Ask an administrator for one without --place."
            )
        refused = await guard.refuses(caller, permission, subject, source=COMMAND)
        return refused or By(caller.account, COMMAND)
    finally:
        await store.close()


def _nobody_can(tx: Transaction) -> bool:
    """Whether no account that makes accounts has ever had a token, disabled ones as well."""
    makers = {
        each.name
        for each in tx.accounts()
        if Permission.ACCOUNT_WRITE in permissions_of(each.roles)
    }
    return not any(token.account in makers for token in tx.tokens())


async def note(
    config: Config, by: By, permission: Permission, subject: str, detail: str, outcome: Outcome
) -> None:
    """Write down what became of a command.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    line = lines.acted(
        WallClock().now(), by.actor, permission, subject, detail, outcome, source=by.source
    )
    try:
        await store.run(lambda tx: tx.add_audit(line))
    finally:
        await store.close()
