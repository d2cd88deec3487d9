"""The configuration's tasks of collection, as concentrators are told them, and how often a row of
their profiles is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headend.collection.periods import MONTH, WEEK
from headend.config import CollectionTask
from headend.domain.group import Group
from headend.domain.utility_day import DAY_S, MONTH_S
from headend.models import BadModel, Shelf
from protocols.concentrator.collecting import Kind, Task
from protocols.concentrator.messages import ObjectWanted
from protocols.dlms.logical_name import LogicalName

PROFILE, REGISTER = 7, 3
MODEL = "generic"
SECONDS = {"5min": 300, "15min": 900, "30min": 1800, "1h": 3600, "6h": 21_600, "12h": 43_200}
SECONDS |= {"1d": DAY_S}
QUARTER_HOUR_S = 900
DELIVERED_S = {"1.0.99.1.0.255": QUARTER_HOUR_S, "1.0.99.2.0.255": DAY_S}
"""Capture periods of the load profile and the daily one, as nearly all meters are delivered."""


class BadTask(ValueError):
    """A task of the configuration names what nobody can read; the text says what."""


def tasks_of(tasks: Sequence[CollectionTask], zone: str, shelf: Shelf) -> tuple[Task, ...]:
    """What concentrators are told; `zone` is the utility's, as the IANA names it.  Raises
    `BadTask`."""
    if tasks and zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadTask(f"{zone!r} is no time zone; take one like Europe/Rome") from error
    return tuple(_task(task, zone, shelf) for task in tasks)


def periods_s(tasks: Iterable[CollectionTask], shelf: Shelf) -> dict[str, int]:
    """How often a row of each profile that is collected is expected, by logical name, of a meter
    whose rows do not tell.  Raises `BadTask`.

    A meter tells its capture period with every reading, except of what it captures by a schedule
    of its own, such as billing periods: there it is 0 (Blue Book, class 7, capture_period).
    """
    found: dict[str, int] = {}
    for task in tasks:
        if task.kind == "profile":
            name = profile_of(task, shelf)
            told = MONTH_S if task.rows == MONTH else SECONDS.get(task.rows)
            found[name] = told or found.get(name) or DELIVERED_S.get(name, QUARTER_HOUR_S)
    return found


def group_of(task: CollectionTask) -> Group:
    """The meters that a task is for."""
    return Group(task.models, task.place, task.concentrators, task.meters)


def profile_of(task: CollectionTask, shelf: Shelf) -> str:
    """The logical name of the profile that a task reads.  Raises `BadTask`."""
    return _object(task, task.objects[0], shelf).name


def _task(task: CollectionTask, zone: str, shelf: Shelf) -> Task:
    return Task(
        name=task.name,
        kind=Kind(task.kind),
        objects=tuple(_object(task, text, shelf) for text in task.objects),
        # Whoever does not know the calendar's fields looks each day, and brings what is new.
        every_s=SECONDS.get(task.every, DAY_S),
        after_s=round(task.after_s),
        weekday=1 if task.every == WEEK else None,
        day=1 if task.every == MONTH else None,
        zone=zone,
        window_s=round(task.window_s),
        priority=task.priority,
        back_s=round(task.back_s),
        whole_days=task.whole_days,
        blocks_max=task.blocks_max,
    )


def _object(task: CollectionTask, text: str, shelf: Shelf) -> ObjectWanted:
    """What a word of the model, or a logical name, stands for."""
    try:
        words = shelf.get(MODEL).objects
    except BadModel as error:
        raise BadTask(str(error)) from error
    if (known := words.get(text)) is not None:
        return ObjectWanted(known.class_id, str(known.logical_name), known.attribute)
    try:
        name = LogicalName(text)
    except ValueError as error:
        raise BadTask(
            f"task {task.name}: {text!r} is no object of model {MODEL}; name a logical name,"
            f" or one of {', '.join(words)}"
        ) from error
    return ObjectWanted(REGISTER if task.kind == "registers" else PROFILE, str(name))
