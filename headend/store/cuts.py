"""The words for disconnections that went through without a second person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.store.campaign_schema import cuts
from headend.store.collected import put_over
from headend.store.orders import CountWords
from headend.store.prepared import Prepared

_c = cuts.c
_BETWEEN = Prepared(
    select(_c.at)
    .where(_c.at > bindparam("after"), _c.at < bindparam("before"), _c.order != bindparam("but"))
    .order_by(_c.at)
)
_PUT = {d.dialect.name: put_over(d, cuts, ("order", "at")) for d in (sqlite, postgresql)}
_DROP = Prepared(delete(cuts).where(_c.order == bindparam("of_order")))


class CutWords(CountWords):
    """What the guard counts."""

    def lock_cuts(self) -> None:
        # The counter that every acceptance locks first: a lock of its own could be waited for by
        # two that hold the other's.
        if self._shared:
            self._lock_number()

    def cuts_between(self, after: datetime, before: datetime, *, but: int) -> list[datetime]:
        values = {"after": after, "before": before, "but": but}
        return [at for (at,) in self._rows(_BETWEEN, values)]

    def put_cut(self, order: int, at: datetime) -> None:
        self._change(_PUT[self._connection.dialect.name], {"order": order, "at": at})

    def drop_cut(self, order: int) -> None:
        self._change(_DROP, {"of_order": order})
