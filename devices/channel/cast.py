"""One message to all modules of a network at once: sent once, acknowledged by nobody, lost by each
for itself.

The concentrator puts each segment on the line once, and so does every module that repeats for
others, once it has the whole message, as switches of PRIME do with a broadcast.  Who was unlucky
with one segment has not the message, nor has anybody behind it by this one: there are no retries.
Its sender learns nothing.

Every module draws from a stream of its own, as often whatever became of the frame on its way there:
its luck hangs neither on the others' nor on how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from devices.channel.course import Transfer
from devices.channel.delivery import Delivered, Delivery
from devices.channel.medium import TURNAROUND_US
from devices.channel.route import AnyLink, Bearer, Route, bearer_of
from protocols.plc.frames import OVERHEAD_OCTETS, Direction, Segment, segment

ALL_NODES = 0xFFFF
"""The node that every module takes for its own."""
CONCENTRATOR = ""
Chance = Callable[[str], Random]
"""The stream of a module's luck with such messages, by its meter's name."""


@dataclass(frozen=True, slots=True)
class Cast:
    """How it went: the truth, of which the concentrator sees the time alone."""

    transfers: tuple[Transfer, ...]  # for each route, in their order
    frames: int  # put on the line, by the concentrator and by those that repeat
    airtime_us: int
    total_us: int


def cast(
    routes: Sequence[Route], message: bytes, chance: Chance, *, number: int, now: float
) -> Cast:
    """Send a message down these routes, which all are of one bearer; nothing is waited for here.

    Raises LocalProtocolError where the message is empty or longer than 64 segments.
    """
    began_us = round(now * 1_000_000)
    course = _Course(chance, began_us)
    pieces = _pieces(routes[0].end, message, number)
    for sender, hearers in _senders(routes):
        course.send(sender, hearers, pieces)
    total_us = course.now_us - began_us
    return Cast(
        tuple(_transfer(route, message, course, total_us) for route in routes),
        course.frames,
        course.airtime_us,
        total_us,
    )


@dataclass(slots=True)
class _Course:
    chance: Chance
    now_us: int
    frames: int = 0
    airtime_us: int = 0
    whole: set[str] = field(default_factory=lambda: {CONCENTRATOR})
    fates: dict[str, list[Delivery]] = field(default_factory=dict)

    def send(self, sender: str, hearers: dict[str, AnyLink], pieces: tuple[Segment, ...]) -> None:
        """Everything that one module says, with what becomes of it at those that listen to it."""
        if sender not in self.whole:
            for name in hearers:
                self.fates[name] = []
                for _ in pieces:
                    self.chance(name).getrandbits(64)
            return
        bearer = bearer_of(next(iter(hearers.values())))
        for piece in pieces:
            self.now_us += bearer.lead_us(by_master=sender == CONCENTRATOR)
            for name, link in hearers.items():
                self.fates.setdefault(name, []).append(self._hear(name, link, piece))
            airtime_us = bearer.airtime_us(_octets(bearer, piece))
            self.frames += 1
            self.airtime_us += airtime_us
            self.now_us += airtime_us + TURNAROUND_US
        self.whole |= {
            name
            for name in hearers
            if all(isinstance(fate, Delivered) for fate in self.fates[name])
        }

    def _hear(self, name: str, link: AnyLink, piece: Segment) -> Delivery:
        bearer, now = bearer_of(link), self.now_us / 1_000_000
        octets = _octets(bearer, piece)
        fate = bearer.carry(octets, self.chance(name), direction=Direction.DOWN, now=now)
        if link.tap is not None:
            link.tap(self.now_us, Direction.DOWN, bearer.encode(piece), fate)
        return fate


def _senders(routes: Sequence[Route]) -> Iterator[tuple[str, dict[str, AnyLink]]]:
    """Whoever sends, and who listens to it: the concentrator first, then those that it reaches, and
    so on outwards, by their names within each ring."""
    by_level: dict[int, dict[str, dict[str, AnyLink]]] = {}
    for route in routes:
        chain = (CONCENTRATOR, *route.via, route.end.meter)
        for level, link in enumerate(route.hops):
            by_level.setdefault(level, {}).setdefault(chain[level], {})[chain[level + 1]] = link
    for _, senders in sorted(by_level.items()):
        for sender in sorted(senders):
            yield sender, dict(sorted(senders[sender].items()))


def _pieces(end: AnyLink, message: bytes, number: int) -> tuple[Segment, ...]:
    bearer = bearer_of(end)
    spare = bearer.overhead_octets - OVERHEAD_OCTETS  # `segment` reckons with the power line's
    return segment(
        message,
        direction=Direction.DOWN,
        node=ALL_NODES,
        number=number,
        frame_octets_max=bearer.frame_octets_max() - spare,
    )


def _octets(bearer: Bearer, piece: Segment) -> int:
    return bearer.overhead_octets + len(piece.data)


def _transfer(route: Route, message: bytes, course: _Course, total_us: int) -> Transfer:
    name = route.end.meter
    fates = tuple(course.fates[name])
    return Transfer(
        direction=Direction.DOWN,
        link=route.bearer,
        via=route.via,
        received=message if name in course.whole else None,
        acknowledged=False,
        total_us=total_us,
        noted=(),
        deliveries=fates,
        hops=(len(route.hops),) * len(fates),
        tries=len(fates),
        tries_acknowledged=0,
        frames_sent=0,
        acknowledgements=0,
        handed_on=0,
        heard_us=None,
        heard_snr_cdb=None,
    )
