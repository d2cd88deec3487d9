"""A backup holds everything but the keys of keys, and is found out where it was changed."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from headend.app.backups import (
    BadCopy,
    Damaged,
    NoBackup,
    NotOpened,
    Place,
    copied_of,
    unpacked,
    verify,
)
from headend.backup.manifest import MANIFEST, BadManifest
from headend.backup.sealing import BackupKey
from headend.ports import KeysUnreadable
from headend.store import snapshot
from headend.store.envelope import Envelope
from headend.store.store import SCHEMA, SqlStore
from tests import databases
from tests.backup.making import ENVELOPE, KEY, NOON, SECRET, office
from tests.store.making import STORY, order

KEYS = {"in the clear": None, "sealed": KEY}
each_way = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


async def test_what_is_made_is_whole(tmp_path: Path) -> None:
    it, key = await office(tmp_path), KEY
    manifest = it.create(key).manifest
    checked = verify(it.place, manifest.name, key, envelope=Envelope([ENVELOPE]))
    assert checked.keys_opened == 1
    assert manifest.name == "ami-20260706T120000Z" and manifest.consistent_at == NOON
    assert [each.role for each in manifest.databases] == ["head-end", "legacy"]
    rows = manifest.databases[0].rows
    assert (rows["orders"], rows["meters"], rows["meter_keys"]) == (1, 2, 1)
    assert manifest.envelopes == (Envelope([ENVELOPE]).name,)
    assert it.place.newest() == manifest.name


async def test_what_is_restored_is_the_same(tmp_path: Path) -> None:
    it, key = await office(tmp_path), None
    manifest = it.create(key).manifest
    anew = databases.at(tmp_path / "anew.db")
    with unpacked(it.place, manifest, manifest.databases[0], key) as folder:
        snapshot.restore(copied_of(manifest.databases[0]), folder, anew, SCHEMA)
    assert it.rows(anew) == it.rows(it.config.database)
    store = SqlStore(anew, live=False)  # and it goes on: numbers, sequences, the queue
    number = await store.run(lambda tx: tx.next_order_number())
    await store.run(lambda tx: tx.add_order(order(number), STORY))
    assert await store.run(lambda tx: [line.cause for line in tx.journal(number)]) == [
        cause for _, cause in STORY
    ]
    await store.close()


async def test_neither_keys_nor_what_seals_them_is_in_it(tmp_path: Path) -> None:
    it = await office(tmp_path)
    key_file = tmp_path / "envelope.key"
    pair = tmp_path / "both.toml"
    pair.write_text("-----BEGIN PRIVATE KEY-----")
    for config_file in (key_file, pair):
        made = it.create(config_file=config_file).manifest
        assert made.left_out == (str(config_file),)
    told = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in sorted(it.place.folder.rglob("*"))
        if path.is_file()
    )
    assert b"meter_keys" in told and b"M2" in told  # we do look into what matters
    for secret in (ENVELOPE, SECRET.encryption, SECRET.authentication, SECRET.master):
        assert secret is not None
        for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
            assert form not in told


@databases.on_one
async def test_sealed_files_tell_nothing(tmp_path: Path) -> None:
    it = await office(tmp_path)
    manifest = it.create(KEY).manifest
    for file in manifest.files:
        octets = (it.place.path(manifest.name) / file.path).read_bytes()
        assert file.sealed and b"\x1f\x8b\x08" not in octets[:64] and b"meter_keys" not in octets
    with pytest.raises(NotOpened, match="no key"):
        verify(it.place, manifest.name, None)
    with pytest.raises((NotOpened, Damaged)):
        verify(it.place, manifest.name, BackupKey(bytes(32)))


DAMAGE = {
    "an octet": lambda octets: octets[:40] + bytes([octets[40] ^ 1]) + octets[41:],
    "its end": lambda octets: octets[:-1],
    "everything": lambda octets: b"",
    "more": lambda octets: octets + b"\0",
}


@databases.on_one
@each_way
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_damage_is_found(
    tmp_path: Path, key: BackupKey | None, damage: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = await office(tmp_path)
    manifest = it.create(key).manifest
    path = it.place.path(manifest.name) / manifest.files[0].path
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(Damaged):
        verify(it.place, manifest.name, key)
    if key is not None:  # and without the hashes as well: the seal itself holds
        monkeypatch.setattr("headend.backup.packing.check", lambda *_: None)
        with pytest.raises((Damaged, NotOpened)):
            verify(it.place, manifest.name, key)


@databases.on_one
async def test_a_manifest_that_was_changed_is_found(tmp_path: Path) -> None:
    it = await office(tmp_path)
    name = it.create(KEY).manifest.name
    path = it.place.path(name) / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"orders": 1', b'"orders": 2'))
    with pytest.raises(Damaged, match="manifest"):
        verify(it.place, name, KEY)


async def test_rows_that_are_missing_are_found(tmp_path: Path) -> None:
    it = await office(tmp_path)
    name = it.create().manifest.name
    path = it.place.path(name) / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"orders": 1', b'"orders": 2'))
    with pytest.raises(BadCopy, match="orders"):
        verify(it.place, name, None)
    path.write_bytes(path.read_bytes().replace(b'"revision": "00', b'"revision": "99'))
    with pytest.raises(BadCopy, match="another program"):
        verify(it.place, name, None)
    path.write_bytes(path.read_bytes().replace(b'"name": "head-end/', b'"name": "../head-end/'))
    with pytest.raises(BadManifest, match="leads out"):
        verify(it.place, name, None)


@databases.on_one
async def test_another_envelope_is_told(tmp_path: Path) -> None:
    it = await office(tmp_path)
    name = it.create().manifest.name
    with pytest.raises(KeysUnreadable):
        verify(it.place, name, None, envelope=Envelope([bytes(64)]))


@pytest.mark.live
async def test_while_others_write(tmp_path: Path) -> None:
    """Each order has its journal in the copy, whenever the copy is made."""
    it = await office(tmp_path)
    store, stop = SqlStore(it.config.database, live=True), asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set() and count < 2000:
            await store.run(lambda tx: tx.add_order(order(tx.next_order_number()), STORY))
            count += 1
        return count

    writing = asyncio.create_task(write())
    await asyncio.sleep(0)
    manifest = await asyncio.to_thread(lambda: it.create().manifest)
    stop.set()
    await writing
    await store.close()
    rows = manifest.databases[0].rows
    assert rows["journal"] == len(STORY) * rows["orders"]
    verify(it.place, manifest.name, None)


@databases.on_one
async def test_a_backup_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = await office(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headend.backup.packing.pack", full)
    with pytest.raises(OSError, match="No space"):
        it.create()
    assert list(it.place.folder.iterdir()) == []
    assert not list(tmp_path.glob("ami-backup-*"))


@databases.on_one
async def test_old_ones_go(tmp_path: Path) -> None:
    it = await office(tmp_path)
    for _ in range(4):
        it.create()
        it.clock.at += timedelta(hours=2)
    kept = it.place.names()
    assert kept == ["ami-20260706T210000Z"]  # of one day the last


def test_where_one_is_already_none_is_restored(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "there.db")
    store = SqlStore(url, live=False)
    with pytest.raises(snapshot.NotEmpty):
        snapshot.check_empty(url, "postgresql" if databases.postgresql() else "sqlite")
    with pytest.raises(snapshot.NotEmpty, match="the backup is of"):
        snapshot.check_empty(url, "sqlite" if databases.postgresql() else "postgresql")
    asyncio.run(store.close())


def test_a_place_that_is_away_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NoBackup, match="mounted"), Place(tmp_path / "away").writing("ami-x"):
        raise AssertionError
    assert not (tmp_path / "away").exists()
