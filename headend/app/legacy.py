"""Wires what commands ask of the legacy database, beside a head-end that may run."""

from __future__ import annotations

from dataclasses import dataclass

from headend.config import Config, without_password
from headend.integration.legacy.correcting import Progress, progress
from headend.integration.legacy.roles import READERS, BadRole, confining, role_of, statements
from headend.store import owed_queries
from headend.store.owed_queries import Backlog
from headend.store.store import Reader, SqlStore
from headend.store.transaction import in_words

__all__ = ["BadRole", "Standing", "again", "roles", "standing"]

TROUBLES_MAX = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """How the filling of the legacy database stands; `progress` None where it has not begun."""

    database: str
    backlog: Backlog
    progress: Progress | None
    troubles: list[tuple[str, str]]


def standing(config: Config) -> Standing:
    """Ask both databases.  Raises `StoreUnavailable`, and `FileNotFoundError` where there is no
    database."""
    here = Reader(config.database)
    try:
        backlog = here.read(owed_queries.backlog)
        troubles = here.read(lambda connection: owed_queries.troubles(connection, TROUBLES_MAX))
    finally:
        here.close()
    there = Reader(config.legacy_database)
    try:
        found = there.read(progress)
    finally:
        there.close()
    return Standing(without_password(config.legacy_database), backlog, found, troubles)


async def again(config: Config) -> int:
    """Let everything be delivered anew, which changes only what differs; how many things.  Raises
    `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        return await in_words(store, lambda tx: tx.owe_everything())
    finally:
        await store.close()


def roles(parties: list[str], *, confined: bool = False) -> list[str]:
    """SQL that lets parties read, each as a role of its own; `confined`, and leave nothing behind.
    Raises `BadRole`."""
    made = statements([READERS, *(role_of(party) for party in parties)])
    return made + (confining() if confined else [])
