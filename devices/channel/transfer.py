"""One message over a route: hop by hop, in segments, an acknowledgement for each, retries.

The message crosses one hop after the other: a module on the way puts it together and hands it on,
as its sender would.  A hop that does not hand on all of it ends the transfer.

Two views of what happened are kept apart.  `deliveries` is the truth, for the world's own log.
`frames` is what the concentrator's link layer saw, on the first hop, and only that may travel on to
the head-end: of a frame that it sent, whether the acknowledgement came, and at which ratio the
module says it heard it; of a frame that came in damaged, that the CRC was wrong.  What happened
between two modules it never knows: a frame that a repeater acknowledged is `handed-on`, and says
nothing of the meter's own module.  A module acknowledges by itself, also when the meter behind it
is silent.

A sender that hears no acknowledgement cannot know whether the message arrived: `received` may be
there while `acknowledged` is False.
"""

from __future__ import annotations

from functools import partial
from random import Random

from devices.channel.course import Course, Fate, Transfer
from devices.channel.delivery import Delivered, Delivery
from devices.channel.medium import TURNAROUND_US
from devices.channel.route import AnyLink, Route, bearer_of, straight
from protocols.plc.frames import (
    OVERHEAD_OCTETS,
    Acknowledgement,
    Direction,
    Reassembler,
    Segment,
    segment,
)


def transfer(
    route: Route, message: bytes, rng: Random, *, direction: Direction, now: float
) -> Transfer:
    """Carry a message, beginning `now` (POSIX seconds); nothing is waited for here.

    Raises LocalProtocolError where the message is empty or longer than 64 segments.
    """
    pieces = _pieces(route.end, message, direction)
    began_us = round(now * 1_000_000)
    course = Course(route, rng, began_us)
    hops = range(1, len(route.hops) + 1)
    received: bytes | None = None
    known: list[bool] = []
    for hop in hops if direction is Direction.DOWN else reversed(hops):
        course.enter(hop)
        received, acknowledged = _cross(course, pieces)
        known.append(acknowledged)
        if received is None:
            break
    return course.ended(direction, began_us, received=received, acknowledged=known[0])


def without_route(link: AnyLink, message: bytes, *, now: float) -> Transfer:
    """What a message down becomes that has no route to its module: no frame is sent."""
    began_us = round(now * 1_000_000)
    course = Course(straight(link), Random(0), began_us)
    first = _pieces(link, message, Direction.DOWN)[0]
    octets = _octets(course, first)
    course.note(began_us, Direction.DOWN, octets, Fate.NO_ROUTE, None)
    return course.ended(Direction.DOWN, began_us, received=None, acknowledged=False)


def longest_s(route: Route, octets: int) -> float:
    """How long a message of so many octets takes at most on a route, every retry included."""
    total_us = 0
    for link in route.hops:
        bearer = bearer_of(link)
        room = bearer.frame_octets_max() - bearer.overhead_octets
        whole, rest = divmod(octets, room)
        sizes = [bearer.frame_octets_max()] * whole
        sizes += [rest + bearer.overhead_octets] if rest else []
        around_us = bearer.lead_us(by_master=False) + bearer.wait_us
        tries = 1 + bearer.retries_max()
        total_us += sum(tries * (bearer.airtime_us(size) + around_us) for size in sizes)
    return total_us / 1_000_000


def _pieces(end: AnyLink, message: bytes, direction: Direction) -> tuple[Segment, ...]:
    """The message's segments, under a number of its own."""
    end.messages_sent += 1
    bearer = bearer_of(end)
    spare = bearer.overhead_octets - OVERHEAD_OCTETS  # `segment` reckons with the power line's
    return segment(
        message,
        direction=direction,
        node=end.node,
        number=end.messages_sent,
        frame_octets_max=bearer.frame_octets_max() - spare,
    )


def _cross(course: Course, pieces: tuple[Segment, ...]) -> tuple[bytes | None, bool]:
    """A message over the present hop: what arrived of it, and whether its sender there knows."""
    up = pieces[0].direction is Direction.UP
    if up and not course.route.hops[course.hop - 1].module_on(course.now_us / 1_000_000):
        return None, False
    received: bytes | None = None
    acknowledged = False
    reassembler = Reassembler()
    for piece in pieces:
        whole, acknowledged = _send(course, piece, reassembler)
        received = whole if whole is not None else received
        if not acknowledged:
            break
    return received, acknowledged


