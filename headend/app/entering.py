"""What a command enters into a database; a head-end that runs elsewhere sees it before long."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from headend.access import lines
from headend.app.access import by_command
from headend.app.calendar import working_days
from headend.app.key_storage import envelope_of, journal_of
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.collection.asking import BadRead, Reads
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.domain.audit import AuditLine
from headend.domain.firmware import FirmwareUpdate
from headend.domain.life_cycle import LifeLine, Step, stage_of
from headend.domain.meter import DIALS_IN, GATEWAY, Meter
from headend.domain.order import Order
from headend.field.direct.dialling import line_to
from headend.field.direct.line import LineUnavailable
from headend.models import Shelf
from headend.orders.accept import Acceptance
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry.seal_keys import install_seal_key
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.keys import KeyPairs, Keys

__all__ = [
    "BadRead",
    "add_firmware",
    "add_meter",
    "place_read",
]


async def add_meter(
    config: Config,
    meter: Meter,
    keys: Mapping[int, Keys],
    passwords: Mapping[int, bytes] = MappingProxyType({}),
    pairs: Mapping[int, KeyPairs] = MappingProxyType({}),
) -> None:
    """Enter a meter into a head-end's registry, and its keys, passwords and key pairs, by client
    address, into the vault.

    Raises `BadConfig`, `StoreUnavailable`, `KeyShared`.
    """
    if meter.address not in (None, DIALS_IN, GATEWAY):
        assert meter.address is not None
        try:
            line_to(meter.address)
        except LineUnavailable as error:
            raise BadConfig(error.why) from error
    envelope = envelope_of(config)
    if (keys or passwords or pairs) and envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    store = SqlStore(config.database, live=True)
    try:
        await store.run(lambda tx: _put(tx, meter, len(keys) + len(passwords) + len(pairs)))
        if envelope is not None:
            vault = KeyVault(store, envelope, journal_of(config, WallClock()))
            for client, known in keys.items():
                await vault.install(meter.name, client, known)
            for client, password in passwords.items():
                await vault.install_password(meter.name, client, password)
            for client, pair in pairs.items():
                await vault.install_key_pairs(meter.name, client, pair)
    finally:
        await store.close()


async def add_seal_key(config: Config, concentrator: str, key: bytes) -> None:
    """Enter the key by which new keys of meters are sealed for a concentrator.

    Raises `BadConfig`, `StoreUnavailable`; ValueError for a key of another size.
    """
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    store = SqlStore(config.database, live=True)
    try:
        vault = KeyVault(store, envelope, journal_of(config, WallClock()))
        await install_seal_key(vault, concentrator, key)
        subject = f"concentrator {concentrator}"
        done = _done(Permission.KEY_CHANGE, subject, "the key that seals for it")
        await store.run(lambda tx: tx.add_audit(done))
    finally:
        await store.close()


def _put(tx: Transaction, meter: Meter, secrets: int) -> None:
    """The meter as it was entered, with the lines in its life and in the audit log that say so."""
    before = tx.meter(meter.name)
    was = None if before is None else stage_of(before)
    tx.put_meters([meter])
    at, who = WallClock().now(), by_command().actor
    line = LifeLine(meter.name, at, Step.RECEIVE, was, stage_of(meter), who, "ami meter add")
    tx.add_life([line])
    told = f"model {meter.model}; {secrets} keys and passwords with it"
    tx.add_audit(_done(Permission.REGISTRY_WRITE, f"meter {meter.name}", told))


def _done(permission: Permission, subject: str, detail: str) -> AuditLine:
    """What the audit log says of a command's work."""
    by = by_command()
    now = WallClock().now()
    return lines.done(now, by.actor, permission, subject, detail, source=by.source)


async def add_firmware(
    database: str, concentrator: str, octets: bytes, version: str, at: datetime | None
) -> FirmwareUpdate:
    """Enter firmware for a concentrator, to be activated at a time, or at once.

    Raises `StoreUnavailable`; KeyError for a concentrator that there is not.
    """
    now = WallClock().now()
    image = hashlib.sha256(octets).hexdigest()
    update = FirmwareUpdate(concentrator, image, version, at or now, now, octets)
    store = SqlStore(database, live=True)

    def work(tx: Transaction) -> None:
        if tx.concentrator(concentrator) is None:
            raise KeyError(concentrator)
        tx.put_update(update)
        subject = f"concentrator {concentrator}"
        tx.add_audit(_done(Permission.FIRMWARE_INSTALL, subject, f"{version}, SHA-256 {image}"))

    try:
        await store.run(work)
    finally:
        await store.close()
    return update


async def place_read(
    database: str, meter: str, objects: Sequence[str], source: str, *, models: Path | None = None
) -> Order:
    """Place a read in the database of a head-end that runs elsewhere, and sees it before long.

    Raises `BadRead`, `StoreUnavailable`.
    """
    config = Config(database=database)
    clock, chance, policy = WallClock(), SystemChance(), config.orders
    store = SqlStore(database, live=True)
    try:
        settling = Settling(chance, policy, lambda: None)
        acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
        reads = Reads(store, clock, chance, Shelf(models), acceptance)
        return await reads.place(meter, objects, source=source)
    finally:
        await store.close()
