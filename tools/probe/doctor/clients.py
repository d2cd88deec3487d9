"""Which client addresses an HDLC meter gives a link to.

A link (SNRM, UA) is no login: nothing is proved in it, and no meter counts it as a wrong one.  The
wrapper has no links, and a sign-on of mode E for each would take minutes; there nothing is asked.
"""

from __future__ import annotations

from headend.app.probe import LineError, Trace, Wire, line_to
from headend.models import Framing
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.settings import HdlcSettings
from protocols.link import LinkUp
from tools.probe.desk import Desk, Way
from tools.probe.doctor.findings import Finding, good

CLIENTS = (1, 2, 3, 16, 32, 48, 64, 102)
"""Management, reader, firmware, public; and what companion specifications add."""


async def linked(desk: Desk, way: Way) -> list[Finding]:
    """The addresses of CLIENTS that get a link."""
    if way.framing is not Framing.HDLC or way.model is None or way.address is None:
        return []
    hdlc = way.model.hdlc
    association = way.model.association["public"]
    server = ServerAddress(association.server, hdlc.physical, hdlc.address_octets)
    settings = HdlcSettings(response_timeout_s=min(hdlc.response_timeout_s, 2.0), retries=0)
    answered = []
    for client in CLIENTS:
        line = line_to(way.address)
        wire = Wire(line, HdlcClient(client, server, settings), Trace(desk.probe.clock))
        try:
            await line.open()
            if isinstance(await wire.connect(), LinkUp):
                answered.append(client)
            await wire.disconnect()
        except LineError:
            break
        finally:
            await line.close()
    return [good("clients-linked", clients=", ".join(map(str, answered)))] if answered else []
