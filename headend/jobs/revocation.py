"""A job that must not be worked any more: a device lost, an order taken back, a mistake.

A device in the field cannot hear of it.  It learns with its next package; until then it is bounded
by the package's short validity.  Here, nothing that it did afterwards is believed, the orders go
back to the head-end at once, and the keys in the package are to be changed: what a lost device
holds opens nothing then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.job import Job, JobState, Lease
from headend.ports import Chance, Clock, Store, Transaction, Vault
from headend.registry import key_change
from protocols.concentrator.messages import Status
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome


class NoSuchJob(LookupError):
    """There is none; the text says what to try."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation did.  `keys` are to be changed; `already`: nothing was left to revoke."""

    job: Job
    orders: tuple[int, ...] = ()
    keys: tuple[Lease, ...] = ()
    already: bool = False


@dataclass(frozen=True, slots=True)
class Revocation:
    """Takes jobs back."""

    store: Store
    clock: Clock

    async def revoke(self, id_: str, why: str) -> Revoked:
        """Revoke a job.  Raises NoSuchJob.  A closed one stays closed: its device has given its
        counters and orders back."""
        now = self.clock.now()

        def work(tx: Transaction) -> Revoked:
            job = known(tx, id_)
            if job.state is not JobState.OPEN:
                return Revoked(job, keys=_of(tx, id_), already=True)
            revoked = replace(job, state=JobState.REVOKED, ended_at=now, why=why)
            tx.save_job(revoked)
            freed = release_orders(tx, revoked, f"job {id_} was revoked: {why}", now=now)
            return Revoked(revoked, freed, _of(tx, id_))

        return await self.store.run(work)

    async def keys_to_change(self) -> tuple[Lease, ...]:
        """Leases of revoked jobs whose keys are still in use."""
        return await self.store.run(lambda tx: tuple(tx.keys_to_change()))

    async def change_keys(
        self,
        vault: Vault,
        chance: Chance,
        lease: Lease,
        converse: key_change.Converse,
        setup: LogicalName,
    ) -> Outcome:
        """Give a meter new keys for its job client, where a line leads there now.

        DONE where somebody has changed them already.  See `registry.key_change.change`.
        """
        if lease not in await self.keys_to_change():
            return Outcome(Status.DONE, detail="changed already")

        def secrets(count: int) -> bytes:
            return chance.octets("meter keys", count)

        return await key_change.change(
            vault,
            lease.meter,
            lease.client,
            lambda current: key_change.fresh_keys(current, secrets),
            converse,
            setup,
        )


def known(tx: Transaction, id_: str) -> Job:
    """The job.  Raises NoSuchJob."""
    job = tx.job(id_)
    if job is None:
        raise NoSuchJob(f"there is no job {id_}. Try: ami job list")
    return job


def release_orders(
    tx: Transaction, job: Job, cause: str, *, now: datetime, settled: bool = False
) -> tuple[int, ...]:
    """Give the orders back that a job still holds; those that the lanes take up again.  `settled`:
    the job has nothing more to say of them."""
    freed = []
    for taken in tx.taken_orders(job.id):
        if taken.settled:
            continue
        if settled:
            tx.save_taken(replace(taken, settled=True))
        tx.release(taken.number, worker=job.owner)
        order = tx.order(taken.number)
        if order is not None and not order.final:
            tx.save_order(order, at=now, cause=f"back from the technician: {cause}")
            freed.append(taken.number)
    return tuple(freed)


def _of(tx: Transaction, id_: str) -> tuple[Lease, ...]:
    return tuple(lease for lease in tx.keys_to_change() if lease.job == id_)
