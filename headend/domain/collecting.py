"""What the head-end knows of a concentrator's collecting: its task table, and what it uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from protocols.concentrator.collecting import Task


@dataclass(frozen=True, slots=True)
class TaskTable:
    """What a concentrator is to collect.  `stored_version` is what it said that it has."""

    concentrator: str
    version: int
    tasks: tuple[Task, ...]
    made_at: datetime
    stored_version: int = 0
    stored_at: datetime | None = None

    @property
    def settled(self) -> bool:
        """Whether the concentrator is known to have this table."""
        return self.stored_version == self.version


@dataclass(frozen=True, slots=True)
class UploadTaken:
    """An upload and what it brought: rows that are `new`, were here `again`, or had `changed`."""

    concentrator: str
    id: str
    received_at: datetime
    octets: int
    blocks: int
    waiting: int  # blocks that the concentrator still had
    dropped: int  # blocks that its memory had lost since the upload before
    new: int = 0
    again: int = 0
    changed: int = 0
    trouble: str = ""
