"""How something is asked of a concentrator: what is wanted, checked, and kept for the duty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.access import lines
from headend.access.desk import By
from headend.collection.asking import BadRead, Reads
from headend.domain.account import Permission
from headend.domain.activity import Activity, ActivityKind
from headend.domain.campaign import Choice
from headend.ports import Transaction
from protocols.concentrator.collecting import Kind, Task
from protocols.concentrator.messages import ObjectWanted
from protocols.dlms.logical_name import LogicalName

DEADLINE_S = 3600.0
DEADLINE_MIN_S, DEADLINE_MAX_S = 10.0, 30 * 86_400.0
BACK_S, BACK_MAX_S = 86_400, 366 * 86_400
METERS_MAX = 1000
EARLIER_S = 300  # its clock may be behind ours, and a task must be due when it arrives
DAY_S = 86_400
PROFILE = 7
PRIORITY = 4  # among its tasks: before the ordinary ones, which have 5


class NotAsked(ValueError):
    """It cannot be asked so: a code, what is wrong, and what to do."""

    def __init__(self, code: str, why: str, next_step: str) -> None:
        super().__init__(why)
        self.code = code
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class AskWanted:
    """What somebody wants of a concentrator.  Of a task: `meters` (none named: all behind it),
    `objects` as words of the meters' model or logical names, and how far back rows reach."""

    concentrator: str
    kind: ActivityKind
    deadline_s: float = DEADLINE_S
    meters: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    back_s: int = BACK_S


def ask(tx: Transaction, wanted: AskWanted, by: By, now: datetime, reads: Reads) -> Activity:
    """Keep what is asked, and who did, in one transaction.  Raises `NotAsked`."""
    if not DEADLINE_MIN_S <= wanted.deadline_s <= DEADLINE_MAX_S:
        raise _wrong("a deadline lies between ten seconds and thirty days ahead")
    if tx.concentrator(wanted.concentrator) is None:
        raise NotAsked(
            "no-such-concentrator",
            f"no concentrator {wanted.concentrator}",
            "See their names with: ami concentrator list",
        )
    task = None
    if wanted.kind is ActivityKind.TASK:
        task = _task(tx, wanted, now, reads)
    elif wanted.meters or wanted.objects:
        raise _wrong(f"meters and objects go with a task, not with {wanted.kind}")
    deadline = now + timedelta(seconds=wanted.deadline_s)
    asked = Activity(0, wanted.concentrator, wanted.kind, by.actor, now, deadline, task=task)
    number = tx.add_activity(asked)
    assert number is not None  # it has no key that another one could have
    tx.add_audit(
        lines.done(
            now,
            by.actor,
            Permission.CONCENTRATOR_ASK,
            f"concentrator {wanted.concentrator}",
            f"activity {number}: {wanted.kind}",
            source=by.source,
        )
    )
    return replace(asked, number=number)


def _task(tx: Transaction, wanted: AskWanted, now: datetime, reads: Reads) -> Task:
    """A task that is due when it arrives; its name comes with the activity's number."""
    if not 0 < wanted.back_s <= BACK_MAX_S:
        raise _wrong("rows reach back between a second and a year")
    meters = _meters(tx, wanted)
    try:
        objects = reads.wanted(tx.meter(meters[0]), wanted.objects)
    except BadRead as error:
        raise _wrong(str(error)) from error
    profiles = [each for each in objects if each.class_id == PROFILE]
    if profiles and len(objects) > 1:
        raise _wrong("a task reads one profile, or any number of registers")
    kind = _kind(LogicalName(profiles[0].name)) if profiles else Kind.REGISTERS
    return Task(
        name="once",
        kind=kind,
        objects=tuple(ObjectWanted(each.class_id, each.name, each.attribute) for each in objects),
        every_s=DAY_S,
        after_s=(round(now.timestamp()) - EARLIER_S) % DAY_S,
        priority=PRIORITY,
        meters=tuple(meters),
        back_s=wanted.back_s,
    )


def _meters(tx: Transaction, wanted: AskWanted) -> Sequence[str]:
    """The meters to read, each of which must be its concentrator's."""
    meters = tx.chosen(Choice(wanted.meters, concentrator=wanted.concentrator))
    strange = [meter for meter in wanted.meters if meter not in meters]
    if strange:
        raise NotAsked(
            "no-such-meter",
            f"not behind concentrator {wanted.concentrator}: {', '.join(strange[:5])}",
            "See its meters with: ami explain concentrator",
        )
    if not 1 <= len(meters) <= METERS_MAX:
        raise _wrong(f"a task reads one to {METERS_MAX} meters, not {len(meters)}")
    return meters


def _kind(name: LogicalName) -> Kind:
    """Rows of an event log (group D 98: Blue Book 7.5) may share a time; a profile's do not."""
    return Kind.EVENTS if (name[2], name[3]) == (99, 98) else Kind.PROFILE


def _wrong(why: str) -> NotAsked:
    return NotAsked("wrong-usage", why, "See: ami concentrator ask --help")
