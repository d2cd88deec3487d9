"""What surrounds the demonstration's story: who takes part, how it ended, and where to go on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from headend.domain.reason import REASONS
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from scenarios.demo import Stage
from scenarios.demo_moments import Played
from tools.demo.story import value_read
from tools.terminal import STYLES

DATE = re.compile(r"\d{4}-\d\d-\d\d[T ](?=\d\d:)")
"""The day in a reply's times; all of them are of today."""


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
        "simulated: one transformer with 60 meters, reached by power line through concentrator"
        " C-001;\nmeter 90000002 refuses new limits, 90000003 is silent; at last the SIM of C-001"
        " is barred",
    )
    parts.add_row("stand-ins", "commercial system, integration platform, mobile operator's portal")
    parts.add_row("columns", "seconds; step of the use case, 1 to 9; from → to; what was said")
    title = Text.assemble(("A power-limit order, from SOAP to a meter and back", "bold blue"))
    return Group(Rule(title, align="left", style="blue"), parts)


def replies(outcome: Sequence[Played]) -> RenderableType:
    """What the commercial system holds at the end: a row for each order, and below it what the
    reply says of a failure, in the utility's language."""
    header = _row("", "meter", Text("result"), "code", "took", "outcome")
    header.stylize("dim")
    lines: list[RenderableType] = [header]
    for number, played in enumerate(outcome, 1):
        message = played.replies[0] if played.replies else None
        result = "none" if message is None or message.reply is None else message.reply.result
        errors = errors_of(message)
        took = seconds(played)
        lines.append(
            _row(
                str(number),
                played.spec.names()[0],
                Text(result, STYLES["done" if result == "OK" else "failed"]),
                errors[0].code if errors else "0.0",
                "-" if took is None else f"{took:.1f} s",
                _ending(played, message),
            )
        )
        if result != "OK":
            details = (error.details or error.reason_text for error in errors)
            lines += (Padding(Text(DATE.sub("", text), "dim"), (0, 0, 0, 3)) for text in details)
    title = Text("What the commercial system got", "bold")
    return Group(Text(), Rule(title, align="left", style="dim"), *lines)


def _row(number: str, meter: str, result: Text, code: str, took: str, ending: str) -> Text:
    result.pad_right(8 - result.cell_len)
    return Text.assemble(f"{number:<3}{meter:<10}", result, f"{code:<6}{took:>6}  {ending}")


def _ending(played: Played, message: Message | None) -> str:
    if message is not None and (value := value_read(message)) is not None:
        return f"the limit was read back: {value}"
    if played.order is None or played.order.reason is None:
        return "-"
    return REASONS[played.order.reason].text


def seconds(played: Played) -> float | None:
    """From acceptance to the outcome."""
    order = played.order
    if order is None or order.ended_at is None:
        return None
    return round((order.ended_at - order.accepted_at).total_seconds(), 3)


def verdict(outcome: Sequence[Played], total_s: float, *, whole: bool) -> RenderableType:
    """Whether all went as it should, and the field is `whole` again."""
    wrong = [(number, played) for number, played in enumerate(outcome, 1) if not played.ok]
    if not wrong and whole:
        text = Text("Every order ended as it should", STYLES["done"])
        return Group(Text(), text.append(f", in {total_s:.0f} s.", "default"))
    lines: list[RenderableType] = []
    if not whole:
        lines.append(Text("A concentrator has not come back on line.", STYLES["failed"]))
    for number, played in wrong:
        state, reason = played.expected
        wanted = f"{state}: {REASONS[reason].text}" if reason is not None else str(state)
        order = played.order
        got = "nothing stored" if order is None else f"{order.state} {order.reason or ''}".strip()
        owed = f"; not settled: {', '.join(played.unsettled)}" if played.unsettled else ""
        told = f"Order {number} should have ended {wanted}; it is {got}{owed}."
        lines.append(Text(told, STYLES["failed"]))
    return Group(Text(), *lines)


def what_next(program: str, *, database: str | None) -> Iterator[Text]:
    """Commands to go on with, a line each."""
    rows: list[tuple[str, str]] = []
    if database is not None:
        given = f"--database {shlex.quote(database)}"
        rows.append((f"{program} explain order 2 --frames {given}", "each APDU and frame of it"))
        rows.append((f"{program} order list {given}", "every order"))
    rows.append((f"{program} demo --serve", "stay up, and send orders of your own"))
    rows.append((f"{program} sim list", "more stories, on the simulated clock"))
    for command, what in rows:
        yield Text.assemble((f"{what}:", "dim"), "\n    ", (command, "bold"))


def errors_of(message: Message | None) -> tuple[ReplyError, ...]:
    return () if message is None or message.reply is None else message.reply.errors
