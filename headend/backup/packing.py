"""Files into a backup and out of it: packed by gzip, sealed where there is a key, and hashed on
both sides of that."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from headend.backup.manifest import PackedFile
from headend.backup.sealing import BackupKey, NotOpened

PIECE = 1 << 20
GZIP = 31  # zlib's way to say: with gzip's head and tail
LEVEL = 1  # of compression: a database shrinks to a third, and the disk stays the slow part


class Damaged(ValueError):
    """A file of a backup is not what the manifest says; the text names it and says how."""


def pack(source: Path, folder: Path, name: str, key: BackupKey | None, salt: bytes) -> PackedFile:
    """Write a file into a backup's folder, safe on disk, under its name there."""
    where = f"{name}.gz" if key is None else f"{name}.gz.sealed"
    target = folder / where
    target.parent.mkdir(parents=True, exist_ok=True)
    before, after = _Count(), _Count()
    with source.open("rb") as plain, target.open("wb") as file:
        packed = _zipped(before.seen(_pieces(plain)))
        for octets in after.seen(packed if key is None else key.seal(packed, where, salt)):
            file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    return PackedFile(
        name=name,
        path=where,
        octets=after.octets,
        sha256=after.digest,
        plain_octets=before.octets,
        plain_sha256=before.digest,
    )


def check(folder: Path, packed: PackedFile) -> None:
    """Compare a file with what the manifest says of it.  Raises Damaged."""
    counted = _Count()
    try:
        with (folder / packed.path).open("rb") as file:
            for _ in counted.seen(_pieces(file)):
                pass
    except OSError as error:
        raise Damaged(f"{packed.path}: {error.strerror}") from None
    if (counted.octets, counted.digest) != (packed.octets, packed.sha256):
        raise Damaged(f"{packed.path}: it is not the file that was written")


def unpack(folder: Path, packed: PackedFile, target: Path, key: BackupKey | None) -> None:
    """Write a file as it was before it came into the backup.  Raises Damaged, NotOpened."""
    if packed.sealed and key is None:
        raise NotOpened(f"{packed.path}: it is sealed, and no key of backups is given")
    target.parent.mkdir(parents=True, exist_ok=True)
    counted = _Count()
    try:
        with (folder / packed.path).open("rb") as file, target.open("wb") as out:
            octets = _pieces(file)
            if packed.sealed and key is not None:
                octets = key.open(file, packed.path)
            for piece in counted.seen(_unzipped(octets, packed.path)):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise Damaged(f"{packed.path}: {error.strerror}") from None
    if (counted.octets, counted.digest) != (packed.plain_octets, packed.plain_sha256):
        raise Damaged(f"{packed.path}: what is in it is not what was put there")


class _Count:
    """How much passed, and its SHA-256."""

    def __init__(self) -> None:
        self.octets, self._hash = 0, hashlib.sha256()

    def seen(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.octets += len(piece)
            self._hash.update(piece)
            yield piece

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    zipper = zlib.compressobj(LEVEL, wbits=GZIP)
    for piece in pieces:
        yield zipper.compress(piece)
    yield zipper.flush()


def _unzipped(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    unzipper = zlib.decompressobj(GZIP)
    try:
        for piece in pieces:
            yield unzipper.decompress(piece)
        yield unzipper.flush()
    except zlib.error:
        raise Damaged(f"{name}: it cannot be unpacked") from None
    if not unzipper.eof:
        raise Damaged(f"{name}: its end is missing")
