"""A meter that reads itself out in clear text over a serial line: modes A to C, and what meters of
mode E offer beside DLMS."""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.failure import Failure
from headend.field.direct import failing
from headend.field.direct.line import Line, LineError
from headend.field.direct.trace import Trace
from headend.field.direct.wire import Wire
from headend.models import ModeE
from protocols.link import Identified, LinkUp
from protocols.mode_e.readout import Readout
from protocols.mode_e.readout_client import ReadoutClient
from protocols.mode_e.settings import ModeESettings


@dataclass(frozen=True, slots=True)
class ReadOut:
    """Who the meter said it is, and what it read out."""

    identified: Identified
    readout: Readout


async def read_out(line: Line, mode_e: ModeE, trace: Trace) -> ReadOut | Failure:
    """Sign on, have the data, and close the line."""
    settings = ModeESettings(
        device_address=mode_e.device_address, baud_max=mode_e.baud_max, retries=mode_e.retries,
        fallback=None,
    )  # fmt: skip
    link = ReadoutClient(settings)
    try:
        await line.open()
    except LineError as error:
        return failing.of_line(error)
    try:
        wire = Wire(line, link, trace)
        down = await wire.connect()
        assert not isinstance(down, LinkUp), "a readout leads to no link"
    finally:
        await line.close()
    if link.readout is None or link.identified is None:
        return failing.of_link(down, wire.lost)
    return ReadOut(link.identified, link.readout)
