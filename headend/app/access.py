"""Accounts, tokens and the audit log for commands, beside a head-end that may run meanwhile."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headend.access.desk import AccessRefused, AccountDesk, By
from headend.access.passwords import Passwords
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.store.store import SqlStore

__all__ = ["AccessRefused", "AccountDesk", "By", "account_desk", "by_command"]


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
    """Whoever runs a command: the machine's user.  No account is called so, as none has a colon."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = "?"
    return By(f"os:{user}", "command")
