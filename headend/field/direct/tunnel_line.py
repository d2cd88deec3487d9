"""A line through a concentrator: one more kind of line, under the head-end's own DLMS.

The concentrator carries whole frames and reads none.  Each bears the time after which it must not
leave, so that a concentrator that was away does not act on what has expired meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from headend.domain.reason import ReasonCode
from headend.field.direct.line import Arrivals, LineLost, LineUnavailable
from headend.ports import Chance, Clock
from protocols.concentrator.gateway import (
    CloseTunnel,
    Closing,
    Fate,
    OpenTunnel,
    TunnelAnswer,
    TunnelClosed,
    TunnelFrame,
    TunnelOpened,
)
from protocols.concentrator.messages import Online
from protocols.link import SetLine

WAITING_MAX = 1 << 20
OPEN_WITHIN_S = 60.0  # the meter's turn may be another's; a command takes some ten seconds
IDLE_S = 120  # longer than any answer is waited for
FRAME_FOR = timedelta(seconds=60)  # of a frame whose conversation names no end

Tell = Callable[[str, OpenTunnel | TunnelFrame | CloseTunnel], Awaitable[bool]]
"""Sends a message to a concentrator once; False where it did not leave."""

_WHY = {
    Closing.NOT_IN_TABLE: ("it does not have the meter in its table", ReasonCode.NOT_IN_TABLE),
    Closing.BUSY: ("somebody else speaks with the meter just now", ReasonCode.METER_BUSY),
    Closing.NO_ROUTE: (
        "the meter has no place in its network",
        ReasonCode.METER_UNREACHABLE,
    ),
}


@dataclass(slots=True)
class Tunnels:
    """The tunnels of this process, and what concentrators say of them."""

    tell: Tell
    clock: Clock
    chance: Chance
    _lines: dict[str, TunnelLine] = field(default_factory=dict)
    _boots: dict[str, int] = field(default_factory=dict)  # by concentrator, as last told

    def line_to(self, concentrator: str, meter: str, not_after: datetime | None) -> TunnelLine:
        """A line that is not open yet; nothing leaves the concentrator after `not_after`."""
        return TunnelLine(self, concentrator, meter, not_after)

    async def online(self, concentrator: str, word: Online) -> bool:
        """Hears of sessions: a concentrator that has restarted has lost every tunnel, and cannot
        say so of any."""
        before = self._boots.get(concentrator)
        self._boots[concentrator] = word.boot
        if before is not None and before != word.boot:
            for line in [*self._lines.values()]:
                if line.concentrator == concentrator:
                    line.restarted()
        return False

    async def opened(self, concentrator: str, word: TunnelOpened) -> bool:
        """Hears of tunnels that stand.  Nothing of a tunnel is receipted."""
        if (line := self._of(concentrator, word.tunnel)) is not None:
            line.stands.set()
        return False

    async def answered(self, concentrator: str, word: TunnelAnswer) -> bool:
        """Hears what came back through them."""
        if (line := self._of(concentrator, word.tunnel)) is not None:
            line.answered(word)
        return False

    async def closed(self, concentrator: str, word: TunnelClosed) -> bool:
        """Hears of tunnels that are closed."""
        if (line := self._of(concentrator, word.tunnel)) is not None:
            line.ended(word.why)
        return False

    def _of(self, concentrator: str, tunnel: str) -> TunnelLine | None:
        line = self._lines.get(tunnel)
        return line if line is not None and line.concentrator == concentrator else None

    def add(self, tunnel: str, line: TunnelLine) -> None:
        """Words of this tunnel are for that line."""
        self._lines[tunnel] = line

    def remove(self, tunnel: str) -> None:
        """They are nobody's any more."""
        self._lines.pop(tunnel, None)


