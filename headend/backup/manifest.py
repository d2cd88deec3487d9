"""What a backup says of itself: `manifest.json`, beside the files that it names.

It is never sealed, so that anybody can see what lies there and how old it is; where the files are
sealed it bears a mark that only the backup's key can make.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

FORMAT = 1
MANIFEST, MARK = "manifest.json", "manifest.mark"

Role = Literal["head-end", "legacy"]
Engine = Literal["sqlite", "postgresql"]


class BadManifest(ValueError):
    """It is no manifest, or one of a later program."""


class PackedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: in the backup (`path`), and as it was before (`name`, `plain_…`)."""

    name: str
    path: str
    octets: int
    sha256: str
    plain_octets: int
    plain_sha256: str

    @property
    def sealed(self) -> bool:
        return self.path.endswith(".sealed")


class DatabaseCopy(msgspec.Struct, frozen=True, kw_only=True):
    """One database: the revision of its tables, the rows in each, and the files that hold them,
    by their `name`."""

    role: Role
    engine: Engine
    revision: str
    rows: dict[str, int]
    files: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup.

    Everything that was committed before `consistent_at` is in it.  `envelopes` names the keys that
    meters' keys in it are sealed by, and which the backup itself never holds.
    """

    format: int = FORMAT
    name: str
    program: str
    consistent_at: datetime
    finished_at: datetime
    databases: tuple[DatabaseCopy, ...]
    files: tuple[PackedFile, ...]
    key: str | None = None  # name of the key that sealed the files
    envelopes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # files that hold private keys

    @property
    def octets(self) -> int:
        return sum(file.octets for file in self.files)

    def file(self, name: str) -> PackedFile:
        """The file of this name.  Raises BadManifest."""
        for file in self.files:
            if file.name == name:
                return file
        raise BadManifest(f"it names no file {name}")


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(octets: bytes) -> Manifest:
    """Raises BadManifest."""
    try:
        manifest = msgspec.json.decode(octets, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadManifest(f"it cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise BadManifest(f"format {manifest.format} is of another program")
    for file in manifest.files:
        for path in (file.name, file.path):
            if path.startswith("/") or ".." in path.split("/"):
                raise BadManifest(f"{path!r} leads out of the backup")
    return manifest
