"""Wires a database's way from one revision to another for a command, while no head-end works on
it."""

from __future__ import annotations

from headend.config import without_password
from headend.store import revisions, store
from headend.store.migrate import Loss, NoRevision, Schema, WouldLose
from headend.store.occupancy import served
from headend.store.revisions import Stand

__all__ = ["Loss", "NoRevision", "Served", "Stand", "WouldLose", "back", "on", "stand"]


class Served(RuntimeError):
    """A head-end works on the database."""


def stand(url: str, *, legacy: bool) -> Stand:
    """Where it stands.  Raises `StoreUnavailable`, `FileNotFoundError`."""
    return revisions.stand(url, _schema(legacy))


def on(url: str, revision: str, *, legacy: bool) -> None:
    """Bring it up.  Raises `NoRevision`, `Served`, `StoreUnavailable`."""
    _see_that_nobody_works_on(url)
    revisions.on(url, _schema(legacy), revision)


def back(url: str, revision: str, *, legacy: bool, discard: bool) -> list[Loss]:
    """Take it back; what went.  Raises `NoRevision`, `WouldLose`, `Served`, `StoreUnavailable`."""
    _see_that_nobody_works_on(url)
    return revisions.back(url, _schema(legacy), revision, discard=discard)


def _schema(legacy: bool) -> Schema:
    if not legacy:
        return store.SCHEMA
    from headend.integration.legacy import database

    return database.SCHEMA


def _see_that_nobody_works_on(url: str) -> None:
    if served(url):
        raise Served(f"a head-end works on {without_password(url)}: stop it first")
