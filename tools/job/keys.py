"""A file of meters' keys for their job client.

[[meter]]
name = "4711"
encryption_key = "00112233445566778899AABBCCDDEEFF"
authentication_key = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
master_key = "…"          # where keys are to be changed from here
next_counter = 1          # the first that was never used; without it nothing is leased
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class BadKeys(ValueError):
    """The file cannot be used; the text never shows a key."""


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """One entry."""

    meter: str
    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    master: bytes | None = field(default=None, repr=False)
    next_counter: int | None = None


def read_keys(path: Path) -> list[MeterKeys]:
    """All entries of a file.  Raises BadKeys."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadKeys(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):  # whose text would show what stands there
        raise BadKeys(f"{path} is no TOML") from None
    entries = table.get("meter")
    if not isinstance(entries, list) or not entries or set(table) != {"meter"}:
        raise BadKeys(f"{path}: expected entries [[meter]], and nothing else")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


_KNOWN = {"name", "encryption_key", "authentication_key", "master_key", "next_counter"}


def _entry(path: Path, number: int, entry: Any) -> MeterKeys:
    where = f"{path}, entry {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise BadKeys(f"{where}: the meter's name is missing")
    if unknown := sorted(set(entry) - _KNOWN):
        raise BadKeys(f"{where}: {unknown[0]} is not known")
    master = entry.get("master_key")
    counter = entry.get("next_counter")
    if counter is not None and not (isinstance(counter, int) and 0 <= counter < 1 << 32):
        raise BadKeys(f"{where}: next_counter is a number below 2^32")
    return MeterKeys(
        entry["name"],
        _key(where, "encryption_key", entry.get("encryption_key")),
        _key(where, "authentication_key", entry.get("authentication_key")),
        None if master is None else _key(where, "master_key", master),
        counter,
    )


def _key(where: str, name: str, text: Any) -> bytes:
    try:
        key = bytes.fromhex(text)
    except (TypeError, ValueError):
        key = b""
    if len(key) not in (16, 32):
        raise BadKeys(f"{where}: {name} has 32 hexadecimal digits, of suite 2 64")
    return key
