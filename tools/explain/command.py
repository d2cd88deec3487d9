"""`ami explain`: how an order came to its end, from the SOAP message down to each frame."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from lxml import etree
from rich.console import RenderableType
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from headend.domain.order import Order, ValueRead
from headend.domain.reason import REASONS
from headend.ports import Outgoing
from headend.store import damaged_queries as damaged
from protocols.commercial.messages import UnknownMessage, decode_result
from protocols.concentrator.messages import Frame, LimitRead, Result
from tools.capture.places import Places
from tools.database.opening import reading
from tools.explain.concentrator import concentrator
from tools.explain.explanation import Explanation, Spoken, Tried, as_json, gather
from tools.explain.meter import meter
from tools.options import ConfigFile, OtherDatabase
from tools.terminal import STYLES, clock_text, err, failed, out, print_json, show, wrong_usage

app = typer.Typer(help="How something came about, or how it stands.", no_args_is_help=True)
app.command("concentrator")(concentrator)
app.command("meter")(meter)

FINE = frozenset({"delivered", "sent", "handed-on"})
"""Fates that are no loss: nobody acknowledges an acknowledgement, which is `sent`; and a frame that
is `handed-on` reached the module that repeats for the meter."""
ARROWS = {"down": "→", "up": "←"}
CHANNELS = {
    "queue": "by the result queue",
    "soap": "by SOAP callback",
    "legacy": "into the legacy database",
}


@app.callback()
def _explain() -> None:
    """How something came about."""


@app.command()
def order(
    number: Annotated[int, typer.Argument(min=1, max=10**12, help="The order's number.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    frames: Annotated[bool, typer.Option("--frames", help="Each frame on a line.")] = False,
    soap: Annotated[bool, typer.Option("--soap", help="The SOAP message and its answer.")] = False,
    octets: Annotated[bool, typer.Option("--octets", help="The octets of each APDU.")] = False,
    capture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The run's capture: say where in it each frame is."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines; always everything.")] = False,
) -> None:
    """Every state, attempt, APDU and frame of an order, with time and cause.

    Example: [bold]ami explain order 88 --frames --capture run.pcapng[/]
    """
    places = _places(capture)
    with reading(database, config) as reader:
        readable = reader.read(lambda connection: damaged.order(connection, number))
        if isinstance(readable, damaged.DamagedOrder):
            failed(f"order {number} is damaged: {readable.why}", f"Look at row {number} of orders")
        told = reader.read(lambda connection: gather(connection, number, places))
    if told is None:
        wrong_usage(
            f"no order {number}",
            "See the numbers with: ami order list",
            code="no-such-order",
        )
    if json:
        print_json(as_json(told))
        return
    show(_story(told, frames=frames, soap=soap, octets=octets))
    if told.order.reason is not None or told.order.evidence:
        out.print()
        for line in _why(told.order):
            out.print(line)
    if not frames and any(tried.frames for tried in told.tries):
        err.print("Frames that arrived are summed up; each one: --frames", style="dim")


def _places(capture: Path | None) -> Places | None:
    if capture is None:
        return None
    try:
        with capture.open("rb") as file:
            return Places.of(file.read)
    except OSError as error:
        wrong_usage(f"--capture {capture}: {error.strerror}")


# --- the story -----------------------------------------------------------------------------------


def _story(told: Explanation, *, frames: bool, soap: bool, octets: bool) -> Tree:
    order = told.order
    tree = Tree(_title(order), guide_style="dim")
    day = None
    waiting = [*told.outgoing]
    attempts = {tried.attempt.number: tried for tried in told.tries}
    for line in told.journal:
        while waiting and waiting[0].created_at < line.at:
            tree.add(owed(waiting.pop(0)))
        if line.at.date() != day:
            day = line.at.date()
            tree.add(_day(day))
        branch = tree.add(_line(line.at, line.state, line.cause))
        if line is told.journal[0]:
            _add_message(branch, told, soap)
        if line.attempt is not None and (tried := attempts.pop(line.attempt, None)) is not None:
            _add_attempt(branch, tried, frames=frames, octets=octets)
    for message in waiting:
        tree.add(owed(message))
    return tree


def _title(order: Order) -> Text:
    wish = f"{order.kind} {order.amount} {order.unit}" if order.amount is not None else order.kind
    title = Text.assemble(
        (f"order {order.number}: {wish} at meter {order.meter}", "bold"),
        "  ",
        (order.state, STYLES.get(order.state, "default")),
    )
    if order.ended_at is not None:
        took_s = (order.ended_at - order.accepted_at).total_seconds()
        title.append(f" after {_duration(took_s)}", "dim")
    return title


def _day(day: date) -> Text:
    return Text(f"{day:%A} {day.isoformat()}, times in UTC", "dim italic")


def _line(at: datetime, state: str, cause: str) -> Text:
    return Text.assemble(
        (f"{_time(at)}  ", "dim"), (f"{state:<11}", STYLES.get(state, "default")), f" {cause}"
    )


def _add_message(branch: Tree, told: Explanation, soap: bool) -> None:
    order, message = told.order, told.inbound
    style = "generic RequestMessage" if order.generic else order.noun
    parts = [style, f"transaction {order.transaction_id}"]
    if order.message_id:
        parts.append(f"message {order.message_id}")
    branch.add(Text("  ".join(parts), "dim"))
    if message is None or not soap:
        return
    branch.add("the SOAP message").add(xml_shown(message.request))
    if message.answer is not None:
        branch.add("its first answer").add(xml_shown(message.answer))


def xml_shown(octets: bytes) -> RenderableType:
    """A message as people read it."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True)
        text = etree.tostring(etree.fromstring(octets, parser), pretty_print=True).decode()
    except etree.XMLSyntaxError:
        text = octets.decode(errors="replace")
    return Syntax(text.rstrip(), "xml", background_color="default", word_wrap=True)


