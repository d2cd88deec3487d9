"""Acknowledges events and incidents for commands, beside a head-end that may run meanwhile."""

from __future__ import annotations

from headend.clock import WallClock
from headend.config import Config
from headend.domain.event import Acknowledgement, Subject
from headend.events.acknowledge import NoSuchSubject, acknowledge
from headend.store.store import SqlStore

__all__ = ["NoSuchSubject", "acknowledged"]


async def acknowledged(
    config: Config, subject: Subject, number: int, *, who: str, note: str
) -> Acknowledgement:
    """The acknowledgement that stands.  Raises `NoSuchSubject`, `StoreUnavailable`."""
    store = SqlStore(config.database, live=True, telling=config.telling)
    now = WallClock().now()
    try:
        return await store.run(
            lambda tx: acknowledge(
                tx, subject, number, at=now, who=who, note=note, source="command"
            )
        )
    finally:
        await store.close()
