"""Making a package: orders are held for it, counters leased, and all of it sealed for one device.

One transaction keeps the job with its file, its leases and the orders it holds; what a crash cuts
off before is nothing, and what it cuts off after can be written out again (`ami job show --out`).

An order that a job holds stays QUEUED, so that its sender can still cancel it, and no lane claims
it.  The hold ends by itself some time after the order's last moment: the time to bring the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.access import lines
from headend.config import OrderPolicy
from headend.domain.account import Permission
from headend.domain.calendar import WorkingDays
from headend.domain.job import Authorisation, Job, JobState, Lease, TakenOrder
from headend.domain.meter import Meter
from headend.domain.order import State
from headend.jobs.enrolment import device_card
from headend.jobs.window import packed, window
from headend.models import BadModel, Model
from headend.ports import Chance, Clock, Generation, Store, Transaction, Vault
from protocols.jobs import package as format_
from protocols.jobs.cards import Signer
from protocols.jobs.package import MeterKeys, Package, PackedMeter, PackedOrder
from protocols.jobs.sealing import SALT_SIZE, seal

LEASE_SIZE = 4096  # an errand uses some tens, a long profile some hundreds; a key has 2^32
VALID_MAX = timedelta(days=7)  # a device cannot hear of a revocation: it must end by itself soon
BRING_BACK = timedelta(hours=2)
"""How long after an order's last moment the head-end waits for the result, clocks being what they
are, before it carries the order out by itself."""
REMEMBERED = timedelta(days=30)  # how long after its end a revoked job is named in new packages
_BEGUN = frozenset({State.DISPATCHED, State.EXECUTING, State.UNKNOWN})


class NotExported(ValueError):
    """There is no package; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a package is asked for: all waiting orders of `meters`, or just these `orders`."""

    device: str
    valid: timedelta
    authorisation: Authorisation
    meters: tuple[str, ...] = ()
    orders: tuple[int, ...] = ()
    passphrase: str | None = None
    by: str = ""  # who asks, for the audit log


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not in the package, and why."""

    meter: str
    why: str
    order: int | None = None

    def __str__(self) -> str:
        what = f"meter {self.meter}" if self.order is None else f"order {self.order}"
        return f"{what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Exported:
    """The job, with its file; `orders` are held for it now."""

    job: Job
    meters: tuple[str, ...]
    orders: tuple[int, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Key:
    """A meter with the keys of its job client."""

    meter: Meter
    role: str
    client: int
    generation: Generation


@dataclass(frozen=True, slots=True)
class Export:
    """Makes packages."""

    store: Store
    vault: Vault
    clock: Clock
    chance: Chance
    policy: OrderPolicy
    days: WorkingDays
    model: Callable[[str], Model]
    signer: Signer

    async def make(self, wanted: Wanted) -> Exported:
        """A package, kept.  Raises NotExported, KeysUnreadable."""
        if not timedelta(0) < wanted.valid <= VALID_MAX:
            raise NotExported(f"a package is valid for at most {VALID_MAX.days} days: it cannot "
                              "be called back. Try: --valid 12h")  # fmt: skip
        left_out: list[LeftOut] = []
        keys = [
            found
            for name in await self._meters(wanted)
            if (found := await self._keys(name, left_out)) is not None
        ]
        id_ = self.chance.uuid()
        return await self.store.run(lambda tx: self._make(tx, wanted, id_, keys, left_out))

    async def _meters(self, wanted: Wanted) -> list[str]:
        """The names meant, each once."""
        if not wanted.orders:
            return list(dict.fromkeys(wanted.meters))
        named = await self.store.run(lambda tx: [(n, tx.order(n)) for n in wanted.orders])
        unknown = [number for number, order in named if order is None]
        if unknown:
            raise NotExported(f"there is no order {unknown[0]}. Try: ami order list")
        return list(dict.fromkeys(order.meter for _, order in named if order is not None))

    async def _keys(self, name: str, left_out: list[LeftOut]) -> _Key | None:
        """The keys of a meter's job client, or why it has none."""
        meter = await self.store.run(lambda tx: tx.meter(name))
        if meter is None:
            left_out.append(LeftOut(name, "there is no such meter"))
            return None
        try:
            model = self.model(meter.model)
        except BadModel as error:
            left_out.append(LeftOut(name, str(error)))
            return None
        if model.works_as is None:
            why = f"its model {meter.model} keeps no client for jobs: name one with works_as"
            left_out.append(LeftOut(name, why))
            return None
        client = model.association[model.works_as].client
        known = await self.vault.keys(name, client)
        if known is None or known.pending is not None:
            why = f"no keys of client {client} are known: ami job keys"
            if known is not None:
                why = "its keys are just being changed: settle that first"
            left_out.append(LeftOut(name, why))
            return None
        return _Key(meter, model.works_as, client, known.current)

    # --- inside the transaction ------------------------------------------------------------------

    def _make(
        self,
        tx: Transaction,
        wanted: Wanted,
        id_: str,
        keys: Sequence[_Key],
        left_out: list[LeftOut],
    ) -> Exported:
        now = self.clock.now()
        device = tx.device(wanted.device)
        if device is None:
            raise NotExported(f"there is no device {wanted.device}. Try: ami job devices")
        left = list(left_out)
        job = Job(id_, device.name, now, now, now + wanted.valid, wanted.authorisation, b"")
        found: list[PackedMeter] = []
        leases: list[Lease] = []
        taken: list[TakenOrder] = []
        for key in keys:
            meter = self._pack(tx, job, key, wanted, left, leases, taken)
            if meter is not None:
                found.append(meter)
        if not found:
            raise NotExported("\n".join(["no meter is left for the package", *map(str, left)]))
        content = Package(
            job=id_,
            device=device.name,
            made_at=now,
            not_before=job.not_before,
            expires_at=job.expires_at,
            authorisation=job.authorisation,
            meters=tuple(found),
            revoked=_revoked(tx, device.name, now),
        )
        file = seal(
            format_.encode(content),
            device_card(device.card),
            self.signer,
            passphrase=wanted.passphrase,
            salt=self.chance.octets("job passphrase salt", SALT_SIZE),
        )
        job = replace(job, package=file)
        tx.add_job(job, leases, taken)
        names = tuple(meter.name for meter in found)
        told = f"for device {device.name}: keys of {', '.join(names)}"
        tx.add_audit(
            lines.done(now, wanted.by, Permission.KEY_EXPORT, f"job {id_}", told, source="command")
        )
        return Exported(job, names, tuple(order.number for order in taken), tuple(left))

    def _pack(
        self,
        tx: Transaction,
        job: Job,
        key: _Key,
        wanted: Wanted,
        left: list[LeftOut],
        leases: list[Lease],
        taken: list[TakenOrder],
    ) -> PackedMeter | None:
        name, generation = key.meter.name, key.generation
        for other in tx.jobs_at_meter(name):
            if other.runs(job.made_at):
                # Two devices would take turns with counters of which the meter accepts only the
                # higher ones.
                why = f"job {other.id} has it until {other.expires_at:%Y-%m-%d %H:%M}Z"
                left.append(LeftOut(name, f"{why}. Try: ami job revoke {other.id}"))
                return None
        block = tx.lease_block(name, key.client, generation.counted_by, LEASE_SIZE)
        if block is None:
            why = "the next invocation counter under its keys is not known, or too few are left"
            left.append(LeftOut(name, f"{why}: ami job keys with next_counter, or new keys"))
            return None
        first, end, peer_lowest = block
        leases.append(Lease(job.id, name, key.client, generation.counted_by, first, end))
        orders = self._orders(tx, job, name, wanted, left)
        taken += (order for order, _ in orders)
        return PackedMeter(
            name=name,
            model=key.meter.model,
            role=key.role,
            address=key.meter.address,
            keys=MeterKeys(
                client=key.client,
                generation=generation.counted_by,
                encryption=generation.keys.encryption,
                authentication=generation.keys.authentication,
                first=first,
                end=end,
                peer_lowest=peer_lowest,
            ),
            orders=tuple(each for _, each in orders),
        )

    def _orders(
        self, tx: Transaction, job: Job, meter: str, wanted: Wanted, left: list[LeftOut]
    ) -> list[tuple[TakenOrder, PackedOrder]]:
        """The meter's waiting orders, held for the job from here on."""
        waiting = tx.open_orders_of_meter(meter)
        if wanted.orders:
            waiting = [order for order in waiting if order.number in wanted.orders]
        if any(o.state in _BEGUN for o in waiting) or tx.meter_held(meter, job.made_at):
            left += (
                LeftOut(meter, "one of the meter's orders is under way just now", order.number)
                for order in waiting
            )
            return []
        found = []
        for order in waiting:
            taken, why = window(order, job, policy=self.policy, days=self.days)
            if taken is None:
                left.append(LeftOut(meter, why, order.number))
                continue
            until = taken.not_after + BRING_BACK
            if not tx.hold_order(order.number, job.owner, now=job.made_at, until=until):
                left.append(LeftOut(meter, "somebody else has just taken it", order.number))
                continue
            cause = f"handed over to {job.device}, job {job.id}; held until {until:%H:%M:%S}Z"
            tx.save_order(order, at=job.made_at, cause=cause)
            found.append((taken, packed(order, taken)))
        return found


def _revoked(tx: Transaction, device: str, now: datetime) -> tuple[str, ...]:
    """The device's jobs that it may still believe in."""
    return tuple(
        job.id
        for job in tx.jobs()
        if job.device == device
        and job.state is JobState.REVOKED
        and now < job.expires_at + REMEMBERED
    )