# --- an attempt ----------------------------------------------------------------------------------


def _add_attempt(branch: Tree, tried: Tried, *, frames: bool, octets: bool) -> None:
    attempt, result = tried.attempt, tried.result
    what = "read-back" if attempt.verification else "attempt"
    head = Text(f"{what} {attempt.number}", "bold")
    if attempt.engine:
        head.append(f", engine {attempt.engine}", "dim")
    if attempt.ended_at is None:
        head.append(": no end of it is recorded", "yellow")
    else:
        head.append(f": {attempt.result}", "default")
        if attempt.ended_at > attempt.started_at:
            took_s = (attempt.ended_at - attempt.started_at).total_seconds()
            head.append(f" after {_duration(took_s)}", "dim")
    node = branch.add(head)
    if result is None:
        return
    for item in _conversation(tried, frames=frames, octets=octets):
        node.add(item)
    for text in _seen(result):
        node.add(Text(text))


def _conversation(tried: Tried, *, frames: bool, octets: bool) -> Iterator[RenderableType]:
    """APDUs, and between them the frames that carried them."""
    both: list[Spoken | Frame] = sorted((*tried.spoken, *tried.frames), key=lambda each: each.at)
    offsets = dict(zip(map(id, tried.frames), tried.offsets, strict=False))
    for carries, run in groupby(both, key=lambda each: isinstance(each, Frame)):
        if carries:
            carried = [each for each in run if isinstance(each, Frame)]
            if frames:
                yield from (_frame(each, offsets.get(id(each))) for each in carried)
            else:
                yield from _summed_up(carried)
        else:
            for each in run:
                if isinstance(each, Spoken):
                    yield _apdu(each, octets)


def _apdu(spoken: Spoken, octets: bool) -> Text:
    text = Text.assemble(
        (f"{_time(spoken.at)} ", "dim"), (ARROWS[spoken.direction], "bold cyan"), f" {spoken.text}"
    )
    if spoken.repeated:
        text.append("  again", "yellow")
    if spoken.ciphered:
        text.append("  ciphered", "green dim")
    if octets:
        for name, value in (("wire", spoken.wire), ("plain", spoken.plain)):
            if value is not None and (name == "wire" or value != spoken.wire):
                text.append(f"\n{name:>5} {value.hex(' ').upper()}", "dim")
    return text


def _summed_up(frames: list[Frame]) -> Iterator[Text]:
    """Runs of frames that arrived in one line; runs that were lost alike in one line each."""
    for (fine, *_), run in groupby(frames, key=lambda f: (f.fate in FINE, f.link, f.hops)):
        if fine:
            yield _arrived([*run])
        else:
            for _, alike in groupby(run, key=lambda f: (f.direction, f.octets, f.fate)):
                yield _lost([*alike])


def _arrived(frames: list[Frame]) -> Text:
    snr = [frame.snr_db for frame in frames if frame.snr_db is not None]
    heard = f", SNR {_span(snr)} dB" if snr else ""
    airtime_ms = sum(frame.airtime_ms for frame in frames)
    octets = sum(frame.octets for frame in frames)
    return Text(
        f"{'':13}{_counted(len(frames), 'frame')} delivered{_over(frames[0])}, {octets} octets"
        f"{heard}, {airtime_ms:.0f} ms on the air",
        "dim",
    )


