"""What can be set of service levels, beside the rest of the configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headend.config.values import Seconds


class ServiceLevelPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which goals, and how often a head-end looks how they stand.  Without a `definition` the goals
    are our own."""

    definition: Path | None = None
    look_s: Seconds = 3600.0
