"""One message over a link: segments, an acknowledgement for each, retries.

Two views of what happened are kept apart.  `deliveries` is the truth, for the world's own log.
`frames` is what the concentrator's link layer saw, and only that may travel on to the head-end: of
a frame that it sent, whether the acknowledgement came, and at which ratio the module says it heard
it; of a frame that came in damaged, that the CRC was wrong.  A module acknowledges by itself, also
when the meter behind it is silent.

A sender that hears no acknowledgement cannot know whether the message arrived: `received` may be
there while `acknowledged` is False.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from devices.channel.carriage import Delivered, Delivery, carry
from devices.channel.link import Link
from devices.channel.medium import TURNAROUND_US, acknowledgement_us
from protocols.concentrator.messages import Frame
from protocols.plc.frames import (
    ACKNOWLEDGEMENT_OCTETS,
    Acknowledgement,
    Direction,
    Reassembler,
    Segment,
    encode,
    segment,
)
from protocols.plc.physical import airtime_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WAY: dict[Direction, Literal["down", "up"]] = {Direction.DOWN: "down", Direction.UP: "up"}


class Fate(enum.StrEnum):
    """What the concentrator's link layer knows of a frame."""

    DELIVERED = "delivered"  # down: acknowledged; up: received whole
    NO_ACKNOWLEDGEMENT = "no-ack"  # down: sent, and no whole acknowledgement came
    DAMAGED = "damaged"  # up: heard, and the CRC was wrong
    SENT = "sent"  # down: an acknowledgement, which nobody acknowledges
    NO_ROUTE = "no-route"  # down: not sent, the node is not registered


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a message fared.  Counts are the concentrator's; up-going messages count nothing sent."""

    direction: Direction
    received: bytes | None  # what the far end put together
    acknowledged: bool  # whether the sender knows that all of it arrived
    total_us: int
    frames: tuple[Frame, ...]
    deliveries: tuple[Delivery, ...]
    tries: int  # data frames put on the line, repeats included, either way
    frames_sent: int  # data frames that went down, repeats included
    acknowledgements: int  # of those, how many were acknowledged
    heard_at: datetime | None  # when the concentrator last heard the module, whole
    heard_snr_cdb: int | None  # and at which ratio

    @property
    def total_s(self) -> float:
        """How long it kept the line busy."""
        return self.total_us / 1_000_000


@dataclass(slots=True)
class _Course:
    """A transfer while it runs."""

    link: Link
    rng: Random
    now_us: int
    frames: list[Frame] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tries: int = 0
    heard_at: datetime | None = None
    heard_snr_cdb: int | None = None

    def put(self, octets: bytes, direction: Direction) -> Delivery:
        """Let the line carry one frame, and its time pass."""
        delivery = carry(
            self.link, octets, self.rng, direction=direction, now=self.now_us / 1_000_000
        )
        self.deliveries.append(delivery)
        if self.link.tap is not None:
            self.link.tap(self.now_us, direction, octets, delivery)
        self.now_us += delivery.airtime_us
        if direction is Direction.UP and isinstance(delivery, Delivered):
            self.heard_at = _date(self.now_us)
            self.heard_snr_cdb = delivery.snr_cdb
        return delivery

    def wait(self) -> None:
        """Wait in vain for an acknowledgement.  Its draws are passed over: every try takes as many,
        so that no frame's luck hangs on what became of another."""
        self.rng.getrandbits(64)
        self.now_us += acknowledgement_us(self.link.medium.scheme)

    def note(
        self, started_us: int, direction: Direction, octets: int, fate: Fate, snr_cdb: int | None
    ) -> None:
        """Write down what the concentrator saw of a frame."""
        self.frames.append(
            Frame(
                at=_date(started_us),
                direction=_WAY[direction],
                link="plc",
                octets=octets,
                fate=fate,
                airtime_ms=0.0
                if fate is Fate.NO_ROUTE
                else airtime_us(octets, self.link.medium.scheme) / 1000,
                snr_db=None if snr_cdb is None else snr_cdb / 100,
            )
        )


