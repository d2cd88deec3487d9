"""The world's own record: what really happened in the field, in order, byte for byte repeatable.

The head-end never sees it.  Two runs of one seed have the same digest; scenarios compare what the
meters did with what the head-end recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")


class WorldLog:
    """Lines of JSON: `at` in microseconds since 1970, `kind`, and the fields of that kind.

    Fields are text, whole numbers, truth values, and lists of them: a float's last digit may differ
    between machines.  With `keep` the lines stay readable; the digest needs none of them.  Without
    `write` there is neither: a city's worlds are too many.
    """

    def __init__(self, now: Callable[[], float], *, keep: bool = True, write: bool = True) -> None:
        self._now = now
        self._keep = keep
        self.writes = write
        self._digest = hashlib.sha256()
        self.lines: list[bytes] = []
        self.count = 0

    def __call__(self, kind: str, **fields: object) -> None:
        """Append a line.  Raises TypeError for a float."""
        if not self.writes:
            return
        _no_float(fields)
        line = _encoder.encode({"at": round(self._now() * 1e6), "kind": kind, **fields})
        self._digest.update(line + b"\n")
        self.count += 1
        if self._keep:
            self.lines.append(line)

    @property
    def sha256(self) -> str:
        """The digest of all lines so far, hexadecimal."""
        return self._digest.hexdigest()

    def of_kind(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """The lines of some kinds, decoded."""
        for line in self.lines:
            decoded = msgspec.json.decode(line)
            if decoded["kind"] in kinds:
                yield decoded


def _no_float(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} in the world's log")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            _no_float(each)
