"""Which requests are open and what the others were told, within bounds.

A request is known by its source and its MessageID.  The same one again while it is open waits with
the first; afterwards it is told the same octets; with another content it is a conflict.  What was
told is remembered for a time and up to a number and a size: the oldest is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from protocols.cim.bus.letter import Letter
from protocols.mqtt import Packet, Properties

CONTENT_TYPE: Final = "application/xml"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept.  1,000 open requests of 2 kB and 10,000 replies take some 30 MB."""

    open_max: int = 1000
    told_max: int = 10_000
    told_octets_max: int = 64 * 1024 * 1024
    told_s: float = 3600.0
    further_max: int = 1000  # further messages of one request: pages, outcomes


@dataclass(slots=True, eq=False)
class Entry:
    """One request.  `askers` are the reply queues that wait for it, with the correlation data each
    gave; `destination` is who is to reply (empty: the system behind this node)."""

    key: str
    letter: Letter
    requester: str
    destination: str
    until: datetime
    askers: dict[str, bytes | None] = field(default_factory=dict)
    reply: bytes | None = None
    told_at: datetime | None = None
    several: bool = False  # the reply said that more follow
    said: set[str] = field(default_factory=set)  # prints of what the destination said

    def packets(self, octets: bytes) -> Iterator[Packet]:
        """A reply for each that waits."""
        for topic, correlation in self.askers.items():
            properties = Properties(correlation=correlation, content_type=CONTENT_TYPE)
            yield Packet(topic, octets, properties)


class Ledger:
    """The entries of one node."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._open: dict[str, Entry] = {}
        self._told: OrderedDict[str, Entry] = OrderedDict()
        self._octets = 0

    @property
    def full(self) -> bool:
        """Whether no further request can be opened now."""
        return len(self._open) >= self.bounds.open_max

    @property
    def open_count(self) -> int:
        return len(self._open)

    @property
    def told_count(self) -> int:
        return len(self._told)

    def find(self, key: str, now: datetime) -> Entry | None:
        """A request that is open, or was told something that is still remembered."""
        self._forget_old(now)
        return self._open.get(key) or self._told.get(key)

    def referred_to(self, correlation_id: str, responder: str, now: datetime) -> Entry | None:
        """The one request of a responder that a reply without correlation data names by its
        CorrelationID; None where there is none, or where two systems chose the same id."""
        self._forget_old(now)
        for entries in (self._open, self._told):
            found = [
                entry
                for entry in entries.values()
                if entry.destination == responder and correlation_id in entry.letter.answers_to
            ]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def open(self, entry: Entry) -> None:
        """Note a request.  The caller has asked `find` and `full`."""
        self._open[entry.key] = entry

    def settle(self, entry: Entry, octets: bytes, now: datetime) -> None:
        """A request, open or not noted yet, has its reply."""
        self._open.pop(entry.key, None)
        entry.reply, entry.told_at = octets, now
        self._told[entry.key] = entry
        self._octets += _size(entry)
        while self._told and (
            len(self._told) > self.bounds.told_max or self._octets > self.bounds.told_octets_max
        ):
            self._drop_oldest()

    def forget(self, key: str) -> None:
        """As if the request had never come."""
        self._open.pop(key, None)
        if (entry := self._told.pop(key, None)) is not None:
            self._octets -= _size(entry)

    def due(self, now: datetime) -> list[Entry]:
        """Open requests whose time is over, the one with the least time first."""
        late = [entry for entry in self._open.values() if entry.until <= now]
        return sorted(late, key=lambda entry: entry.until)

    def next_deadline(self) -> datetime | None:
        return min((entry.until for entry in self._open.values()), default=None)

    def _forget_old(self, now: datetime) -> None:
        oldest_kept = now - timedelta(seconds=self.bounds.told_s)
        while self._told:
            first = next(iter(self._told.values()))
            if first.told_at is None or first.told_at > oldest_kept:
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, entry = self._told.popitem(last=False)
        self._octets -= _size(entry)


def _size(entry: Entry) -> int:
    return len(entry.reply or b"") + len(entry.letter.octets)
