"""The part of the configuration that says where backups lie, and how many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config.values import Count, Seconds


class BackupPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where backups lie, how often one is made, and how many are kept.  Without `place` none is.

    One falls due every `every` from `after_s` past midnight (UTC) on.  `place` is a folder of
    another machine, mounted: what lies beside the database is gone with it.
    """

    place: Path | None = None
    key_file: Path | None = None  # seals them: 64 hexadecimal digits; never in the place itself
    every: Literal["1h", "6h", "12h", "1d"] = "1d"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 7 * 3600.0
    late_after_s: Seconds = 36 * 3600.0  # the newest is older: a security event says so
    keep_daily: Count = 7
    keep_weekly: Count = 5
    key_journal: bool = True  # each change of keys is written into the place at once
    files: tuple[Path, ...] = ()  # kept as well, where a schedule makes backups: this one above all
    staging: Path | None = None  # where copies lie until they are packed; else beside the database
