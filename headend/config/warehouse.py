"""What can be set of the data store and its reports, beside the rest of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config.values import Name, Seconds


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody outside who may read a part of the data store, and never more than is named here.

    `account` shows its token to REST; it has the role `party`.  Of `tables`, those rows that lie in
    `zones` (none named: in all), with nothing in the columns `hidden`, and with other names in
    place of those in `pseudonyms`: the same one for the same meter, and for each party another.
    """

    name: Name
    account: str | None = None
    tables: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    pseudonyms: tuple[str, ...] = ()


class WarehousePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The data store: a folder, or s3://BUCKET/PREFIX.  Without `place` there is none.

    `key` signs what leaves and makes pseudonyms: Ed25519, PEM, without a pass phrase.
    """

    place: str | None = None
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 4 * 3600.0  # after midnight, daily
    retry_s: Seconds = 900.0  # until a load or a report that failed is tried again
    key: Path | None = None
    party: tuple[Party, ...] = ()

    def __post_init__(self) -> None:
        for what in ("name", "account"):
            named = [getattr(each, what) for each in self.party if getattr(each, what) is not None]
            if len(set(named)) != len(named):
                raise ValueError(f"two parties have one {what}")


class ReportSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A report that is made by itself when its day, week (to Sunday) or month is over.

    For a `party` it has that party's rows alone, and nobody but it and the utility sees it.
    """

    report: Name
    every: Literal["day", "week", "month"] = "month"
    language: Literal["es", "en"] = "es"
    party: Name | None = None
