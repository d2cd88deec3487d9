"""`ami probe identify`: who the meter is, and how it lets us in."""

from __future__ import annotations

from typing import Annotated

import typer

from headend.app.probe import Failure, ReasonCode, SerialAddress, line_to, read_out
from protocols.dlms.codes import Conformance
from protocols.dlms.procedures import Identity, identify
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.talk import Stopped, Talk
from tools.probe.values import date_time_text

COLUMNS = (Column("code", "code"), Column("value", "value"), Column("unit", "unit"))
SERIALS = ("0.0.0", "0-0:96.1.0", "96.1.0", "C.1.0")  # where meters print their number


@verb("identify")
async def identified(
    desk: Desk,
    readout: Annotated[
        bool,
        typer.Option("--readout", help="Let it read itself out in clear text, without DLMS."),
    ] = False,
) -> Report:
    """Tell who the meter is.  Needs no password where its public client may read that.

    A meter without DLMS on a serial line is read out in clear text, if it offers that.

    Example: [bold]ami probe identify --port /dev/ttyUSB0[/]
    """
    if readout:
        return await _read_out(desk)
    try:
        async with desk.talk(Purpose.LOOK) as talk:
            identity = await talk.do(identify())
            return desk.report("", facts=(*of_meter(identity), *of_association(talk)))
    except Stopped as stopped:
        serial = isinstance(desk.address(), SerialAddress)
        if not serial or stopped.failure.reason is not ReasonCode.METER_NOT_UNDERSTOOD:
            raise
        try:
            return await _read_out(desk, str(stopped.failure))
        except Stopped:
            raise stopped from None


async def _read_out(desk: Desk, why: str = "") -> Report:
    """The meter's data message; `why` there was nothing better.  Raises `Stopped`."""
    found = await read_out(line_to(desk.address()), desk.model().mode_e, desk.trace())
    if isinstance(found, Failure):
        raise Stopped(found)
    heard, data = found.identified, found.readout.data
    serial = next((each.value for each in data if each.address in SERIALS), None)
    facts = (
        Fact("serial_number", "meter", serial),
        Fact("identification", "mode C says", f"{heard.manufacturer} {heard.identification}"),
        Fact("baud", "and speaks at", heard.baud, "Bd"),
    )
    rows = tuple((each.address, each.value, each.unit) for each in data)
    notes = [f"{len(rows)} data sets read out in clear text"]
    if not found.readout.checked:
        notes.append("it sent no block check character: nothing vouches for them")
    if why:
        notes.insert(0, f"no DLMS here: {why}")
    table = Table("readout", "Readout", COLUMNS, rows)
    return desk.report("", facts=facts, tables=(table,), notes=tuple(notes))


def of_meter(identity: Identity) -> tuple[Fact, ...]:
    """What the meter says of itself."""
    time = None if identity.time is None else date_time_text(identity.time)
    return (
        Fact("serial_number", "meter", identity.serial_number),
        Fact("logical_device_name", "logical device name", identity.logical_device_name),
        Fact("manufacturer", "manufacturer", identity.manufacturer),
        Fact("meter_type", "type", identity.meter_type),
        Fact("firmware", "firmware", identity.firmware),
        Fact("time", "its clock", time),
    )


def of_association(talk: Talk) -> tuple[Fact, ...]:
    """How we speak with it."""
    opened, association = talk.opened, talk.association
    agreed = opened.negotiated
    services = [
        (each.name or "").lower().replace("_", "-")
        for each in Conformance
        if each in agreed.conformance
    ]
    facts = [
        Fact("framing", "framing", str(opened.framing)),
        Fact("client", "client", association.client),
        Fact("server", "server", association.server),
        Fact("mechanism", "proof", association.mechanism),
        Fact("security", "protection", association.security),
        Fact("system_title", "system title", opened.meter_title.hex().upper() or None),
        Fact("pdu_octets", "longest message", agreed.server_pdu_size, "octets"),
        Fact("services", "services", ", ".join(services)),
    ]
    if (heard := opened.identified) is not None:
        facts += [
            Fact("identification", "mode E says", f"{heard.manufacturer} {heard.identification}"),
            Fact("baud", "and speaks at", heard.baud, "Bd"),
        ]
    return tuple(facts)
