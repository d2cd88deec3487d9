"""What every line does, and how it fails.

A line carries octets, knows no frames, and has one reader and one writer at a time.  It raises
`LineUnavailable` before it is open and `LineLost` afterwards; a conversation makes values of both.
"""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

from headend.domain.reason import ReasonCode
from protocols.link import SetLine


class LineError(Exception):
    """What happened, why, and what a person does now; without full stops.

    `reason` tells more than that the line cannot be had, where more is known.
    """

    reason: ReasonCode | None = None

    def __init__(self, happened: str, why: str, next_step: str) -> None:
        super().__init__(f"{happened}: {why}. Try: {next_step}")
        self.happened = happened
        self.why = why
        self.next_step = next_step


class LineUnavailable(LineError):
    """The line cannot be opened; nothing left it."""


class NotConnected(LineUnavailable):
    """The meter calls by itself, and has not."""


class LineLost(LineError):
    """The line broke while it was in use."""


class Line(Protocol):
    """A serial port, a connection, or a meter in memory."""

    @property
    def name(self) -> str:
        """The address, for people."""
        ...

    @property
    def kind(self) -> Literal["serial", "tcp", "udp", "gateway"]:
        """Which framings a model tries on it."""
        ...

    @property
    def stream(self) -> bool:
        """Whether octets may come in any pieces.  False where each `read` is one whole datagram."""
        ...

    @property
    def setting(self) -> SetLine | None:
        """Speed and parity just now; None for a line that has neither."""
        ...

    async def open(self) -> None:
        """Raises `LineUnavailable`."""
        ...

    async def close(self) -> None:
        """Give the line back; closing it again does nothing."""
        ...

    async def write(self, octets: bytes) -> None:
        """Hand octets over for sending.  Raises `LineLost`."""
        ...

    async def drain(self) -> None:
        """Return when what was written has left: on a serial line its last bit."""
        ...

    async def read(self) -> bytes:
        """The next octets, at least one.  Cancelling it loses none.  Raises `LineLost`."""
        ...

    async def set_line(self, setting: SetLine) -> None:
        """Speed and parity from now on; nothing on lines that have neither."""
        ...


class Arrivals:
    """Octets that have come and were not read yet, and the end of a line once it is known."""

    def __init__(self, octets_max: int) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._octets_max = octets_max
        self._lost: LineLost | None = None
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether more than the limit waits: stop reading until somebody takes it."""
        return self._size >= self._octets_max

    def put(self, octets: bytes) -> None:
        """Something came."""
        self._pieces.append(octets)
        self._size += len(octets)
        self._news.set()

    def end(self, lost: LineLost) -> None:
        """Nothing more will come; what came before can still be taken."""
        self._lost = self._lost or lost
        self._news.set()

    def check(self) -> None:
        """Raises `LineLost` where the line has ended."""
        if self._lost is not None:
            raise self._lost

    async def take(self, *, one: bool = False) -> bytes:
        """All that came, or with `one` the first piece of it; waits for something."""
        while not self._pieces:
            self.check()
            self._news.clear()
            await self._news.wait()
        if one:
            piece = self._pieces.pop(0)
        else:
            piece = b"".join(self._pieces)
            self._pieces.clear()
        self._size -= len(piece)
        return piece
