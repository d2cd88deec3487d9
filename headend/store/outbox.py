"""The words for messages owed to the commercial side.

Each (order, channel) is a queue of its own.  Only its head has a `due_at`, so what is due is found
in one stretch of one index, however many messages wait behind a head that nobody acknowledges.

Where several workers deliver, one takes what the others are not just taking.  A queue is changed
under the lock of its order: a message posted while the one before it is settled must see that, or
be seen.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from headend.ports import Outgoing
from headend.store.prepared import Locked, Prepared
from headend.store.rows import ORDER, OUTGOING
from headend.store.words import Words

_outbox = OUTGOING.table
_columns = _outbox.c
_of_queue = (
    _columns.order == bindparam("of_order"),
    _columns.channel == bindparam("of_channel"),
)
_of_message = _columns.message_id == bindparam("of_message_id")

_QUEUE = Prepared(
    select(
        func.coalesce(func.max(_columns.sequence), 0),
        func.count() - func.count(_columns.settled_at),
    ).where(*_of_queue)
)
_ADD = Prepared(insert(_outbox).inline(), (*OUTGOING.names, "due_at"))
_on_channel = _columns.channel == bindparam("on_channel")
_NEXT_CHANNEL = Prepared(
    select(func.min(_columns.channel)).where(
        _columns.channel > bindparam("after"), _columns.due_at.is_not(None)
    )
)
_DUE = Locked(
    OUTGOING.select()
    .where(_on_channel, _columns.due_at <= bindparam("now"))
    .order_by(_columns.due_at, _columns.line)
    .limit(bindparam("limit")),
    skip_locked=True,
)
_orders = ORDER.table.c
_LOCK_ORDER = Prepared(
    select(_orders.number).where(_orders.number == bindparam("of_order")).with_for_update()
)
_NEXT_DUE = Prepared(
    select(func.min(_columns.due_at)).where(_on_channel, _columns.due_at.is_not(None))
)
_POSTPONE = Prepared(
    update(_outbox)
    .where(_of_message, _columns.due_at.is_not(None))
    .values(tries=_columns.tries + 1, not_before=bindparam("until"), due_at=bindparam("until"))
)
_TROUBLE = Prepared(
    update(_outbox)
    .where(_of_message, _columns.settled_at.is_(None))
    .values(trouble=bindparam("what"))
)
_SETTLE = Prepared(
    update(_outbox)
    .where(_of_message, _columns.settled_at.is_(None))
    .values(settled_at=bindparam("at"), due_at=None)
    .returning(_columns.order, _columns.channel)
)
_HEAD = Prepared(
    select(func.min(_columns.sequence)).where(*_of_queue, _columns.settled_at.is_(None))
)
_PROMOTE = Prepared(
    update(_outbox)
    .where(*_of_queue, _columns.sequence == bindparam("of_sequence"))
    .values(due_at=func.coalesce(_columns.not_before, _columns.created_at))
)
_UNSETTLED = Prepared(
    select(func.count()).select_from(_outbox).where(_columns.settled_at.is_(None))
)


class OutboxWords(Words):
    """Messages by id, and the queues they stand in."""

    def post(self, outgoing: Outgoing) -> None:
        queue = {"of_order": outgoing.order, "of_channel": outgoing.channel}
        self._lock(outgoing.order)
        last, unsettled = self._rows(_QUEUE, queue)[0]
        values = OUTGOING.values(outgoing)
        values["sequence"] = last + 1
        due = outgoing.not_before or outgoing.created_at
        values["due_at"] = None if unsettled else due
        self._change(_ADD, values)

    def due_outgoing(
        self, now: datetime, limit: int, *, channels: Collection[str] | None = None
    ) -> list[Outgoing]:
        found = [
            outgoing
            for channel in (self._channels() if channels is None else channels)
            for outgoing in self._all(
                OUTGOING, _DUE, {"on_channel": channel, "now": now, "limit": limit}
            )
        ]
        # A stable sort: of one channel and one time, the message posted first goes first.
        return sorted(found, key=lambda outgoing: outgoing.not_before or outgoing.created_at)[
            :limit
        ]

    def next_outgoing_due(self, *, channels: Collection[str] | None = None) -> datetime | None:
        times = [
            self._value(_NEXT_DUE, {"on_channel": channel})
            for channel in (self._channels() if channels is None else channels)
        ]
        return min((time for time in times if time is not None), default=None)

    def postpone(self, message_id: str, *, until: datetime) -> None:
        self._change(_POSTPONE, {"of_message_id": message_id, "until": until})

    def note_trouble(self, message_id: str, what: str) -> None:
        self._change(_TROUBLE, {"of_message_id": message_id, "what": what})

    def settle(self, message_id: str, *, at: datetime) -> bool:
        settled = self._rows(_SETTLE, {"of_message_id": message_id, "at": at})
        for order, channel in settled:
            queue = {"of_order": order, "of_channel": channel}
            self._lock(order)
            head = self._value(_HEAD, queue)
            if head is not None:
                self._change(_PROMOTE, {**queue, "of_sequence": head})
        return bool(settled)

    def _lock(self, order: int) -> None:
        if self._shared:
            self._rows(_LOCK_ORDER, {"of_order": order})

    def unsettled(self) -> int:
        count: int = self._value(_UNSETTLED)
        return count

    def _channels(self) -> list[str]:
        """The channels on which something waits, found one by one in the index."""
        channels: list[str] = []
        channel: str | None = self._value(_NEXT_CHANNEL, {"after": ""})
        while channel is not None:
            channels.append(channel)
            channel = self._value(_NEXT_CHANNEL, {"after": channel})
        return channels
