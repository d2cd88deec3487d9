"""What a desk is: where messages of some nouns and verbs go once they are read.

The door reads octets, finds out who sent them, and hands on a `Call`; a desk knows what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from headend.ports import Transaction
from protocols.cim.envelope import Message
from protocols.cim.errors import Identifier, ReplyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A message of kind REQUEST that its schema accepts, and how it came.

    Header/Source of `message` is the name on the client's certificate, where there is one.
    `digest` is that of the message as it came (see `protocols.cim.digest`), `octets` are the
    request's, envelope and all.  `set_aside` names the elements and attributes of other namespaces
    that were taken out of its payload.
    """

    message: Message
    digest: str
    octets: bytes
    set_aside: tuple[str, ...] = ()


class Desk(Protocol):
    """Answers what is asked with some verbs of some nouns."""

    async def answer(self, call: Call) -> bytes:
        """The answering message, serialized.  Returns only after what it acknowledges is safe on
        disk.  Raises `RequestRefused` where the request is refused as a whole."""
        ...


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an operation came to within a transaction.

    `errors` about what of it could not be done: with `partly` the rest was, without it nothing.
    `ids` name what was made.  `kept` is called once the transaction is kept, and never before.
    """

    errors: tuple[ReplyError, ...] = ()
    partly: bool = False
    ids: tuple[Identifier, ...] = ()
    kept: Callable[[], None] = _nothing


Operation = Callable[[Transaction, str], Done]
"""Carries out an operation in a transaction that others share; the string is the transaction's id.
What it raises is undone alone, or with all others where the sender wants all or none."""


@runtime_checkable
class Operating(Protocol):
    """A desk whose requests may be operations of an OperationSet."""

    def operation(self, call: Call) -> Operation:
        """What such a request would do.  Looks at the message alone: the store is the operation's.
        Raises `RequestRefused`, as the operation may."""
        ...


Desks = Mapping[tuple[str, str], Desk]
"""By verb and noun, as Header says them."""
