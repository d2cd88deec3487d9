"""A database's way from one revision to another, opened for it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from headend.ports import StoreUnavailable
from headend.store import migrate
from headend.store.engine import open_reader, open_writer, opened
from headend.store.migrate import Loss, NoRevision, Schema


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a database stands, None where it has no tables, among the revisions that this program
    knows, oldest first."""

    revision: str | None
    known: tuple[str, ...]


def stand(url: str, schema: Schema) -> Stand:
    """Only looks.  Raises `StoreUnavailable`, `FileNotFoundError`."""
    with _opened(url, open_reader) as engine, engine.connect() as connection:
        return Stand(migrate.standing(connection), tuple(migrate.revisions(schema)))


def on(url: str, schema: Schema, revision: str) -> None:
    """Bring a database up to a revision.  Raises `NoRevision`, `StoreUnavailable`."""
    at = stand(url, schema)
    before = at.known.index(at.revision) if at.revision in at.known else 0
    if revision not in at.known[before:]:
        raise NoRevision(f"from revision {at.revision} there is no way up to {revision!r}")
    with _opened(url) as engine:
        migrate.upgrade(engine, schema, revision)


def back(url: str, schema: Schema, revision: str, *, discard: bool) -> list[Loss]:
    """Take a database back to a revision; what went with it.

    Raises `NoRevision`, `WouldLose`, `StoreUnavailable`.
    """
    with _opened(url) as engine:
        return migrate.downgrade(engine, schema, revision, discard=discard)


@contextmanager
def _opened(url: str, how: Callable[[str], Engine] = open_writer) -> Iterator[Engine]:
    engine = opened(how, url)
    try:
        yield engine
    except DBAPIError as error:
        raise StoreUnavailable(f"{error.orig}") from error
    finally:
        engine.dispose()
