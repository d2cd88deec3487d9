"""What `ami job` tells: lists, one job, and what came of a result."""

from __future__ import annotations

from datetime import datetime

from headend.app.jobs import Imported
from headend.clock import WallClock
from headend.domain.job import Job, JobState
from headend.store.queries import JobPage
from tools.terminal import clock_text, out


def tell_imported(imported: Imported) -> None:
    """For people."""
    job = imported.job
    if imported.again:
        out.print(f"job {job.id}: nothing new, this result is taken in already", markup=False)
        return
    whole = "whole" if job.state is not JobState.OPEN else "not closed yet, more is to come"
    out.print(f"job {job.id} of {job.device}: {whole}", markup=False)
    for order in imported.concluded:
        why = f" ({order.reason})" if order.reason else ""
        out.print(f"  order {order.number}: {order.state}{why}", markup=False)
    if imported.back:
        out.print(f"  not done, back in the queue: {', '.join(map(str, imported.back))}")
    out.print(f"  readings: {imported.readings}")
    for conflict in imported.conflicts:
        out.print(f"  {conflict.clash}: {conflict.text}", markup=False)
        out.print(f"    Try: {conflict.next_step}", markup=False)


def imported_row(imported: Imported) -> dict[str, object]:
    """For machines."""
    return {
        "job": imported.job.id,
        "state": imported.job.state,
        "again": imported.again,
        "orders": [
            {"order": o.number, "state": o.state, "reason": o.reason} for o in imported.concluded
        ],
        "orders_back": imported.back,
        "readings": imported.readings,
        "conflicts": [
            {"clash": c.clash, "order": c.order, "meter": c.meter, "text": c.text,
             "next_step": c.next_step}
            for c in imported.conflicts
        ],
    }  # fmt: skip


def tell_page(page: JobPage) -> None:
    """For people."""
    job, now = page.job, WallClock().now()
    out.print(f"job {job.id}  {state_of(job, now)}  {job.authorisation}", markup=False)
    out.print(f"  {job.device}, {clock_text(job.made_at)} to {clock_text(job.expires_at)} (UTC)")
    if job.why:
        out.print(f"  revoked at {clock_text(job.ended_at)}: {job.why}", markup=False)
    for lease in page.leases:
        used = "" if lease.next_own is None else f", {lease.next_own - lease.first} used"
        out.print(f"  meter {lease.meter}: counters {lease.first} to {lease.end - 1}{used}")
    for taken in page.taken:
        order = page.orders[taken.number]
        out.print(f"  order {taken.number}: {order.kind}, {order.state}", markup=False)
        if order.final and not taken.settled and job.runs(now):
            out.print(f"    It has ended meanwhile. Try: call the technician of {job.device}")
    for conflict in page.conflicts:
        out.print(f"  {conflict.clash}: {conflict.text}", markup=False)
        out.print(f"    Try: {conflict.next_step}", markup=False)
    for lease in page.keys_to_change:
        out.print(f"  keys to change: meter {lease.meter}, client {lease.client}", markup=False)


def page_row(page: JobPage) -> dict[str, object]:
    """For machines."""
    return {
        **job_row(page.job, WallClock().now()),
        "why": page.job.why,
        "leases": page.leases,
        "orders": [
            {"order": taken.number, "state": page.orders[taken.number].state,
             "not_after": taken.not_after, "settled": taken.settled}
            for taken in page.taken
        ],
        "conflicts": page.conflicts,
        "keys_to_change": [lease.meter for lease in page.keys_to_change],
    }  # fmt: skip


def job_row(job: Job, now: datetime) -> dict[str, object]:
    """For machines."""
    return {
        "job": job.id,
        "device": job.device,
        "made_at": job.made_at,
        "expires_at": job.expires_at,
        "state": state_of(job, now),
        "authorisation": job.authorisation,
    }


def state_of(job: Job, now: datetime) -> str:
    """Its state, as the clock has it: open ones end by themselves."""
    if job.state is JobState.OPEN and not job.runs(now):
        return "expired"
    return str(job.state)
