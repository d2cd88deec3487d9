"""The words for jobs, and for the leases by which they hold orders and counters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from headend.domain.job import Conflict, Device, Job, JobState, Lease, TakenOrder
from headend.domain.keys import KeyState
from headend.domain.order import State
from headend.store import job_schema, schema
from headend.store.keys import KeyWords
from headend.store.prepared import Prepared
from headend.store.rows import Form

DEVICE = Form(Device, job_schema.job_devices)
JOB = Form(Job, job_schema.jobs)
LEASE = Form(Lease, job_schema.job_leases)
TAKEN = Form(TakenOrder, job_schema.job_orders)
CONFLICT = Form(Conflict, job_schema.job_conflicts)

_devices, _jobs = DEVICE.table.c, JOB.table.c
_leases, _taken, _conflicts = LEASE.table.c, TAKEN.table.c, CONFLICT.table.c
_orders, _keys, _signing = schema.orders.c, schema.meter_keys.c, job_schema.job_signing.c

_ADD_DEVICE = Prepared(insert(DEVICE.table), DEVICE.names)
_DEVICE = Prepared(DEVICE.select().where(_devices.name == bindparam("of_name")))
_DEVICES = Prepared(DEVICE.select().order_by(_devices.name))

_ADD_JOB = Prepared(insert(JOB.table), JOB.names)
_JOB = Prepared(JOB.select().where(_jobs.id == bindparam("of_id")))
_JOBS = Prepared(JOB.select().order_by(_jobs.made_at.desc(), _jobs.id))
_STANDING = ("state", "taken", "taken_digest", "ended_at", "why")
_SAVE_JOB = Prepared(update(JOB.table).where(_jobs.id == bindparam("of_id")), _STANDING)
_JOBS_AT_METER = Prepared(
    JOB.select()
    .join(LEASE.table, _leases.job == _jobs.id)
    .where(_leases.meter == bindparam("of_meter"))
    .order_by(_jobs.made_at)
)

_ADD_LEASE = Prepared(insert(LEASE.table), LEASE.names)
_LEASES = Prepared(LEASE.select().where(_leases.job == bindparam("of_job")).order_by(_leases.meter))
_SAVE_LEASE = Prepared(
    update(LEASE.table)
    .where(_leases.job == bindparam("of_job"), _leases.meter == bindparam("of_meter"))
    .values(next_own=bindparam("own"))
)
_KEYS_TO_CHANGE = Prepared(
    LEASE.select()
    .join(JOB.table, _leases.job == _jobs.id)
    .join(
        schema.meter_keys,
        (_keys.meter == _leases.meter)
        & (_keys.client == _leases.client)
        & (_keys.counted_by == _leases.generation),
    )
    .where(_jobs.state == JobState.REVOKED, _keys.state == KeyState.CURRENT)
    .order_by(_leases.meter, _leases.job)
)

_ADD_TAKEN = Prepared(insert(TAKEN.table), TAKEN.names)
_TAKEN = Prepared(TAKEN.select().where(_taken.job == bindparam("of_job")).order_by(_taken.number))
_SAVE_TAKEN = Prepared(
    update(TAKEN.table).where(
        _taken.job == bindparam("of_job"), _taken.number == bindparam("of_number")
    ),
    ("attempt", "settled"),
)
_BY_TECHNICIAN = Prepared(
    select(func.count())
    .select_from(TAKEN.table)
    .where(_taken.number == bindparam("of_number"), _taken.attempt == bindparam("of_attempt"))
)
_ADD_CONFLICT = Prepared(insert(CONFLICT.table).inline(), CONFLICT.names)
_CONFLICTS = Prepared(
    CONFLICT.select().where(_conflicts.job == bindparam("of_job")).order_by(_conflicts.line)
)

_FREE = (
    _orders.number == bindparam("of_number"),
    (_orders.lease_until.is_(None)) | (_orders.lease_until <= bindparam("now")),
)
_OWNED: dict[str, Any] = {"lease_owner": bindparam("owner"), "lease_until": bindparam("until")}
_HOLD = Prepared(
    update(schema.orders)
    .where(*_FREE, _orders.state == State.QUEUED, _orders.held_at.is_(None))
    .values(**_OWNED)
)
_HOLD_OPEN = Prepared(
    update(schema.orders).where(*_FREE, _orders.unfinished.is_(True)).values(**_OWNED)
)
_HELD_AT = Prepared(
    select(func.count()).where(
        _orders.meter == bindparam("of_meter"),
        _orders.due_at.is_not(None),
        _orders.lease_until > bindparam("now"),
    )
)

_SIGNING = Prepared(select(_signing.envelope, _signing.sealed))
_ADD_SIGNING = Prepared(insert(job_schema.job_signing), ("name", "envelope", "sealed"))
_RESEAL_SIGNING = Prepared(update(job_schema.job_signing), ("envelope", "sealed"))
SIGNING = "packages"


class JobWords(KeyWords):
    """Jobs, their devices, and what they hold."""

    # --- devices and our own key ---

    def add_device(self, device: Device) -> None:
        self._change(_ADD_DEVICE, DEVICE.values(device))

    def device(self, name: str) -> Device | None:
        return self._one(DEVICE, _DEVICE, {"of_name": name})

    def devices(self) -> list[Device]:
        return self._all(DEVICE, _DEVICES)

    def signing_seed(self) -> tuple[str, bytes] | None:
        """The sealed seed of the key that signs packages, and its envelope key's name."""
        for envelope, sealed in self._rows(_SIGNING):
            return envelope, sealed
        return None

    def put_signing_seed(self, envelope: str, sealed: bytes) -> None:
        """Keep it; raises AlreadyStored where there is one."""
        self._change(_ADD_SIGNING, {"name": SIGNING, "envelope": envelope, "sealed": sealed})

    def reseal_signing_seed(self, envelope: str, sealed: bytes) -> None:
        self._change(_RESEAL_SIGNING, {"envelope": envelope, "sealed": sealed})

    # --- jobs ---

    def add_job(self, job: Job, leases: Iterable[Lease], orders: Iterable[TakenOrder]) -> None:
        self._change(_ADD_JOB, JOB.values(job))
        self._change_many(_ADD_LEASE, map(LEASE.values, leases))
        self._change_many(_ADD_TAKEN, map(TAKEN.values, orders))

    def job(self, job: str) -> Job | None:
        return self._one(JOB, _JOB, {"of_id": job})

    def jobs(self) -> list[Job]:
        return self._all(JOB, _JOBS)

    def jobs_at_meter(self, meter: str) -> list[Job]:
        return self._all(JOB, _JOBS_AT_METER, {"of_meter": meter})

    def save_job(self, job: Job) -> None:
        values = JOB.values(job)
        self._change(_SAVE_JOB, {"of_id": job.id, **{name: values[name] for name in _STANDING}})

    def job_leases(self, job: str) -> list[Lease]:
        return self._all(LEASE, _LEASES, {"of_job": job})

    def settle_lease(self, lease: Lease, next_own: int, peer_lowest: int, least: int) -> None:
        place = (lease.meter, lease.client, lease.generation)
        where = {"of_job": lease.job, "of_meter": lease.meter}
        self._change(_SAVE_LEASE, {**where, "own": next_own})
        self.raise_counter(place, least)
        self.raise_peer_counter(place, peer_lowest)

    def lease_block(
        self, meter: str, client: int, generation: int, count: int
    ) -> tuple[int, int, int] | None:
        place = (meter, client, generation)
        end = self.lease_counters(place, count)
        return None if end is None else (end - count, end, self.counters(place)[1])

    def keys_to_change(self) -> list[Lease]:
        return self._all(LEASE, _KEYS_TO_CHANGE)

    # --- orders in a job's hands ---

    def hold_order(
        self, number: int, owner: str, *, now: datetime, until: datetime, begun: bool = False
    ) -> bool:
        values = {"of_number": number, "owner": owner, "now": now, "until": until}
        return bool(self._change(_HOLD_OPEN if begun else _HOLD, values))

    def meter_held(self, meter: str, now: datetime) -> bool:
        return bool(self._value(_HELD_AT, {"of_meter": meter, "now": now}))

    def taken_orders(self, job: str) -> list[TakenOrder]:
        return self._all(TAKEN, _TAKEN, {"of_job": job})

    def save_taken(self, taken: TakenOrder) -> None:
        where = {"of_job": taken.job, "of_number": taken.number}
        self._change(_SAVE_TAKEN, {**where, "attempt": taken.attempt, "settled": taken.settled})

    def tried_by_technician(self, number: int, attempt: int) -> bool:
        return bool(self._value(_BY_TECHNICIAN, {"of_number": number, "of_attempt": attempt}))

    def add_conflict(self, conflict: Conflict) -> None:
        self._change(_ADD_CONFLICT, CONFLICT.values(conflict))

    def conflicts(self, job: str) -> list[Conflict]:
        return self._all(CONFLICT, _CONFLICTS, {"of_job": job})
