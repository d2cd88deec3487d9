"""The words for commercial messages as they were first received, and for the log of all that came
to a CIM door."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, insert, update

from headend.domain.message_log import DoorMessage
from headend.ports import InboundMessage
from headend.store.message_log_schema import cim_messages
from headend.store.prepared import Prepared
from headend.store.rows import INBOUND, Form
from headend.store.words import Words

DOOR_MESSAGE = Form(DoorMessage, cim_messages)
_LOGGED = tuple(name for name in DOOR_MESSAGE.names if name != "number")
_LOG = Prepared(insert(cim_messages).inline(), _LOGGED)

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

    def add_door_messages(self, messages: Iterable[DoorMessage]) -> None:
        self._change_many(_LOG, [_numberless(message) for message in messages])


def _numberless(message: DoorMessage) -> dict[str, object]:
    values = DOOR_MESSAGE.values(message)
    del values["number"]
    return values
