"""The technician's side: a package worked at the meters, offline, every step written down first.

Something that was sent and has no end in the book, because the device was cut off, is looked for at
the meter before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.jobs.book import Book
from headend.jobs.errand import concluded, procedure_for, reading_for
from headend.jobs.permission import NotAllowed, Permission
from protocols.concentrator.messages import Apdu, ObjectWanted, Status
from protocols.dlms.procedures import Identity, Outcome, Procedure
from protocols.dlms.procedures.wanted import read_objects
from protocols.jobs.package import Package, PackedMeter, PackedOrder
from protocols.jobs.result import (
    Acting,
    Begun,
    Beyond,
    Closed,
    CountersUsed,
    Ended,
    Read,
    Trouble,
)


class LeasedCounters(Protocol):
    """The counters of one lease, on disk before they are used."""

    def standing(self) -> tuple[int, int]:
        """The next of ours, and the lowest accepted from the meter."""
        ...


class Talk(Protocol):
    """One association with a meter, as the package's client."""

    @property
    def engine(self) -> str: ...
    async def open(self) -> Failure | None: ...
    async def perform(
        self, procedure: Procedure, may_act: Callable[[], bool | Status]
    ) -> Outcome | Failure: ...
    def apdus(self) -> tuple[Apdu, ...]:
        """What travelled since the last time this was asked."""
        ...


