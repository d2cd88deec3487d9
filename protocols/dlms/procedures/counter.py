"""Invocation counter: a data object, class 1, that the public client may read."""

from __future__ import annotations

from collections.abc import Generator

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures.steps import (
    Answer,
    Outcome,
    Request,
    UnexpectedAnswer,
    get,
    procedure,
)
from protocols.dlms.quantity import NUMBERS
from protocols.dlms.services import AttributeDescriptor


@procedure
def read_counter(name: LogicalName) -> Generator[Request, Answer, int | Outcome]:
    """Read an invocation counter.  The last counter that was used."""
    (value,) = yield from get(AttributeDescriptor(1, name, 2))
    if not isinstance(value, NUMBERS):
        raise UnexpectedAnswer(f"the invocation counter is {type(value).__name__}, not an integer")
    return int(value)
