"""Backups, wired: databases by the store, files by the configuration, into the configured place.

    made = create(config, clock=WallClock(), chance=SystemChance())
    checked = verify(place, made.manifest.name, key)

A head-end may serve meanwhile.  Everything here waits for disks: not for the loop's thread.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headend.backup import packing
from headend.backup.manifest import BadManifest, DatabaseCopy, Manifest, PackedFile
from headend.backup.packing import Damaged
from headend.backup.place import NoBackup, Place, name_at
from headend.backup.sealing import SALT_SIZE, BackupKey, BadBackupKey, NotOpened
from headend.config import BadConfig, Config
from headend.integration.legacy.database import SCHEMA as LEGACY
from headend.ports import Chance, Clock, KeysUnreadable
from headend.store import snapshot
from headend.store.engine import is_sqlite
from headend.store.envelope import VARIABLE, Envelope
from headend.store.migrate import Schema
from headend.store.sealed_keys import envelopes, open_all
from headend.store.snapshot import BadCopy, Copied, NotEmpty
from headend.store.store import SCHEMA, Reader

__all__ = [
    "BadBackupKey",
    "BadCopy",
    "BadManifest",
    "Checked",
    "Damaged",
    "KeysUnreadable",
    "Made",
    "NoBackup",
    "NotEmpty",
    "NotOpened",
    "Place",
    "create",
    "key_of",
    "place_of",
    "verify",
]

SCHEMAS: dict[str, Schema] = {"head-end": SCHEMA, "legacy": LEGACY}
FILE_MAX = 64 * 1024 * 1024  # of configuration, models and certificates: more is none of these
_PRIVATE = b"PRIVATE KEY"
_PASSWORD = re.compile(rb"://[^/\s:@]*:[^@\s]+@")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that has been made, and older ones that went for it."""

    manifest: Manifest
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that is whole; `keys_opened` None where no envelope key was at hand."""

    manifest: Manifest
    keys_opened: int | None


def place_of(config: Config, named: Path | None = None) -> Place:
    """Where backups lie.  Raises BadConfig, NoBackup."""
    folder = named or config.backup.place
    if folder is None:
        raise BadConfig("no place for backups; name one: --place FOLDER, or [backup] place")
    place = Place(folder)
    place.check()
    return place


def key_of(config: Config, named: Path | None = None) -> BackupKey | None:
    """What seals backups, where anything does.  Raises BadBackupKey."""
    path = named or config.backup.key_file
    return None if path is None else BackupKey.from_file(path)


def create(
    config: Config,
    *,
    clock: Clock,
    chance: Chance,
    place: Place | None = None,
    key: BackupKey | None = None,
    config_file: Path | None = None,
    progress: Progress = lambda what: None,
) -> Made:
    """Copy databases and files, whole or not at all, and remove backups that are too old.

    The head-end's database is copied first and the legacy one after it: a result that stands in
    the first as delivered is then surely in the second, and one that is in the second too early is
    delivered again, which it takes once.

    Raises BadConfig, BadBackupKey, NoBackup, StoreUnavailable, OSError.
    """
    place = place or place_of(config)
    key = key or key_of(config)
    at = clock.now()
    name = name_at(at)
    databases: list[DatabaseCopy] = []
    files: list[PackedFile] = []
    named: frozenset[str] = frozenset()

    def into(folder: Path, source: Path, as_: str) -> None:
        salt = chance.octets("backup salt", SALT_SIZE)
        files.append(packing.pack(source, folder, as_, key, salt))

    with place.writing(name) as folder:
        for role, url in _databases(config):
            progress(f"copying the {role} database")
            with tempfile.TemporaryDirectory(prefix="ami-backup-", dir=_staging(config, url)) as on:
                copied = snapshot.copy(url, Path(on))
                if role == "head-end":
                    named = envelopes(copied, Path(on))
                progress(f"packing the {role} database")
                names = []
                for file in copied.files:
                    into(folder, Path(on) / file, f"{role}/{file}")
                    (Path(on) / file).unlink()
                    names.append(f"{role}/{file}")
            databases.append(
                DatabaseCopy(
                    role="legacy" if role == "legacy" else "head-end",
                    engine=copied.engine, revision=copied.revision, rows=copied.rows,
                    files=tuple(names),
                )
            )  # fmt: skip
        progress("packing configuration, models and certificates")
        left_out = []
        for source, as_ in _files(config, config_file):
            if _secret(config, source, sealed=key is not None):
                left_out.append(str(source))
            else:
                into(folder, source, as_)
        manifest = Manifest(
            name=name,
            program=_program(),
            consistent_at=at,
            finished_at=clock.now(),
            databases=tuple(databases),
            files=tuple(files),
            key=None if key is None else key.name,
            envelopes=tuple(sorted(named)),
            left_out=tuple(left_out),
        )
        place.put_manifest(folder, manifest, key)
    policy = config.backup
    removed = place.prune(daily=policy.keep_daily, weekly=policy.keep_weekly)
    return Made(manifest, tuple(removed))


def verify(
    place: Place,
    name: str,
    key: BackupKey | None,
    *,
    envelope: Envelope | None = None,
    progress: Progress = lambda what: None,
) -> Checked:
    """See that a backup is whole and could be restored: marks and hashes, each database opened,
    its integrity, revision and rows, and with an envelope every key of a meter unsealed.

    Raises NoBackup, BadManifest, Damaged, NotOpened, BadCopy, KeysUnreadable.
    """
    manifest = place.manifest(name, key)
    folder = place.path(name)
    progress("comparing hashes")
    for file in manifest.files:
        packing.check(folder, file)
    opened_keys = None
    for database in manifest.databases:
        progress(f"opening the {database.role} database")
        with unpacked(place, manifest, database, key) as on:
            copied = copied_of(database)
            snapshot.check(copied, on, SCHEMAS[database.role])
            if database.role == "head-end" and envelope is not None:
                opened_keys = open_all(copied, on, envelope)
    return Checked(manifest, opened_keys)


@contextmanager
def unpacked(
    place: Place,
    manifest: Manifest,
    database: DatabaseCopy,
    key: BackupKey | None,
    *,
    staging: Path | None = None,
) -> Iterator[Path]:
    """A folder with a database's files as they were before they were packed, for as long as the
    context lasts.  Raises Damaged, NotOpened."""
    where = place.path(manifest.name)
    with tempfile.TemporaryDirectory(prefix="ami-restore-", dir=staging) as on:
        for name in database.files:
            packing.unpack(where, manifest.file(name), Path(on) / Path(name).name, key)
        yield Path(on)


def copied_of(database: DatabaseCopy) -> Copied:
    """What the store says of a copy, from the manifest."""
    files = tuple(Path(name).name for name in database.files)
    return Copied(database.engine, database.revision, dict(database.rows), files)


def _databases(config: Config) -> Iterator[tuple[str, str]]:
    """Those that there are, in the order in which they are copied."""
    Reader(config.database).close()  # a place where there is none is told as commands tell it
    yield "head-end", config.database
    path = config.legacy_database.removeprefix("sqlite:///")
    if path == config.legacy_database or Path(path).is_file():
        yield "legacy", config.legacy_database


def _staging(config: Config, url: str) -> Path | None:
    """Where a copy lies in the clear: where the database does, which is as safe as it."""
    if config.backup.staging is not None:
        return config.backup.staging
    return Path(url.removeprefix("sqlite:///")).absolute().parent if is_sqlite(url) else None


def _files(config: Config, config_file: Path | None) -> Iterator[tuple[Path, str]]:
    """Files to be kept, and what they are called in the backup."""
    configuration = config.backup.files if config_file is None else (config_file,)
    for path in configuration:
        yield path, f"configuration/{path.name}"
    models = config.direct.models
    if models is not None:
        for path in sorted(each for each in models.rglob("*") if each.is_file()):
            yield path, f"models/{path.relative_to(models)}"
    seen: dict[str, Path] = {}
    for path in _certificates(config):
        if path.is_file() and seen.setdefault(path.name, path) == path:
            yield path, f"certificates/{path.name}"


def _certificates(config: Config) -> Iterator[Path]:
    """What is shown and believed; the private keys beside it are none of a backup's."""
    for tls in (config.soap.tls, config.mqtt.tls):
        if tls is not None:
            yield tls.certificate
            yield tls.client_authority
            yield from (path for path in (tls.server_authority, tls.revoked) if path is not None)
    if config.rest.tls is not None:
        yield config.rest.tls.certificate
    if config.syslog.tls is not None:
        yield config.syslog.tls.authority


def _secret(config: Config, path: Path, *, sealed: bool) -> bool:
    """Whether a file has no place in a backup: a private key is in it, or what meters' keys are
    sealed by, wherever somebody has put that; or, where nothing seals the backup, a password."""
    if path.stat().st_size > FILE_MAX:
        return True
    octets = path.read_bytes()
    if not sealed and _PASSWORD.search(octets):
        return True
    keys = [os.environ.get(VARIABLE, "").replace(",", "\n")]
    if config.keys.envelope_file is not None and config.keys.envelope_file.is_file():
        keys.append(config.keys.envelope_file.read_text(encoding="ascii", errors="replace"))
    lines = (line.strip().lower().encode() for text in keys for line in text.splitlines())
    return _PRIVATE in octets or any(line in octets.lower() for line in lines if line)


def _program() -> str:
    try:
        return version("ami-headend")
    except PackageNotFoundError:
        return "from its sources"
