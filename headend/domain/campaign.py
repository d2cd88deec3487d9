"""A campaign: one kind of order for a chosen set of meters, given out in waves.

The set is fixed when the campaign is made, and each meter of it has a place in one wave.  What to
do next follows from how many of each wave wait, are under way and have ended, so a head-end that
starts anew goes on where the last one stood.  A campaign stops by itself when too many of a wave
fail.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate

from headend.domain.meter import Meter
from headend.domain.order import PRIORITY, Kind, State
from headend.domain.reason import ReasonCode

EMERGENCY_PRIORITY = 1
"""Of an emergency's orders: before all others."""

AFTER_SINGLE = 15
"""How far a campaign's orders stand behind single ones of their kind.  Limits, connections and
disconnections of a campaign stay urgent (`URGENT_MAX`) and still wait for every single one."""


class CampaignState(enum.StrEnum):
    """Where a campaign stands."""

    RUNNING = "running"
    PAUSED = "paused"  # by a person: nothing more is given out
    STOPPED = "stopped"  # by itself: too many of a wave failed
    DONE = "done"  # every meter has ended
    CANCELLED = "cancelled"


GOING_ON = frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED})


class MemberState(enum.StrEnum):
    """Where one meter of a campaign stands."""

    WAITING = "waiting"  # no order of this try yet
    UNDER_WAY = "under-way"  # its order is not final
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # the campaign was cancelled before anything was sent to it


class BadPlan(ValueError):
    """Waves, a pace or a share that mean nothing; the text says what does."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How the meters were chosen, kept to explain it later.  What is None does not restrict; all
    that is given must hold.  `place` is a place's code: all that hang in it, however deep."""

    meters: tuple[str, ...] = ()
    place: str | None = None
    concentrator: str | None = None
    model: str | None = None
    firmware: str | None = None

    def __str__(self) -> str:
        told = [f"{len(self.meters)} meters by name"] if self.meters else []
        for name in ("place", "concentrator", "model", "firmware"):
            if (value := getattr(self, name)) is not None:
                told.append(f"{name} {value}")
        return ", ".join(told) or "every meter"


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom a choice means now, and whom it leaves out: those that hang in its place, or are of its
    model, and are not commissioned; of those that it names, who is not registered, and who is not
    in what else is chosen.  `place_known`: it names none, or one that there is."""

    meters: tuple[Meter, ...]
    not_commissioned: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    place_known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How meters are given out.

    `waves` are sizes, numbers of meters ("50") or parts of all ("10%"); the last repeats until
    every meter has its wave.  `pace`: so many under way at most.  The next wave begins when the
    `share` of the one before it has ended, and none does once more than `stop_share` of a wave
    have failed.  Raises `BadPlan`.
    """

    waves: tuple[str, ...] = ("100%",)
    pace: int | None = None
    share: float = 1.0
    stop_share: float = 0.2

    def __post_init__(self) -> None:
        if not self.waves:
            raise BadPlan("a campaign has at least one wave")
        for wave in self.waves:
            _meters_of(wave, 100)
        if self.pace is not None and self.pace < 1:
            raise BadPlan("a pace of less than one meter at once never begins")
        for share in (self.share, self.stop_share):
            if not 0 <= share <= 1:
                raise BadPlan(f"a share lies between 0 and 1, not {share}")

    def sizes(self, meters: int) -> list[int]:
        """How many meters each wave of so many has."""
        sizes: list[int] = []
        left = meters
        for number in range(meters):
            if not left:
                break
            wave = self.waves[min(number, len(self.waves) - 1)]
            sizes.append(min(left, _meters_of(wave, meters)))
            left -= sizes[-1]
        return sizes


def _meters_of(wave: str, meters: int) -> int:
    """How many meters a wave's size means, of so many.  Raises `BadPlan`."""
    try:
        if wave.endswith("%"):
            part = float(wave[:-1]) / 100
            if 0 < part <= 1:
                return max(1, math.ceil(round(part * meters, 9)))
        elif wave.isascii() and wave.isdigit() and int(wave) > 0:
            return int(wave)
    except ValueError:
        pass
    raise BadPlan(f"a wave is a number of meters or a part of all, like 50 or 10%, not {wave!r}")


