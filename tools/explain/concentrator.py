"""`ami explain concentrator`: what it is, how it has fared, and what it brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from headend.domain.collecting import UploadTaken
from headend.domain.discovery import Discovery
from headend.domain.evidence import Evidence, folded
from headend.domain.firmware import FirmwareUpdate
from headend.domain.meter import Meter
from headend.domain.order import Order, State
from headend.domain.upkeep import ClockMeasured, SessionChange
from headend.store import queries
from headend.store.upkeep_queries import ConcentratorPage, concentrator_page
from protocols.concentrator.collecting import Task
from protocols.concentrator.upkeep import MeterPlace
from tools.database.opening import reading
from tools.options import ConfigFile, OtherDatabase
from tools.terminal import clock_text, print_json, show, wrong_usage
from tools.truth import TruthLog, add_truth, happened

METERS_MAX = 10_000
LINES_MAX = 8  # of each list; --all shows every one
SETTLED_S = 600.0  # between two measurements, before a drift is told from them


def concentrator(
    name: Annotated[str, typer.Argument(help="The concentrator's id.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    truth: TruthLog = None,
    every: Annotated[bool, typer.Option("--all", help="Every line of each list.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For machines; always everything.")] = False,
) -> None:
    """What a concentrator is, its sessions, faults, clock, tasks, uploads, topology, availability.

    Example: [bold]ami explain concentrator C-007 --all[/]
    """
    with reading(database, config) as reader:
        page = reader.read(lambda connection: concentrator_page(connection, name))
        meters, failed = reader.read(lambda connection: _behind(connection, name))
    if page is None:
        wrong_usage(
            f"no concentrator {name}",
            "See their names with: ami order list, or the registry",
            code="no-such-concentrator",
        )
    told = happened(truth, name, *(meter.name for meter in meters))
    if json:
        ended = msgspec.to_builtins(failed)
        print_json({**as_json(page), "orders_ended_badly": ended, "truth": told})
        return
    most = None if every else LINES_MAX
    tree = _tree(page, most)
    _list(tree, "orders behind it that ended badly", map(_order, failed), most)
    add_truth(tree, told, most)
    show(tree)


def _behind(connection: queries.Connection, name: str) -> tuple[list[Meter], list[Order]]:
    """Its meters, and their orders that did not succeed, the latest first."""
    badly = queries.OrderFilter(concentrator=name, states=(State.FAILED, State.EXPIRED))
    meters = queries.meters(connection, concentrator=name, limit=METERS_MAX)
    return meters, queries.orders(connection, badly)


# --- for machines --------------------------------------------------------------------------------


def as_json(page: ConcentratorPage) -> dict[str, Any]:
    """The page, with what is worked out of it."""
    found: dict[str, Any] = msgspec.to_builtins(page)
    found["online"] = page.sessions[0].online if page.sessions else None
    found["drift_ppm"] = drift_ppm(page.clocks)
    found["availability"] = {
        meter: {"heard": heard, "asked": asked, "share": _share(heard, asked)}
        for meter, (heard, asked) in page.availability.items()
    }
    return found


def drift_ppm(clocks: list[ClockMeasured]) -> float | None:
    """How fast the clock gains, by the longest stretch in which nobody shifted it; None where the
    measurements cannot tell.  `clocks` begin with the latest."""
    newest = next(iter(clocks), None)
    if newest is None:
        return None
    oldest = newest
    for each in clocks[1:]:
        if each.shifted_s:
            break
        oldest = each
    passed_s = (newest.at - oldest.at).total_seconds()
    if passed_s < SETTLED_S:
        return None
    gained_s = newest.offset_s - oldest.offset_s
    if abs(gained_s) <= newest.error_s + oldest.error_s:
        return 0.0
    return round(gained_s / passed_s * 1e6, 1)


# --- for people ----------------------------------------------------------------------------------


def _tree(page: ConcentratorPage, most: int | None) -> Tree:
    name = page.concentrator.name
    tree = Tree(Text.assemble((f"concentrator {name}", "bold"), f"  {_standing(page)}"))
    tree.guide_style = "dim"
    sim = "" if page.concentrator.sim is None else f", SIM {page.concentrator.sim}"
    meters, orders = _number(page.meters_linked, "meter"), _number(page.orders_open, "order")
    tree.add(Text(f"{meters} linked, {orders} open{sim}"))
    _list(tree, "sessions, by its status topic (UTC)", map(_session, page.sessions), most)
    if page.sessions and not page.sessions[0].online:
        tree.add(Text(f"→ {_when_off_line(page)}"))
    _list(tree, "evidence", map(_statement, folded(page.evidence)), most)
    _add_state(tree, page, most)
    _add_clock(tree, page)
    _add_tasks(tree, page, most)
    _list(tree, "last uploads", map(_upload, page.uploads), most)
    if page.blocks_lost:
        tree.add(Text(f"{page.blocks_lost} readings lost in its memory", style="red"))
    _list(tree, "firmware", map(_update, page.updates), most)
    _list(tree, "meters it discovered", map(_discovered, page.discoveries), most)
    _add_topology(tree, page, most)
    return tree


def _number(count: int, noun: str) -> str:
    """So many of them.

    >>> _number(1, "order")
    '1 order'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _when_off_line(page: ConcentratorPage) -> str:
    """What to do about one that nobody hears."""
    sim = page.concentrator.sim
    ask = "" if sim is None else f" ask the network's operator about its SIM {sim};"
    return (
        f"its logs tell why once it is back; until then:{ask} or send somebody, who can ask it"
        " at its Ethernet port: ami probe doctor --model sim-concentrator --port tcp://HOST:PORT"
    )


