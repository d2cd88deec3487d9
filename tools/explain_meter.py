"""`ami explain meter`: what is known of a meter, and why it is not reading, from what the head-end
heard of it; beside that, where a simulation's log is at hand, what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from headend.domain.meter import Meter
from headend.domain.order import Order, State
from headend.domain.reason import REASONS
from headend.store import queries
from headend.store.upkeep_queries import ConcentratorPage, concentrator_page
from protocols.concentrator.messages import LinkReport
from protocols.concentrator.upkeep import MeterPlace
from tools.database import Database, reading
from tools.explanation import gather
from tools.terminal import clock_text, print_json, show, wrong_usage
from tools.truth import TruthLog, add_truth, happened

ORDERS_SHOWN = 10
EVIDENCE_SHOWN = 3
LOSS_TOLD = 0.3  # of a link's frames: more than retries overcome every time


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that stands between the head-end and the meter's values, and how that is known."""

    text: str
    evidence: str
    at: datetime | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class MeterPage:
    """All that is known of a meter; lists begin with the latest."""

    meter: Meter
    orders: list[Order]
    link: LinkReport | None  # as the latest attempt saw it
    place: MeterPlace | None
    concentrator: ConcentratorPage | None
    causes: list[Cause]


def meter(
    name: Annotated[str, typer.Argument(help="The meter's number.")],
    database: Database = "ami.db",
    truth: TruthLog = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """What a meter is, how it is reached, its last orders and values, and why it does not read.

    Example: [bold]ami explain meter 90000001 --database out/ami.db --truth out.jsonl[/]
    """
    with reading(database) as reader:
        page = reader.read(lambda connection: meter_page(connection, name))
    if page is None:
        wrong_usage(
            f"no meter {name}",
            "Orders for meters nobody knows: ami order list",
            code="no-such-meter",
        )
    told = happened(truth, page.meter.name, page.meter.concentrator)
    if json:
        print_json(
            {
                "meter": msgspec.to_builtins(page.meter),
                "causes": msgspec.to_builtins(page.causes),
                "link": msgspec.to_builtins(page.link),
                "place": msgspec.to_builtins(page.place),
                "orders": msgspec.to_builtins(page.orders),
                "truth": told,
            }
        )
        return
    tree = _tree(page)
    add_truth(tree, told)
    show(tree)


def meter_page(connection: queries.Connection, name: str) -> MeterPage | None:
    """All of one meter, or None where the registry does not know it."""
    known = queries.meter(connection, name)
    if known is None:
        return None
    found = queries.orders(connection, queries.OrderFilter(meter=name), limit=ORDERS_SHOWN)
    home = None
    if known.concentrator is not None:
        home = concentrator_page(connection, known.concentrator)
    link = next(_links(connection, found), None)
    place = None
    if home is not None and home.known is not None:
        place = next((each for each in home.known.state.meters if each.meter == name), None)
    return MeterPage(known, found, link, place, home, [*causes_of(known, found, link, place, home)])


def _links(connection: queries.Connection, orders: list[Order]) -> Iterator[LinkReport]:
    """What attempts saw of the link, the latest first."""
    for order in orders:
        told = gather(connection, order.number)
        for tried in reversed(told.tries if told is not None else ()):
            if tried.result is not None and tried.result.link is not None:
                yield tried.result.link


# --- why -----------------------------------------------------------------------------------------


def causes_of(
    known: Meter,
    orders: list[Order],
    link: LinkReport | None,
    place: MeterPlace | None,
    home: ConcentratorPage | None,
) -> Iterator[Cause]:
    """What stands in the way, from the registry outwards to the meter."""
    if not known.commissioned:
        yield Cause("it is not commissioned", "the registry", next_step="commission it first")
    if known.blocked:
        yield Cause("it is blocked", "the registry", next_step="find out why, and unblock it")
    if known.concentrator is None and known.address is None:
        text = "it is linked to no concentrator and has no address"
        yield Cause(text, "the registry", next_step="link it, or give it an address: ami meter add")
    if home is not None:
        yield from _of_concentrator(home)
    yield from _of_link(link, place)
    if orders and orders[0].state is not State.DONE and orders[0].reason:
        last = orders[0]
        assert last.reason is not None
        how = "ended" if last.final else f"tried {last.attempts} times, is"
        yield Cause(
            f"its last order, {last.number}, {how} {last.state}: {REASONS[last.reason].text}",
            "; ".join(f"{each.source}: {each.text}" for each in last.evidence) or "the journal",
            last.ended_at,
            _next_step(last),
        )


def _next_step(order: Order) -> str:
    """What helps after this order, or with it."""
    assert order.reason is not None
    reason = REASONS[order.reason]
    if not order.final:
        return f"nothing yet: it is tried by itself until {clock_text(order.deadline)}"
    told = f"what was tried: ami explain order {order.number}"
    if reason.crew:
        return f"send somebody to the meter, where ami probe doctor names the fault; {told}"
    return f"order it once more; {told}" if reason.retry else told


def _of_concentrator(home: ConcentratorPage) -> Iterator[Cause]:
    name = home.concentrator.name
    if not home.sessions or home.sessions[0].online:
        return
    last = home.sessions[0]
    yield Cause(
        f"its concentrator {name} is not on line",
        "its session with the broker",
        last.at,
        f"see what is known of it: ami explain concentrator {name}",
    )
    for each in [each for each in home.evidence if each.suggests][:EVIDENCE_SHOWN]:
        yield Cause(f"{name}: {each.text}", f"{each.source}, suggests {each.suggests}", each.at)


def _of_link(link: LinkReport | None, place: MeterPlace | None) -> Iterator[Cause]:
    if place is not None and not place.registered:
        yield Cause("its module has no place in the network", "the concentrator's topology")
    if link is None:
        return
    if not link.registered:
        yield Cause("its module had no place in the network", "the last attempt", link.at)
    elif link.frames_sent and link.frames_lost / link.frames_sent > LOSS_TOLD:
        told = f"{link.frames_lost} of {link.frames_sent} frames were lost"
        yield Cause(f"its link is bad: {told}", "the last attempt", link.at)


# --- for people ----------------------------------------------------------------------------------


def _tree(page: MeterPage) -> Tree:
    known = page.meter
    tree = Tree(Text(f"meter {known.name}, model {known.model}", "bold"), guide_style="dim")
    tree.add(Text(_standing(known)))
    branch = tree.add(Text("why it is not reading", "bold" if page.causes else "dim"))
    for cause in page.causes:
        branch.add(
            Text.assemble(
                (cause.text, "red"),
                (f"  {cause.evidence}", "dim"),
                ("" if cause.at is None else f", {clock_text(cause.at)}", "dim"),
            )
        )
        if cause.next_step:
            branch.add(Text(f"  → {cause.next_step}"))
    if not page.causes:
        branch.add(Text("nothing that was heard stands against it", "green"))
    if page.link is not None or page.place is not None:
        branch = tree.add("link")
        for told in _told_of_link(page):
            branch.add(Text(told))
    if page.orders:
        branch = tree.add(Text(f"the last orders: {len(page.orders)}"))
        for order in page.orders:
            reason = "" if order.reason is None else f" ({order.reason})"
            tried = "1 attempt" if order.attempts == 1 else f"{order.attempts} attempts"
            branch.add(
                Text(
                    f"{clock_text(order.accepted_at)}  {order.number} {order.kind}:"
                    f" {order.state}{reason} after {tried}"
                )
            )
            for value in order.readings:
                told_value = value.error or f"{value.value} {value.unit or ''}".rstrip()
                branch.add(Text(f"    {value.word or value.name}: {told_value}", "dim"))
    return tree


def _standing(known: Meter) -> str:
    parts = ["commissioned" if known.commissioned else "not commissioned"]
    parts += ["blocked"] if known.blocked else []
    if known.concentrator is not None:
        parts.append(f"linked to {known.concentrator}")
    if known.address is not None:
        parts.append(f"reached at {known.address}")
    if known.recorded_phase is not None:
        parts.append(f"recorded on phase {known.recorded_phase}")
    return ", ".join(parts)


def _told_of_link(page: MeterPage) -> Iterator[str]:
    if (link := page.link) is not None:
        place = "has a place in the network" if link.registered else "has no place in the network"
        ratio = "" if link.snr_db is None else f", SNR {link.snr_db:.1f} dB"
        yield (
            f"last attempt {clock_text(link.at)}: module {place},"
            f" {link.frames_lost} of {link.frames_sent} frames lost{ratio}"
        )
    if (there := page.place) is not None:
        via = f" via {' → '.join(there.via)}" if there.via else ""
        heard = "never" if there.last_heard is None else clock_text(there.last_heard)
        yield f"topology: {there.link or 'no route'}, level {there.level}{via}, last heard {heard}"