EMERGENCY = Plan(stop_share=1.0)
"""All at once, and nothing stops it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign.  `wish` is what is asked for each meter, as JSON of an order's wish without
    its meter, so that a kind's own fields need no place here; `words` name objects to read, which
    each meter's model resolves.  `why` tells why it is paused, stopped or cancelled.
    `approved_by` is the second person who let its disconnections through.
    """

    number: int
    kind: Kind
    asked_by: str
    made_at: datetime
    choice: Choice
    plan: Plan
    size: int
    wish: str
    words: tuple[str, ...] = ()
    emergency: bool = False
    any_day: bool = False
    order_deadline_s: int | None = None  # of each order, from when it is given out
    note: str = ""
    state: CampaignState = CampaignState.RUNNING
    why: str = ""
    approved_by: str | None = None
    ended_at: datetime | None = None  # nothing of it is under way any more

    @property
    def priority(self) -> int:
        """Of its orders."""
        if self.emergency:
            return EMERGENCY_PRIORITY
        return PRIORITY[self.kind] + AFTER_SINGLE

    def correlation(self, meter: str) -> str:
        """What the orders of one meter are known by."""
        return f"campaign/{self.number}/{meter}"


@dataclass(frozen=True, slots=True)
class Member:
    """One meter of a campaign.  `tries` counts its orders, `order` is the last one's number;
    `pardoned` where a person let the campaign go on in spite of this failure."""

    campaign: int
    meter: str
    place: int  # in the row of all its meters
    wave: int
    state: MemberState = MemberState.WAITING
    tries: int = 0
    order: int | None = None
    reason: ReasonCode | None = None
    pardoned: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A meter under way, and how its order ended."""

    member: Member
    state: State
    reason: ReasonCode | None
    at: datetime

    def settled(self, *, cancelled: bool) -> Member:
        """The meter at its end; `cancelled` where the whole campaign is."""
        state = MemberState.DONE if self.state is State.DONE else MemberState.FAILED
        if cancelled and self.reason is ReasonCode.CANCELLED:
            state = MemberState.WITHDRAWN
        return replace(self.member, state=state, reason=self.reason, ended_at=self.at)


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """One line of a campaign's story.  Lines are only ever added."""

    campaign: int
    at: datetime
    who: str  # "" where it was the campaign itself
    what: str


def members(number: int, meters: Sequence[str], plan: Plan) -> list[Member]:
    """Each meter in its place and wave; waves count from 1."""
    ends = list(accumulate(plan.sizes(len(meters))))
    wave, row = 0, []
    for place, meter in enumerate(meters):
        if place == ends[wave]:
            wave += 1
        row.append(Member(number, meter, place, wave + 1))
    return row


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of one wave stand where; `pardoned` ones are among the failed."""

    wave: int
    waiting: int = 0
    under_way: int = 0
    done: int = 0
    failed: int = 0
    withdrawn: int = 0
    pardoned: int = 0

    @property
    def size(self) -> int:
        return self.waiting + self.under_way + self.ended

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.withdrawn


@dataclass(frozen=True, slots=True)
class GiveOut:
    """Give out so many more of this wave."""

    wave: int
    count: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Too many of this wave have failed."""

    tally: Tally


@dataclass(frozen=True, slots=True)
class Wait:
    """For orders under way, or for a person."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing waits, and nothing is under way."""


Step = GiveOut | Stop | Wait | Finish


def next_step(state: CampaignState, plan: Plan, tallies: Sequence[Tally]) -> Step:
    """What is done with a campaign now.  `tallies` are of all its waves, in their order.

    A campaign that nothing is left of to stop is never stopped: it is done, with its failures.
    """
    under_way = sum(tally.under_way for tally in tallies)
    current = next((tally for tally in tallies if tally.waiting), None)
    if current is None:
        return Wait() if under_way else Finish()
    if state is not CampaignState.RUNNING:
        return Wait()
    for tally in tallies:
        if tally.failed - tally.pardoned > plan.stop_share * tally.size:
            return Stop(tally)
    before = (tally for tally in tallies if tally.wave < current.wave)
    if any(tally.ended < plan.share * tally.size for tally in before):
        return Wait()
    free = current.waiting if plan.pace is None else max(0, plan.pace - under_way)
    count = min(current.waiting, free)
    return GiveOut(current.wave, count) if count else Wait()


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign as it stands: of its meters how many where, why they failed, and how many orders
    under way are held for a second person."""

    campaign: Campaign
    waves: tuple[Tally, ...]
    reasons: dict[ReasonCode, int] = field(default_factory=dict)
    held: int = 0

    @property
    def total(self) -> Tally:
        """Of all waves together."""
        names = ("waiting", "under_way", "done", "failed", "withdrawn", "pardoned")
        sums = {name: sum(getattr(wave, name) for wave in self.waves) for name in names}
        return Tally(0, **sums)
