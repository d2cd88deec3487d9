"""Every action of a probe as a line of JSON: when, what, on which meter, how it ended.

Lines are only ever added, and each is on disk before the action goes on.  Keys and passwords have
no place in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from headend.ports import Clock
from headend.store.kit.folder import append, prepare, read


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One action.  `facts` are plain values: numbers, text, lists and tables of them."""

    at: datetime
    action: str
    meter: str | None = None
    facts: dict[str, Any] = {}


class Journal:
    """The journal of one kit."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "journal.jsonl"
        self._clock = clock

    def write(self, action: str, meter: str | None = None, **facts: object) -> Line:
        """Add a line.  Raises `BadKit`."""
        prepare(self._path.parent)
        line = Line(self._clock.now(), action, meter, dict(facts))
        before = read(self._path)
        torn = before is not None and before != b"" and not before.endswith(b"\n")
        append(self._path, (b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n")
        return line

    def __iter__(self) -> Iterator[Line]:
        """The lines, oldest first; one that a crash cut short is left out."""
        for text in (read(self._path) or b"").splitlines():
            try:
                yield msgspec.json.decode(text, type=Line)
            except msgspec.DecodeError:
                continue
