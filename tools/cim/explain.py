"""`ami cim explain`: all that is known of one message at the doors, in the store, on the bus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from headend.clock import WallClock
from headend.config import BadConfig
from headend.config.adapters import AdapterSettings
from headend.config.adapters import read as read_adapters
from headend.config.bus import BusSettings
from headend.config.bus import read as read_bus
from headend.domain.message_log import DoorMessage
from headend.domain.order import Order
from headend.domain.reason import REASONS
from headend.integration.bus import traces
from headend.integration.bus.traces import TracesInFolder
from headend.integration.messages_in_folder import MessagesInFolder
from headend.ports import InboundMessage, Outgoing
from headend.store import message_queries, queries
from protocols.cim.bus.effects import Hop
from tools.database.opening import reading
from tools.explain.command import owed, xml_shown
from tools.explain.explanation import message_as_json, outgoing_as_json
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import STYLES, clock_text, print_json, show, wrong_usage

ORDERS_MAX = 50  # of one message, told one by one


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that took effect, its orders, and what was sent about each."""

    message: InboundMessage
    orders: tuple[tuple[Order, tuple[Outgoing, ...]], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything known under one MessageID."""

    id: str
    at_doors: tuple[DoorMessage, ...]
    kept: tuple[Kept, ...]
    hops: tuple[Hop, ...]

    @property
    def nothing(self) -> bool:
        return not (self.at_doors or self.kept or self.hops)


def explain(
    message_id: Annotated[str, typer.Argument(help="A MessageID, or a CorrelationID.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    bus: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Settings of a bus: its doors' log and its traces."),
    ] = None,
    adapters: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Settings of adapters, likewise."),
    ] = None,
    soap: Annotated[bool, typer.Option("--soap", help="The SOAP message and its answer.")] = False,
    json: Json = False,
) -> None:
    """All that is known of one message: each time it came and what it was answered, the orders it
    made and how they ended, the results that were sent, its way on the bus.

    Example: [bold]ami cim explain 8f2d7a52-5f0b-4f77-9a52-0d2a3d4f0001 --bus bus.toml[/]
    """
    known = _gather(message_id, config, database, tuple(bus or ()), tuple(adapters or ()))
    if known.nothing:
        wrong_usage(
            f"no message {message_id}",
            "What came by the bus or to an adapter: name its settings by --bus or --adapters",
            code="no-such-message",
        )
    if json:
        print_json(_as_json(known))
    else:
        show(_story(known, soap))


def _gather(
    id: str,
    config: Path | None,
    database: str | None,
    buses: tuple[Path, ...],
    adapters: tuple[Path, ...],
) -> Known:
    doors: list[DoorMessage] = []
    hops: list[Hop] = []
    for folder, traced in _folders(buses, adapters):
        doors += MessagesInFolder(folder, WallClock()).logged(id)
        hops += TracesInFolder(traced).of(id)
    kept: tuple[Kept, ...] = ()
    if config is not None or database is not None or not (buses or adapters):
        with reading(database, config) as reader:
            doors += reader.read(lambda connection: message_queries.logged(connection, id))
            kept = reader.read(lambda connection: _kept(connection, id))
    doors.sort(key=lambda line: line.at)
    hops.sort(key=lambda hop: hop.at)
    return Known(id, tuple(doors), kept, tuple(hops))


def _folders(buses: tuple[Path, ...], adapters: tuple[Path, ...]) -> list[tuple[Path, Path]]:
    """Where the processes that these settings are of keep messages and traces."""
    said: list[BusSettings | AdapterSettings] = []
    try:
        said += map(read_bus, buses)
        said += map(read_adapters, adapters)
    except BadConfig as error:
        wrong_usage(str(error))
    return [(settings.messages, settings.traces) for settings in said]


def _kept(connection: queries.Connection, id: str) -> tuple[Kept, ...]:
    return tuple(
        Kept(message, tuple(_orders(connection, message.transaction_id)))
        for message in message_queries.kept(connection, id)
    )


def _orders(
    connection: queries.Connection, transaction_id: str
) -> list[tuple[Order, tuple[Outgoing, ...]]]:
    numbers = message_queries.orders_of(connection, transaction_id)
    return [
        (order, tuple(queries.outgoing_of(connection, number)))
        for number in numbers
        if (order := queries.order(connection, number)) is not None
    ]


# --- for people ----------------------------------------------------------------------------------


def _story(known: Known, soap: bool) -> Tree:
    tree = Tree(Text(f"message {known.id}", "bold"), guide_style="dim")
    for line in known.at_doors:
        _add_line(tree, line)
    if not known.at_doors:
        tree.add(Text("no door's log has it", "dim"))
    for kept in known.kept:
        _add_kept(tree, kept, soap)
    if known.hops:
        branch = tree.add("on the bus")
        for hop in known.hops:
            branch.add(Text(traces.told(hop)))
    return tree


def _add_line(tree: Tree, line: DoorMessage) -> None:
    good = line.result in ("OK", "PARTIAL")
    answered = " ".join(filter(None, (line.result, line.code, line.key)))
    branch = tree.add(
        Text.assemble(
            (f"{clock_text(line.at)}  ", "dim"),
            f"{line.verb} {line.noun}".strip() or "what could not be read",
            f" at {line.door}: ",
            (answered, "green" if good else "red"),
            (f" after {line.took_ms} ms", "dim"),
        )
    )
    shown = {
        "from": line.address,
        "certificate": line.certificate,
        "user": line.username,
        "Source": line.source,
        "MessageID": line.message_id,
        "CorrelationID": line.correlation_id,
    }
    branch.add(Text("  ".join(f"{name} {value}" for name, value in shown.items() if value)))
    branch.add(Text(f"{line.octets} octets, SHA-256 {line.digest or 'not read'}", "dim"))


def _add_kept(tree: Tree, kept: Kept, soap: bool) -> None:
    message = kept.message
    branch = tree.add(
        Text.assemble(
            (f"{clock_text(message.received_at)}  ", "dim"),
            f"kept, with its effect, as transaction {message.transaction_id} of {message.source}",
        )
    )
    if soap:
        branch.add("the SOAP message").add(xml_shown(message.request))
        if message.answer is not None:
            branch.add("its first answer").add(xml_shown(message.answer))
    for order, outgoing in kept.orders[:ORDERS_MAX]:
        node = branch.add(_order(order))
        for each in outgoing:
            node.add(owed(each))
    if len(kept.orders) > ORDERS_MAX:
        branch.add(Text(f"and {len(kept.orders) - ORDERS_MAX} orders more: --json", "dim"))


def _order(order: Order) -> Text:
    text = Text.assemble(
        f"order {order.number}: {order.kind} at meter {order.meter}  ",
        (order.state, STYLES.get(order.state, "default")),
    )
    if order.reason is not None:
        text.append(f"  {REASONS[order.reason].text} ({REASONS[order.reason].cim})", "dim")
    return text


# --- for machines --------------------------------------------------------------------------------


def _as_json(known: Known) -> dict[str, Any]:
    return {
        "message_id": known.id,
        "doors": list(known.at_doors),
        "kept": [
            {
                **message_as_json(kept.message),
                "transaction_id": kept.message.transaction_id,
                "orders": [
                    {
                        "number": order.number,
                        "meter": order.meter,
                        "kind": order.kind,
                        "state": order.state,
                        "reason": order.reason,
                        "ended_at": order.ended_at,
                        "outgoing": [outgoing_as_json(each) for each in outgoing],
                    }
                    for order, outgoing in kept.orders
                ],
            }
            for kept in known.kept
        ],
        "hops": list(known.hops),
    }