class Way(Protocol):
    """A line that leads to a meter; to which, it tells itself."""

    async def identity(self) -> Identity | Failure: ...
    def talk(self, meter: PackedMeter) -> AbstractAsyncContextManager[Talk]: ...
    async def meter_counter(self, meter: PackedMeter) -> int | None:
        """The last counter that the meter has seen of our client, as its public client tells."""
        ...

    def objects(self, meter: PackedMeter) -> tuple[ObjectWanted, ...]:
        """What is read beside the orders: the objects of interest of the meter's model."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one order at one visit; `status` is None where nothing was tried."""

    order: PackedOrder
    said: str
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """What was done at one meter."""

    meter: PackedMeter
    steps: tuple[Step, ...] = ()
    read: tuple[Read, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One package on this device."""

    package: Package
    book: Book
    permission: Permission
    counters: Callable[[PackedMeter], LeasedCounters]

    def pending(self, meter: PackedMeter) -> list[PackedOrder]:
        """The meter's orders that are not done, in the order of acceptance."""
        told = self.book.accounts()
        return sorted(
            (o for o in meter.orders if o.number not in told or not told[o.number].done),
            key=lambda order: order.number,
        )

    async def visit(self, way: Way, *, name: str | None = None, read: bool = True) -> Visit:
        """Recognise the meter, carry out its orders, read its registers.

        `name` takes the technician's word where the meter does not say who it is; the keys prove
        it then.  Raises NotAllowed, also for a meter that is not in the package.
        """
        self.permission.check()
        self.book.open()
        meter = await self.recognised(way, name)
        async with way.talk(meter) as talk:
            failure = await talk.open()
            if failure is None:
                steps = [await self._carry_out(meter, each, talk) for each in self.pending(meter)]
                values = await self._read(meter, way, talk) if read else ()
                return Visit(meter, tuple(steps), values)
            due = [each for each in self.pending(meter) if self.permission.refusal(each) is None]
            steps = [self._unreached(meter, order, failure, talk) for order in due]
        if failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER:
            failure = await self._compared(meter, way, failure)
        return Visit(meter, tuple(steps), failure=failure)

    def close(self) -> None:
        """End the job: its counters are given back, and it is never worked again.

        One that has expired or was revoked is closed as well: what was done is handed in.
        """
        if self.book.over:
            return
        self.book.open()
        beyond = self.book.meters_beyond()
        used = []
        for meter in self.package.meters:
            next_own, peer_lowest = self.counters(meter).standing()
            used.append(
                CountersUsed(
                    meter=meter.name,
                    client=meter.keys.client,
                    generation=meter.keys.generation,
                    next_own=next_own,
                    peer_lowest=peer_lowest,
                    meter_at=beyond.get(meter.name),
                )
            )
        self.book.write(Closed, counters=tuple(used))

    # --- at a meter ------------------------------------------------------------------------------

    async def recognised(self, way: Way, name: str | None) -> PackedMeter:
        """The meter of the package that is at the other end.  Raises NotAllowed."""
        names: tuple[str | None, ...] = (name,)
        if name is None:
            found = await way.identity()
            if isinstance(found, Failure):
                raise NotAllowed(f"the meter does not say who it is: {found}. Or: --meter NUMBER")
            names = (found.logical_device_name, found.serial_number)
        meter = self.package.meter(*names)
        if meter is None:
            said = " / ".join(filter(None, names)) or "a meter without a name"
            raise NotAllowed(f"{said} is not in the package. Try: ami probe job status")
        return meter

    async def _carry_out(self, meter: PackedMeter, order: PackedOrder, talk: Talk) -> Step:
        """One order.  What may have been sent before is looked for first."""
        account = self.book.accounts().get(order.number)
        if account is not None and account.cut_off:
            ended = await self._look(meter, order, talk)
            if ended.status is not Status.NO_ANSWER:
                return _step(order, ended)
        refused = self.permission.refusal(order)
        if refused is not None:
            return Step(order, refused)
        return _step(order, await self._try(meter, order, talk))

    async def _try(self, meter: PackedMeter, order: PackedOrder, talk: Talk) -> Ended:
        self.book.write(Begun, order=order.number, attempt=order.attempt)
        acted = False

        def may_act() -> bool | Status:
            nonlocal acted
            if self.permission.refusal(order) is not None:
                return Status.STALE
            if not acted:
                self.book.write(Acting, order=order.number, attempt=order.attempt)
                acted = True
            return True

        said = await talk.perform(procedure_for(order), may_act)
        if not isinstance(said, Failure):
            return self._end(meter, order, said, talk)
        if not acted:
            return self._end(meter, order, Outcome(Status.NO_ANSWER), talk, failure=said)
        unanswered = Outcome(Status.UNKNOWN, True)
        found = await talk.perform(reading_for(order), _never)
        if isinstance(found, Failure):
            return self._end(meter, order, unanswered, talk, failure=said)
        return self._end(meter, order, concluded(order, unanswered, found), talk)

    async def _look(self, meter: PackedMeter, order: PackedOrder, talk: Talk) -> Ended:
        """Find out what became of something that was sent before."""
        unanswered = Outcome(Status.UNKNOWN, True)
        found = await talk.perform(reading_for(order), _never)
        if isinstance(found, Failure):
            return self._end(meter, order, unanswered, talk, failure=found, looked=True)
        return self._end(meter, order, concluded(order, unanswered, found), talk, looked=True)

    def _unreached(
        self, meter: PackedMeter, order: PackedOrder, failure: Failure, talk: Talk
    ) -> Step:
        """The meter did not let us in: a try that got nowhere, unless an earlier one acted."""
        account = self.book.accounts().get(order.number)
        if account is not None and account.cut_off:
            return Step(order, "its effect is not known yet", Status.UNKNOWN)
        self.book.write(Begun, order=order.number, attempt=order.attempt)
        outcome = Outcome(Status.NO_ANSWER)
        return _step(order, self._end(meter, order, outcome, talk, failure=failure))

    async def _compared(self, meter: PackedMeter, way: Way, failure: Failure) -> Failure:
        """A meter that has come further than our lease accepts none of it any more."""
        seen = await way.meter_counter(meter)
        if seen is None or seen < meter.keys.end - 1:
            return failure
        self.book.write(Beyond, meter=meter.name, meter_at=seen)
        why = f"the meter has seen counter {seen}, the package's end at {meter.keys.end - 1}"
        return Failure(failure.reason, why, "hand the result in, and ask for a new package")

    async def _read(self, meter: PackedMeter, way: Way, talk: Talk) -> tuple[Read, ...]:
        found = await talk.perform(read_objects(way.objects(meter)), _never)
        if isinstance(found, Failure):
            return ()
        return tuple(
            self.book.write(Read, meter=meter.name, read=each)
            for each in found.readings
            if each.error is None
        )

    def _end(
        self,
        meter: PackedMeter,
        order: PackedOrder,
        outcome: Outcome,
        talk: Talk,
        *,
        failure: Failure | None = None,
        looked: bool = False,
    ) -> Ended:
        return self.book.write(
            Ended,
            order=order.number,
            attempt=order.attempt,
            meter=meter.name,
            action=order.action,
            status=outcome.status,
            acted=outcome.acted,
            looked=looked,
            engine=talk.engine,
            refusal=outcome.refusal,
            prior=outcome.before,
            limit=outcome.limit,
            supply=outcome.supply,
            readings=outcome.readings,
            trouble=None if failure is None else Trouble(failure.reason.value, failure.why),
            apdus=talk.apdus(),
        )


def _never() -> bool:
    """A look changes nothing."""
    return False


def _step(order: PackedOrder, ended: Ended) -> Step:
    said = str(ended.status)
    if ended.refusal is not None:
        said += f": {ended.refusal.name} ({ended.refusal.code})"
    if ended.trouble is not None:
        said += f": {ended.trouble.why or ended.trouble.reason}"
    if ended.looked:
        said += ", found by looking"
    return Step(order, said, ended.status)
