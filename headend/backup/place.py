"""The separate place where backups lie: a folder of folders, each of them whole or not there.

with place.writing("ami-20260706T020000Z") as folder: …      # a folder that is not seen yet
place.all()                                                   # the oldest first
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headend.backup import manifest as manifests
from headend.backup.keeping import kept
from headend.backup.manifest import MANIFEST, MARK, BadManifest, Manifest
from headend.backup.packing import Damaged
from headend.backup.sealing import BackupKey

PARTIAL = ".partial"
_NAME = re.compile(r"ami-\d{8}T\d{6}Z\Z")


class NoBackup(LookupError):
    """There is no such backup, or no place for any."""


def name_at(at: datetime) -> str:
    """What a backup of this moment is called."""
    return f"ami-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class Place:
    """See the module.  `folder` must be there: a mount that is away is not made anew on the disk
    that the backup is to be apart from."""

    folder: Path

    def check(self) -> None:
        """Raises NoBackup."""
        if not self.folder.is_dir():
            raise NoBackup(f"{self.folder} is not there: is it mounted?")

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A folder to be filled; once it is left without an error it is there under its name.
        Raises NoBackup, FileExistsError."""
        self.check()
        target, partial = self.folder / name, self.folder / f"{name}{PARTIAL}"
        if target.exists():
            raise FileExistsError(f"there is a backup {name} already")
        partial.mkdir(mode=0o700)
        try:
            yield partial
            _sync(partial)
            partial.rename(target)
            _sync(self.folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def put_manifest(self, folder: Path, manifest: Manifest, key: BackupKey | None) -> None:
        """The last file that is written."""
        octets = manifests.encode(manifest)
        _write(folder / MANIFEST, octets)
        if key is not None:
            _write(folder / MARK, key.mark(octets).encode())

    def manifest(self, name: str, key: BackupKey | None = None) -> Manifest:
        """What a backup says of itself; with the key, that it says it.  Raises NoBackup,
        BadManifest, Damaged."""
        folder = self.path(name)
        try:
            octets = (folder / MANIFEST).read_bytes()
        except OSError as error:
            raise NoBackup(f"no backup {name} in {self.folder}: {error.strerror}") from None
        manifest = manifests.decode(octets)
        if key is not None and manifest.key is not None:
            mark = folder / MARK
            if not mark.is_file() or mark.read_bytes() != key.mark(octets).encode():
                raise Damaged(f"{name}: the manifest is not the one that this key has marked")
        return manifest

    def path(self, name: str) -> Path:
        """Where a backup lies.  Raises NoBackup for what is no name of one."""
        if not _NAME.match(name):
            raise NoBackup(f"{name!r} is no backup's name")
        return self.folder / name

    def names(self) -> list[str]:
        """The oldest first.  Raises NoBackup."""
        self.check()
        found = (each.name for each in self.folder.iterdir() if each.is_dir())
        return sorted(name for name in found if _NAME.match(name))

    def newest(self) -> str:
        """Raises NoBackup."""
        names = self.names()
        if not names:
            raise NoBackup(f"there is no backup in {self.folder}")
        return names[-1]

    def newest_at(self) -> datetime | None:
        """What moment the newest backup is of; None where there is none that can be read."""
        try:
            found = self.all()
        except (NoBackup, OSError):
            return None
        return found[-1].consistent_at if found else None

    def all(self) -> list[Manifest]:
        """All backups that can be read, the oldest first.  Raises NoBackup."""
        found = []
        for name in self.names():
            try:
                found.append(self.manifest(name))
            except (NoBackup, BadManifest):
                continue
        return found

    def prune(self, *, daily: int, weekly: int) -> list[str]:
        """Remove those that need not be kept; their names."""
        there = self.all()
        keep = kept((each.consistent_at for each in there), daily=daily, weekly=weekly)
        gone = [each.name for each in there if each.consistent_at not in keep]
        for name in gone:
            shutil.rmtree(self.folder / name)
        return gone


def _write(path: Path, octets: bytes) -> None:
    with path.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Have the folder's entries on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
