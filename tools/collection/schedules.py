"""`ami collection schedules`: what is collected of whom, how often, and when next."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table

from headend import config as configuration
from headend.clock import WallClock
from headend.collection.schedules_told import Members
from headend.collection.schedules_told import told as schedule_told
from headend.collection.tasks import BadTask, group_of, tasks_of
from headend.config import BadConfig, CollectionTask, Config, read
from headend.models import Shelf
from headend.store.group_queries import collected_by
from tools.database.opening import reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show, wrong_usage


def schedules(
    config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """The tasks of the configuration, [[collection.task]], whom each is for now, and when it falls
    due next: concentrators carry them out, and the head-end at meters that it reads by itself.

    Before there is a database nobody can tell who is in a group.

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
    members = _members(tasks, database, settings.database)
    items = [
        schedule_told(task, wanted, them, now, zone)
        for task, wanted, them in zip(tasks, told, members, strict=True)
    ]
    if json:
        print_json({"zone": settings.orders.zone, "items": items})
        return
    if not items:
        out.print("Nothing is collected: name what is, [[collection.task]]", markup=False)
        return
    names = ("task", "kind", "objects", "every", "priority", "group", "members", "next")
    table = Table(*names, "tried until", box=None)
    for task, each in zip(tasks, items, strict=True):
        times = (f"{each[key].astimezone(zone):%Y-%m-%d %H:%M}" for key in ("next", "until"))
        words = (each["name"], each["kind"], ", ".join(each["objects"]), each["every"])
        who = (str(group_of(task)), "-" if each["members"] is None else f"{each['members']:,}")
        table.add_row(*words, f"{each['priority']}", *who, *times)
    show(table)


def _members(
    tasks: tuple[CollectionTask, ...], named: str | None, configured: str
) -> list[Members | None]:
    """Of each task's group.  Ends the command where a database that was named is none."""
    url = configuration.database_url(named or configured)
    path = url.removeprefix("sqlite:///")
    if named is None and path != url and not Path(path).is_file():
        return [None] * len(tasks)
    with reading(url) as reader:
        return reader.read(lambda found: [collected_by(found, group_of(task)) for task in tasks])
