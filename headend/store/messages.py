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
    update(INBOUND.table).where(_columns.transaction_id == bindparam("of_transaction")),
    ["answer"],
)


class MessageWords(Words):
    """Messages by (`source`, `message_id`) or by the transaction they began."""

    def inbound(self, source: str, message_id: str) -> InboundMessage | None:
        key = {"source": source, "message_id": message_id}
        return self._one(INBOUND, _INBOUND, key)

    def add_inbound(self, message: InboundMessage) -> None:
        self._change(_ADD, INBOUND.values(message))

    def set_answer(self, transaction_id: str, answer: bytes) -> None:
        if not self._change(_ANSWER, {"of_transaction": transaction_id, "answer": answer}):
            raise LookupError(f"no message began transaction {transaction_id}")