class TunnelLine:
    """`headend.field.direct.line.Line` to one meter behind a concentrator."""

    kind: Literal["gateway"] = "gateway"
    stream = True
    setting: SetLine | None = None

    def __init__(
        self, tunnels: Tunnels, concentrator: str, meter: str, not_after: datetime | None
    ) -> None:
        self.name = f"meter {meter} through {concentrator}"
        self.concentrator = concentrator
        self.stands = asyncio.Event()
        self._tunnels = tunnels
        self._meter = meter
        self._not_after = not_after
        self._tunnel = ""
        self._sequence = 0
        self._heard = 0
        self._arrivals = Arrivals(WAITING_MAX)
        self._refused: Closing | None = None
        self._restarted = False

    async def open(self) -> None:
        if self._tunnel:
            return
        self._tunnel = tunnel = self._tunnels.chance.uuid()
        self._sequence = self._heard = 0
        self._arrivals, self._refused = Arrivals(WAITING_MAX), None
        self._restarted = False
        self.stands.clear()
        self._tunnels.add(tunnel, self)
        message = OpenTunnel(
            id=self._tunnels.chance.uuid(), tunnel=tunnel, meter=self._meter, idle_s=IDLE_S
        )
        sent = await self._tunnels.tell(self.concentrator, message)
        if sent:
            try:
                async with asyncio.timeout(OPEN_WITHIN_S):
                    await self.stands.wait()
            except TimeoutError:
                pass
        if not sent or not self.stands.is_set() or self._ended:
            await self.close()
            raise self._unavailable(sent)

    async def close(self) -> None:
        tunnel, self._tunnel = self._tunnel, ""
        if not tunnel:
            return
        self._tunnels.remove(tunnel)
        message = CloseTunnel(id=self._tunnels.chance.uuid(), tunnel=tunnel)
        await self._tunnels.tell(self.concentrator, message)

    async def write(self, octets: bytes) -> None:
        self._arrivals.check()
        if not self._tunnel:
            raise self._lost("it was closed")
        self._sequence += 1
        message = TunnelFrame(
            id=self._tunnels.chance.uuid(),
            tunnel=self._tunnel,
            sequence=self._sequence,
            octets=octets,
            not_after=self._not_after or self._tunnels.clock.now() + FRAME_FOR,
        )
        if not await self._tunnels.tell(self.concentrator, message):
            raise self._lost("our broker is away")

    async def drain(self) -> None:
        """Nothing: what is written is on its way."""

    async def read(self) -> bytes:
        return await self._arrivals.take()

    async def set_line(self, setting: SetLine) -> None:
        """Nothing: a tunnel has no speed."""

    @property
    def _ended(self) -> bool:
        return self._refused is not None or self._restarted

    # --- what the concentrator says --------------------------------------------------------------

    def answered(self, word: TunnelAnswer) -> None:
        """What became of a frame; words come in order, and may come twice."""
        if word.sequence <= self._heard:
            return
        self._heard = word.sequence
        if word.octets:
            self._arrivals.put(word.octets)
        elif word.fate is Fate.NO_ROUTE:
            self._arrivals.end(self._lost("the meter has no place in its network any more"))
        elif word.fate is Fate.STALE:
            self._arrivals.end(self._lost("the concentrator sent nothing, its time had passed"))
        elif word.fate is Fate.NOT_ACKNOWLEDGED:
            self._arrivals.end(self._lost("the meter's module did not acknowledge"))

    def ended(self, why: Closing) -> None:
        """The tunnel is closed."""
        self._refused = why
        self.stands.set()
        self._arrivals.end(self._lost(f"the concentrator closed it: {why}"))

    def restarted(self) -> None:
        """The concentrator has started anew since the tunnel was asked for."""
        lost = self._lost("the concentrator restarted")
        lost.reason = ReasonCode.CONCENTRATOR_RESTARTED
        self._restarted = True
        self.stands.set()
        self._arrivals.end(lost)

    def _lost(self, why: str) -> LineLost:
        return LineLost(f"the tunnel to {self.name} broke", why, "try again")

    def _unavailable(self, sent: bool) -> LineUnavailable:
        happened = f"no tunnel to {self.name}"
        if self._restarted:
            error = LineUnavailable(happened, "the concentrator restarted", "try again")
            error.reason = ReasonCode.CONCENTRATOR_RESTARTED
            return error
        if self._refused is not None:
            why, reason = _WHY.get(self._refused, (str(self._refused), None))
            error = LineUnavailable(happened, why, "look at the concentrator's table and topology")
            error.reason = reason
            return error
        why = f"no word from {self.concentrator} within {OPEN_WITHIN_S:g} s"
        if not sent:
            why = "our own broker is away"
        error = LineUnavailable(happened, why, "is the concentrator on line?")
        error.reason = ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN
        return error
