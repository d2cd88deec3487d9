"""Which part of a history a client wants, and where the next part of it begins.

OPC 10000-11, 6.5.3.2: of start, end and count two are told.  From start on, up to but without end;
backwards where end comes before start, or where only end and count are told.  Start and end alike
mean that one time.  Where all three are told, the count is that of one answer, and more is
continued; where one time alone is, it is that of all.  What does not fit into one answer is
continued from a point that the client hands back.  The point holds all that is needed, so that the
server holds nothing.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

TICK = timedelta(microseconds=1)
UNTOLD_UP_TO = datetime(1601, 1, 2, tzinfo=UTC)
"""OPC 10000-6, 5.2.2.5: a time that is not told is sent as 1601-01-01 or before."""

_POINT_OCTETS_MAX = 1024
_Point = tuple[str, datetime, datetime | None, bool, int | None, int | None]


class BadReach(ValueError):
    """Fewer than two of start, end and count are told."""


class BadPoint(ValueError):
    """No continuation point of this history."""


@dataclass(frozen=True, slots=True)
class Reach:
    """From `begin` on, which belongs to it, towards `end`, which does not; None: without end.
    `count`: so many in all at most, `at_once`: in one answer; None: as many as there are."""

    begin: datetime
    end: datetime | None
    backwards: bool = False
    count: int | None = None
    at_once: int | None = None

    def answer_max(self, server_max: int) -> int:
        """So many go into one answer of a server that gives so many."""
        return min(each for each in (server_max, self.count, self.at_once) if each is not None)

    def holds(self, at: datetime) -> bool:
        if self.backwards:
            return at <= self.begin and (self.end is None or at > self.end)
        return at >= self.begin and (self.end is None or at < self.end)

    def beyond(self, last: datetime, given: int) -> Reach | None:
        """What is left behind a time up to which so many were given; None where none is wanted."""
        left = None if self.count is None else self.count - given
        if left is not None and left <= 0:
            return None
        step = -TICK if self.backwards else TICK
        return replace(self, begin=last + step, count=left)


def wanted(start: datetime | None, end: datetime | None, count: int) -> Reach:
    """What a request asks for; `count` 0 is one that is not told.  Raises `BadReach`."""
    start, end = _told(start), _told(end)
    most = count or None
    if start is not None and end is not None:
        if start == end:
            return Reach(start, start + TICK, at_once=most)
        return Reach(start, end, backwards=end < start, at_once=most)
    if most is None or (start is None and end is None):
        raise BadReach("two of start, end and count are to be told")
    if start is not None:
        return Reach(start, None, count=most)
    assert end is not None
    return Reach(end, None, backwards=True, count=most)


def _told(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    aware = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return None if aware < UNTOLD_UP_TO else aware


def point(id: str, reach: Reach) -> bytes:
    """What continues a node's history there."""
    return msgspec.json.encode((id, *astuple(reach)))


def continued(id: str, octets: bytes) -> Reach:
    """Where a node's history goes on.  Raises `BadPoint`."""
    if len(octets) > _POINT_OCTETS_MAX + 4 * len(id):
        raise BadPoint("too long")
    try:
        of, begin, end, backwards, *counts = msgspec.json.decode(octets, type=_Point)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadPoint("not one of ours") from error
    if of != id or begin.tzinfo is None or (end is not None and end.tzinfo is None):
        raise BadPoint("of another node")
    if any(count is not None and count < 1 for count in counts):
        raise BadPoint("nothing is left")
    return Reach(begin, end, backwards, *counts)
