"""The words for what has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from headend.domain.change import Arrived, Change, ChangeKind
from headend.store import change_schema as tables
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

CHANGE = Form(Change, tables.changes)
ARRIVED_MAX = 500
"""References in one change: what a reader takes at once stays small."""

_c, _m = CHANGE.table.c, tables.change_marks.c
_TOLD = tuple(name for name in CHANGE.names if name != "position")
_of_mark = _m.name == bindparam("of_mark")
_ADD = Prepared(insert(CHANGE.table).inline(), _TOLD)
_MARK = Prepared(select(_m.position).where(_of_mark))
_LOCK_MARK = Locked(select(_m.position).where(_of_mark))
_SET_MARK = Prepared(update(tables.change_marks).where(_of_mark), ("position",))
_ADD_MARK = Prepared(insert(tables.change_marks), ("name", "position"))
_NEW = Prepared(
    select(_c.line).where(_c.position.is_(None)).order_by(_c.line).limit(bindparam("most"))
)
_PLACE = Prepared(
    update(CHANGE.table)
    .where(_c.line == bindparam("of_line"))
    .values(position=bindparam("to_position"))
)
_BEHIND = Prepared(
    CHANGE.select()
    .where(_c.position > bindparam("after"))
    .order_by(_c.position)
    .limit(bindparam("most"))
)
_old = (
    select(_c.line)
    .where(_c.at < bindparam("before"), _c.position.is_not(None))
    .order_by(_c.at)
    .limit(bindparam("most"))
)
_FORGET = Prepared(delete(CHANGE.table).where(_c.line.in_(_old)))


class ChangeWords(Words):
    """Changes are written where `telling` is set: somebody may ask for them."""

    telling: bool = False
    told: bool = False
    _arrived: dict[tuple[str, str], Arrived] | None = None
    _arrived_at: datetime | None = None

    def tell(self, change: Change) -> None:
        if self.telling:
            values = CHANGE.values(change)
            del values["position"]
            self._change(_ADD, values)
            self.told = True

    def arrived(
        self, meter: str, what: str, count: int, first: datetime, last: datetime, *, now: datetime
    ) -> None:
        if not self.telling or not count:
            return
        if self._arrived is None:
            self._arrived = {}
        known = self._arrived.get((meter, what))
        if known is not None:
            count += known.count
            first, last = min(first, known.first), max(last, known.last)
        self._arrived[meter, what] = Arrived(meter, what, count, first, last)
        self._arrived_at = now

    def flush_changes(self) -> None:
        """Write down what was gathered; at the transaction's end."""
        if self._arrived is None or self._arrived_at is None:
            return
        every = list(self._arrived.values())
        for start in range(0, len(every), ARRIVED_MAX):
            some = tuple(every[start : start + ARRIVED_MAX])
            one = some[0].meter if len(some) == 1 else None
            self.tell(
                Change(
                    ChangeKind.READINGS, "arrived", self._arrived_at, device=one, arrived=some
                )
            )  # fmt: skip
        self._arrived = None

    def number_changes(self, limit: int) -> int:
        if not self._rows(_NEW, {"most": 1}):
            return 0  # without the lock, as most of the time
        head: int = self._rows(_LOCK_MARK, {"of_mark": tables.HEAD})[0][0]
        lines = [line for (line,) in self._rows(_NEW, {"most": limit})]
        self._change_many(
            _PLACE,
            (
                {"of_line": line, "to_position": head + place}
                for place, line in enumerate(lines, 1)
            ),
        )  # fmt: skip
        self.set_change_mark(tables.HEAD, head + len(lines))
        return len(lines)

    def changes(self, after: int, limit: int) -> list[Change]:
        return self._all(CHANGE, _BEHIND, {"after": after, "most": limit})

    def change_mark(self, name: str) -> int:
        """The position of a mark; 0 where there is none."""
        rows = self._rows(_MARK, {"of_mark": name})
        return int(rows[0][0]) if rows else 0

    def set_change_mark(self, name: str, position: int) -> None:
        self._change(_SET_MARK, {"of_mark": name, "position": position})

    def jump_changes(self, by: int) -> int:
        """Give none of the next positions to a change; the last of them, behind which a listener
        may go on."""
        begun = self.change_mark(tables.HEAD) + by
        self.set_change_mark(tables.HEAD, begun)
        if not self._change(_SET_MARK, {"of_mark": tables.BEGUN, "position": begun}):
            self._change(_ADD_MARK, {"name": tables.BEGUN, "position": begun})
        return begun

    def forget_changes(self, before: datetime, limit: int) -> int:
        return self._change(_FORGET, {"before": before, "most": limit})
