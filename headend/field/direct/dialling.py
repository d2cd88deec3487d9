"""Finds the line to a directly reached meter by its address in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headend.domain.meter import DIALS_IN, Meter
from headend.field.direct.address import BadAddress, SerialAddress, TcpAddress, UdpAddress, parse
from headend.field.direct.line import Line, LineUnavailable
from headend.field.direct.serial_line import SerialLine
from headend.field.direct.tcp_line import TcpLine
from headend.field.direct.udp_line import UdpLine


class Callers(Protocol):
    """Meters that have called by themselves."""

    async def line_of(self, meter: Meter) -> Line:
        """The line of a meter that is connected, or is before long.  Raises `LineUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Dialler:
    """Implements `performing.Dialling` over real lines."""

    callers: Callers | None = None

    async def line_to(self, meter: Meter) -> Line:
        """Raises `LineUnavailable`."""
        if meter.address == DIALS_IN:
            if self.callers is None:
                raise LineUnavailable(
                    f"meter {meter.name} calls by itself",
                    "this head-end listens to no calls",
                    "set direct.listen_port in the configuration",
                )
            return await self.callers.line_of(meter)
        return line_to(meter.address or "")


def line_to(where: str) -> Line:
    """A line that is not open yet.  Raises `LineUnavailable` for an address that is none."""
    try:
        address = parse(where)
    except BadAddress as error:
        raise LineUnavailable("the meter's address is none", str(error), "correct it") from error
    match address:
        case SerialAddress():
            return SerialLine(address)
        case TcpAddress():
            return TcpLine(address)
        case UdpAddress():
            return UdpLine(address)
