"""What a database's exceptions mean to whoever uses the store: one table, at the border."""

from __future__ import annotations

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError, StatementError

from headend.ports import AlreadyStored, StoreUnavailable

# A key that is there already: SQLite's extended result codes, PostgreSQL's SQLSTATE.
_DUPLICATES = {"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505"}


# Two transactions that waited for each other, or that cannot both have come first: one is undone,
# and may try again (PostgreSQL's SQLSTATE).
_CONTENDED = {"40P01", "40001"}
# Refused for now or for good, but no mistake in the statement: no rights, a server that ends.
_REFUSED = ("42501", "57P", "53", "08")


def contended(error: BaseException | None) -> bool:
    """Whether another worker's transaction was in the way, and the same may succeed now."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _CONTENDED:
            return True
        error = error.__cause__
    return False


def translated(error: BaseException, dialect: Dialect) -> BaseException:
    """The exception to raise instead of one of the database's; any other comes back as it is."""
    if isinstance(error, StatementError) and error.orig is not None:
        error = error.orig
    driver = dialect.dbapi
    if isinstance(error, driver.IntegrityError):  # type: ignore[union-attr]
        code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
        if code in _DUPLICATES:
            return AlreadyStored(str(error))
        return ValueError(f"the database refuses this: {error}")
    if isinstance(error, driver.DataError):  # type: ignore[union-attr]
        return ValueError(f"the database has no room for this value: {error}")
    refused = str(getattr(error, "sqlstate", None) or "").startswith(_REFUSED)
    away = driver.OperationalError | driver.InterfaceError | DBAPIError  # type: ignore[union-attr]
    if refused or isinstance(error, away):
        return StoreUnavailable(str(error))
    return error
