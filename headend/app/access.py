"""Accounts, tokens and the audit log for commands, beside a head-end that may run meanwhile."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from headend.access import lines
from headend.access.desk import AccessRefused, AccountDesk, By
from headend.access.guard import Guard, Refusal, Refused, shown
from headend.access.passwords import Passwords
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.domain.account import Permission, permissions_of
from headend.domain.audit import Outcome
from headend.ports import Clock, Store, Transaction
from headend.store.access import commands_ask
from headend.store.store import Reader, SqlStore

__all__ = [
    "AccessRefused",
    "AccountDesk",
    "By",
    "Refused",
    "account_desk",
    "acting_as",
    "asks_for_accounts",
    "by_command",
    "keep_commands_asking",
    "let",
    "note",
    "restorer",
]

COMMAND = "command"
NO_TOKEN = "no token was shown, and commands ask for one here"
SHOW_ONE = (
    "Set AMI_TOKEN, or name its file: --token-file; an administrator makes one: ami token create"
)
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


def asks_for_accounts(config: Config) -> bool:
    """Whether commands on a head-end's database ask for an account: by its configuration, or by
    what the database says of itself, by whatever configuration it was named.

    Raises `StoreUnavailable`, FileNotFoundError.
    """
    if config.access.commands == "account":
        return True
    reader = Reader(config.database)
    try:
        return reader.read(commands_ask)
    finally:
        reader.close()


async def let(
    config: Config, token: str | None, permission: Permission, subject: str, *, looks: bool = False
) -> By | Refused:
    """Who acts, or looks, by a command, or why they may not.

    A token that is shown counts, whether one is asked for or not, except of who only looks.
    Without one it is the machine's user, where none is asked for, or where nobody could show one
    yet: while no account that makes accounts has ever had a token.  Raises `StoreUnavailable`.
    """
    if (token is None or looks) and not asks_for_accounts(config):
        return _by_user()
    store, clock, chance = SqlStore(config.database, live=True), WallClock(), SystemChance()
    try:
        if token is None:
            if permission is Permission.ACCOUNT_WRITE and await store.run(_nobody_can):
                return _by_user()
            by, why = _by_user(), NO_TOKEN
            line = lines.refused(clock.now(), by.actor, permission, subject, why, source=by.source)
            await store.run(lambda tx: tx.add_audit(line))
            return Refused(Refusal.NOT_PROVEN, why, SHOW_ONE)
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


async def keep_commands_asking(store: Store, clock: Clock, config: Config) -> None:
    """Write into the database that commands ask for an account, where the configuration says so:
    one that names another configuration is asked as well.  Raises `StoreUnavailable`."""
    if config.access.commands == "open":
        return
    now = clock.now()

    def work(tx: Transaction) -> None:
        if not tx.commands_ask():
            tx.set_commands_ask(True, now, "head-end")
            told = "commands ask for an account, as configured"
            tx.add_audit(
                lines.changed(now, "head-end", "access.commands", "commands", told, source="serve")
            )

    await store.run(work)


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


def restorer(config: Config, token: str | None) -> Callable[[Transaction], By]:
    """Who puts a backup back, by the accounts that come back in it: asked in the transaction
    without which nothing of it is there.  It raises `AccessRefused`."""
    now = WallClock().now()

    def asked(tx: Transaction) -> By:
        if token is None:
            if config.access.commands == "open" and not tx.commands_ask():
                return _by_user()
            if _nobody_can(tx):
                return _by_user()
            raise AccessRefused(Refusal.NOT_PROVEN, NO_TOKEN, SHOW_ONE)
        caller, _ = shown(tx, token, now)
        if isinstance(caller, Refused):
            raise AccessRefused(caller.code, caller.why, caller.next_step)
        if caller.place is not None or not caller.may(Permission.SYSTEM_OPERATE):
            why = f"{caller.account} may not {Permission.SYSTEM_OPERATE} by this token"
            raise AccessRefused(Refusal.NOT_PERMITTED, why, "Ask an administrator.")
        return By(caller.account, COMMAND)

    return asked
