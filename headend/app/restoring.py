"""A backup put back: databases into empty places, and a head-end that sends nothing at first.

    restored = restore(config, place, name, key, clock=WallClock(), who=lambda tx: by)
    # ami serve: hears, accepts, asks meters for their counters; sends nothing
    resumed = await resume(config, clock=WallClock(), who="os:ana")

What a restored database must have before anybody opens it is written in the one step that makes it
be there: no head-end can begin on it as if nothing had been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from headend.access import lines
from headend.access.desk import By
from headend.app.backups import SCHEMAS, Place, copied_of, unpacked, verify
from headend.backup import packing
from headend.backup.sealing import BackupKey
from headend.chance import SystemChance
from headend.config import Config
from headend.domain.account import Permission
from headend.domain.restoration import (
    CHANGES_PER_S,
    COUNTERS_PER_S,
    ORDERS_PER_S,
    SLACK,
    Raised,
    Restoration,
    RestoredKey,
    Standing,
    Stray,
    margin,
)
from headend.orders.after_restoration import Reconciled, reconcile
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, Transaction
from headend.store import key_journal, snapshot
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction

__all__ = ["NotYet", "Restored", "Resumed", "Standstill", "restore", "resume", "standstill"]


class NotYet(RuntimeError):
    """Sending may not begin; the text says why."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back."""

    restoration: Restoration
    keys: int  # whose counters have jumped
    legacy: bool | None  # whether the legacy database was: one that is there stays; None: none
    files: tuple[str, ...]  # configuration, models and certificates that were written


@dataclass(frozen=True, slots=True)
class Standstill:
    """Where a restored head-end stands."""

    restoration: Restoration
    keys: tuple[RestoredKey, ...]
    open_orders: int
    strays: tuple[Stray, ...]

    def count(self) -> dict[Raised, int]:
        """Keys by what became of their counters."""
        found = Counter(key.standing for key in self.keys)
        return {standing: found[standing] for standing in Raised}


@dataclass(frozen=True, slots=True)
class Resumed:
    """Sending has begun."""

    restoration: Restoration
    orders: Reconciled


def restore(
    config: Config,
    place: Place,
    name: str,
    key: BackupKey | None,
    *,
    clock: Clock,
    who: Callable[[Transaction], By],
    files_to: Path | None = None,
) -> Restored:
    """Put a backup back, verified first, into databases that are not there yet.  `who` tells who
    does it, or raises what keeps all of it from being there.

    Raises NotEmpty, NoBackup, BadManifest, Damaged, NotOpened, BadCopy, StoreUnavailable.
    """
    urls = {"head-end": config.database, "legacy": config.legacy_database}
    manifest = place.manifest(name, key)
    for database in manifest.databases:
        if database.role == "head-end":
            snapshot.check_empty(urls[database.role], database.engine)
    verify(place, name, key)
    made: list[tuple[Restoration, int]] = []

    def finish(tx: SqlTransaction) -> None:
        now = clock.now()
        made.append(_come_back(tx, name, manifest.consistent_at, now, who(tx).actor, place.folder))

    legacy: bool | None = None
    # The legacy one first: with the head-end's own, a head-end can begin.
    for database in sorted(manifest.databases, key=lambda each: each.role == "head-end"):
        if database.role == "legacy":
            try:
                snapshot.check_empty(urls["legacy"], database.engine)
            except snapshot.NotEmpty:
                legacy = False
                continue  # it is younger than the backup, and takes what comes again once
        with unpacked(place, manifest, database, key, staging=config.backup.staging) as folder:
            url, schema = urls[database.role], SCHEMAS[database.role]
            copied = copied_of(database)
            if database.role == "legacy":
                snapshot.restore(copied, folder, url, schema)
                legacy = True
            else:
                snapshot.restore(copied, folder, url, schema, finish)
    written = []
    if files_to is not None:
        for file in manifest.files:
            if not any(file.name in database.files for database in manifest.databases):
                packing.unpack(place.path(name), file, files_to / file.name, key)
                written.append(file.name)
    ((restoration, keys),) = made
    return Restored(restoration, keys, legacy, tuple(written))


def _come_back(
    tx: SqlTransaction, backup: str, at: datetime, now: datetime, who: str, place: Path
) -> tuple[Restoration, int]:
    """Write into the database what keeps it from going on as if nothing had been."""
    found = key_journal.replay(place / key_journal.FILE, tx, tx, at - SLACK)
    tx.release_everybody()
    last = tx.restoration()
    age = max(now - at, timedelta()) + SLACK
    before, after = tx.raise_order_number(margin(age, ORDERS_PER_S))
    tx.jump_changes(margin(age, CHANGES_PER_S))
    keys = tx.jump_counters(margin(age, COUNTERS_PER_S))
    restoration = Restoration(
        number=1 if last is None else last.number + 1,
        backup=backup,
        consistent_at=at,
        restored_at=now,
        restored_by=who,
        standing=Standing.RESTORED,
        order_before=before,
        order_after=after,
        keys_found=found,
    )
    tx.add_restoration(restoration)
    told = f"{backup}: all before {at:%Y-%m-%d %H:%M:%S}Z; sending is stopped"
    operate = Permission.SYSTEM_OPERATE
    tx.add_audit(lines.done(now, who, operate, "the database, restored", told, source="command"))
    return restoration, keys


async def standstill(config: Config, *, live: bool = True) -> Standstill | None:
    """Where the head-end of a database stands since its last restoration; None without any.

    Raises StoreUnavailable.
    """
    store = SqlStore(config.database, live=live)

    def work(tx: Transaction) -> Standstill | None:
        restoration = tx.restoration()
        if restoration is None:
            return None
        keys, strays = tuple(tx.restored_keys()), tuple(tx.strays())
        return Standstill(restoration, keys, tx.waiting_orders(), strays)

    try:
        return await store.run(work)
    finally:
        await store.close()


async def resume(
    config: Config,
    *,
    clock: Clock,
    who: str,
    unasked: bool = False,
    chance: Chance | None = None,
    live: bool = True,
) -> Resumed:
    """Let a restored head-end send: its open orders are looked for at their meters first.

    `unasked`: although meters have not been asked for their counters yet.  Raises NotYet,
    StoreUnavailable.
    """
    settling = Settling(chance or SystemChance(), config.orders, lambda: None)
    # A command that the lost life sent last may be carried out until then.
    rest = timedelta(seconds=config.orders.attempt_window_s + config.field.result_grace_s)

    def work(tx: Transaction) -> Resumed:
        now, restoration = clock.now(), tx.restoration()
        if restoration is None or restoration.standing is not Standing.RESTORED:
            raise NotYet("this head-end did not come back from a backup, or sends already")
        if now < restoration.restored_at + rest:
            until = restoration.restored_at + rest
            raise NotYet(f"commands from before the loss may act until {until:%H:%M:%S}Z")
        waiting = sum(key.standing is Raised.WAITING for key in tx.restored_keys())
        if waiting and not unasked:
            raise NotYet(f"{waiting} meters have not been asked for their counters yet")
        tx.resume(restoration.number, at=now, who=who)
        orders = reconcile(tx, settling, now)
        told = f"{restoration.backup}: {orders.looked_for} orders are looked for at their meters"
        operate = Permission.SYSTEM_OPERATE
        tx.add_audit(lines.done(now, who, operate, "sending, resumed", told, source="command"))
        resumed = tx.restoration()
        assert resumed is not None, "it stays"
        return Resumed(resumed, orders)

    store = SqlStore(config.database, live=live)
    try:
        return await store.run(work)
    finally:
        await store.close()
