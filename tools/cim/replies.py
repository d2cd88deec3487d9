"""What a reply says, for people and for machines."""

from __future__ import annotations

from typing import Any

from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Reply
from protocols.cim.errors import ReplyError
from tools.cim.advice import advice
from tools.terminal import complain


def error_told(error: ReplyError) -> dict[str, Any]:
    """An error, for machines."""
    return {
        "code": error.code,
        "key": error.key,
        "reason": error.reason_text,
        "details": error.details,
        "level": error.level,
        "id": None if error.id is None else error.id.value,
        "xpath": error.xpath,
        "next_step": advice(error),
    }


def reply_told(message: Message) -> dict[str, Any]:
    """Header and Reply, for machines."""
    header, reply = message.header, message.reply or Reply(result=Result.FAILED)
    return {
        "message": message.root_name(),
        "noun": None if header is None else header.noun,
        "message_id": None if header is None else header.message_id,
        "correlation_id": None if header is None else header.correlation_id,
        "result": reply.result,
        "errors": [error_told(each) for each in reply.errors],
        "ids": [{"id": each.value, "type": each.object_type or each.kind} for each in reply.ids],
    }


def text_of(error: ReplyError) -> str:
    """An error in one line."""
    about = "" if error.id is None else f" [{error.id.value}]"
    return f"{error.code} {error.reason_text}{about}: {error.details or ''}".rstrip(": ")


def complain_of(message: Message) -> None:
    """Tell a person the errors of a reply that did not go well, and what to do."""
    for error in () if message.reply is None else message.reply.errors:
        if error.code not in ("0.0", "0.2", "0.3"):
            complain(text_of(error), advice(error))