def _standing(page: ConcentratorPage) -> str:
    if not page.sessions:
        return "never heard of"
    last = page.sessions[0]
    return f"{'on line' if last.online else 'off line'} since {clock_text(last.at)}"


def _order(order: Order) -> str:
    ended = "" if order.ended_at is None else clock_text(order.ended_at)
    return f"{ended}  {order.number} {order.kind} at {order.meter}: {order.reason}"


def _session(change: SessionChange) -> str:
    what = f"on line, start {change.boot}, {change.firmware}" if change.online else "off line"
    return f"{clock_text(change.at)}  {what}"


def _statement(evidence: Evidence) -> str:
    return f"{clock_text(evidence.at)}  {evidence.source}: {evidence.text}"


def _discovered(found: Discovery) -> str:
    what = f"admitted as {found.meter}" if found.admitted else f"refused: {found.why}"
    return f"{clock_text(found.at)}  {found.module} {found.identity or '(no name)'}  {what}"


def _update(update: FirmwareUpdate) -> str:
    why = f", {update.why}" if update.why else ""
    heard = "" if update.told_at is None else f", told {clock_text(update.told_at)}"
    at = clock_text(update.activate_at)
    return f"{update.version} for {at}: {update.progress}{why}{heard}"


def _upload(upload: UploadTaken) -> str:
    parts = [f"{upload.blocks} blocks", f"{upload.octets} octets", f"{upload.new} new"]
    parts += [f"{upload.again} again"] * bool(upload.again)
    parts += [f"{upload.changed} changed"] * bool(upload.changed)
    parts += [f"{upload.dropped} lost before"] * bool(upload.dropped)
    parts += [upload.trouble] * bool(upload.trouble)
    return f"{clock_text(upload.received_at)}  {', '.join(parts)}"


