"""The part of the configuration on the legacy database."""

from __future__ import annotations

import msgspec


class LegacyPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the legacy database is told of, beside orders and results, which it always is."""

    measurements: bool = False  # readings, load curves, events and alarms
