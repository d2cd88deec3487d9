"""The words for an order whose step broke.

They stand by themselves: they touch the fewest columns that will do, and none of them decodes what
the order holds.  A row that cannot be read as an order any more can still be ended here.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, and_, bindparam, case, insert, or_, select, type_coerce, update

from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.ports import Standing
from headend.store import schema
from headend.store.orders import CountWords
from headend.store.prepared import Prepared

_orders = schema.orders
_columns = _orders.c
_journal = schema.journal

# In the order of `Standing`'s fields.  Texts are read as texts, whatever they should mean.
_TEXTS = ("transaction_id", "source", "meter", "kind", "noun")
_PERHAPS = ("message_id", "correlation_id", "reply_address", "amount", "unit")
_out_of_time = case(
    (_columns.unfinished, _columns.deadline <= bindparam("now")),
    else_=_columns.ended_at <= bindparam("looks_since"),
)
_mine = or_(_columns.lease_owner.is_(None), _columns.lease_owner == bindparam("worker"))
_of_number = _columns.number == bindparam("of_number")
_at_work = (_of_number, _columns.due_at.is_not(None), _mine)
_STANDING = Prepared(
    select(
        _columns.number,
        *(type_coerce(_columns[name], String) for name in (*_TEXTS, *_PERHAPS)),
        _columns.generic,
        _columns.unfinished,
        _columns.until.is_not(None),
        _columns.commanded,
        _columns.breakages,
        _out_of_time,
    ).where(*_at_work)
)
_until = bindparam("until", type_=_columns.due_at.type)
# An order that is open comes back at its deadline at the latest, to be ended.
_back_at = case(
    (
        and_(
            _columns.unfinished,
            _columns.deadline > bindparam("now"),
            _columns.deadline < _until,
        ),
        _columns.deadline,
    ),
    else_=_until,
)
_REST = Prepared(
    update(_orders)
    .where(*_at_work)
    .values(
        breakages=_columns.breakages + 1,
        reason=case(
            (and_(_columns.unfinished, _columns.commanded == 0), ReasonCode.INTERNAL_ERROR),
            else_=_columns.reason,
        ),
        not_before=case((_columns.unfinished, _back_at), else_=_columns.not_before),
        verify_at=case((_columns.unfinished, _columns.verify_at), else_=_back_at),
        due_at=_back_at,
        lease_owner=None,
        lease_until=None,
    )
)
_CLOSE = Prepared(
    update(_orders)
    .where(*_at_work, _columns.unfinished.is_(True))
    .values(
        state=State.FAILED,
        reason=bindparam("why"),
        ended_at=bindparam("now"),
        verify_at=bindparam("look_at"),
        due_at=bindparam("look_at"),
        unfinished=False,
        breakages=0,
        lease_owner=None,
        lease_until=None,
    )
)
_LOOK_NO_MORE = Prepared(
    update(_orders)
    .where(*_at_work, _columns.unfinished.is_(False))
    .values(verify_at=None, due_at=None, breakages=0, lease_owner=None, lease_until=None)
)
# The line takes its state from the row, unread.
_TELL = Prepared(
    insert(_journal).from_select(
        ["order", "at", "state", "cause"],
        select(
            _columns.number,
            bindparam("at", type_=_journal.c.at.type),
            type_coerce(_columns.state, String),
            bindparam("cause", type_=_journal.c.cause.type),
        ).where(_of_number),
    )
)


class BreakageWords(CountWords):
    """Orders whose steps broke, by number."""

    def standing(
        self, number: int, *, worker: str, now: datetime, looks_since: datetime
    ) -> Standing | None:
        values = {
            "of_number": number,
            "worker": worker,
            "now": now,
            "looks_since": looks_since,
        }
        for row in self._rows(_STANDING, values):
            return Standing(*row)
        return None

    def rest(self, number: int, *, worker: str, now: datetime, until: datetime, cause: str) -> None:
        values = {"of_number": number, "worker": worker, "now": now, "until": until}
        if self._change(_REST, values):
            self._tell(number, now, cause)

    def close(
        self,
        number: int,
        *,
        worker: str,
        now: datetime,
        reason: ReasonCode,
        look_at: datetime | None,
        cause: str,
    ) -> bool:
        values = {
            "of_number": number,
            "worker": worker,
            "now": now,
            "why": reason,
            "look_at": look_at,
        }
        if not self._change(_CLOSE, values):
            return False
        self._count(-1)
        self._tell(number, now, cause)
        return True

    def look_no_more(self, number: int, *, worker: str, now: datetime, cause: str) -> bool:
        if not self._change(_LOOK_NO_MORE, {"of_number": number, "worker": worker}):
            return False
        self._tell(number, now, cause)
        return True

    def _tell(self, number: int, at: datetime, cause: str) -> None:
        self._change(_TELL, {"of_number": number, "at": at, "cause": cause})
