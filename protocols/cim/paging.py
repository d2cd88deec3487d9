"""Large answers in pages: PARTIAL with 0.1 while more follow, PARTIAL with 0.2 on the last.

All pages of an answer have its CorrelationID and follow each other; what fits into one message is
told as OK, not as a page.  The reading side is a state machine that tells how far it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from protocols.cim import exchange
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.record import Record
from protocols.cim.replies import Stamp

MORE = ReplyError("0.1", level=Level.INFORM)
LAST = ReplyError("0.2", level=Level.INFORM)
PAGES_MAX = 10_000  # of one answer


def answers(
    to: Message, pages: Iterable[Record], stamps: Iterator[Stamp], errors: Iterable[ReplyError] = ()
) -> Iterator[Message]:
    """An answer of one message or several, each with the next stamp.

    `errors` go with the last: what could not be given is known by then.  Where there are errors and
    content the only page is PARTIAL as well; without content, FAILED.
    """
    errors = tuple(errors)
    held: Record | None = None
    paged = False
    for record in pages:
        if held is not None:
            paged = True
            yield exchange.answer(to, next(stamps), Result.PARTIAL, [MORE], held)
        held = record
    if held is None:
        result = Result.FAILED if errors else Result.OK
        yield exchange.answer(to, next(stamps), result, errors)
    elif paged or errors:
        yield exchange.answer(to, next(stamps), Result.PARTIAL, [LAST, *errors], held)
    else:
        yield exchange.answer(to, next(stamps), Result.OK, (), held)


@dataclass(slots=True)
class Answer:
    """An answer as its messages come in.

    `complete` once nothing more follows; `result` is then FAILED, PARTIAL where errors came with
    it, else OK.
    """

    correlation_id: str | None
    complete: bool = False
    result: Result | None = None
    records: list[Record] = field(default_factory=list)
    errors: list[ReplyError] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def take(self, message: Message) -> None:
        """Take the next message.  The same message again (by MessageID) changes nothing.

        Raises `RequestRefused` (2.15) for a message of another exchange, or one after the last.
        """
        header, reply = message.header, message.reply
        if message.kind is not Kind.RESPONSE or header is None or reply is None:
            raise _refused("MENSAJE_NO_ES_RESPUESTA: se espera ResponseMessage")
        if header.correlation_id != self.correlation_id:
            raise _refused("CORRELACION_DISTINTA: la página es de otra respuesta")
        if header.message_id is not None:
            if header.message_id in self._seen:
                return
            self._seen.add(header.message_id)
        if self.complete or len(self._seen) > PAGES_MAX:
            raise _refused("PAGINA_INESPERADA: la respuesta ya está completa")
        first = not self.records
        self.records += exchange.content(message)
        codes = {error.code for error in reply.errors}
        self.errors += (error for error in reply.errors if not error.code.startswith("0."))
        self.complete = not (reply.result is Result.PARTIAL and "0.1" in codes)
        if self.complete:
            self.result = reply.result
            if reply.result is Result.PARTIAL and not (first or self.errors):
                self.result = Result.OK  # the last of several pages, and the answer is whole


def _refused(details: str) -> RequestRefused:
    return RequestRefused(ReplyError("2.15", details, xpath="CorrelationID"))
