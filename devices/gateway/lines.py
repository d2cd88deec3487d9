"""The lines of one simulated meter, described: where each is, and what is spoken on it.

async with AsyncExitStack() as stack:
    live = await stack.enter_async_context(LiveMeter(meter, now=wall_clock))
    opened = [await line.open(stack, live) for line in lines]
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from devices.gateway.meter_line import AT_ONCE, LiveMeter
from devices.gateway.outflow import Pace
from devices.gateway.pty import PtyListener
from devices.gateway.tcp import MeterListener, wrapper_link
from devices.gateway.udp import DatagramListener
from devices.meter.identity import MANUFACTURER, SERVER_SAP, Identity
from devices.meter.readout import data_message
from protocols.hdlc.server import HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ServerLink, SetLine
from protocols.mode_e.server import ModeEServer, SignOn

HDLC_SETTINGS = HdlcSettings(
    info_receive=512, info_transmit=512, window_receive=3, window_transmit=3
)
"""What the meter agrees to; a client that asks for nothing gets 128 octets and a window of 1."""


class Framing(enum.StrEnum):
    """How APDUs travel on a line."""

    WRAPPER = "wrapper"
    HDLC = "hdlc"
    MODE_E = "mode-e"


def hdlc_link(line: SetLine | None = None) -> ServerLink:
    """HDLC at once; whatever physical device is called."""
    return HdlcServer((SERVER_SAP,), settings=replace(HDLC_SETTINGS, line=line))


def mode_e_link(
    identity: Identity, *, plain: bool = False, readout: Callable[[], bytes] | None = None
) -> ServerLink:
    """HDLC behind a sign-on; `plain` leaves the mark of mode E out of the identification, `readout`
    makes what the meter reads out in clear text when it is asked to."""
    sign_on = SignOn(
        manufacturer=MANUFACTURER,
        text=identity.number,
        device_address=identity.number,
        mode_e=not plain,
    )
    return ModeEServer(sign_on, (SERVER_SAP,), settings=HDLC_SETTINGS, readout=readout)


@dataclass(frozen=True, slots=True)
class Opened:
    """A line as a client finds it."""

    kind: Literal["tcp", "udp", "pty"]
    framing: Framing
    host: str = ""
    port: int = 0
    path: str = ""

    def described(self) -> dict[str, object]:
        """For a client's configuration."""
        where = {"pty": self.path} if self.path else {"host": self.host, "port": self.port}
        return {"line": self.kind, **where, "framing": self.framing.value}

    def __str__(self) -> str:
        return f"{self.kind} {self.path or f'{self.host}:{self.port}'}, {self.framing.value}"


@dataclass(frozen=True, slots=True)
class TcpLine:
    """A port for connections.  No sign-on: a connection has no speed."""

    host: str
    port: int
    framing: Framing = Framing.WRAPPER
    pace: Pace = AT_ONCE

    def __post_init__(self) -> None:
        if self.framing is Framing.MODE_E:
            raise ValueError("mode-e changes the speed of a line, and TCP has none")

    async def open(self, stack: AsyncExitStack, live: LiveMeter) -> Opened:
        """Raises OSError."""
        make_link = wrapper_link if self.framing is Framing.WRAPPER else hdlc_link
        listener = MeterListener(live, make_link, pace=self.pace)
        await stack.enter_async_context(listener)
        host, port = await listener.listen(self.host, self.port)
        return Opened("tcp", self.framing, host, port)


@dataclass(frozen=True, slots=True)
class UdpLine:
    """A port for datagrams, which are in their wrapper."""

    host: str
    port: int
    pace: Pace = AT_ONCE

    async def open(self, stack: AsyncExitStack, live: LiveMeter) -> Opened:
        """Raises OSError."""
        listener = await stack.enter_async_context(DatagramListener(live, pace=self.pace))
        host, port = await listener.listen(self.host, self.port)
        return Opened("udp", Framing.WRAPPER, host, port)


@dataclass(frozen=True, slots=True)
class PtyLine:
    """A pty to make, or a tty to open."""

    path: Path
    framing: Framing = Framing.MODE_E
    echo: bool = False
    plain_identification: bool = False
    baud: int | None = None
    """Of HDLC without a sign-on; None hears clients at any speed."""
    pace: Pace = AT_ONCE
    ended: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        if self.framing is Framing.WRAPPER:
            raise ValueError("a serial line carries mode-e or hdlc: the wrapper is for TCP and UDP")

    async def open(self, stack: AsyncExitStack, live: LiveMeter) -> Opened:
        """Raises OSError."""
        line = SetLine(self.baud) if self.baud and self.framing is Framing.HDLC else None
        if self.framing is Framing.MODE_E:
            link = mode_e_link(
                live.meter.identity,
                plain=self.plain_identification,
                readout=lambda: data_message(live.meter, now=live.now()),
            )
        else:
            link = hdlc_link(line)
        listener = PtyListener(
            live, link, self.path, echo=self.echo, pace=self.pace, line=line, ended=self.ended
        )
        await stack.enter_async_context(listener)
        return Opened("pty", self.framing, path=str(self.path))


Line = TcpLine | UdpLine | PtyLine
