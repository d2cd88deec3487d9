"""Images on their way from a concentrator to its meters: to many at once where that is worth it
(`street_broadcast`), and what is missing then to one after the other.

It works in the background: each message gives way to whatever is urgent on the line, each session
to an order for its meter, and after `SLICE_S` to the next meter.  How far a meter has come is the
meter's to say, so that a reboot, a broken session or a meter's loss of power cost the block under
way.  Nothing is activated here but for an attempt of an order (`meter_updating`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import simpy
from simpy.resources.resource import PriorityRequest

from devices.concentrator.client import Client, close
from devices.concentrator.conversing import Conversing, Record
from devices.concentrator.desk import Desk
from devices.concentrator.flash import Bringing, Counters, Flash
from devices.concentrator.image_store import ImageStore
from devices.concentrator.power_line import PowerLine
from devices.concentrator.street_broadcast import StreetBroadcast
from devices.concentrator.table import EnginePolicy, Entry
from devices.concentrator.turns import BULK, Turns
from protocols.concentrator.messages import Status
from protocols.concentrator.meter_firmware import Stage
from protocols.dlms.firmware_update import Advance, Memory, in_one_session
from protocols.dlms.procedures import Outcome, Pause
from protocols.dlms.procedures.steps import Request

SLICE_S = 300.0  # of one meter, before the next has its turn
REST_S = 60.0  # after a session that brought nothing
VERIFYING_S = 15.0  # a meter that verifies is let alone for so long
TURN_S = 5.0  # somebody else speaks with the meter
RESTART = timedelta(minutes=10)
"""How long after its activation a meter may still tell its old version: an assumption."""
TOLD_MAX = 8  # messages of a session that brought nothing, for whoever asks why

Waits = Generator[simpy.Event, Any, None]
Found = tuple[Outcome, Record]
Steps = Generator[Request | Pause, Any, Outcome]


class StreetUpdate:
    """Those of one boot."""

    def __init__(
        self,
        line: PowerLine,
        desk: Desk,
        flash: Flash,
        table: dict[str, Entry],
        client: Client,
        turns: Turns,
        images: ImageStore,
        *,
        engines: EnginePolicy,
        resends_max: int,
        challenges: Random,
        secrets: Random,
    ) -> None:
        self.env = line.env
        self._line = line
        self._desk = desk
        self._flash = flash
        self._table = table
        self._client = client
        self._turns = turns
        self._images = images
        self._engines = engines
        self._resends_max = resends_max
        self._challenges = challenges
        self._resting: dict[str, float] = {}  # by meter: until when, world's time
        self._trouble: dict[str, Found] = {}  # by meter: the last session, where it brought nothing
        self._last = ""  # the meter that had its turn last
        self._changed = self.env.event()
        self._process: simpy.Process | None = None
        self._together = StreetBroadcast(
            line,
            flash.images,
            table,
            turns,
            images,
            system_title=client.system_title,
            secrets=secrets,
            session=self._share,
        )

    def wake(self) -> None:
        """Something may be to do: begin, or look at once."""
        if self._process is None:
            self._process = self.env.process(self._run())
        else:
            self._changed.succeed()
            self._changed = self.env.event()

    def halt(self) -> None:
        """The power is gone."""
        if self._process is not None and self._process.is_alive:
            self._process.interrupt("no power")
        self._process = None

    def engine(self, order: str) -> str:
        """The engine that speaks for an order, in all its sessions."""
        return self._engines(order, 0)

    def trouble(self, meter: str) -> Found | None:
        """The last session, where it brought nothing; told once."""
        return self._trouble.pop(meter, None)

    def turn(self, meter: str, priority: int) -> PriorityRequest:
        """A meter's turn."""
        return self._turns.of(meter).request(priority=priority)

    def starting(self, bringing: Bringing) -> bool:
        """Whether the meter may be starting anew, and silent."""
        at = bringing.activated_at
        return at is not None and self._desk.now() < at + RESTART

    # --- the round -------------------------------------------------------------------------------

    def _run(self) -> Waits:
        try:
            while pending := self._pending():
                if (yield from self._together.step(pending)):
                    continue
                now = self.env.now
                pending = [meter for meter in pending if not self._together.waits(meter)]
                ready = [
                    meter
                    for meter in pending
                    if self._resting.get(meter, 0.0) <= now and not self._turns.taken(meter)
                ]
                if ready:
                    after = [meter for meter in ready if meter > self._last]
                    self._last = min(after or ready)
                    yield from self._bring(self._last)
                else:
                    rest_s = min(self._resting.get(meter, 0.0) for meter in pending) - now
                    yield self.env.timeout(max(TURN_S, rest_s)) | self._changed
        except simpy.Interrupt:
            return
        self._process = None

    def _pending(self) -> list[str]:
        """The meters to which something can be brought now."""
        now = self._desk.now()
        return [
            meter
            for meter, bringing in self._flash.images.meters.items()
            if now <= bringing.until
            and not bringing.refused
            and not bringing.memory.activated
            and (bringing.told is None or bringing.told.stage not in _AWAITS_AN_ATTEMPT)
            and meter in self._table
            and self._images.whole(bringing.image) is not None
        ]

    def _bring(self, meter: str) -> Waits:
        """One meter's slice."""
        bringing, entry = self._flash.images.meters[meter], self._table[meter]
        until = self.env.now + SLICE_S
        with self.turn(meter, BULK) as turn:
            yield turn
            outcome, record, advance = yield from self._session(
                entry,
                bringing,
                priority=BULK,
                go_on=lambda advance: (
                    self.env.now < until
                    and not self._turns.wanted(meter)
                    and not self._together.lacks_much(meter, advance)
                ),
            )
            self._together.asked(meter, advance)
            gave_way = self._turns.wanted(meter)
        rest_s = 0.0
        if outcome.status not in (Status.UNDERWAY, Status.DONE) and not gave_way:
            self._trouble[meter], rest_s = (outcome, record), REST_S
        elif bringing.told is not None and bringing.told.stage is Stage.VERIFYING:
            rest_s = VERIFYING_S
        elif gave_way:
            rest_s = TURN_S
        self._resting[meter] = self.env.now + rest_s

    # --- one session -----------------------------------------------------------------------------

    def session(
        self,
        entry: Entry,
        bringing: Bringing,
        *,
        priority: int,
        activate: bool,
        may_start: Callable[[], bool],
    ) -> Generator[simpy.Event, Any, Found]:
        """One that sends no block, and starts what is verified; whoever calls has the turn."""
        outcome, record, _ = yield from self._session(
            entry, bringing, priority=priority, activate=activate, may_start=may_start
        )
        return outcome, record

    def _share(
        self,
        entry: Entry,
        bringing: Bringing,
        *,
        go_on: Callable[[Advance], bool],
        also: Callable[[Steps], Steps],
    ) -> Generator[simpy.Event, Any, Advance]:
        """One in the background, which does something else besides."""
        *_, advance = yield from self._session(
            entry, bringing, priority=BULK, go_on=go_on, also=also
        )
        return advance

    def _session(
        self,
        entry: Entry,
        bringing: Bringing,
        *,
        priority: int,
        activate: bool = False,
        may_start: Callable[[], bool] = lambda: False,
        go_on: Callable[[Advance], bool] = lambda advance: False,
        also: Callable[[Steps], Steps] = lambda steps: steps,
    ) -> Generator[simpy.Event, Any, tuple[Outcome, Record, Advance]]:
        """A session's share of an update; whoever calls has the meter's turn."""
        octets = self._images.whole(bringing.image)
        assert octets is not None, "what is not here cannot be brought"
        advance = Advance(
            bringing.image,
            octets,
            bringing.memory,
            go_on=lambda: go_on(advance),
            sent=lambda number: _one_more(bringing),
            activate=activate,
            may_start=may_start,
            starting=self.starting(bringing),
        )
        counters = self._flash.counters.setdefault(entry.meter, Counters())
        session = self._client.open(
            entry,
            counters,
            also(in_one_session(advance, lambda memory: self._remember(bringing, memory))),
            engine=self.engine(bringing.order),
            challenge=lambda: self._challenges.randbytes(16),
            may_act=lambda now: True,
        )
        record = Record()
        conversing = Conversing(
            self._line,
            entry.leg,
            record,
            self._resends_max,
            priority=priority,
            make_way=lambda: priority == BULK and self._turns.wanted(entry.meter),
            repeatable=True,
        )
        yield from conversing.hold(session)
        close(session, counters)
        outcome = self._seen(session.result, advance, bringing, record)
        del record.exchanges[:-TOLD_MAX]
        return outcome, record, advance

    def _seen(
        self, outcome: Outcome, advance: Advance, bringing: Bringing, record: Record
    ) -> Outcome:
        """How a session's share ended, and what of it is kept."""
        told = advance.told
        if told.blocks or told.stage is Stage.DAMAGED:
            bringing.told = told
        acted = bringing.memory.activated
        match outcome.status:
            case Status.DONE | Status.UNDERWAY:
                return replace(outcome, acted=acted)
            case Status.NOT_APPLIED if told.stage is not Stage.TRANSFERRING:
                bringing.refused = outcome.detail or told.stage.value
                if told.stage is Stage.DAMAGED:
                    self._images.drop(bringing.image)
            case Status.UNKNOWN | Status.NO_ANSWER:  # of what may be done again nothing is unknown
                status = Status.UNREACHABLE if record.no_route else Status.NO_ANSWER
                outcome = replace(outcome, status=status)
        return replace(outcome, acted=acted, update=bringing.told)

    def _remember(self, bringing: Bringing, memory: Memory) -> None:
        if memory.activated and not bringing.memory.activated:
            bringing.activated_at = self._desk.now()
        bringing.memory = memory


_AWAITS_AN_ATTEMPT = frozenset({Stage.VERIFIED, Stage.STARTING, Stage.RUNNING})


def _one_more(bringing: Bringing) -> None:
    bringing.sent += 1