def _send(course: Course, piece: Segment, receiver: Reassembler) -> tuple[bytes | None, bool]:
    """One segment until it is acknowledged or given up: the message it completed, acknowledged."""
    octets = _octets(course, piece)
    acknowledges = course.bearer.acknowledges
    by_master = piece.direction is Direction.DOWN and course.hop == 1
    lead_us = course.bearer.lead_us(by_master=by_master)
    whole: bytes | None = None
    for _ in range(1 + course.bearer.retries_max()):
        course.now_us += lead_us
        began_us = course.now_us
        course.tries += 1
        delivery = course.put(octets, piece.direction, lambda: piece)
        if acknowledges:
            course.now_us += TURNAROUND_US
        heard = None
        if isinstance(delivery, Delivered):
            completed = receiver.receive(piece)
            whole = completed if completed is not None else whole
            heard = delivery.snr_cdb
        if not acknowledges:
            acknowledged = _overheard(course, piece, began_us, delivery)
        elif piece.direction is Direction.DOWN:
            acknowledged = _acknowledge_down(course, piece, began_us, heard)
        else:
            acknowledged = _acknowledge_up(course, piece, began_us, delivery)
        if acknowledges:
            course.now_us += TURNAROUND_US
        if acknowledged:
            course.tries_acknowledged += 1
            return whole, True
    return whole, False


def _acknowledge_down(
    course: Course, piece: Segment, began_us: int, heard_snr_cdb: int | None
) -> bool:
    """A module's acknowledgement of a segment that went down, or the wait for one in vain."""
    answered_us = course.now_us
    octets = _octets(course, piece)
    answer: Delivery | None = None
    if heard_snr_cdb is None:
        course.wait()
    else:
        said = partial(_acknowledgement, piece, heard_snr_cdb)
        size = course.bearer.acknowledgement_octets
        answer = course.put(size, Direction.UP, said, of_the_meter=course.straight)
    arrived = isinstance(answer, Delivered)
    if arrived:
        fate = Fate.DELIVERED if course.straight else Fate.HANDED_ON
    else:
        fate = Fate.NO_ACKNOWLEDGEMENT
    course.note(began_us, Direction.DOWN, octets, fate, heard_snr_cdb if arrived else None)
    if answer is not None and _sends(course, answered_us):
        fate = Fate.DELIVERED if arrived else Fate.DAMAGED
        octets = course.bearer.acknowledgement_octets
        course.note(answered_us, Direction.UP, octets, fate, answer.snr_cdb)
    return arrived


def _acknowledge_up(course: Course, piece: Segment, began_us: int, delivery: Delivery) -> bool:
    """The acknowledgement of a segment that came up whole, or its sender's wait."""
    answered_us = course.now_us
    arrived = isinstance(delivery, Delivered)
    if _sends(course, began_us):
        fate = Fate.DELIVERED if arrived else Fate.DAMAGED
        octets = _octets(course, piece)
        course.note(began_us, Direction.UP, octets, fate, delivery.snr_cdb)
    if not arrived:
        course.wait()
        return False
    octets = course.bearer.acknowledgement_octets
    said = partial(_acknowledgement, piece, delivery.snr_cdb)
    answer = course.put(octets, Direction.DOWN, said)
    course.note(answered_us, Direction.DOWN, octets, Fate.SENT, None)
    return isinstance(answer, Delivered)


def _overheard(course: Course, piece: Segment, began_us: int, delivery: Delivery) -> bool:
    """Whether the sender of a segment on a polled line hears that it has arrived: it is passed on,
    or answered.  No frame says so, and the next one's own fate is another matter."""
    there = isinstance(delivery, Delivered)
    down = piece.direction is Direction.DOWN
    known = False
    if there:
        known = course.overhear(course.bearer.acknowledgement_octets, piece.direction)
    else:
        course.skip()
    octets = _octets(course, piece)
    if down:
        fate = Fate.DELIVERED if course.straight else Fate.HANDED_ON
        fate = fate if known else Fate.NO_ACKNOWLEDGEMENT
        course.note(began_us, piece.direction, octets, fate, delivery.snr_cdb if known else None)
    elif _sends(course, began_us):
        fate = Fate.DELIVERED if there else Fate.DAMAGED
        course.note(began_us, piece.direction, octets, fate, delivery.snr_cdb)
    if not known:
        course.now_us += course.bearer.wait_us
    return known


def _sends(course: Course, at_us: int) -> bool:
    """Whether the module at the far end of the present hop has power, and so is on the air."""
    return course.route.hops[course.hop - 1].module_on(at_us / 1_000_000)


def _octets(course: Course, piece: Segment) -> int:
    """Of the frame that the present hop's bearer makes of a segment."""
    return course.bearer.overhead_octets + len(piece.data)


def _acknowledgement(piece: Segment, heard_snr_cdb: int) -> Acknowledgement:
    return Acknowledgement(
        piece.direction.opposite, piece.node, piece.message, piece.sequence, heard_snr_cdb
    )