def transfer(
    link: Link, message: bytes, rng: Random, *, direction: Direction, now: float
) -> Transfer:
    """Carry a message, beginning `now` (POSIX seconds); nothing is waited for here.

    Raises LocalProtocolError where the message is empty or longer than 64 segments.
    """
    link.messages_sent += 1
    pieces = segment(
        message,
        direction=direction,
        node=link.node,
        number=link.messages_sent,
        frame_octets_max=link.medium.frame_octets_max,
    )
    began_us = round(now * 1_000_000)
    course = _Course(link, rng, began_us)
    received: bytes | None = None
    acknowledged = False
    if direction is Direction.DOWN and not link.registered(now):
        course.note(began_us, direction, len(encode(pieces[0])), Fate.NO_ROUTE, None)
    elif direction is Direction.DOWN or link.module_on(now):
        reassembler = Reassembler()
        for piece in pieces:
            whole, acknowledged = _send(course, piece, reassembler)
            received = whole if whole is not None else received
            if not acknowledged:
                break
    down = [frame for frame in course.frames if frame.direction == "down"]
    acknowledgements = sum(frame.fate == Fate.DELIVERED for frame in down)
    return Transfer(
        direction=direction,
        received=received,
        acknowledged=acknowledged,
        total_us=course.now_us - began_us,
        frames=tuple(course.frames),
        deliveries=tuple(course.deliveries),
        tries=course.tries,
        frames_sent=acknowledgements + sum(frame.fate == Fate.NO_ACKNOWLEDGEMENT for frame in down),
        acknowledgements=acknowledgements,
        heard_at=course.heard_at,
        heard_snr_cdb=course.heard_snr_cdb,
    )


def _send(course: _Course, piece: Segment, receiver: Reassembler) -> tuple[bytes | None, bool]:
    """One segment until it is acknowledged or given up: the message it completed, acknowledged."""
    wire = encode(piece)
    whole: bytes | None = None
    for _ in range(1 + course.link.medium.retries_max):
        began_us = course.now_us
        course.tries += 1
        delivery = course.put(wire, piece.direction)
        course.now_us += TURNAROUND_US
        heard = None
        if isinstance(delivery, Delivered):
            completed = receiver.receive(piece)
            whole = completed if completed is not None else whole
            heard = delivery.snr_cdb
        if piece.direction is Direction.DOWN:
            acknowledged = _acknowledge_down(course, piece, began_us, heard)
        else:
            acknowledged = _acknowledge_up(course, piece, began_us, delivery)
        course.now_us += TURNAROUND_US
        if acknowledged:
            return whole, True
    return whole, False


def _acknowledge_down(
    course: _Course, piece: Segment, began_us: int, heard_snr_cdb: int | None
) -> bool:
    """The module's acknowledgement of a segment that went down, or the wait for one in vain."""
    answered_us = course.now_us
    octets = len(encode(piece))
    answer: Delivery | None = None
    if heard_snr_cdb is None:
        course.wait()
    else:
        answer = course.put(_acknowledgement(piece, heard_snr_cdb), Direction.UP)
    arrived = isinstance(answer, Delivered)
    fate = Fate.DELIVERED if arrived else Fate.NO_ACKNOWLEDGEMENT
    course.note(began_us, Direction.DOWN, octets, fate, heard_snr_cdb if arrived else None)
    if answer is not None and course.link.module_on(answered_us / 1_000_000):
        fate = Fate.DELIVERED if arrived else Fate.DAMAGED
        course.note(answered_us, Direction.UP, ACKNOWLEDGEMENT_OCTETS, fate, answer.snr_cdb)
    return arrived


def _acknowledge_up(course: _Course, piece: Segment, began_us: int, delivery: Delivery) -> bool:
    """The concentrator's acknowledgement of a segment that came up whole, or the module's wait."""
    answered_us = course.now_us
    arrived = isinstance(delivery, Delivered)
    if course.link.module_on(began_us / 1_000_000):
        fate = Fate.DELIVERED if arrived else Fate.DAMAGED
        course.note(began_us, Direction.UP, len(encode(piece)), fate, delivery.snr_cdb)
    if not arrived:
        course.wait()
        return False
    answer = course.put(_acknowledgement(piece, delivery.snr_cdb), Direction.DOWN)
    course.note(answered_us, Direction.DOWN, ACKNOWLEDGEMENT_OCTETS, Fate.SENT, None)
    return isinstance(answer, Delivered)


def _acknowledgement(piece: Segment, heard_snr_cdb: int) -> bytes:
    return encode(
        Acknowledgement(
            piece.direction.opposite, piece.node, piece.message, piece.sequence, heard_snr_cdb
        )
    )


def _date(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)
