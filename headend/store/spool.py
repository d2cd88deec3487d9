"""Where a shipment lies between file and database: sealed, sorted, and gone with the process.

A file is read and examined in full before the database is touched, and a million meters do not fit
into memory twice.  They lie in a private SQLite database that has no name: the system takes its
disk space back when the process ends, however it ends.  Keys lie there as they will in the store,
sealed by the envelope's key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headend.store.sealing import Sealed

_TABLES = """
CREATE TABLE meters (line INTEGER NOT NULL, name TEXT NOT NULL, fields BLOB NOT NULL);
CREATE TABLE keys (name TEXT NOT NULL, client INTEGER NOT NULL, fingerprint TEXT NOT NULL,
                   sealed BLOB NOT NULL);
CREATE TABLE passwords (name TEXT NOT NULL, client INTEGER NOT NULL, sealed BLOB NOT NULL);
"""
_INDEXES = """
CREATE INDEX meters_by_name ON meters (name, line);
CREATE INDEX keys_by_name ON keys (name);
CREATE INDEX keys_by_fingerprint ON keys (fingerprint);
CREATE INDEX passwords_by_name ON passwords (name);
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """One meter of a shipment, its secrets sealed: keys and passwords by client."""

    line: int
    name: str
    fields: bytes  # of a `Meter`, by their names
    keys: dict[int, Sealed] = field(repr=False)
    passwords: dict[int, bytes] = field(repr=False)


def packed_fields(fields: dict[str, Any]) -> bytes:
    """Fields of a meter as octets."""
    return msgspec.msgpack.encode(fields)


class Spool:
    """Takes meters in the order of the file, gives them in the order of their names.  Threads may
    use it one after the other."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)
        self.meters = 0

    def add(self, batch: Iterable[Packed]) -> None:
        """Take some more."""
        meters, keys, passwords = [], [], []
        for each in batch:
            meters.append((each.line, each.name, each.fields))
            keys += [(each.name, client, *sealed) for client, sealed in each.keys.items()]
            passwords += [(each.name, client, octets) for client, octets in each.passwords.items()]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO meters VALUES (?, ?, ?)", meters)
        self._database.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", keys)
        self._database.executemany("INSERT INTO passwords VALUES (?, ?, ?)", passwords)
        self._database.execute("COMMIT")
        self.meters += len(meters)

    def close_file(self) -> None:
        """All are in: sort them."""
        self._database.executescript(_INDEXES)

    def repeated(self) -> Iterator[tuple[str, int, int]]:
        """Meters that come again: name, the first line, and each later one."""
        yield from self._database.execute(
            "SELECT later.name, twice.line, later.line FROM meters AS later JOIN"
            " (SELECT name, min(line) AS line FROM meters GROUP BY name HAVING count(*) > 1)"
            " AS twice ON twice.name = later.name AND twice.line < later.line"
        )

    def sharing(self) -> Iterator[tuple[int, str, str]]:
        """Meters, or clients of one, that share an encryption key: a line, its meter, the other."""
        yield from self._database.execute(
            "SELECT (SELECT line FROM meters WHERE name = twice.last), twice.last, twice.first FROM"
            " (SELECT min(name) AS first, max(name) AS last"
            "  FROM (SELECT DISTINCT name, client, fingerprint FROM keys)"
            "  GROUP BY fingerprint HAVING count(*) > 1) AS twice"
        )

    def batches(self, size: int) -> Iterator[list[Packed]]:
        """All of them, by name; of one that comes again the first."""
        last = ""
        while True:
            rows = self._database.execute(
                "SELECT line, name, fields FROM meters WHERE name > ? ORDER BY name, line LIMIT ?",
                (last, size),
            ).fetchall()
            if not rows:
                return
            between = (rows[0][1], rows[-1][1])
            found: dict[str, Packed] = {}
            for line, name, fields in rows:
                found.setdefault(name, Packed(line, name, fields, {}, {}))
            for name, client, fingerprint, octets in self._database.execute(
                "SELECT name, client, fingerprint, sealed FROM keys WHERE name BETWEEN ? AND ?",
                between,
            ):
                found[name].keys[client] = Sealed(fingerprint, octets)
            for name, client, octets in self._database.execute(
                "SELECT name, client, sealed FROM passwords WHERE name BETWEEN ? AND ?", between
            ):
                found[name].passwords[client] = octets
            yield list(found.values())
            last = between[1]

    def close(self) -> None:
        """Give the disk space back."""
        self._database.close()
