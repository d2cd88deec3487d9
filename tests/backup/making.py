"""A head-end's databases with something in each, and where their backups go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Connection, text

from headend.app.backups import Made, Place, create
from headend.backup.sealing import BackupKey
from headend.chance import SeededChance
from headend.config import BackupPolicy, Config, KeyStorage
from headend.domain.meter import Meter
from headend.integration.legacy import LegacyDatabase
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.keys import Keys
from tests import databases
from tests.store.making import STORY, order

NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)
ENVELOPE = bytes(range(64))
KEY = BackupKey(bytes(range(32)))
SECRET = Keys(b"the encryption k", b"authentication k", None, b"a key of masters")


@dataclass(slots=True)
class Hands:
    """A clock that is set by hand."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Office:
    """A head-end's disk."""

    folder: Path
    config: Config
    clock: Hands = field(default_factory=Hands)

    @property
    def place(self) -> Place:
        assert self.config.backup.place is not None
        return Place(self.config.backup.place)

    def create(self, key: BackupKey | None = None, config_file: Path | None = None) -> Made:
        made = create(
            self.config, clock=self.clock, chance=SeededChance(1, str(self.clock.at)), key=key,
            config_file=config_file,
        )  # fmt: skip
        self.clock.at += timedelta(hours=1)
        return made

    def rows(self, url: str) -> dict[str, list[str]]:
        """Everything in a database, as text."""
        store = SqlStore(url, live=False)

        def read(connection: Connection) -> dict[str, list[str]]:
            from headend.store.store import SCHEMA

            return {
                name: sorted(
                    str(tuple(row))
                    for row in connection.execute(text(f'SELECT * FROM "{name}"')).all()
                )
                for name in SCHEMA.metadata.tables
            }

        found = store.read(read)
        store._writer.engine.dispose()
        return found


async def office(tmp_path: Path) -> Office:
    """Databases with orders, meters, keys, a text that is hard to write, and an audit log."""
    place, envelope = tmp_path / "place", tmp_path / "envelope.key"
    place.mkdir()
    envelope.write_text(ENVELOPE.hex())
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        keys=KeyStorage(envelope_file=envelope),
        backup=BackupPolicy(place=place),
    )
    store = SqlStore(config.database, live=False)
    await store.run(
        lambda tx: tx.put_meters([Meter("M\t1\\n", None, True), Meter("M2", "C1", True)])
    )
    await store.run(lambda tx: tx.add_order(order(tx.next_order_number(), meter="M2"), STORY))
    await KeyVault(store, Envelope([ENVELOPE])).install("M\t1\\n", 1, SECRET, next_counter=7)
    await store.close()
    await LegacyDatabase(config.legacy_database, live=False).close()
    return Office(tmp_path, config)


def sealed_by(config: Config, key_file: Path) -> Config:
    """The configuration with a key for backups."""
    return msgspec.structs.replace(
        config, backup=msgspec.structs.replace(config.backup, key_file=key_file)
    )
