"""What can be set of the data store, beside the rest of the configuration."""

from __future__ import annotations

import msgspec


class WarehousePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The data store: a folder, or s3://BUCKET/PREFIX.  Without `place` there is none."""

    place: str | None = None
