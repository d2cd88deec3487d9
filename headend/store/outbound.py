"""The words for CIM messages owed to other systems.

Only the head of a stream has a `due_at`.  A stream is changed under the lock of its row: a message
posted while the one before it is settled must see that, or be seen.  Of a stream that has ended no
message is posted any more, so that whoever settles one needs no lock.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from headend.ports import OutboundMessage, OutboundStream
from headend.store import outbound_schema as tables
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

STREAM = Form(OutboundStream, tables.outbound_streams)
MESSAGE = Form(OutboundMessage, tables.outbound_messages)

_s, _m = STREAM.table.c, MESSAGE.table.c
_of_stream = _m.stream == bindparam("of_stream")
_of_message = _m.message_id == bindparam("of_message_id")
_named = _s.name == bindparam("of_name")

_ADD_STREAM = Prepared(insert(STREAM.table), STREAM.names)
_STREAM = Locked(STREAM.select().where(_named))
_STREAMS = Prepared(
    STREAM.select().where(_s.kind == bindparam("of_kind")).order_by(_s.made_at, _s.name)
)
_MOVE = Prepared(update(STREAM.table).where(_named), ("cursor",))
_END = Prepared(delete(STREAM.table).where(_named))
_ADD = Prepared(insert(MESSAGE.table).inline(), MESSAGE.names)
_WAITING = Prepared(select(func.count()).select_from(MESSAGE.table).where(_of_stream))
_on_channel = _m.channel == bindparam("on_channel")
_DUE = Locked(
    MESSAGE.select()
    .where(_on_channel, _m.due_at <= bindparam("now"))
    .order_by(_m.due_at, _m.line)
    .limit(bindparam("most")),
    skip_locked=True,
)
_NEXT_DUE = Prepared(select(func.min(_m.due_at)).where(_on_channel, _m.due_at.is_not(None)))
_POSTPONE = Prepared(
    update(MESSAGE.table)
    .where(_of_message, _m.due_at.is_not(None))
    .values(tries=_m.tries + 1, due_at=bindparam("until"))
)
_TROUBLE = Prepared(update(MESSAGE.table).where(_of_message).values(trouble=bindparam("what")))
_WHOSE = Prepared(select(_m.stream).where(_of_message))
_SETTLE = Prepared(delete(MESSAGE.table).where(_of_message))
_HEAD = Prepared(select(func.min(_m.line)).where(_of_stream))
_PROMOTE = Prepared(
    update(MESSAGE.table)
    .where(_m.line == bindparam("of_line"), _m.due_at.is_(None))
    .values(due_at=bindparam("at"))
)
_DROP = Prepared(delete(MESSAGE.table).where(_of_stream))


class OutboundWords(Words):
    """Streams by name, their messages by id."""

    def add_stream(self, stream: OutboundStream) -> None:
        self._change(_ADD_STREAM, STREAM.values(stream))

    def stream(self, name: str) -> OutboundStream | None:
        return self._one(STREAM, _STREAM, {"of_name": name})

    def streams(self, kind: str) -> list[OutboundStream]:
        return self._all(STREAM, _STREAMS, {"of_kind": kind})

    def move_stream(self, name: str, cursor: str) -> None:
        self._change(_MOVE, {"of_name": name, "cursor": cursor})

    def end_stream(self, name: str) -> None:
        self._change(_END, {"of_name": name})

    def post_outbound(self, message: OutboundMessage) -> None:
        self.stream(message.stream)  # its lock
        values = MESSAGE.values(message)
        waiting = self.outbound_waiting(message.stream)
        values["due_at"] = None if waiting else message.due_at or message.created_at
        self._change(_ADD, values)

    def outbound_waiting(self, stream: str) -> int:
        count: int = self._value(_WAITING, {"of_stream": stream})
        return count

    def due_outbound(self, now: datetime, limit: int, *, channel: str) -> list[OutboundMessage]:
        return self._all(MESSAGE, _DUE, {"on_channel": channel, "now": now, "most": limit})

    def next_outbound_due(self, *, channel: str) -> datetime | None:
        due: datetime | None = self._value(_NEXT_DUE, {"on_channel": channel})
        return due

    def postpone_outbound(self, message_id: str, *, until: datetime) -> None:
        self._change(_POSTPONE, {"of_message_id": message_id, "until": until})

    def note_outbound_trouble(self, message_id: str, what: str) -> None:
        self._change(_TROUBLE, {"of_message_id": message_id, "what": what})

    def settle_outbound(self, message_id: str, *, at: datetime) -> bool:
        found = self._rows(_WHOSE, {"of_message_id": message_id})
        for (stream,) in found:
            self.stream(stream)
        settled = self._change(_SETTLE, {"of_message_id": message_id})
        for (stream,) in found if settled else ():
            head = self._value(_HEAD, {"of_stream": stream})
            if head is not None:
                self._change(_PROMOTE, {"of_line": head, "at": at})
        return bool(settled)

    def drop_outbound(self, stream: str) -> int:
        self.end_stream(stream)
        return self._change(_DROP, {"of_stream": stream})
