"""The words for commercial messages as they were first received."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, update

from headend.ports import InboundMessage
from headend.store.prepared import Prepared
from headend.store.rows import INBOUND
from headend.store.words import Words

_columns = INBOUND.table.c
_INBOUND = Prepared(
    INBOUND.select().where(
        _columns.source == bindparam("source"), _columns.message_id == bindparam("message_id")
    )
)
_ADD = Prepared(insert(INBOUND.table), INBOUND.names)
_ANSWER = Prepared(
    update(INBOUND.table).where(
        _columns.source == bindparam("of_source"), _columns.message_id == bindparam("of_message_id")
    ),
    ["answer"],
)


class MessageWords(Words):
    """Messages by (`source`, `message_id`)."""

    def inbound(self, source: str, message_id: str) -> InboundMessage | None:
        key = {"source": source, "message_id": message_id}
        return self._one(INBOUND, _INBOUND, key)

    def add_inbound(self, message: InboundMessage) -> None:
        self._change(_ADD, INBOUND.values(message))

    def set_answer(self, source: str, message_id: str, answer: bytes) -> None:
        key = {"of_source": source, "of_message_id": message_id}
        if not self._change(_ANSWER, {**key, "answer": answer}):
            raise LookupError(f"no message {message_id} of {source}")
