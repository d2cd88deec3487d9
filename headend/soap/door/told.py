"""What a door can say of a message once it is answered: for the log of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.cim import envelope, xml
from protocols.cim import namespaces as ns
from protocols.cim.envelope import Header
from protocols.cim.errors import ReplyError
from protocols.cim.xml import Element

FAULT: Final = "FAULT"  # in place of a Reply/Result
_NOTHING: Final = Header(verb="", noun="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a message was, as far as it could be read, and what it was answered.

    `source` is as proven where the message was let in, as claimed where it was refused; `user` the
    name on its token.  `code` and `key` are the first error's.
    """

    verb: str = ""
    noun: str = ""
    source: str | None = None
    user: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    result: str = FAULT
    code: str = ""
    key: str = ""


def replied(header: Header, answer: Element, user: str | None = None) -> Told:
    """Of a message that got a Reply, in its element."""
    reply = xml.child(answer, "Reply")
    error = None if reply is None else reply.find(f"{{{ns.MESSAGE}}}Error")
    code = details = None
    if error is not None:
        code, details = xml.child_text(error, "code"), xml.child_text(error, "details")
    result = None if reply is None else xml.text_of(reply.find(f"{{{ns.MESSAGE}}}Result"))
    return _of(header, user, result or FAULT, ReplyError(code or "", details))


def faulted(error: ReplyError, header: Header = _NOTHING, user: str | None = None) -> Told:
    """Of one that got a SOAP fault."""
    return _of(header, user, FAULT, error)


def faulted_with(octets: bytes, body: Element) -> Told:
    """Of one that got the SOAP fault in these octets, which are ours."""
    header = envelope.glimpse(body)
    error = next(xml.parse(octets).iter(f"{{{ns.MESSAGE}}}Error"), None)
    if error is None:
        return _of(header, None, FAULT, ReplyError(""))
    code, details = xml.child_text(error, "code"), xml.child_text(error, "details")
    return _of(header, None, FAULT, ReplyError(code or "", details))


def _of(header: Header, user: str | None, result: str, error: ReplyError) -> Told:
    return Told(
        verb=header.verb,
        noun=header.noun,
        source=header.source,
        user=user,
        message_id=header.message_id,
        correlation_id=header.correlation_id,
        result=result,
        code=error.code,
        key=error.key,
    )
