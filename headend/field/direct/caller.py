"""A connection that a meter opened, and the line that it is for one conversation after another.

Between conversations somebody listens to it, for what the meter pushes and for its end.  Whoever
reads holds the turn.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from headend.field.direct.line import LineLost, NotConnected
from headend.field.direct.tcp_line import TcpLine
from protocols import wrapper
from protocols.dlms.codes import ApduTag
from protocols.link import SetLine

FRAME_MAX = 8192

PUSH_TAGS = frozenset(
    {
        int(ApduTag.DATA_NOTIFICATION),
        int(ApduTag.GENERAL_GLO_CIPHERING),
        int(ApduTag.GENERAL_CIPHERING),
        int(ApduTag.GENERAL_SIGNING),
    }
)


@dataclass(slots=True, eq=False)
class Caller:
    """One connection that a meter opened."""

    line: TcpLine
    meter: str | None = None
    lost: LineLost | None = None
    pushes: list[bytes] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # who holds it reads the line
    wanted: asyncio.Event = field(default_factory=asyncio.Event)  # somebody waits for the turn
    spoken_as: set[bytes] = field(default_factory=set)  # our client addresses, in wrappers sent
    decoder: wrapper.Decoder | None = field(default_factory=lambda: wrapper.Decoder(FRAME_MAX))

    async def borrow(self) -> None:
        """Take the line from whoever listens to it between conversations."""
        self.wanted.set()
        await self.turn.acquire()
        self.wanted.clear()

    def give_back(self) -> None:
        """Let others have it."""
        self.turn.release()

    async def read(self) -> bytes:
        """Octets as they come; what of them is a push is laid aside as well."""
        try:
            octets = await self.line.read()
        except LineLost as error:
            self.lost = error
            raise
        if self.decoder is not None:
            try:
                frames = self.decoder.feed(octets)
            except wrapper.BrokenStream as broken:  # it speaks HDLC
                frames, self.decoder = broken.frames, None
            self.pushes += [frame.apdu for frame in frames if self._is_push(frame)]
        return octets

    async def listen(self) -> None:
        """Hold the turn and read, until something has come or somebody wants the line.

        Raises `LineLost`.
        """
        async with self.turn:
            await self._listen_until_wanted()

    async def _listen_until_wanted(self) -> None:
        reading = asyncio.ensure_future(self.read())
        wanted = asyncio.ensure_future(self.wanted.wait())
        try:
            await asyncio.wait({reading, wanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()
            reading.cancel()
            await asyncio.gather(wanted, reading, return_exceptions=True)
        if not reading.cancelled() and (error := reading.exception()) is not None:
            raise error

    def _is_push(self, frame: wrapper.Frame) -> bool:
        """Whether a frame is no answer: by its tag, or because nobody asked under its address."""
        tag = frame.apdu[0] if frame.apdu else -1
        if tag == ApduTag.DATA_NOTIFICATION:
            return True
        return tag in PUSH_TAGS and frame.destination.to_bytes(2, "big") not in self.spoken_as


class KeptLine:
    """A caller's line as a conversation uses it: closing gives it back, and it is not dialled."""

    kind: Literal["tcp"] = "tcp"
    stream = True
    setting: SetLine | None = None

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._ours = False
        self.name = caller.line.name

    async def open(self) -> None:
        if not self._ours:
            await self._caller.borrow()
            self._ours = True
        if self._caller.lost is not None:
            raise NotConnected(f"{self.name} is gone", self._caller.lost.why, "wait for its call")

    async def close(self) -> None:
        if self._ours:
            self._ours = False
            self._caller.give_back()

    async def write(self, octets: bytes) -> None:
        self._caller.spoken_as.add(octets[2:4])
        await self._caller.line.write(octets)

    async def drain(self) -> None:
        await self._caller.line.drain()

    async def read(self) -> bytes:
        return await self._caller.read()

    async def set_line(self, setting: SetLine) -> None:
        """Nothing: a connection has no speed."""
