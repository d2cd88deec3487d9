"""What a message asks for, all of it: what a permission is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from protocols.cim.nouns import ADAPTER_QUERIES, QUERIES, subject


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a message asks for.  A question's noun is what it is about: MeterReadings, not
    GetMeterReadings."""

    verb: str
    noun: str


def acts_of(message: Message) -> tuple[Act, ...] | ReplyError:
    """All that a message asks for, with the operations of an OperationSet.

    An error (2.9) where the name of a typed message says another verb or noun than its header:
    who looks at the one must not be led past what the other is carried out as.
    """
    header = message.header
    if header is None:
        return ReplyError("1.5", "CAMPO_FALTA: falta Header", xpath="Header")
    named = Act(header.verb, subject(header.noun))
    if message.typed is not None and message.root_name() not in _names(named, message.typed):
        details = "CABECERA_DISTINTA: Verb y Noun no son los del mensaje"
        return ReplyError("2.9", details, xpath="Verb")
    operations = None if message.payload is None else message.payload.operations
    if operations is None:
        return (named,)
    within = (
        Act(each.verb or named.verb, subject(each.noun or named.noun))
        for each in operations.operations
    )
    return (*(() if named == SET else (named,)), *within)


SET: Final = Act("execute", "OperationSet")
"""What the header of a set may say that says nothing of its operations."""


def _names(act: Act, typed: str) -> tuple[str, ...]:
    """The elements that a typed request about this may be named by."""
    if typed in ADAPTER_QUERIES:  # Header/Noun names a class of the profile
        return (typed,) if act.verb == "get" else ()
    if typed in QUERIES:
        return (f"Get{act.noun}",) if act.verb == "get" else ()
    # The messages of a noun have none that is named after a set.
    return (f"{act.verb.capitalize()}{act.noun}",)
