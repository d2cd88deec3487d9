"""What the command line answers, as `ami sim VERB --json` tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that a run was held against; `always` for what holds in every run of every seed."""

    name: str
    ok: bool
    value: Any
    expected: Any
    always: bool

    @property
    def found(self) -> str:
        return plain(self.value)

    @property
    def wanted(self) -> str:
        return plain(self.expected)


class Orders(msgspec.Struct, frozen=True):
    """How they ended: `failed` by reason."""

    total: int
    done: int
    failed: dict[str, int]
    open: int


class Played(msgspec.Struct, frozen=True):
    """Of `sim run`."""

    seed: int
    log_sha256: str
    orders: Orders
    expect: tuple[Finding, ...]
    simulated_s: float
    wall_s: float


class FailedSeed(msgspec.Struct, frozen=True):
    """A seed under which something was otherwise; `repeat` is the command."""

    seed: int
    repeat: str
    expect: tuple[Finding, ...]
    error: str | None

    @property
    def why(self) -> str:
        said = [f"{each.name}: {each.found}" for each in self.expect]
        if self.error:
            said.append(self.error.strip().splitlines()[-1])
        return "; ".join(said)


class Swept(msgspec.Struct, frozen=True):
    """Of `sim sweep`.  `outcomes`: how many orders ended how, over all seeds."""

    runs: int
    orders: int
    outcomes: dict[str, int]
    failures: tuple[FailedSeed, ...]
    wall_s: float


class Ended(msgspec.Struct, frozen=True):
    """How an order ended, after how many attempts."""

    outcome: str
    attempts: int
    took_s: float | None = None


class Compared(msgspec.Struct, frozen=True):
    """An order as it happened, as it went again, and with what was changed."""

    number: int
    meter: str
    kind: str
    happened: Ended
    again: Ended | None
    changed: Ended | None


class Inferred(msgspec.Struct, frozen=True):
    """A fault that the recorded evidence suggests."""

    kind: str
    target: str
    at: datetime
    until: datetime | None
    why: str


class Replayed(msgspec.Struct, frozen=True):
    """Of `sim replay`."""

    settings: dict[str, Any]
    orders: tuple[Compared, ...]
    agreeing: int
    inferred: tuple[Inferred, ...]
    notes: tuple[str, ...]
    sentence: str


class Parting(msgspec.Struct, frozen=True):
    """Of `sim diff`: the first line that differs, what is around it, and what ended otherwise."""

    same: bool
    line: int | None
    before: tuple[dict[str, Any], ...]
    left: tuple[dict[str, Any], ...]
    right: tuple[dict[str, Any], ...]
    outcomes: dict[int, tuple[str, str]]
    kinds: dict[str, tuple[int, int]]


def plain(value: Any) -> str:
    """A value of JSON as a person reads it."""
    match value:
        case dict():
            return ", ".join(f"{key}: {plain(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(plain, value))
        case None:
            return ""
        case float():
            return f"{value:g}"
    return str(value)
