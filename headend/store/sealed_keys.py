"""Meters' keys in a copy of a database: which envelope keys seal them, and whether they open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from headend.store.envelope import Envelope
from headend.store.sealing import unseal
from headend.store.snapshot import SQLITE_FILE, Copied

_COLUMNS = ("meter", "client", "generation", "envelope", "sealed")
_Row = tuple[str, int, int, str, bytes]


def envelopes(copied: Copied, folder: Path) -> frozenset[str]:
    """Names of the envelope keys that the copy needs."""
    return frozenset(row[3] for row in _rows(copied, folder))


def open_all(copied: Copied, folder: Path, envelope: Envelope) -> int:
    """Unseal every key of a meter, and show none; how many there are.  Raises KeysUnreadable."""
    count = 0
    for meter, client, generation, name, sealed in _rows(copied, folder):
        unseal(envelope, name, sealed, meter, client, generation)
        count += 1
    return count


def _rows(copied: Copied, folder: Path) -> Iterator[_Row]:
    return _of_sqlite(folder) if copied.engine == "sqlite" else _of_server(folder)


def _of_sqlite(folder: Path) -> Iterator[_Row]:
    where = f"file:{quote(str(folder / SQLITE_FILE))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(where, uri=True)) as there:
        yield from there.execute(f"SELECT {', '.join(_COLUMNS)} FROM meter_keys")


def _of_server(folder: Path) -> Iterator[_Row]:
    """COPY's text form: tabs between, octets as \\\\x and hexadecimal digits."""
    with (folder / "meter_keys.copy").open(encoding="utf-8", newline="\n") as file:
        names = [name.strip(' "\n') for name in file.readline().split(",")]
        at = [names.index(name) for name in _COLUMNS]
        for line in file:
            values = line.rstrip("\n").split("\t")
            meter, client, generation, envelope, sealed = (values[index] for index in at)
            octets = bytes.fromhex(sealed.removeprefix("\\\\x"))
            yield _unescaped(meter), int(client), int(generation), envelope, octets


def _unescaped(text: str) -> str:
    """A meter's name may hold what COPY writes with a backslash."""
    ends = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
    out, signs = [], iter(text)
    for sign in signs:
        if sign == "\\":
            sign = next(signs, "")
            sign = ends.get(sign, sign)
        out.append(sign)
    return "".join(out)
