"""`ami collection schedules`: what is collected, how often, and when next."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table

from headend.clock import WallClock
from headend.collection.rounds import round_of
from headend.collection.tasks import BadTask, tasks_of
from headend.config import BadConfig, CollectionTask, Config, read
from headend.models import Shelf
from tools.options import ConfigFile, Json
from tools.terminal import out, print_json, show, wrong_usage


def schedules(config: ConfigFile = None, json: Json = False) -> None:
    """The tasks of the configuration, [[collection.task]], and when each falls due next:
    concentrators carry them out, and the head-end at meters that it reads by itself.

    Example: [bold]ami collection schedules --config ami.toml --json[/]
    """
    try:
        settings = Config() if config is None else read(config)
        zone = ZoneInfo(settings.orders.zone)
        tasks = settings.collection.task
        told = tasks_of(tasks, settings.orders.zone, Shelf(settings.direct.models))
    except (BadConfig, BadTask) as error:
        wrong_usage(str(error))
    except (ZoneInfoNotFoundError, OSError):
        wrong_usage(f"{settings.orders.zone!r} is no time zone")
    now = WallClock().now()
    items = [
        _told(task, [each.name for each in wanted.objects], now, zone)
        for task, wanted in zip(tasks, told, strict=True)
    ]
    if json:
        print_json({"zone": settings.orders.zone, "items": items})
        return
    if not items:
        out.print("Nothing is collected: name what is, [[collection.task]]", markup=False)
        return
    table = Table("task", "kind", "objects", "every", "priority", "next", "tried until", box=None)
    for each in items:
        times = (f"{each[key].astimezone(zone):%Y-%m-%d %H:%M}" for key in ("next", "until"))
        words = (each["name"], each["kind"], ", ".join(each["objects"]), each["every"])
        table.add_row(*words, f"{each['priority']}", *times)
    show(table)


def _told(
    task: CollectionTask, objects: list[str], now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """`next` is when it falls due, `until` when meters that do not answer are tried no more."""
    this = round_of(task, now, zone)
    following = round_of(task, this.following, zone)
    return {
        "name": task.name,
        "kind": task.kind,
        "objects": objects,
        "every": task.every,
        "rows": task.rows,
        "priority": task.priority,
        "last": this.begun,
        "next": following.begun,
        "until": following.until,
    }
