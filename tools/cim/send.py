"""`ami cim send`: a message from a file to any door, and what comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.integration.cim.asking import instances_in
from protocols.cim import compression, envelope, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.codes import Result
from protocols.cim.envelope import Header, Kind, Message
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.xml import Element
from tools.cim.files import message_of
from tools.cim.get import told
from tools.cim.reaching import (
    SOURCE,
    TIMEOUT_S,
    At,
    Directly,
    Source,
    Timeout,
    TlsFolder,
    Told,
    Way,
    reaching,
    unreached,
    way_to,
)
from tools.cim.replies import complain_of, reply_told, text_of
from tools.options import Json
from tools.terminal import err, failed, out, print_json, wrong_usage


def send(
    file: Annotated[Path, typer.Argument(help="A message, in a SOAP envelope or without.")],
    at: At,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="With a new MessageID and the time of now: send it again."),
    ] = False,
    source: Source = SOURCE,
    tls: TlsFolder = None,
    directly: Directly = False,
    timeout: Timeout = TIMEOUT_S,
    as_json: Json = False,
    as_xml: Annotated[bool, typer.Option("--xml", help="The answer as it came.")] = False,
) -> None:
    """Send a message as it is to a SOAP door or to the bus, and show the reply.

    Exit code 1 for a Reply FAILED and for a fault.

    Example: [bold]ami cim send order.xml --at http://127.0.0.1:8080/soap --fresh[/]
    """
    octets, element = message_of(file)
    if fresh:
        octets = _renewed(element)
    way = way_to(at, source, tls, directly=directly, timeout_s=timeout)
    if way.on_bus is not None and _kind(element) is not Kind.REQUEST:
        wrong_usage(f"{file} is no request: on the bus only requests are answered")
    try:
        answer = asyncio.run(_sent(octets, way))
        message = _read(answer)
    except ConnectionError as error:
        unreached(error, way)
    except (NotAMessage, RequestRefused) as error:
        failed(f"what answers at {at} is no message of ours: {error}", code="no-message")
    if as_json:
        records = [told(it) for it in instances_in(message)]
        print_json({**reply_told(message), "fault": answer.fault, "instances": records})
    elif as_xml:
        out.print(answer.octets.decode(), markup=False, soft_wrap=True)
    else:
        _show(message, answer)
    complain_of(message)
    if answer.fault is not None or message.reply is None or message.reply.result is Result.FAILED:
        raise typer.Exit(1)
    if not as_json:
        _tell_where(element, message)


async def _sent(octets: bytes, way: Way) -> Told:
    async with reaching(way) as ask:
        return await ask(octets)


def _read(answer: Told) -> Message:
    """The answering message.  Raises `NotAMessage` and `RequestRefused`."""
    root = xml.parse(answer.octets)
    schema.check(root)
    return envelope.read(root)


def _kind(element: Element) -> Kind | None:
    try:
        return envelope.identify(element)[0]
    except NotAMessage:
        return None


def _header(element: Element) -> Header:
    return envelope.glimpse(element)


def _renewed(element: Element) -> bytes:
    """The message with a MessageID that nobody has seen, and the time of now."""
    header = xml.child(element, "Header")
    now = xml.date_time_text(WallClock().now())
    for name, text in (("MessageID", SystemChance().uuid()), ("Timestamp", now)):
        found = None if header is None else header.find(f"{{{ns.MESSAGE}}}{name}")
        if found is not None:
            found.text = text
    return xml.serialize(element)


def _show(message: Message, answer: Told) -> None:
    """The reply for a person: result, ids, what it holds."""
    if answer.fault is not None:
        out.print(f"SOAP fault: {answer.fault}", markup=False)
        return
    reply = message.reply
    out.print(f"{message.root_name()}: {reply.result if reply else 'no Reply'}", markup=False)
    for error in () if reply is None else reply.errors:
        if error.code in ("0.0", "0.2", "0.3"):
            out.print(f"  {text_of(error)}", markup=False)
    for each in () if reply is None else reply.ids:
        out.print(f"  {each.object_type or each.kind or 'ID'}: {each.value}", markup=False)
    for name, count in _held(message).items():
        out.print(f"  payload: {name} ({count})", markup=False)


def _held(message: Message) -> dict[str, int]:
    """What stands in a payload, by element: its parts, counted."""
    payload = compression.opened(message).payload
    found: dict[str, int] = {}
    for content in () if payload is None else payload.content:
        for part in content:
            name = f"{xml.local(content)}/{xml.local(part)}"
            found[name] = found.get(name, 0) + 1
    return found


def _tell_where(element: Element, message: Message) -> None:
    """Of what was acknowledged alone: where its outcome is seen."""
    codes: list[Any] = [it.code for it in (message.reply.errors if message.reply else ())]
    if "0.3" not in codes:
        return
    asked = envelope.read(element).header or _header(element)
    if asked.reply_address:
        err.print(f"taken; the outcome is posted to {asked.reply_address}", markup=False)
    else:
        err.print("taken; no ReplyAddress says where the outcome goes", markup=False)
    err.print("at the head-end: ami order list, ami explain order NUMBER", markup=False)
