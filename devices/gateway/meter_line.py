"""A simulated meter at the end of a line, on the live loop: whatever the framing and the line.

`LiveMeter` wakes the meter when it has something to do by itself.  `MeterLine` joins one line's
link (wrapper, HDLC, mode E; `protocols.link`) to the meter: APDUs that come up it go to the meter,
and its answers down.  Each line has associations of its own; one meter is behind them all, so what
one client switches another sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from devices.gateway.outflow import Outflow, Pace
from devices.gateway.push_carrier import HDLC, carry, framed
from devices.meter.device import Meter
from devices.meter.identity import SERVER_SAP
from devices.meter.push import Push
from devices.recording import microseconds
from protocols.capture.recorder import Recorder
from protocols.capture.tape import SerialTape, WrapperTape
from protocols.errors import LocalProtocolError
from protocols.hdlc.server import HdlcServer
from protocols.link import ApduReceived, Down, LinkDown, LinkEvent, ServerLink, SetLine
from protocols.mode_e.server import ModeEServer
from protocols.sans_io import NEED_DATA
from protocols.wrapper.link import WrapperServer

AT_ONCE = Pace()
FIRST_PORT, PORTS = 49_152, 16_384
"""Of a capture's made-up connections (RFC 6335, dynamic ports)."""


class LiveMeter:
    """A meter whose time is the machine's.

    async with LiveMeter(meter, now=wall_clock) as live: ...
    """

    def __init__(
        self,
        meter: Meter,
        *,
        now: Callable[[], float],
        recorder: Recorder | None = None,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self.meter = meter
        self.keep = keep
        """Writes the meter's state down: before anything leaves that shows it."""
        self.recorder = recorder
        """Takes down what every line carries, if anything does."""
        self._taped = 0
        self.now = now  # POSIX seconds UTC
        self._timer: asyncio.TimerHandle | None = None
        self._lines: list[MeterLine] = []
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LiveMeter:
        self.arm()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def joined(self, line: MeterLine) -> None:
        """The meter has one more line."""
        self._lines.append(line)

    def left(self, line: MeterLine) -> None:
        """A line is gone."""
        self._lines.remove(line)

    def tape(self, link: ServerLink) -> WrapperTape | SerialTape | None:
        """What a new line's octets are taken down with, where there is a recorder."""
        if self.recorder is None:
            return None
        self._taped += 1
        meter = self.meter.identity.number
        if isinstance(link, WrapperServer):
            port = FIRST_PORT + self._taped % PORTS
            return WrapperTape(self.recorder, "client", meter, port)
        return SerialTape(self.recorder, f"{meter} line {self._taped}")

    def arm(self) -> None:
        """Wake the meter when it has something to do by itself, and carry what it pushes."""
        pushes = self.meter.collect_pushes(self.now())
        self.keep()
        for pushed in pushes:
            task = asyncio.get_running_loop().create_task(self._carry(pushed))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.meter.next_deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(due - self.now(), 0.0), self._wake)

    def _wake(self) -> None:
        self.meter.advance(self.now())
        self.arm()

    async def _carry(self, pushed: Push) -> None:
        if not await carry(pushed, self._push_on_line):
            self.meter.push_failed(pushed, now=self.now())
            self.arm()
        elif self.recorder is not None and pushed.transport != HDLC:  # that is on a line's tape
            self.recorder.wrapper(
                microseconds(self.now()),
                pushed.destination.decode("ascii", "replace"),
                self.meter.identity.number,
                framed(pushed),
                up=True,
            )

    def _push_on_line(self, apdu: bytes, client: int) -> bool:
        return any(line.push(apdu, client) for line in self._lines)


class MeterLine:
    """One line of a meter.  `transmit` takes octets, `set_line` new settings, in order."""

    def __init__(
        self,
        live: LiveMeter,
        link: ServerLink,
        transmit: Callable[[bytes], None],
        set_line: Callable[[SetLine], None] = lambda line: None,
        pace: Pace = AT_ONCE,
    ) -> None:
        self._live = live
        self._link = link
        self._tape = live.tape(link)
        self._transmit = transmit
        said = transmit if self._tape is None else self._say
        self._outflow = Outflow(said, set_line, pace)
        self._endpoint = live.meter.open_link()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.broken = False
        """Whether the client speaks something else, so that the line is of no use any more."""
        live.joined(self)
        self._settle()

    def receive(self, octets: bytes) -> None:
        """Take in what the line brought; a dead meter hears nothing."""
        if self._tape is not None:
            self._tape.heard(octets, up=False, now_us=microseconds(self._live.now()))
        meter = self._live.meter
        if meter.powered and not meter.faults.silent:
            self._link.receive_data(octets, now=self._loop.time())
            self._settle()

    def push(self, apdu: bytes, client: int) -> bool:
        """Transmit unasked; False where this line cannot, or would have to be dialled first."""
        if not isinstance(self._link, HdlcServer | ModeEServer):
            return False
        try:
            self._link.send(
                apdu, client=client, server=SERVER_SAP, now=self._loop.time(), unconfirmed=True
            )
        except LocalProtocolError:
            return False  # mode E, at its sign-on
        self._settle()
        return True

    def _say(self, octets: bytes) -> None:
        """Take down what leaves when it leaves, and not when it was put."""
        assert self._tape is not None
        self._tape.heard(octets, up=True, now_us=microseconds(self._live.now()))
        self._transmit(octets)

    def close(self) -> None:
        """The line is gone."""
        self._live.left(self)
        self._outflow.close()
        if self._timer is not None:
            self._timer.cancel()
        self._live.meter.close_link(self._endpoint)
        self._live.arm()

    def _settle(self) -> None:
        """Hand out what waits and hear what happened, until neither gives anything."""
        link = self._link
        while True:
            while (octets := link.data_to_send()) is not None:
                self._outflow.put(octets)
            event = link.next_event()
            if event is NEED_DATA:
                break
            self._take(event)
        self._live.arm()
        self._arm()

    def _take(self, event: LinkEvent) -> None:
        match event:
            case SetLine():
                self._outflow.put(event)
            case ApduReceived(apdu, client, server, unconfirmed):
                answers = self._live.meter.take(
                    apdu, self._endpoint, client=client, server=server, now=self._live.now()
                )
                self._live.keep()
                for answer in answers if not unconfirmed else ():
                    self._link.send(answer, client=client, server=server, now=self._loop.time())
            case LinkDown(reason, _, client):
                self.broken = self.broken or reason is Down.BROKEN
                if client is not None:
                    self._endpoint.leave(client)
            case _:
                pass  # links that come up, and what is dropped: the client's concern

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._link.next_deadline()
        if due is not None:
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        # The loop may call a hair early.
        due = self._link.next_deadline() or 0.0
        self._link.handle_deadline(now=max(self._loop.time(), due))
        self._settle()