def _add_state(tree: Tree, page: ConcentratorPage, most: int | None) -> None:
    if page.known is None:
        tree.add(Text("it has not told yet how it fares", style="dim"))
        return
    state = page.known.state
    branch = tree.add(Text(f"state of {clock_text(page.known.received_at)}"))
    branch.add(Text(f"{state.firmware}, start {state.boot}, up since {clock_text(state.up_since)}"))
    memory = state.memory
    told = f"memory: {memory.blocks} blocks, {memory.octets} of {memory.octets_max} octets"
    branch.add(Text(told + (f", {memory.dropped} ever lost" if memory.dropped else "")))
    events = [f"{clock_text(e.at)}  {e.code}: {e.text}" for e in reversed(state.events)]
    _list(branch, "its event log", events, most)


def _add_clock(tree: Tree, page: ConcentratorPage) -> None:
    if not page.clocks:
        return
    last = page.clocks[0]
    text = f"clock: {last.offset_s:+.3f} s (±{last.error_s:.3f}) at {clock_text(last.at)}"
    if last.shifted_s:
        text += f", shifted by {last.shifted_s:+.3f} s"
    drift = drift_ppm(page.clocks)
    if drift is not None:
        text += f", drift {drift:+.1f} ppm" if drift else ", no drift to be seen"
    branch = tree.add(Text(text))
    for each in [clock for clock in page.clocks[1:] if clock.shifted_s][:3]:
        branch.add(Text(f"{clock_text(each.at)}  shifted by {each.shifted_s:+.3f} s", style="dim"))


def _add_tasks(tree: Tree, page: ConcentratorPage, most: int | None) -> None:
    table = page.task_table
    if table is None:
        return
    has = "stored" if table.settled else f"it has version {table.stored_version}"
    branch = tree.add(Text(f"task table version {table.version}, {has}"))
    for task in table.tasks:
        branch.add(Text(_task(task)))
    if page.known is not None:
        late = [
            f"{each.task} at {each.meter}: {each.failed} tries, {each.trouble}"
            for each in page.known.state.behind
        ]
        _list(branch, "behind", late, most)


def _task(task: Task) -> str:
    objects = ", ".join(each.name for each in task.objects)
    return f"{task.name}: {task.kind} {objects}, every {task.every_s} s, priority {task.priority}"


def _add_topology(tree: Tree, page: ConcentratorPage, most: int | None) -> None:
    """Meters by level, the worst heard first."""
    if page.known is None or not page.known.state.meters:
        return
    places = page.known.state.meters
    there = sum(place.registered for place in places)
    branch = tree.add(Text(f"topology: {there} of {len(places)} meters in its network"))
    levels = sorted({place.level for place in places})
    for level in levels:
        of_level = [place for place in places if place.level == level]
        of_level.sort(key=lambda place: (_heard(page, place), place.meter))
        title = f"level {level}" if level else "no route"
        told = [_place(page, place) for place in of_level]
        _list(branch, f"{title}: {len(of_level)} meters", told, most)


def _place(page: ConcentratorPage, place: MeterPlace) -> str:
    parts = [place.meter]
    if place.via:
        parts.append(f"via {' → '.join(place.via)}")
    if place.link is not None:
        parts.append(place.link)
    if place.meter in page.availability:
        parts.append(f"heard {100 * _heard(page, place):.1f} %")
    if place.last_heard is not None:
        parts.append(f"last {_time(place.last_heard)}")
    if place.changes:
        parts.append(f"{place.changes} changes")
    return "  ".join(parts)


def _heard(page: ConcentratorPage, place: MeterPlace) -> float:
    return _share(*page.availability.get(place.meter, (0, 0))) or 0.0


def _share(heard: int, asked: int) -> float | None:
    return round(heard / asked, 4) if asked else None


def _time(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def _list(tree: Tree, title: str, lines: Iterable[str], most: int | None) -> None:
    """A branch with so many lines, and how many more there are."""
    told = list(lines)
    if not told:
        return
    branch = tree.add(Text(title))
    for line in _cut(told, most):
        branch.add(Text(line))


def _cut(lines: list[str], most: int | None) -> Iterator[str]:
    if most is None or len(lines) <= most:
        yield from lines
        return
    yield from lines[:most]
    yield f"… {len(lines) - most} more: --all"
