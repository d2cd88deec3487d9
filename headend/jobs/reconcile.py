"""A result meets what the head-end knows.

The whole result is taken in by one transaction, so twice is once: what was taken in before must be
the beginning of what comes now.  An order is concluded by the same path as after a concentrator's
result, with the technician's signed word as its evidence.  Where the head-end has gone another way
meanwhile, the order's own end stays, and the disagreement is kept with what a person does next.

A result without its last line is not over: what was done counts, the rest is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from headend.domain.job import Clash, Conflict, Job, JobState, Lease, TakenOrder
from headend.domain.order import Order
from headend.domain.reading import Reading
from headend.jobs.account import Account, accounts
from headend.jobs.enrolment import device_card
from headend.jobs.finding import Finding
from headend.jobs.revocation import known, release_orders
from headend.orders.conclusion import Conclusions
from headend.ports import Clock, Store, Transaction
from protocols.dlms.keys import COUNTER_MAX
from protocols.dlms.procedures.wanted import placed
from protocols.dlms.script import COUNTER_TAKEN_MAX
from protocols.jobs.errors import JobRefused, Refused
from protocols.jobs.result import (
    Chain,
    Closed,
    CountersUsed,
    Read,
    digest,
    first_record,
    read_chain,
)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a result.  `again`: all of it was taken in before."""

    job: Job
    concluded: tuple[Order, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    back: tuple[int, ...] = ()  # not done; the head-end carries them out
    readings: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Takes results in."""

    store: Store
    clock: Clock
    conclusions: Conclusions

    async def take_in(self, octets: bytes) -> Imported:
        """A result, reconciled.  Raises JobRefused, NoSuchJob."""
        now = self.clock.now()
        imported = await self.store.run(lambda tx: self._take_in(tx, octets, now))
        self.conclusions.settling.announce(o for o in imported.concluded if o.final)
        return imported

    def _take_in(self, tx: Transaction, octets: bytes, now: datetime) -> Imported:
        job = known(tx, first_record(octets).job)
        device = tx.device(job.device)
        assert device is not None, "devices are never taken out"
        chain = read_chain(octets, device_card(device.card), digest(job.package))
        _check_continues(job, chain)
        if len(chain.records) == job.taken:
            return Imported(job, again=True)
        finding = Finding(tx, self.conclusions, job, now)
        told = accounts(chain.records)
        for taken in tx.taken_orders(job.id):
            account = told.get(taken.number)
            if account is not None and not taken.settled:
                self._order(finding, taken, account, over=chain.closed is not None)
        readings = [
            _reading(job, record, now, self.conclusions.zone)
            for record in chain.records[job.taken :]
            if isinstance(record, Read)
        ]
        tx.add_readings(readings)
        self.conclusions.watch.look(tx, readings, now)
        back: tuple[int, ...] = ()
        state, ended_at = job.state, job.ended_at
        if chain.closed is not None:
            self._counters(finding, tx.job_leases(job.id), chain.closed)
            back = release_orders(tx, job, f"not done on job {job.id}", now=now, settled=True)
            if state is JobState.OPEN:
                state, ended_at = JobState.CLOSED, now
        job = replace(
            job,
            state=state,
            ended_at=ended_at,
            taken=len(chain.records),
            taken_digest=chain.digests[-1],
        )
        tx.save_job(job)
        concluded = tuple(finding.concluded)
        return Imported(job, concluded, tuple(finding.conflicts), back, len(readings))

    def _order(self, finding: Finding, taken: TakenOrder, account: Account, *, over: bool) -> None:
        job = finding.job
        at = account.at
        if job.state is JobState.REVOKED and job.ended_at is not None and at >= job.ended_at:
            finding.after_revocation(taken, account)
        elif account.done or account.cut_off or over:
            finding.order(taken, account, over=over)

    def _counters(self, finding: Finding, leases: list[Lease], closed: Closed) -> None:
        """Write how far each lease was used; what is left of it is burned."""
        used = {each.meter: each for each in closed.counters}
        for lease in leases:
            told = used.get(lease.meter)
            if told is not None and (told.client, told.generation) == (
                lease.client,
                lease.generation,
            ):
                self._lease(finding, lease, told)

    def _lease(self, finding: Finding, lease: Lease, told: CountersUsed) -> None:
        least = lease.end
        if not lease.first <= told.next_own <= lease.end:
            text = f"counters up to {told.next_own - 1}, leased were {lease.first} to"
            finding.clash(
                Clash.COUNTERS,
                lease.meter,
                f"the device used {text} {lease.end - 1}",
                "change the keys of this meter's job client, and look at the device",
            )
            least = max(least, min(told.next_own, COUNTER_TAKEN_MAX))
        if told.meter_at is not None:
            # It came in the clear: what would use the key up is not believed.
            least = max(least, told.meter_at + 1) if told.meter_at < COUNTER_TAKEN_MAX else least
        next_own = min(max(told.next_own, 0), COUNTER_MAX + 1)
        peer_lowest = told.peer_lowest if 0 <= told.peer_lowest <= COUNTER_TAKEN_MAX else 0
        finding.tx.settle_lease(lease, next_own, peer_lowest, least)


def _check_continues(job: Job, chain: Chain) -> None:
    """Raises JobRefused for a result that does not begin with what was taken in before."""
    if not job.taken:
        return
    if len(chain.records) < job.taken:
        text = f"a longer result of job {job.id} is taken in already"
        raise JobRefused(Refused.CUT, f"{text}. Try: the device's latest")
    if chain.digests[job.taken - 1] != job.taken_digest:
        text = f"another result of job {job.id} is taken in already: the device's files were copied"
        raise JobRefused(Refused.TAMPERED, f"{text}. Try: ami job revoke {job.id}")


def _reading(job: Job, read: Read, now: datetime, zone: tzinfo) -> Reading:
    value = placed(read.read, near=read.at, zone=zone)
    return Reading(
        meter=read.meter,
        name=value.name,
        attribute=value.attribute,
        at=read.at,
        received_at=now,
        source=f"job {job.id}",
        value=value.value,
        unit=value.unit,
        raw=value.raw,
        quality=value.quality,
    )
