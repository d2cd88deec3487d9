"""Wires the head-end's side of jobs for commands: the store, the keys in it, and no broker.

    desk = job_desk(config)
    exported = await desk.export.make(wanted)

Runs beside a head-end that serves the same database: whatever is changed is one transaction, and
its lanes see it at their next look.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headend.app.calendar import working_days
from headend.app.key_storage import envelope_of, journal_of
from headend.app.probe import line_to
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import BadConfig, Config
from headend.domain.job import Lease
from headend.events.taking import EventIntake
from headend.events.watching import StatusWatch
from headend.field.direct.address import BadAddress
from headend.field.direct.key_sessions import KeySessions, security_setup
from headend.jobs.enrolment import Enrolment, NotEnrolled
from headend.jobs.export import Export, Exported, LeftOut, NotExported, Wanted
from headend.jobs.reconcile import Imported, Reconciliation
from headend.jobs.revocation import NoSuchJob, Revocation, Revoked
from headend.models import Shelf
from headend.orders.conclusion import Conclusions
from headend.orders.settle import Settling
from headend.ports import (
    Chance,
    Clock,
    KeyShared,
    KeysUnreadable,
    StoreUnavailable,
)
from headend.registry.key_change import Converse
from headend.store.envelope import BadEnvelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.keys import Keys
from protocols.dlms.procedures import Outcome
from protocols.jobs.cards import HeadEndCard, Signer

__all__ = [
    "BadAddress",
    "BadEnvelope",
    "Exported",
    "Imported",
    "JobDesk",
    "KeyShared",
    "KeysUnreadable",
    "LeftOut",
    "NoSuchJob",
    "NotEnrolled",
    "NotExported",
    "Revoked",
    "StoreUnavailable",
    "Wanted",
    "job_desk",
]


@dataclass(frozen=True, slots=True)
class JobDesk:
    """Everything that is done with jobs at the head-end."""

    store: SqlStore
    vault: KeyVault
    clock: Clock
    chance: Chance
    shelf: Shelf
    signer: Signer
    system_title: bytes  # the head-end's own, with which it changes keys
    enrolment: Enrolment
    export: Export
    revocation: Revocation
    reconciliation: Reconciliation

    @property
    def card(self) -> HeadEndCard:
        """By which devices know our packages."""
        return HeadEndCard(self.signer.public)

    async def install_keys(self, meter: str, keys: Keys, next_counter: int | None) -> int:
        """Keep the keys that a meter has for its job client; the client's address.

        Raises NotExported where meter or model keep none, KeyShared.
        """
        known = await self.store.run(lambda tx: tx.meter(meter))
        if known is None:
            raise NotExported(f"there is no meter {meter}")
        model = self.shelf.get(known.model)
        if model.works_as is None:
            raise NotExported(f"meter {meter}: its model {known.model} keeps no client for jobs")
        client = model.association[model.works_as].client
        await self.vault.install(meter, client, keys, next_counter=next_counter)
        return client

    async def change_keys(self, lease: Lease, where: str) -> Outcome:
        """Give a meter new keys for its job client, over a line that leads there now.

        Raises `BadAddress`, NotExported, KeysUnreadable.
        """
        known = await self.store.run(lambda tx: tx.meter(lease.meter))
        model = None if known is None else self.shelf.get(known.model)
        if model is None or model.works_as is None:
            raise NotExported(f"meter {lease.meter} keeps no client for jobs any more")
        setup = security_setup(model.association[model.works_as])
        if setup is None:
            raise NotExported(f"the model of meter {lease.meter} names no security setup")
        line_to(where)  # raises before anything is begun
        converse: Converse = KeySessions(
            lambda: line_to(where),
            model,
            self.vault,
            clock=self.clock,
            chance=self.chance,
            system_title=self.system_title,
            meter_title=None,
            role=model.works_as,
        )
        return await self.revocation.change_keys(self.vault, self.chance, lease, converse, setup)

    async def close(self) -> None:
        """Give the database back."""
        await self.store.close()


async def job_desk(
    config: Config,
    *,
    models: Path | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
    live: bool = True,
) -> JobDesk:
    """The desk over a head-end's database.  Raises BadConfig, StoreUnavailable, KeysUnreadable."""
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig(
            "jobs carry keys, and no key is configured that opens them."
            " Try: [keys] envelope_file, or AMI_ENVELOPE_KEY"
        )
    clock, chance, shelf = clock or WallClock(), chance or SystemChance(), Shelf(models)
    store = SqlStore(config.database, live=live)
    vault = KeyVault(store, envelope, journal_of(config, clock))
    try:
        signer = Signer(await vault.signing_seed(chance))
    except BaseException:
        await store.close()
        raise
    days = working_days(config.orders)
    # A head-end that serves looks for work and for what it owes by itself: nobody here to wake.
    settling = Settling(chance, config.orders, lambda: None)
    watch = StatusWatch(shelf, EventIntake(config.events))
    conclusions = Conclusions(store, clock, chance, config.orders, settling, watch)
    return JobDesk(
        store,
        vault,
        clock,
        chance,
        shelf,
        signer,
        config.direct.title,
        Enrolment(store, clock),
        Export(store, vault, clock, chance, config.orders, days, shelf.get, signer),
        Revocation(store, clock),
        Reconciliation(store, clock, conclusions),
    )
