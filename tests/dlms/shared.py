"""Where the vectors are that others made: named here, kept outside the repository."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ABSENT = "shared/vectors/dlms.json is kept outside the repository and not here; set AMI_SHARED"


@dataclass(frozen=True)
class Vector:
    name: str
    kind: str
    octets: bytes
    keys: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)

    def key(self, name: str) -> bytes:
        return bytes.fromhex(self.keys[name])


def _file() -> Path | None:
    named = os.environ.get("AMI_SHARED")
    places = [Path(named)] if named else [ROOT.parent / "shared", ROOT.parents[1] / "shared"]
    found = (place / "vectors" / "dlms.json" for place in places)
    return next((path for path in found if path.is_file()), None)


@cache
def vectors(*kinds: str) -> tuple[Vector, ...]:
    """The vectors of these kinds; none where the file is absent."""
    path = _file()
    entries = json.loads(path.read_text(encoding="utf-8")) if path else []
    return tuple(
        Vector(
            f"{number}-{entry['name']}",
            entry["kind"],
            bytes.fromhex(entry["hex"]),
            entry.get("keys", {}),
            entry.get("expected", {}),
        )
        for number, entry in enumerate(entries)
        if entry["kind"] in kinds
    )
