"""Jobs in the field, their devices, leases and results."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from headend.domain.job import Conflict, Device, Job, Lease, TakenOrder


class JobWords(Protocol):
    """Jobs in the field, their devices, leases and results."""

    def add_device(self, device: Device) -> None:
        """Enrol a device.  Raises AlreadyStored for a name or a title that is taken."""
        ...

    def device(self, name: str) -> Device | None: ...
    def devices(self) -> list[Device]: ...
    def add_job(self, job: Job, leases: Iterable[Lease], orders: Iterable[TakenOrder]) -> None: ...
    def job(self, job: str) -> Job | None: ...
    def jobs(self) -> list[Job]:
        """The latest first."""
        ...

    def jobs_at_meter(self, meter: str) -> list[Job]:
        """Those that lease counters of this meter."""
        ...

    def save_job(self, job: Job) -> None:
        """Write how a job stands; what it is does not change."""
        ...

    def lease_block(
        self, meter: str, client: int, generation: int, count: int
    ) -> tuple[int, int, int] | None:
        """Give out so many counters for good: the first, the end, and the lowest accepted from the
        meter.  None where nobody knows the next one, or too few are left."""
        ...

    def job_leases(self, job: str) -> list[Lease]: ...
    def settle_lease(self, lease: Lease, next_own: int, peer_lowest: int, least: int) -> None:
        """Write how far a device came; nothing below `least` is given out any more."""
        ...

    def keys_to_change(self) -> list[Lease]:
        """Leases of revoked jobs whose keys are still the meter's current ones."""
        ...

    def hold_order(
        self, number: int, owner: str, *, now: datetime, until: datetime, begun: bool = False
    ) -> bool:
        """Lease a queued order that nobody holds, or with `begun` any open one; False where there
        is none."""
        ...

    def meter_held(self, meter: str, now: datetime) -> bool:
        """Whether somebody holds an order of this meter."""
        ...

    def taken_orders(self, job: str) -> list[TakenOrder]: ...
    def save_taken(self, taken: TakenOrder) -> None: ...
    def tried_by_technician(self, number: int, attempt: int) -> bool:
        """Whether this attempt of an order was a job's: no concentrator knows of it."""
        ...

    def add_conflict(self, conflict: Conflict) -> None: ...
    def conflicts(self, job: str) -> list[Conflict]: ...
