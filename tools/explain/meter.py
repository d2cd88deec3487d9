"""`ami explain meter`: what is known of a meter, and why it is not reading, from what the head-end
heard of it; beside that, where a simulation's log is at hand, what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from headend.domain.meter import Meter
from headend.domain.reading import Push
from headend.store.meter_queries import MeterPage, meter_page
from protocols.dlms.apdu import decode
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.values import OctetString, Structure
from tools.database.opening import reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, print_json, show, wrong_usage
from tools.truth import TruthLog, add_truth, happened

LOGICAL_NAME_SIZE = 6


def meter(
    name: Annotated[str, typer.Argument(help="The meter's number.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    truth: TruthLog = None,
    json: Json = False,
) -> None:
    """What a meter is, how it is reached, its last orders and values, and why it does not read.

    Example: [bold]ami explain meter 90000001 --database out/ami.db --truth out.jsonl[/]
    """
    with reading(database, config) as reader:
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
                "pushes": msgspec.to_builtins(page.pushes),
                "clocks": msgspec.to_builtins(page.clocks),
                "truth": told,
            }
        )
        return
    tree = _tree(page)
    add_truth(tree, told)
    show(tree)


# --- for people ----------------------------------------------------------------------------------


def _tree(page: MeterPage) -> Tree:
    known = page.meter
    tree = Tree(Text(f"meter {known.name}, model {known.model}", "bold"), guide_style="dim")
    tree.add(Text(_standing(known)))
    branch = tree.add(Text("why it is not reading", "bold" if page.causes else "dim"))
    for cause in page.causes:
        node = branch.add(
            Text.assemble(
                (cause.text, "red"),
                (f"  {cause.evidence}", "dim"),
                ("" if cause.at is None else f", {clock_text(cause.at)}", "dim"),
            )
        )
        if cause.next_step:
            node.add(Text(f"→ {cause.next_step}"))
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
                told_value += f" ({', '.join(value.quality)})" if value.quality else ""
                branch.add(Text(f"    {value.word or value.name}: {told_value}", "dim"))
    if page.clocks:
        branch = tree.add("its clock")
        for clock in page.clocks:
            branch.add(Text(f"{clock_text(clock.at)}  order {clock.order}: {clock}"))
    if page.pushes:
        branch = tree.add("what it said unasked")
        for push in page.pushes:
            branch.add(Text(_told_of_push(push)))
    return tree


def _told_of_push(push: Push) -> str:
    sent = "" if push.sent_at is None else f", sent {clock_text(push.sent_at)}"
    odd = f" ({', '.join(push.quality)})" if push.quality else ""
    return f"{clock_text(push.received_at)}{sent}{odd}: {', '.join(_values(push))}"


def _values(push: Push) -> Iterator[str]:
    """The elements of its body, those that only say who and when left out."""
    told = None if push.plain is None else decode(push.plain)
    body = told.body if isinstance(told, DataNotification) else None
    for element in body if isinstance(body, Structure) else ():
        if not isinstance(element, OctetString):
            yield f"{element:#x}" if isinstance(element, int) else str(element)
        elif len(element) == LOGICAL_NAME_SIZE:
            yield str(LogicalName(bytes(element)))


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
        moved = f", {there.changes} changes of its route" if there.changes else ""
        yield (
            f"topology: {there.link or 'no route'}, level {there.level}{via},"
            f" last heard {heard}{moved}{_share_heard(page)}"
        )


def _share_heard(page: MeterPage) -> str:
    home = page.concentrator
    heard, asked = (0, 0) if home is None else home.availability.get(page.meter.name, (0, 0))
    return f", {heard / asked:.1%} of its keep-alives heard" if asked else ""
