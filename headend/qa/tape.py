"""What the log of a run's world tells (`ami sim run --log`): what went wrong in the field, and how
each order went on.  What was wrong while an order was under way stands beside its reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

OUTAGES = "Outage"  # of single meters' places: they are usual, and told apart
FAULTS_MAX = 200
ORDERS_MAX = 200


class _Line(msgspec.Struct):
    at: int  # microseconds since 1970
    kind: str
    fault: str = ""
    target: str = ""
    order: int = 0
    state: str = ""
    cause: str = ""
    on: int | None = None


class Happened(msgspec.Struct, frozen=True):
    """A fault of the field, from when until when."""

    kind: str
    target: str
    at: datetime
    until: datetime | None

    def during(self, since: datetime, until: datetime) -> bool:
        return self.at <= until and (self.until is None or self.until >= since)


class Step(msgspec.Struct, frozen=True):
    """A line of an order's journal."""

    at: datetime
    state: str
    cause: str


class Course(msgspec.Struct, frozen=True):
    """How an order went, and what was wrong in the field meanwhile."""

    order: int
    steps: tuple[Step, ...]
    faults: tuple[Happened, ...]

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def took_s(self) -> float:
        """Until its state was the one that it has: something may be found out long afterwards."""
        ended = next(step for step in self.steps if step.state == self.last.state)
        return (ended.at - self.steps[0].at).total_seconds()


class Tape(msgspec.Struct, frozen=True):
    """`outages`: how many single meters' outages there were besides; `left_out`: orders beyond
    those that are told."""

    faults: tuple[Happened, ...]
    outages: int
    courses: tuple[Course, ...]
    left_out: int


def read(lines: Iterable[bytes]) -> Tape:
    """The tape of a log.  Raises msgspec.DecodeError for what is none."""
    begun: dict[tuple[str, str], datetime] = {}
    faults: list[Happened] = []
    journals: dict[int, list[Step]] = {}
    decoder = msgspec.json.Decoder(_Line)
    for raw in lines:
        line = decoder.decode(raw)
        key = line.fault, line.target
        match line.kind:
            case "fault":
                begun.setdefault(key, _moment(line.at))
            case "fault-over" if key in begun:
                faults.append(Happened(*key, begun.pop(key), _moment(line.at)))
            case "journal":
                at = _moment(line.at if line.on is None else line.on)
                journals.setdefault(line.order, []).append(Step(at, line.state, line.cause))
    faults += [Happened(*key, at, None) for key, at in begun.items()]
    faults.sort(key=lambda fault: (fault.at, fault.kind, fault.target))
    named = tuple(fault for fault in faults if fault.kind != OUTAGES)
    courses = [
        Course(order, tuple(steps), _beside(named, steps))
        for order, steps in sorted(journals.items())
    ]
    return Tape(
        named[:FAULTS_MAX],
        len(faults) - len(named),
        tuple(courses[:ORDERS_MAX]),
        max(0, len(courses) - ORDERS_MAX),
    )


def _beside(faults: tuple[Happened, ...], steps: list[Step]) -> tuple[Happened, ...]:
    return tuple(fault for fault in faults if fault.during(steps[0].at, steps[-1].at))


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
