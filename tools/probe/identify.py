"""`ami probe identify`: who the meter is, and how it lets us in."""

from __future__ import annotations

from protocols.dlms.codes import Conformance
from protocols.dlms.procedures import Identity, identify
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Fact, Report
from tools.probe.talk import Talk
from tools.probe.values import date_time_text


@verb("identify")
async def identified(desk: Desk) -> Report:
    """Tell who the meter is.  Needs no password where its public client may read that.

    Example: [bold]ami probe identify --port /dev/ttyUSB0[/]
    """
    async with desk.talk(Purpose.LOOK) as talk:
        identity = await talk.do(identify())
        return desk.report("", facts=(*of_meter(identity), *of_association(talk)))


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
