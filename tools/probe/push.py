"""`ami probe push`: where the meter sends to by itself, and having it send now."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from headend.app.probe import (
    BadAddress,
    Failure,
    ReasonCode,
    SerialAddress,
    TcpAddress,
    UdpAddress,
    parse,
)
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe
from protocols.dlms.objects.push import MESSAGES, PUSH_SETUP_CLASS, TRANSPORTS, PushSetup
from protocols.dlms.procedures import PUSH_SETUP, push_now, read_push_setup, write_push_setup
from protocols.dlms.values import OctetString
from tools.probe.command import group, verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Cell, Column, Report, Table
from tools.probe.supply import DryRun
from tools.probe.talk import Stopped
from tools.probe.values import text_of
from tools.probe.wanted import NotKnown, wanted
from tools.terminal import wrong_usage

app = group("push", "Push: where the meter sends to by itself; set it, or have it send now.")

COLUMNS = (
    Column("obis", "OBIS"),
    Column("name", "name"),
    Column("destination", "to"),
    Column("message", "as"),
    Column("objects", "what"),
    Column("windows", "when"),
    Column("retries", "retries"),
    Column("delay_s", "apart", "s"),
)
NOWHERE = Failure(
    ReasonCode.CANCELLED,
    "the push setup has no destination; nothing that acts was sent",
    "set one first: ami probe push set --to tcp://HOST:PORT",
)
Setup = Annotated[str, typer.Argument(help="OBIS code of the push setup.")]


@verb("show", of=app)
async def show(desk: Desk) -> Report:
    """Show every push setup: what is sent, where to, when.

    Example: [bold]ami probe push show[/]
    """
    async with desk.talk(Purpose.ACT) as talk:
        listed = (await talk.objects()).of_class(PUSH_SETUP_CLASS)
        rows, notes = [], []
        for each in listed:
            try:
                setup = await talk.do(read_push_setup(each.instance))
            except Stopped as stopped:
                notes.append(f"{each.instance}: {stopped.failure}")
                continue
            rows.append(_row(each.instance, setup, desk))
    table = Table("setups", "", COLUMNS, tuple(rows))
    return desk.report("", tables=(table,), notes=tuple(notes), journal={"setups": len(rows)})


@verb("set", of=app)
async def set_destination(
    desk: Desk,
    to: Annotated[str, typer.Option("--to", help="tcp://HOST:PORT or udp://HOST:PORT.")],
    setup: Setup = str(PUSH_SETUP),
    dry_run: DryRun = False,
) -> Report:
    """Write where a push setup sends to, and read it back.

    Example: [bold]ami probe push set --to tcp://192.0.2.1:4059[/]
    """
    name, (transport, place) = _name(desk, setup), _destination(to)
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT) as talk:
        before = await talk.do(read_push_setup(name))
        meant = replace(before.destination, transport=transport, address=place)
        wanted_ = replace(before, destination=meant)
        after = await talk.act(write_push_setup(wanted_, name), to=to)
    table = Table("setups", "", COLUMNS, (_row(name, after, desk),))
    journal = {"before": _where(before), "after": _where(after)}
    return desk.report("", tables=(table,), notes=("read back from the meter",), journal=journal,
                       done=after.destination == meant)  # fmt: skip


@verb("now", of=app)
async def now(desk: Desk, setup: Setup = str(PUSH_SETUP), dry_run: DryRun = False) -> Report:
    """Have the meter push now; what it sends goes to the setup's destination.

    Example: [bold]ami probe push now 0.0.25.9.0.255[/]
    """
    name = _name(desk, setup)
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT) as talk:
        found = await talk.do(read_push_setup(name))
        if not (found.destination.address or dry_run):
            raise Stopped(NOWHERE)
        await talk.command(push_now(name), to=_where(found))
    note = f"the meter took it; look for it at {_where(found)}"
    return desk.report("", notes=(note,), journal={"to": _where(found)})


def _name(desk: Desk, text: str) -> LogicalName:
    try:
        return wanted(text, desk.model()).name
    except NotKnown as error:
        wrong_usage(str(error))


def _destination(text: str) -> tuple[int, bytes]:
    try:
        found = parse(text)
    except BadAddress as error:
        wrong_usage(str(error))
    match found:
        case TcpAddress(host, port):
            return 0, f"{host}:{port}".encode()
        case UdpAddress(host, port):
            return 1, f"{host}:{port}".encode()
        case SerialAddress():
            wrong_usage("a meter pushes to tcp:// or udp://, not to a port of this machine")


def _row(name: LogicalName, setup: PushSetup, desk: Desk) -> tuple[Cell, ...]:
    language = desk.language
    objects = ", ".join(describe(each.instance, language) for each in setup.objects)
    windows = ", ".join(f"{each.start.time} to {each.end.time}" for each in setup.windows)
    message = MESSAGES.get(setup.destination.message, str(setup.destination.message))
    return (str(name), describe(name, language), _where(setup), message, objects,
            windows or "at any time", setup.retries, setup.repetition_delay_s)  # fmt: skip


def _where(setup: PushSetup) -> str:
    found = setup.destination
    transport = TRANSPORTS.get(found.transport, str(found.transport))
    return f"{transport} {text_of(OctetString(found.address))}"
