"""A message on its way over a route: every frame, its fate, and what the concentrator saw of it.

`Course` is the message while it travels, `Transfer` the record afterwards; `transfer` decides what
is sent next.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from devices.channel.delivery import Delivered, Delivery
from devices.channel.route import Bearer, BearerName, Route, bearer_of
from protocols.concentrator.messages import Frame
from protocols.plc import frames as plc_frames
from protocols.plc.frames import Direction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WAY: dict[Direction, Literal["down", "up"]] = {Direction.DOWN: "down", Direction.UP: "up"}


class Fate(enum.StrEnum):
    """What the concentrator's link layer knows of a frame."""

    DELIVERED = "delivered"  # down: acknowledged; up: received whole
    HANDED_ON = "handed-on"  # down: acknowledged by a module that hands it on, and no more is known
    NO_ACKNOWLEDGEMENT = "no-ack"  # down: sent, and no whole acknowledgement came
    DAMAGED = "damaged"  # up: heard, and the CRC was wrong
    SENT = "sent"  # down: an acknowledgement, which nobody acknowledges
    NO_ROUTE = "no-route"  # down: not sent, the node is not registered


class Noted(NamedTuple):
    """A frame as the concentrator saw it."""

    at_us: int
    direction: Direction
    octets: int
    fate: Fate
    airtime_us: int
    snr_cdb: int | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a message fared.  Counts are the concentrator's; up-going messages count nothing sent."""

    direction: Direction
    link: BearerName
    via: tuple[str, ...]  # whose modules were to hand it on
    received: bytes | None  # what the far end put together
    acknowledged: bool  # whether the sender knows that the next module, or the last, has all of it
    total_us: int
    noted: tuple[Noted, ...]
    deliveries: tuple[Delivery, ...]
    hops: tuple[int, ...]  # of each delivery, which hop it was on; 1 is the concentrator's
    tries: int  # data frames put on the line, repeats included, either way, on any hop
    tries_acknowledged: int
    frames_sent: int  # data frames that the concentrator sent, repeats included
    acknowledgements: int  # of those, how many the meter's own module acknowledged
    handed_on: int  # and how many a module that hands them on
    heard_us: int | None  # when the concentrator last heard the meter's module, whole
    heard_snr_cdb: int | None  # and at which ratio

    @property
    def heard_at(self) -> datetime | None:
        """When that was."""
        return None if self.heard_us is None else _date(self.heard_us)

    @property
    def no_route(self) -> bool:
        """Whether no frame was sent, for want of a route."""
        return any(each.fate is Fate.NO_ROUTE for each in self.noted)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """What the concentrator saw, as it tells the head-end."""
        return tuple(map(self._told, self.noted))

    def _told(self, each: Noted) -> Frame:
        return Frame(
            at=_date(each.at_us),
            direction=_WAY[each.direction],
            link=self.link,
            octets=each.octets,
            fate=each.fate,
            airtime_ms=each.airtime_us / 1000 if each.airtime_us else 0.0,
            snr_db=None if each.snr_cdb is None else each.snr_cdb / 100,
            hops=1 + len(self.via),
        )

    @property
    def total_s(self) -> float:
        """How long it kept the line busy."""
        return self.total_us / 1_000_000


@dataclass(slots=True)
class Course:
    """A transfer while it runs.  `hop` is the one that the message is on."""

    route: Route
    rng: Random
    now_us: int
    hop: int = 1
    noted: list[Noted] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    hops: list[int] = field(default_factory=list)
    tries: int = 0
    tries_acknowledged: int = 0
    heard_us: int | None = None
    heard_snr_cdb: int | None = None

    bearer: Bearer = field(init=False)
    """What the present hop's frames travel on."""

    def __post_init__(self) -> None:
        self.enter(self.hop)

    def enter(self, hop: int) -> None:
        """Come to another hop."""
        self.hop = hop
        self.bearer = bearer_of(self.route.hops[hop - 1])

    @property
    def straight(self) -> bool:
        """Whether no module hands the message on."""
        return len(self.route.hops) == 1

    def put(
        self,
        octets: int,
        direction: Direction,
        frame: Callable[[], plc_frames.Frame],
        *,
        of_the_meter: bool = True,
    ) -> Delivery:
        """Let the present hop carry one frame, and its time pass: `frame` is asked for, and written
        out, where somebody taps the line.  `of_the_meter`: a frame up that the meter's own module
        has sent, now or before, and not a repeater for itself."""
        link = self.route.hops[self.hop - 1]
        now = self.now_us / 1_000_000
        delivery = self.bearer.carry(octets, self.rng, direction=direction, now=now)
        self.deliveries.append(delivery)
        self.hops.append(self.hop)
        if link.tap is not None:
            link.tap(self.now_us, direction, self.bearer.encode(frame()), delivery)
        self.now_us += delivery.airtime_us
        heard = direction is Direction.UP and isinstance(delivery, Delivered)
        if heard and of_the_meter and self.hop == 1:
            self.heard_us = self.now_us
            self.heard_snr_cdb = delivery.snr_cdb
        return delivery

    def overhear(self, octets: int, direction: Direction) -> bool:
        """Whether a sender hears that its frame, which went this way, is passed on or answered."""
        link = self.route.hops[self.hop - 1]
        now = self.now_us / 1_000_000
        back = self.bearer.carry(octets, self.rng, direction=direction.opposite, now=now)
        heard = isinstance(back, Delivered)
        if heard and direction is Direction.DOWN and self.straight and link.module_on(now):
            self.heard_us = self.now_us
            self.heard_snr_cdb = back.snr_cdb
        return heard

    def skip(self) -> None:
        """Pass over an acknowledgement's draws: every try takes as many, so that no frame's luck
        hangs on what became of another."""
        self.rng.getrandbits(64)

    def wait(self) -> None:
        """Wait in vain for an acknowledgement."""
        self.skip()
        self.now_us += self.bearer.airtime_us(self.bearer.acknowledgement_octets)

    def note(
        self, started_us: int, direction: Direction, octets: int, fate: Fate, snr_cdb: int | None
    ) -> None:
        """Write down what the concentrator saw of a frame, if it took part at all."""
        if self.hop != 1:
            return
        airtime_us = 0 if fate is Fate.NO_ROUTE else self.bearer.airtime_us(octets)
        self.noted.append(Noted(started_us, direction, octets, fate, airtime_us, snr_cdb))

    def ended(
        self, direction: Direction, began_us: int, *, received: bytes | None, acknowledged: bool
    ) -> Transfer:
        """The record of it."""
        down = [each.fate for each in self.noted if each.direction is Direction.DOWN]
        own, others = down.count(Fate.DELIVERED), down.count(Fate.HANDED_ON)
        return Transfer(
            direction=direction,
            link=self.route.bearer,
            via=self.route.via,
            received=received,
            acknowledged=acknowledged,
            total_us=self.now_us - began_us,
            noted=tuple(self.noted),
            deliveries=tuple(self.deliveries),
            hops=tuple(self.hops),
            tries=self.tries,
            tries_acknowledged=self.tries_acknowledged,
            frames_sent=own + others + down.count(Fate.NO_ACKNOWLEDGEMENT),
            acknowledgements=own,
            handed_on=others,
            heard_us=self.heard_us,
            heard_snr_cdb=self.heard_snr_cdb,
        )


def _date(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)
