"""Scheduled tasks and their runs, for people and for machines."""

from __future__ import annotations

from typing import Any

import msgspec

from headend.domain.task import Every, Run, RunLine, RunState, Schedule, Task
from headend.store.task_queries import TaskStanding
from headend.tasks.kinds import Kind, parameters_of
from tools.terminal import clock_text, out, styled


def task(one: Task) -> dict[str, Any]:
    """A task, for machines."""
    return {
        "name": one.name,
        "kind": one.kind,
        "schedule": msgspec.to_builtins(one.schedule),
        "parameters": one.parameters,
        "catch_up": one.catch_up,
        "active": one.active,
        "paused": one.paused,
        "due_at": one.due_at,
        "made_at": one.made_at,
        "made_by": one.made_by,
        "changed_at": one.changed_at,
        "changed_by": one.changed_by,
        "deleted_at": one.deleted_at,
    }


def standing(one: TaskStanding) -> dict[str, Any]:
    """A task with its newest run, for machines."""
    return {
        **task(one.task),
        "last": None if one.last is None else run(one.last),
        "running": None if one.running is None else run(one.running),
    }


def run(one: Run) -> dict[str, Any]:
    """A run, for machines."""
    return {
        "number": one.number,
        "task": one.task,
        "kind": one.kind,
        "due_at": one.due_at,
        "asked_by": one.asked_by,
        "asked_at": one.asked_at,
        "state": one.state,
        "missed": one.missed,
        "tries": one.tries,
        "worker": one.worker,
        "began_at": one.began_at,
        "ended_at": one.ended_at,
        "took_s": one.took_s,
        "step": one.step,
        "steps_done": one.steps_done,
        "steps_all": one.steps_all,
        "told": one.told,
        "code": one.code,
        "trouble": one.trouble,
    }


def line(one: RunLine) -> dict[str, Any]:
    """A line of a log, for machines."""
    return {"at": one.at, "text": one.text}


def kind(one: Kind[Any]) -> dict[str, Any]:
    """A plug-in, for machines."""
    return {
        "name": one.name,
        "about": one.about,
        "catch_up": one.catch_up,
        "parameters": [
            {"name": name, "type": type_, "default": default}
            for name, type_, default in parameters_of(one)
        ],
    }


def when(schedule: Schedule) -> str:
    """A schedule in words."""
    match schedule.every:
        case Every.ONCE:
            text = f"once, {schedule.on} at {schedule.at}"
        case Every.DAILY:
            text = f"daily at {schedule.at}"
        case Every.WEEKLY:
            text = f"weekly, {', '.join(schedule.weekdays)} at {schedule.at}"
        case Every.INTERVAL:
            text = f"every {schedule.interval_s} s"
    if schedule.start is not None and schedule.every is not Every.INTERVAL:
        text += f", from {clock_text(schedule.start)}Z"
    return text if schedule.end is None else f"{text}, until {clock_text(schedule.end)}Z"


def state(one: TaskStanding) -> str:
    """What a task does just now."""
    if one.running is not None:
        return f"runs: {run_state(one.running)}"
    if one.task.paused:
        return "[yellow]paused[/]"
    return "active" if one.task.active else "[dim]off[/]"


def run_state(one: Run) -> str:
    """How far a run is."""
    if one.state is RunState.RUNNING and one.steps_all:
        return f"{one.steps_done} of {one.steps_all} {one.step}"
    return styled(one.state)


def took(one: Run) -> str:
    """How long it took."""
    return "" if one.took_s is None else f"{one.took_s:.1f} s"


def outcome(one: Run) -> str:
    """What came of it, in a line."""
    if one.trouble is not None:
        return f"{one.code}: {one.trouble}"
    missed = [f"{one.missed} missed before"] if one.missed else []
    figures = [f"{name} {value}" for name, value in (one.told or {}).items()]
    return ", ".join([*figures, *missed])


def sentence(one: Task) -> str:
    """What became of a task that was acted on."""
    if one.deleted_at is not None:
        return f"task {one.name} is deleted; its runs stay"
    standing = "paused" if one.paused else "active" if one.active else "off"
    due = "never" if one.due_at is None else f"{clock_text(one.due_at)}Z"
    return f"task {one.name}: {standing}, {when(one.schedule)}, next {due}"


def page(one: TaskStanding) -> None:
    """A task for a person."""
    out.print(sentence(one.task), markup=False)
    out.print(f"{'kind':12}{one.task.kind}", markup=False)
    out.print(f"{'catch-up':12}{one.task.catch_up}", markup=False)
    for name, value in one.task.parameters.items():
        out.print(f"{'parameter':12}{name} = {value}", markup=False)
    made, changed = one.task.made_at, one.task.changed_at
    out.print(f"{'made':12}{clock_text(made)}Z by {one.task.made_by}", markup=False)
    out.print(f"{'changed':12}{clock_text(changed)}Z by {one.task.changed_by}", markup=False)
    for word, each in (("last run", one.last), ("running", one.running)):
        if each is not None:
            text = f"{each.number} {each.state}, for {clock_text(each.due_at)}Z {took(each)}"
            out.print(f"{word:12}{text.strip()}: {outcome(each)}", markup=False)


def kind_page(one: Kind[Any]) -> None:
    """A plug-in for a person."""
    out.print(f"[bold]{one.name}[/]: {one.about}")
    for name, type_, default in parameters_of(one):
        out.print(f"  {name} ({type_}) = {default}", markup=False)
