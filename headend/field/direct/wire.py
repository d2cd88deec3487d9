"""A data link driven over a line: the only place where the two meet.

The link decides what is said and when; this module moves the octets, sets the line's speed when the
link wants another, and lets the link know that time has passed.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque

from headend.field.direct.line import Line, LineLost
from headend.field.direct.trace import Layer, Trace
from protocols.link import ClientLink, Down, Identified, LinkDown, LinkEvent, LinkUp, SetLine
from protocols.sans_io import NEED_DATA

FAREWELL_S = 5.0
"""How long the peer's answer to our disconnection is waited for."""


class Wire:
    """One link over one open line.  One task uses it."""

    def __init__(self, line: Line, link: ClientLink, trace: Trace) -> None:
        self._line = line
        self._link = link
        self._trace = trace
        self._events: deque[LinkEvent] = deque()
        self._down: LinkDown | None = None
        self.lost: LineLost | None = None  # how the line ended, where it did
        self.identified: Identified | None = None
        self.secret = False  # what is sent now may hold a password

    @property
    def partly_here(self) -> int:
        """Octets of an APDU that is not whole yet."""
        return self._link.partly_here

    async def connect(self) -> LinkUp | LinkDown:
        """Open the link."""
        self._link.connect(now=_now())
        while True:
            event = await self.next(None)
            if isinstance(event, LinkUp | LinkDown):
                return event

    async def send(self, apdu: bytes) -> None:
        """Hand an APDU to the link.  On a link that is down nothing happens: `next` tells so."""
        if self._link.up:
            self._link.send(apdu, now=_now())
            await self._pump()

    async def expect(self) -> None:
        """Another APDU is due although nothing was sent."""
        if self._link.up:
            self._link.expect(now=_now())
            await self._pump()

    def show(self, apdu: bytes) -> None:
        """Note the frames of an APDU without sending any of them."""
        twin = copy.deepcopy(self._link)
        twin.send(apdu, now=_now())
        while (octets := twin.data_to_send()) is not None:
            self._trace.note(Layer.FRAME, direction="withheld", octets=octets)

    async def next(self, until: float | None) -> LinkEvent | None:
        """The link's next event, or None at the loop's time `until`."""
        while True:
            await self._pump()
            if self._events:
                return self._events.popleft()
            if self._down is not None:
                return self._down
            if until is not None and until <= _now():
                return None
            await self._hear(until)

    async def disconnect(self) -> None:
        """Close the link, with the peer's consent where that comes soon."""
        if not self._link.up:
            return
        self._link.disconnect(now=_now())
        until = _now() + FAREWELL_S
        while (event := await self.next(until)) is not None:
            if isinstance(event, LinkDown):
                return

    # --- between link and line -------------------------------------------------------------------

    async def _hear(self, until: float | None) -> None:
        """Octets or time, whichever comes first."""
        due = self._link.next_deadline()
        limit = min((at for at in (due, until) if at is not None), default=None)
        try:
            async with asyncio.timeout_at(limit):
                octets = await self._line.read()
        except TimeoutError:
            if due is not None and due <= _now():
                self._link.handle_deadline(now=_now())
        except LineLost as error:
            self._break(error)
        else:
            self._trace.note(Layer.FRAME, direction="up", octets=octets, secret=self.secret)
            self._link.receive_data(octets, now=_now())

    async def _pump(self) -> None:
        """Everything that the link has to say, to the line and to us."""
        moved = True
        while moved:
            moved = False
            while (octets := self._link.data_to_send()) is not None:
                moved = True
                await self._write(octets)
            while (event := self._link.next_event()) is not NEED_DATA:
                moved = True
                await self._take(event)

    async def _take(self, event: LinkEvent) -> None:
        if isinstance(event, SetLine):
            await self._set_line(event)
            return
        if isinstance(event, LinkDown):
            self._down = event
        elif isinstance(event, Identified):
            self.identified = event
        self._events.append(event)

    async def _write(self, octets: bytes) -> None:
        if self.lost is not None:
            return
        self._trace.note(Layer.FRAME, direction="down", octets=octets, secret=self.secret)
        try:
            await self._line.write(octets)
        except LineLost as error:
            self._break(error)

    async def _set_line(self, setting: SetLine) -> None:
        try:
            await self._line.drain()
            await self._line.set_line(setting)
        except LineLost as error:
            self._break(error)
        else:
            self._trace.note(Layer.LINE, f"the line has {setting} from now on")

    def _break(self, error: LineLost) -> None:
        self.lost = error
        self._trace.note(Layer.LINE, str(error))
        self._link.lost(now=_now())
        if self._down is None:  # of a link that was not up yet, nobody else tells
            self._down = LinkDown(Down.LOST, error.why)


def _now() -> float:
    return asyncio.get_running_loop().time()
