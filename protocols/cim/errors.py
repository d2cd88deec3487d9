"""What can be wrong with a message, in the words of the reply.

Two exceptions leave this package.  `NotAMessage`: the octets are no message we could answer in
kind, so that only a SOAP fault is possible.  `RequestRefused`: the message was understood well
enough to be answered by a Reply FAILED that lists `ReplyError`s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocols.cim.codes import Level, reason_of

IdKind = Literal["name", "uuid", "transaction", "other"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """An ID element with its attributes (IDatts): a meter, a transaction, an order."""

    value: str
    kind: IdKind | None = None
    object_type: str | None = None
    id_type: str | None = None
    id_authority: str | None = None


def meter_id(value: str, kind: IdKind = "name") -> Identifier:
    """A meter, as errors and replies name it."""
    return Identifier(value, kind, "Meter")


@dataclass(frozen=True, slots=True)
class ReplyError:
    """One Reply/Error.

    `code` is of IEC 61968-9 Annex B; `reason` its standard English text.  `details` is Spanish and
    begins with a stable key (`MONTO_FALTA: ...`) that programs may compare.  `xpath` is the name of
    the element at fault (the schema wants a QName, not a path).
    """

    code: str
    details: str | None = None
    level: Level | None = Level.FATAL
    reason: str | None = None
    id: Identifier | None = None
    related_id: Identifier | None = None
    xpath: str | None = None
    operation: int | None = None  # operationId, of an error about one of an OperationSet

    @property
    def key(self) -> str:
        """The stable key that begins `details`; empty when there is none."""
        head, colon, _ = (self.details or "").partition(":")
        return head if colon else ""

    @property
    def reason_text(self) -> str:
        return self.reason or reason_of(self.code)


class NotAMessage(ValueError):
    """The octets cannot be answered in kind; `error` goes into a SOAP fault's detail."""

    def __init__(self, error: ReplyError) -> None:
        super().__init__(error.details)
        self.error = error


class RequestRefused(ValueError):
    """The message was read and is refused as a whole; nothing of it may be acted upon."""

    def __init__(self, *errors: ReplyError) -> None:
        super().__init__("; ".join(error.details or error.code for error in errors))
        self.errors = errors
