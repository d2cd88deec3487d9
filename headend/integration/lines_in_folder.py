"""Lines that one process writes to a folder, bounded, and others read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class LinesInFolder:
    """Lines in `STEM.jsonl`.  When that has half the size that is allowed, it takes the place of
    `STEM.before.jsonl`, whose lines are gone."""

    def __init__(self, folder: Path, stem: str, octets_max: int) -> None:
        self._newer = folder / f"{stem}.jsonl"
        self._older = folder / f"{stem}.before.jsonl"
        self._octets_max = octets_max

    def add(self, line: bytes) -> None:
        """Raises `OSError`."""
        self._newer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._newer.open("ab") as file:
            file.write(line + b"\n")
            size = file.tell()
        if size >= self._octets_max // 2:
            os.replace(self._newer, self._older)

    def all(self) -> Iterator[bytes]:
        """From the oldest on, without one that is still being written."""
        for path in (self._older, self._newer):
            try:
                with path.open("rb") as file:
                    yield from (line for line in file if line.endswith(b"\n"))
            except OSError:  # there is none, or none that can be read
                continue
