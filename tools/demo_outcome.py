"""What surrounds the demonstration's story: who takes part, how it ended, and where to go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from headend.domain.reason import REASONS
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from scenarios.demo import Played, Stage
from tools.demo_story import value_read
from tools.terminal import STYLES


def opening(stage: Stage, broker: str, database: str) -> RenderableType:
    """Who takes part, where, and what is wrong in the field."""
    parts = Table.grid(padding=(0, 2))
    parts.add_column(style="bold")
    parts.add_column(overflow="fold")
    parts.add_row("head-end", f"SOAP at {stage.running.soap_url}")
    parts.add_row("broker", broker)
    parts.add_row("store", database)
    parts.add_row(
        "field",
        "two transformers with 60 meters each, behind concentrators C-001 and C-002;"
        " meter 90000002 refuses new limits, meter 90000003 is silent,"
        " the SIM of C-002 gets barred",
    )
    parts.add_row("stand-ins", "commercial system, integration platform, mobile operator's portal")
    return Panel(
        parts,
        title="[bold]ami demo[/]  a power-limit order, from SOAP to a meter and back",
        title_align="left",
        border_style="blue",
    )


def replies(outcome: Sequence[Played]) -> RenderableType:
    """What the commercial system holds at the end."""
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim")
    table.add_column("", width=1)
    table.add_column("meter", width=9)
    table.add_column("Result", width=6)
    table.add_column("code", width=4)
    table.add_column("took", width=6, justify="right")
    table.add_column("read back", width=9)
    table.add_column("reason, and the evidence that it rests on", ratio=1, overflow="fold")
    for number, played in enumerate(outcome, 1):
        message = played.replies[0] if played.replies else None
        result = "none" if message is None or message.reply is None else message.reply.result
        errors = errors_of(message)
        reason = Text("\n").join(
            Text(error.details or error.reason_text, "" if index == 0 else "dim")
            for index, error in enumerate(errors)
        )
        table.add_row(
            str(number),
            played.spec.names()[0],
            Text(result, STYLES["done" if result == "OK" else "failed"]),
            errors[0].code if errors else "0.0",
            "-" if (took := seconds(played)) is None else f"{took:.1f} s",
            (value_read(message) if message is not None else None) or "-",
            reason,
        )
    title = Text("What the commercial system got", "bold")
    return Group(Text(), Rule(title, align="left", style="dim"), table)


def seconds(played: Played) -> float | None:
    """From acceptance to the outcome."""
    order = played.order
    if order is None or order.ended_at is None:
        return None
    return round((order.ended_at - order.accepted_at).total_seconds(), 3)


def verdict(outcome: Sequence[Played], total_s: float) -> RenderableType:
    """Whether all went as it should."""
    wrong = [(number, played) for number, played in enumerate(outcome, 1) if not played.ok]
    if not wrong:
        text = Text("Every order ended as it should", STYLES["done"])
        return Group(Text(), text.append(f", in {total_s:.0f} s.", "default"))
    lines: list[RenderableType] = []
    for number, played in wrong:
        state, reason = played.expected
        wanted = f"{state}: {REASONS[reason].text}" if reason is not None else str(state)
        order = played.order
        got = "nothing stored" if order is None else f"{order.state} {order.reason or ''}".strip()
        owed = f"; not settled: {', '.join(played.unsettled)}" if played.unsettled else ""
        told = f"Order {number} should have ended {wanted}; it is {got}{owed}."
        lines.append(Text(told, STYLES["failed"]))
    return Group(Text(), *lines)


def what_next(program: str, *, database: str | None, soap: str | None) -> Iterator[Text]:
    """Commands to go on with, a line each; `soap` where the demonstration stays up."""
    rows: list[tuple[str, str]] = []
    if soap is not None:
        send = f"{program} order send --meter 90000010 --limit 2.5kW --any-day --wait --url {soap}"
        rows.append((send, "an order of your own"))
        rows.append((f"curl '{soap}/EndDeviceControls?wsdl'", "the contract, for your own client"))
    if database is not None:
        given = f"--database {shlex.quote(database)}"
        rows.append((f"{program} explain order 2 --frames {given}", "each APDU and frame of it"))
        rows.append((f"{program} order list {given}", "every order"))
    if soap is None:
        rows.append((f"{program} demo --serve", "stay up, and send orders of your own"))
        rows.append((f"{program} sim list", "more stories, on the simulated clock"))
    for command, what in rows:
        yield Text.assemble((f"{what}:", "dim"), "\n    ", (command, "bold"))


def errors_of(message: Message | None) -> tuple[ReplyError, ...]:
    return () if message is None or message.reply is None else message.reply.errors
