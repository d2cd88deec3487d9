"""Two ends of a line, driven on a clock that jumps: what `protocols.link` asks of a driver.

The line takes its time by speed and format, cuts frames into pieces, and may lose, change, double
and echo octets by a seeded chance.  What is sent at one speed and arrives at another is garbage.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from protocols.link import (
    ApduReceived,
    ClientLink,
    LinkDown,
    LinkEvent,
    LinkUp,
    LinkViolation,
    Parity,
    ServerLink,
    SetLine,
)
from protocols.sans_io import NEED_DATA

Answer = Callable[[bytes], bytes | None]
ANY_SPEED = SetLine(0)
STEPS_MAX = 200_000


def as_read(octets: bytes, sent: SetLine, read: SetLine) -> bytes:
    """What an end reads that is set otherwise than the one that sent."""
    if sent.baud != read.baud:
        return bytes(octet ^ 0xFF for octet in octets)
    if sent.parity is Parity.EVEN and read.parity is Parity.NONE:
        return bytes(octet | (octet.bit_count() & 1) << 7 for octet in octets)
    return bytes(octet & 0x7F for octet in octets) if read.data_bits == 7 else octets


@dataclass
class Noise:
    """Chances for each octet."""

    lost: float = 0.0
    changed: float = 0.0
    doubled: float = 0.0
    seed: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def apply(self, octets: bytes) -> bytes:
        out = bytearray()
        for octet in octets:
            dice = self._random.random()
            if dice < self.lost:
                continue
            dice -= self.lost
            if dice < self.changed:
                out.append(octet ^ 1 << self._random.randrange(8))
                continue
            dice -= self.changed
            out += bytes((octet,)) * (2 if dice < self.doubled else 1)
        return bytes(out)


@dataclass
class End:
    """One end: its link, the setting of its line, and what it was told."""

    link: ClientLink | ServerLink
    line: SetLine = ANY_SPEED
    events: list[LinkEvent] = field(default_factory=list)
    settings: list[tuple[float, SetLine]] = field(default_factory=list)

    def told(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


class Rig:
    """`answer` is the server's application; None keeps silent."""

    def __init__(
        self,
        client: ClientLink,
        server: ServerLink,
        *,
        answer: Answer = lambda apdu: apdu[::-1],
        noise: Noise | None = None,
        piece: int = 0,
        octet_s: float = 0.0,
        echo: bool = False,
        line: SetLine = ANY_SPEED,
        delay_s: float = 0.0,
    ) -> None:
        self.client, self.server = End(client, line), End(server, line)
        self.now = 0.0
        self.frames: list[tuple[float, str, bytes]] = []
        self._answer = answer
        self.noise = noise
        self._piece = piece
        self._octet_s = octet_s
        self._echo = echo
        self._delay_s = delay_s
        self._arrivals: list[tuple[float, int, End, SetLine, bytes]] = []
        self._number = itertools.count()
        self._free = {id(self.client): 0.0, id(self.server): 0.0}

    def connect(self, limit_s: float = 60.0) -> LinkEvent | None:
        """LinkUp or LinkDown, or None when neither came in time."""
        self.client.link.connect(now=self.now)
        return self._until((LinkUp, LinkDown), limit_s)

    def ask(self, apdu: bytes, limit_s: float = 600.0) -> LinkEvent | None:
        """The answer, or LinkDown."""
        self.client.link.send(apdu, now=self.now)
        return self._until((ApduReceived, LinkDown), limit_s)

    def disconnect(self, limit_s: float = 60.0) -> LinkEvent | None:
        self.client.link.disconnect(now=self.now)
        return self._until((LinkDown,), limit_s)

    def wait(self, seconds: float) -> None:
        """Let time pass, and whatever is due happen."""
        limit = self.now + seconds
        self._until((), seconds)
        self.now = limit

    @property
    def violations(self) -> list[LinkViolation]:
        return self.client.told(LinkViolation) + self.server.told(LinkViolation)

    def _until(self, kinds: tuple[type, ...], limit_s: float) -> LinkEvent | None:
        limit = self.now + limit_s
        seen = len(self.client.events)
        for _ in range(STEPS_MAX):
            self._settle()
            for event in self.client.events[seen:]:
                if isinstance(event, kinds):
                    return event
            seen = len(self.client.events)
            due = self._next()
            if due is None or due > limit:
                self.now = limit
                return None
            self.now = max(self.now, due)
            self._step()
        raise AssertionError(f"no end in sight after {STEPS_MAX} steps, {self.now} s")

    def _next(self) -> float | None:
        dues = [end.link.next_deadline() for end in (self.client, self.server)]
        dues += [self._arrivals[0][0]] if self._arrivals else []
        return min((due for due in dues if due is not None), default=None)

    def _step(self) -> None:
        while self._arrivals and self._arrivals[0][0] <= self.now:
            _, _, end, sent_at, octets = heapq.heappop(self._arrivals)
            if ANY_SPEED not in (sent_at, end.line):
                octets = as_read(octets, sent_at, end.line)
            end.link.receive_data(octets, now=self.now)
            self._settle()
        for end in (self.client, self.server):
            due = end.link.next_deadline()
            if due is not None and due <= self.now:
                end.link.handle_deadline(now=self.now)

    def _settle(self) -> None:
        busy = True
        while busy:
            busy = False
            for end in (self.client, self.server):
                while (octets := end.link.data_to_send()) is not None:
                    busy = True
                    self._carry(end, octets)
                event = end.link.next_event()
                if event is not NEED_DATA:
                    busy = True
                    self._take(end, event)

    def _take(self, end: End, event: LinkEvent) -> None:
        end.events.append(event)
        if isinstance(event, SetLine):
            end.line = event
            end.settings.append((self.now, event))
        elif isinstance(event, ApduReceived) and end is self.server:
            answer = self._answer(event.apdu)
            if answer is not None and not event.unconfirmed:
                self.server.link.send(
                    answer, client=event.source, server=event.destination, now=self.now
                )

    def _carry(self, end: End, octets: bytes) -> None:
        down = end is self.client
        self.frames.append((self.now, "down" if down else "up", octets))
        start = max(self.now, self._free[id(end)])
        octet_s = end.line.airtime_s(1) if end.line.baud else self._octet_s
        self._free[id(end)] = start + octet_s * len(octets)
        far = self.server if down else self.client
        self._arrive(far, end.line, octets, start + self._delay_s, octet_s)
        if self._echo and down:
            self._arrive(end, end.line, octets, start, octet_s)

    def _arrive(self, end: End, line: SetLine, octets: bytes, start: float, octet_s: float) -> None:
        if self.noise:
            octets = self.noise.apply(octets)
        size = self._piece or len(octets) or 1
        for at in range(0, len(octets), size):
            piece = octets[at : at + size]
            when = start + octet_s * (at + len(piece))
            heapq.heappush(self._arrivals, (when, next(self._number), end, line, piece))