def _over(frame: Frame) -> str:
    """What it travelled on, where that is not simply the power line straight to the meter."""
    by = " by radio" if frame.link == "rf" else ""
    return by + (f" over the first of {frame.hops} hops" if frame.hops > 1 else "")


def _lost(frames: list[Frame]) -> Text:
    first = frames[0]
    airtime_ms = sum(frame.airtime_ms for frame in frames)
    times = "" if len(frames) == 1 else f"{len(frames)} × "
    return Text.assemble(
        (f"{_time(first.at)} ", "dim"),
        (f"{ARROWS[first.direction]} {times}frame of {first.octets} octets: {first.fate}", "red"),
        (f"{_over(first)}{_snr(first)}, {airtime_ms:.0f} ms on the air", "dim"),
    )


def _frame(frame: Frame, offset: int | None) -> Text:
    return Text.assemble(
        (f"{_time(frame.at)} ", "dim"),
        f"{ARROWS[frame.direction]} frame of {frame.octets} octets on {frame.link}: ",
        (frame.fate, "green" if frame.fate in FINE else "red"),
        (f"{_over(frame)}{_snr(frame)}, {frame.airtime_ms:.1f} ms on the air", "dim"),
        ("" if offset is None else f", octet {offset} of the capture", "dim"),
    )


def _seen(result: Result) -> Iterator[str]:
    """What the concentrator concluded."""
    if result.refusal is not None:
        refusal = result.refusal
        yield f"the meter answered {refusal.service} with {refusal.name} ({refusal.code})"
    if result.before is not None:
        yield f"before: {_limit(result.before)}"
    if result.limit is not None:
        yield f"read back: {_limit(result.limit)}"
    if result.supply is not None:
        supply = result.supply
        output = "on" if supply.output_on else "off"
        yield (
            f"read back: output {output}, control state {supply.control_state},"
            f" control mode {supply.control_mode}"
        )
    if result.load is not None:
        yield f"read back: the load is {'on' if result.load.output_on else 'off'}"
    if result.demand is not None:
        yield f"read back: {ValueRead(demand=result.demand)}"
    for item in result.readings:
        value = item.error or f"{item.value} {item.unit or ''}".rstrip()
        odd = f" ({', '.join(item.quality)})" if item.quality else ""
        yield f"{item.name}: {value}{odd}"
    if (link := result.link) is not None:
        place = "has its place in the network" if link.registered else "has no place in the network"
        yield (
            f"link: the meter's module {place};"
            f" {link.frames_lost} of {link.frames_sent} frames lost, {link.link_acks} acknowledged"
            + ("" if link.last_heard is None else f"; last heard {_time(link.last_heard)}")
        )


def _limit(read: LimitRead) -> str:
    limit = "no limit" if read.unlimited else f"{read.threshold_normal} {read.unit}"
    if read.emergency_active:
        return f"{limit}, but an emergency profile rules: {read.threshold_active} {read.unit}"
    return limit


# --- the end -------------------------------------------------------------------------------------


def owed(message: Outgoing) -> Text:
    """What was sent to the commercial side, and whether it was taken."""
    text = Text.assemble(
        (f"{_time(message.created_at)}  ", "dim"),
        (f"{message.kind:<11}", "bold"),
        f" {CHANNELS.get(message.channel, message.channel)}",
    )
    if message.address:
        text.append(f" to {message.address}")
    try:
        note = decode_result(message.body).note
    except UnknownMessage:
        note = None
    if note:
        text.append(f": {note}")
    tries = "1 try" if message.tries == 1 else f"{message.tries} tries"
    if message.settled_at is None:
        text.append(f", not settled after {tries}", "yellow")
        if message.trouble:
            text.append(f": {message.trouble}", "yellow")
    else:
        text.append(f", settled {_time(message.settled_at)} after {tries}", "dim")
    return text


def _why(order: Order) -> Iterator[Text]:
    if order.reason is not None:
        reason = REASONS[order.reason]
        yield Text.assemble(("why: ", "bold"), reason.text, (f" ({reason.code})", "dim"))
        yield Text(f"     told as {reason.cim}, {reason.details}", "dim")
    for item in order.evidence:
        yield Text.assemble(
            ("evidence: ", "bold"),
            (f"{clock_text(item.at)} ", "dim"),
            f"{item.source}: {item.text}",
            ("" if item.suggests is None else f" → {item.suggests}", "dim"),
        )


# --- small parts ---------------------------------------------------------------------------------


def _time(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def _duration(total_s: float) -> str:
    if total_s < 120:
        return f"{total_s:.1f} s"
    minutes, seconds = divmod(round(total_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def _snr(frame: Frame) -> str:
    return "" if frame.snr_db is None else f", SNR {frame.snr_db:.1f} dB"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
