"""What is poured out to a party, such as the data operator: files, and a signed list of them.

It goes one way (seed 004: "unidireccional, desde el Almacén de datos y reportes al Operador").  An
`Outlet` can put and take away, and nothing else: what lies at the other end is never looked at, not
even to see what is there already.  That is kept on our side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyarrow import BufferReader

from headend.warehouse.manifest import MANIFEST, Manifest
from headend.warehouse.place import Place
from headend.warehouse.scope import Scope
from headend.warehouse.tables import SCHEMA_VERSION, TABLES
from headend.warehouse.writing import as_parquet


class Listed(msgspec.Struct, frozen=True):
    """A file at the other end.  `of` is the digest of what it was made from."""

    path: str
    sha256: str
    octets: int
    of: str = ""


class Poured(msgspec.Struct, frozen=True):
    """The list that goes with them.  What it does not name is none of ours."""

    party: str
    made_at: datetime
    state: int  # of the data store
    schema_version: int
    files: tuple[Listed, ...]


class Kept(msgspec.Struct, frozen=True):
    """What was put at the other end, under which scope."""

    scope: str = ""
    to: str = ""
    files: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlet:
    """The way out."""

    where: str
    put: Callable[[str, bytes], None]
    drop: Callable[[str], None]

    @classmethod
    def to(cls, where: str) -> Outlet:
        """Into a folder or bucket.  Raises `PlaceUnavailable`."""
        place = Place(where)
        return cls(where, place.write, place.delete)


@dataclass(slots=True)
class Dumped:
    listed: Poured
    put: int = 0
    dropped: int = 0


def dump(
    place: Place, manifest: Manifest, scope: Scope, outlet: Outlet, key: Ed25519PrivateKey,
    now: datetime,
) -> Dumped:  # fmt: skip
    """Pour out what a party may see and has not; the list last.  Raises `PlaceUnavailable`."""
    record = f"dumps/{scope.party}.json"
    before = _kept(place, record)
    same = before.scope == scope.digest and before.to == outlet.where
    there = {each.path: each for each in before.files} if same else {}
    files: dict[str, Listed] = {}
    put = 0
    for path, source, digest in _wanted(place, manifest, scope):
        known = there.get(path)
        if known is not None and known.of == digest:
            files[path] = known
            continue
        octets = source()
        outlet.put(path, octets)
        put += 1
        files[path] = Listed(path, hashlib.sha256(octets).hexdigest(), len(octets), digest)
    told = tuple(msgspec.structs.replace(files[path], of="") for path in sorted(files))
    listed = Poured(scope.party, now, manifest.version, SCHEMA_VERSION, told)
    octets = msgspec.json.format(msgspec.json.encode(listed), indent=1)
    outlet.put(signature_of(octets), key.sign(octets).hex().encode())
    outlet.put(MANIFEST, octets)
    gone = sorted({each.path for each in before.files} - set(files)) if same else []
    for path in gone:
        outlet.drop(path)
    kept = Kept(scope.digest, outlet.where, tuple(files[path] for path in sorted(files)))
    place.write(record, msgspec.json.encode(kept))
    return Dumped(listed, put, len(gone))


def signature_of(listed: bytes) -> str:
    """Where the signature of a list is: it is there before the list, whose digest names it."""
    return f"signatures/{hashlib.sha256(listed).hexdigest()[:16]}.sig"


def _wanted(
    place: Place, manifest: Manifest, scope: Scope
) -> list[tuple[str, Callable[[], bytes], str]]:
    """Path, content and the digest of what it is made from."""
    from headend.warehouse.kept import made_for  # reports stand on scopes as well

    wanted: list[tuple[str, Callable[[], bytes], str]] = [
        (part.path, lambda part=part: shown_file(place, scope, part.path, part.table), part.sha256)  # type: ignore[misc]
        for part in scope.of(manifest)
    ]
    for made in made_for(place, scope.party):
        for name, digest in made.files.items():
            path = f"reports/{made.id}/{name}"
            wanted.append((path, lambda path=path: place.read(path) or b"", digest))  # type: ignore[misc]
    return wanted


def shown_file(place: Place, scope: Scope, path: str, table: str) -> bytes:
    """A file as a party sees it: as it is, where nothing in it is kept from the party."""
    octets = place.read(path)
    assert octets is not None, path
    if not (scope.hidden | scope.pseudonyms) & set(TABLES[table].schema.names):
        return octets
    return as_parquet(scope.shown(TABLES[table], pq.read_table(BufferReader(octets))))


def _kept(place: Place, record: str) -> Kept:
    octets = place.read(record)
    return Kept() if octets is None else msgspec.json.decode(octets, type=Kept)
