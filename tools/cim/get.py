"""`ami cim get`: instances of an adapter's classes, by any of the three kinds of get."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.integration.cim.asking import instances_in, replies
from protocols.cim import get, nouns
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.profile import lexical
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import NotAValue
from protocols.cim.replies import Stamp
from tools.cim.reaching import (
    SOURCE,
    TIMEOUT_S,
    At,
    Directly,
    Source,
    Timeout,
    TlsFolder,
    Way,
    reaching,
    unreached,
    way_to,
)
from tools.cim.replies import complain_of, reply_told
from tools.moments import stated
from tools.options import Json
from tools.terminal import failed, out, print_json, show, wrong_usage


def get_(
    noun: Annotated[str, typer.Argument(metavar="CLASS", help="A class, like Substation.")],
    at: At,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="ATTRIBUTE=VALUE", help="Filter: only those; several must all hold."),
    ] = None,
    association: Annotated[
        str | None, typer.Option(help="Association: what it leads to; with --of.")
    ] = None,
    of: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="From the instance with this key.")
    ] = None,
    special: Annotated[
        str | None, typer.Option(help="Its special attributes: measurementType=LineCurrent.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="A history's begin.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="A history's end, not in it.")
    ] = None,
    pages: Annotated[int | None, typer.Option(min=1, help="At most so many pages [all].")] = None,
    typed: Annotated[
        str | None, typer.Option(metavar="ADAPTER", help="In its own messages: SIAD for GetSIAD.")
    ] = None,
    source: Source = SOURCE,
    tls: TlsFolder = None,
    directly: Directly = False,
    timeout: Timeout = TIMEOUT_S,
    as_json: Json = False,
    as_xml: Annotated[bool, typer.Option("--xml", help="The replies as they came.")] = False,
) -> None:
    """Ask an adapter, by SOAP or on the bus: all instances of a class, a filter, an association.

    Further pages are asked for by themselves.

    Example: [bold]ami cim get Substation --at http://127.0.0.1:8091/soap/cim/SIAD[/]

    Example: [bold]ami cim get Substation --association Feeders --of VEN --at mqtt://127.0.0.1:1883/SIAD[/]
    """
    question = _question(noun, where, association, of, special, since, until, source)
    if typed is not None:
        if typed not in nouns.ADAPTERS:
            wrong_usage(f"--typed takes one of {', '.join(nouns.ADAPTERS)}, not {typed!r}")
        question = replace(question, typed=f"Get{typed}")
    way = way_to(at, source, tls, directly=directly, timeout_s=timeout)
    try:
        replies = asyncio.run(_asked(question, way, pages))
        instances = [it for _, reply in replies for it in instances_in(reply)]
    except ConnectionError as error:
        unreached(error, way)
    except (NotAMessage, RequestRefused, NotAValue) as error:
        failed(f"what answers at {at} is no adapter: {error}", code="no-adapter")
    last = replies[-1][1]
    refused = last.reply is None or last.reply.result is Result.FAILED
    if as_json:
        print_json({**reply_told(last), "instances": [told(it) for it in instances]})
    elif as_xml:
        for octets, _ in replies:
            out.print(octets.decode(), markup=False, soft_wrap=True)
    elif not refused:
        _show(instances)
    complain_of(last)
    if refused:
        raise typer.Exit(1)


def _question(
    noun: str,
    where: list[str] | None,
    association: str | None,
    of: list[str] | None,
    special: str | None,
    since: str | None,
    until: str | None,
    source: str,
) -> Message:
    """The message that asks.  Ends the command for options that do not go together."""
    stamp = _stamp(source)
    if association is None:
        if of or special or since or until:
            wrong_usage("--of, --special, --from and --to go with --association")
        if not where:
            return get.all_instances(noun, stamp)
        pairs = [each.partition("=") for each in where]
        if any(not (name and equals) for name, equals, _ in pairs):
            wrong_usage(f"--where takes ATTRIBUTE=VALUE, not {' '.join(where)}")
        values = {name: value for name, _, value in pairs}
        if len(values) != len(pairs):
            wrong_usage("--where names an attribute twice: no instance has two values of it")
        return get.filtered(noun, values, stamp)
    if where:
        wrong_usage("--where is a filter, --association is not: one of them")
    if not of:
        wrong_usage("--association needs the instance it leads from: --of KEY")
    return get.associated(
        noun,
        association,
        of,
        stamp,
        special=special,
        start=_time("--from", since),
        end=_time("--to", until),
    )


def _time(option: str, text: str | None) -> datetime | None:
    return None if text is None else stated(option, text)


def _stamp(source: str) -> Stamp:
    return Stamp(source=source, message_id=SystemChance().uuid(), at=WallClock().now())


async def _asked(question: Message, way: Way, most: int | None) -> list[tuple[bytes, Message]]:
    """The replies, page by page."""
    found: list[tuple[bytes, Message]] = []
    async with reaching(way) as ask:

        async def post(octets: bytes) -> bytes:
            return (await ask(octets)).octets

        async for each in replies(question, post, lambda: _stamp(way.source)):
            found.append(each)
            if len(found) == most:
                break
    return found


def told(instance: Instance) -> dict[str, Any]:
    """An instance, for machines."""
    return {"class": instance.cls.name, **instance.attributes, **instance.references}


def _show(instances: Iterable[Instance]) -> None:
    """A table for each class."""
    by_class: dict[str, list[Instance]] = {}
    for instance in instances:
        by_class.setdefault(instance.cls.name, []).append(instance)
    if not by_class:
        out.print("none")
    for name, found in by_class.items():
        columns = list(
            dict.fromkeys(key for it in found for key in (*it.attributes, *it.references))
        )
        table = Table(*columns, box=None, title=f"{name} ({len(found)})", title_justify="left")
        for it in found:
            cells = {key: lexical.write(value) for key, value in it.attributes.items()}
            cells |= it.references
            table.add_row(*(cells.get(column, "") for column in columns))
        show(table)
