"""A guard and a desk on a new store, with hashes that cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from headend.access.desk import AccountDesk, By
from headend.access.guard import Guard
from headend.access.passwords import Cost, Passwords
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import AccessPolicy
from headend.domain.account import Permission, Role
from headend.domain.audit import AuditEntry
from headend.store import access_queries as queries
from headend.store.store import SqlStore
from tests import databases
from tests.conftest import SIMULATED_START

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
RIGHT, WRONG = "correct horse battery staple", "incorrect horse battery staple"
BY = By("admin", "test")
HERE = "192.0.2.7"


_opened: list[SqlStore] = []


@pytest.fixture(autouse=True)
def close_houses() -> Iterator[None]:
    """For a folder's conftest: the databases of a test's houses are given back."""
    yield
    while _opened:
        asyncio.run(_opened.pop().close())


@dataclass
class House:
    """Everything that guards, on the simulated clock."""

    policy: AccessPolicy = AccessPolicy()
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = SqlStore(databases.memory(), live=False)
        _opened.append(self.store)
        self.clock = LoopClock(SIMULATED_START)
        chance = SeededChance(7, "access")
        passwords = Passwords(chance, CHEAP, live=False)
        self.desk = AccountDesk(self.store, self.clock, chance, passwords, self.policy)
        self.guard = Guard(
            self.store, self.clock, passwords, self.policy, lambda: self.told.append("")
        )

    async def account(self, name: str, *roles: Role, password: str | None = RIGHT) -> None:
        await self.desk.add(name, roles or (Role.OPERATOR,), BY, password=password)

    async def token(self, account: str, *scopes: Permission) -> str:
        _, text = await self.desk.create_token(account, BY, scopes=scopes)
        return text

    def outlives_its_test(self) -> None:
        """Whoever made it closes its store."""
        _opened.remove(self.store)

    def audit(self) -> list[AuditEntry]:
        """The first one first."""
        return self.store.read(lambda connection: queries.audit(connection, limit=1000))[::-1]

    def story(self, after: int = 0) -> list[str]:
        """What the log says, in short."""
        lines = self.audit()[after:]
        return [f"{each.action} {each.outcome} {each.actor}" for each in lines]
