"""A job's result on the device: one line after the other, each on disk before the next.

What a device that lost power has written is what it knows: the book is read again from its lines,
proven like anybody's, and gone on with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from headend.jobs.account import Account, accounts
from headend.ports import Clock
from protocols.jobs.cards import DeviceCard, Signer, key_id
from protocols.jobs.result import (
    Acting,
    AnyRecord,
    Begun,
    Beyond,
    Closed,
    Ended,
    OpenedJob,
    Read,
    digest,
    line_of,
    read_chain,
)

R = TypeVar("R", OpenedJob, Begun, Acting, Ended, Read, Beyond, Closed)


class Paper(Protocol):
    """Where a job's result lies on the device."""

    def lines(self) -> bytes:
        """All whole lines; one that a crash cut short is gone."""
        ...

    def add(self, line: bytes) -> None:
        """Returns once the line is on disk."""
        ...


@dataclass(slots=True)
class Book:
    """The result of one job; `file_digest` is that of its package's file.

    Raises JobRefused when it is made of lines that were changed.
    """

    job: str
    file_digest: str
    card: DeviceCard
    signer: Signer
    paper: Paper
    clock: Clock
    _records: list[AnyRecord] = field(default_factory=list)
    _last: str = ""

    def __post_init__(self) -> None:
        self.reread()

    def reread(self) -> None:
        """Take up what is written by now.  Raises JobRefused."""
        octets = self.paper.lines()
        self._records, self._last = [], self.file_digest
        if octets:
            chain = read_chain(octets, self.card, self.file_digest)
            self._records = list(chain.records)
            self._last = chain.digests[-1]

    @property
    def records(self) -> tuple[AnyRecord, ...]:
        return tuple(self._records)

    @property
    def over(self) -> bool:
        """Whether the last line is written."""
        return bool(self._records) and isinstance(self._records[-1], Closed)

    @property
    def written_at(self) -> datetime | None:
        """The latest time in it."""
        return self._records[-1].at if self._records else None

    def open(self) -> None:
        """Write the first line, once."""
        if not self._records:
            self.write(OpenedJob, job=self.job, device=key_id(self.card.signing).hex())

    def accounts(self) -> dict[int, Account]:
        """What is written of each order."""
        return accounts(self._records)

    def meters_beyond(self) -> dict[str, int]:
        """The counters that meters named where they had come further than their lease."""
        return {
            record.meter: record.meter_at for record in self._records if isinstance(record, Beyond)
        }

    def write(self, kind: type[R], **fields: Any) -> R:
        """Add a line.  Its time is never before that of the line before it."""
        at = max(filter(None, (self.clock.now(), self.written_at)))
        record = kind(n=len(self._records), before=self._last, at=at, **fields)
        line = line_of(record, self.signer)
        self.paper.add(line)
        self._records.append(record)
        self._last = digest(line)
        return record
