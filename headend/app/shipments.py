"""Wires shipments for commands: what was read of a file is weighed, or taken in.

    with read_in(path, config, transport) as delivery:
        tally = preview(config, delivery, told)
        receipt = take(config, delivery, who, told)

Reading takes no lock on the database; taking in is one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from headend.app.shipment_reading import Delivery, read_in, sealing_envelope
from headend.clock import WallClock
from headend.config import Config
from headend.domain.shipment import Appraised, Fate, Receipt, refused_of
from headend.ports import AlreadyStored, Clock, KeyShared, StoreUnavailable, Transaction
from headend.registry.shipment.transport import BadTransportKey, TransportKey
from headend.store.envelope import Envelope
from headend.store.intake import AT_ONCE, Intake, Tally, weigh
from headend.store.queries import Connection
from headend.store.sealing import Sealed, unseal
from headend.store.shipment import FIRST_GENERATION
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from headend.store.vault import KeyVault

__all__ = [
    "AlreadyStored",
    "Appraised",
    "BadTransportKey",
    "Delivery",
    "Fate",
    "KeyShared",
    "NotTakenIn",
    "Receipt",
    "StoreUnavailable",
    "Tally",
    "TransportKey",
    "enter",
    "preview",
    "read_in",
    "receipt_of",
    "take",
    "weigh_all",
]

Told = Callable[[Appraised], None]
"""Hears what becomes of each line."""


class NotTakenIn(Exception):
    """A shipment of which something is refused: nothing of it is kept."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(refused_of(tally.refused, tally.meters))
        self.tally = tally


def receipt_of(config: Config, path: Path) -> Receipt | None:
    """The receipt of a file that was taken in before.  Raises OSError, `StoreUnavailable`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    store = SqlStore(config.database, live=False)
    try:
        return asyncio.run(store.run(lambda tx: tx.receipt_with(digest)))
    finally:
        asyncio.run(store.close())


def preview(
    config: Config,
    delivery: Delivery,
    told: Told = lambda line: None,
    progress: Callable[[int], None] = lambda meters: None,
) -> Tally:
    """What would become of each line; nothing is written.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=False)
    try:
        return weigh_all(store, delivery, told, progress)
    finally:
        asyncio.run(store.close())


def weigh_all(
    store: SqlStore,
    delivery: Delivery,
    told: Told = lambda line: None,
    progress: Callable[[int], None] = lambda meters: None,
) -> Tally:
    """Likewise by a store that is open."""
    tally = _flawed(delivery, told)

    def work(connection: Connection) -> None:
        for batch in delivery.batches(AT_ONCE):
            for each in weigh(connection, batch):
                tally.add(each)
                told(each.appraised)
            progress(len(batch))

    store.read(work)
    return tally


def take(
    config: Config,
    delivery: Delivery,
    who: str,
    told: Told = lambda line: None,
    progress: Callable[[int], None] = lambda meters: None,
    *,
    clock: Clock | None = None,
) -> Receipt:
    """Take all of a shipment in, in one transaction, or nothing.

    Raises `NotTakenIn`, AlreadyStored where the file was taken in before, `StoreUnavailable`,
    `KeyShared`, `BadConfig`.
    """
    at = (clock or WallClock()).now()
    store = SqlStore(config.database, live=False)

    def work(tx: Transaction) -> Receipt:
        if tx.receipt_with(delivery.digest) is not None:
            raise AlreadyStored(f"{delivery.file} was taken in before")
        return enter(tx, store, config, delivery, who, at, told, progress)

    try:
        return asyncio.run(store.run(work))
    finally:
        asyncio.run(store.close())


def enter(
    tx: Transaction,
    store: SqlStore,
    config: Config,
    delivery: Delivery,
    who: str,
    at: datetime,
    told: Told = lambda line: None,
    progress: Callable[[int], None] = lambda meters: None,
) -> Receipt:
    """Likewise as a part of a transaction of `store`.

    Raises `NotTakenIn`, `KeyShared`, `BadConfig`; the transaction is to end then.
    """
    assert isinstance(tx, SqlTransaction)
    tally, envelope = _flawed(delivery, told), sealing_envelope(config)
    number = tx.next_shipment_number()
    name = "" if envelope is None else envelope.name
    intake = Intake(tx, tx.connection, name, _again(store, envelope), who, at, f"shipment {number}")
    for batch in delivery.batches(AT_ONCE):
        found = weigh(tx.connection, batch)
        for each in found:
            tally.add(each)
            told(each.appraised)
        if not tally.refused:
            intake.enter(found)
        progress(len(batch))
    if tally.refused:
        raise NotTakenIn(tally)
    receipt = Receipt(
        number,
        delivery.digest,
        delivery.file,
        at,
        who,
        tally.meters,
        tally.entered,
        tally.changed,
        tally.unchanged,
        tally.keys_new,
        tally.keys_kept,
    )
    tx.add_receipt(receipt)
    return receipt


def _flawed(delivery: Delivery, told: Told) -> Tally:
    """The lines that are refused whatever is in the database."""
    for flaw in sorted(delivery.flaws, key=lambda flaw: flaw.line):
        told(Appraised(flaw.line, "", Fate.REFUSED, flaw.why, flaw.next_step, flaw.column))
    return Tally(meters=len(delivery.refused), refused=len(delivery.refused))


def _again(
    store: SqlStore, envelope: Envelope | None
) -> Callable[[SqlTransaction, str, int, Sealed], None]:
    """Installs keys of a client whose earlier ones are retired."""

    def install(words: SqlTransaction, meter: str, client: int, sealed: Sealed) -> None:
        assert envelope is not None, "what is sealed was sealed by it"
        keys = unseal(envelope, envelope.name, sealed.octets, meter, client, FIRST_GENERATION)
        KeyVault(store, envelope).install_in(words, meter, client, keys, None)

    return install
