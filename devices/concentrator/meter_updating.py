"""Meters' firmware by their concentrator: orders for it taken and told of, and the image started.

An attempt of an order never waits for the image's way to the meter, which takes hours: it is told
how far that has come.  The way itself is `street_update`'s, in the background, for as long as
attempts of the order keep coming.  What is verified is started by an attempt alone, so that an
order that was cancelled or ran out never starts anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import simpy
from msgspec.structs import replace

from devices.concentrator import report
from devices.concentrator.conversing import ACTING_OCTETS_MAX, Record
from devices.concentrator.desk import Desk
from devices.concentrator.flash import Attempt, Bringing, Key, MeterImages
from devices.concentrator.image_store import ImageStore
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.power_line import longest_down_s
from devices.concentrator.street_update import StreetUpdate
from devices.concentrator.table import Entry
from devices.concentrator.turns import URGENT
from protocols.concentrator.messages import MeterImage, Status
from protocols.concentrator.meter_firmware import Stage, UpdateTold
from protocols.dlms.procedures import Outcome

LEASE = timedelta(minutes=15)
"""After the last attempt's `not_after`: an order of which no more is heard is over."""
GivenUp = Callable[[Attempt, float], Status | None]


class MeterUpdating:
    """See the module.  `given_up` tells why an attempt should end, with the seconds that what it
    is about to send may be on its way."""

    def __init__(
        self,
        desk: Desk,
        held: MeterImages,
        clock: OwnClock,
        table: dict[str, Entry],
        images: ImageStore,
        street: StreetUpdate,
        *,
        given_up: GivenUp,
    ) -> None:
        self._env = street.env
        self._desk = desk
        self._held = held
        self._clock = clock
        self._table = table
        self._images = images
        self._street = street
        self._given_up = given_up
        self._answering: dict[Key, simpy.Process] = {}

    def add(self, attempt: Attempt) -> None:
        """Answer an attempt of an order."""
        self._answering[attempt.key] = self._env.process(self._answer(attempt))

    def halt(self) -> None:
        """The power is gone."""
        for process in self._answering.values():
            process.interrupt("no power")
        self._answering = {}

    def _answer(self, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
        try:
            yield self._env.timeout(0)  # the command is receipted before anything else happens
            entry, status = self._table.get(attempt.meter), self._given_up(attempt, 0.0)
            if status is not None:
                self._over(attempt)
                self._desk.end_without_errand(attempt, status)
            elif entry is None or attempt.firmware is None:
                missing = Status.NOT_IN_TABLE if entry is None else Status.REFUSED
                self._desk.end_without_errand(attempt, missing)
            else:
                yield from self._work(attempt, entry, attempt.firmware)
        except simpy.Interrupt:
            return
        del self._answering[attempt.key]

    def _work(
        self, attempt: Attempt, entry: Entry, image: MeterImage
    ) -> Generator[simpy.Event, Any, None]:
        bringing = self._registered(attempt, image)
        if bringing.refused:
            outcome = Outcome(Status.NOT_APPLIED, update=bringing.told, detail=bringing.refused)
            self._over(attempt)
            self._end(attempt, entry, bringing, outcome, Record())
        elif self._images.whole(image) is not None and _to_start(bringing):
            yield from self._start(attempt, entry, bringing)
        elif (trouble := self._street.trouble(entry.meter)) is not None and not bringing.sent:
            self._end(attempt, entry, bringing, *trouble)
        else:
            outcome = Outcome(Status.UNDERWAY, update=self._told(bringing))
            self._end(attempt, entry, bringing, outcome, Record())

    def _registered(self, attempt: Attempt, image: MeterImage) -> Bringing:
        """The image on its way to the meter, begun where it was not.  What was known of another
        image is worth nothing once this one is initiated."""
        until = max(attempt.not_after, self._desk.now()) + LEASE
        known = self._held.meters.get(attempt.meter)
        if known is None or known.image.image != image.image:
            known = self._held.meters[attempt.meter] = Bringing(attempt.key.order, image, until)
        known.order, known.image, known.until = attempt.key.order, image, until
        self._images.want(image)
        self._street.wake()
        return known

    def _start(
        self, attempt: Attempt, entry: Entry, bringing: Bringing
    ) -> Generator[simpy.Event, Any, None]:
        """One session: what is verified is started, or the version read that runs since."""
        margin_s = 2 * longest_down_s(entry.leg, ACTING_OCTETS_MAX)  # it may be sent twice
        with self._street.turn(entry.meter, URGENT) as turn:
            yield turn
            if (status := self._given_up(attempt, 0.0)) is not None:
                self._desk.end_without_errand(attempt, status)
                return
            outcome, record = yield from self._street.session(
                entry,
                bringing,
                priority=URGENT,
                activate=bringing.image.activate,
                may_start=lambda: self._given_up(attempt, margin_s) is None,
            )
        if bringing.memory.activated and outcome.status in (Status.NO_ANSWER, Status.UNREACHABLE):
            if self._street.starting(bringing):
                started = replace(bringing.told or _NOTHING, stage=Stage.STARTING)
                outcome = Outcome(Status.UNDERWAY, acted=outcome.acted, update=started)
        if outcome.status is Status.DONE or bringing.refused:
            self._over(attempt)
        self._end(attempt, entry, bringing, outcome, record)

    def _over(self, attempt: Attempt) -> None:
        """Its order has ended: the meter awaits nothing any more."""
        known = self._held.meters.get(attempt.meter)
        if known is not None and known.order == attempt.key.order:
            del self._held.meters[attempt.meter]

    def _told(self, bringing: Bringing) -> UpdateTold:
        told = bringing.told or _NOTHING
        if self._images.whole(bringing.image) is None:
            return replace(told, stage=Stage.FETCHING)
        return told

    def _end(
        self,
        attempt: Attempt,
        entry: Entry,
        bringing: Bringing,
        outcome: Outcome,
        record: Record,
    ) -> None:
        sent, bringing.sent = bringing.sent, 0
        if outcome.update is not None:
            outcome = changed(outcome, update=replace(outcome.update, sent=sent))
        result = report.ended(
            attempt,
            outcome,
            message_id=self._desk.new_id(),
            at=self._desk.now(),
            ahead=timedelta(seconds=self._clock.error_s(self._env.now)),
            now=self._env.now,
            entry=entry,
            record=record,
            engine=self._street.engine(attempt.key.order),
        )
        self._desk.end(attempt, result, detail=outcome.detail)


_NOTHING = UpdateTold(stage=Stage.TRANSFERRING)


def _to_start(bringing: Bringing) -> bool:
    """Whether only an attempt can bring it further."""
    stage = None if bringing.told is None else bringing.told.stage
    if bringing.memory.activated or stage is Stage.RUNNING:
        return True
    return stage is Stage.VERIFIED and bringing.image.activate
