"""Wires the copying of a database for a command, while no head-end works on it."""

from __future__ import annotations

from headend.config import without_password
from headend.integration.legacy import database as legacy_database
from headend.store import store
from headend.store.copying import Copied, CopyDiffers, CopyRefused, Progress, copy
from headend.store.occupancy import served

__all__ = ["Copied", "CopyDiffers", "CopyRefused", "copied"]


def copied(source: str, target: str, *, legacy: bool, progress: Progress) -> list[Copied]:
    """Copy a head-end's database, or a legacy integration one.  Raises what `copy` raises, and
    `CopyRefused` where a process works on either."""
    for url in (source, target):
        if served(url):
            raise CopyRefused(f"a head-end works on {without_password(url)}: stop it first")
    schema = legacy_database.SCHEMA if legacy else store.SCHEMA
    return copy(source, target, schema, progress)
