"""An envelope as the bus reads it: who sends what to whom, and nothing of its content.

The octets are carried as they came.  Reading is strict where routing and permissions rest on it: a
header in which Verb, Noun, Source or an id stands twice is refused, lest two readers take different
ones, and only elements of the envelope's own namespace count.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from protocols.cim import digest, envelope, replies, xml
from protocols.cim import namespaces as ns
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, ReplyError
from protocols.cim.replies import Stamp
from protocols.cim.xml import BOUNDS, Bounds, Element

MORE_TO_COME: Final = frozenset({"0.1", "0.3"})  # IEC 61968-9 Annex B: partial; acknowledged only
_OURS: Final = uuid.UUID("5e0f2b1c-7a3d-5d55-8f14-61968a100c1b")  # names ids of replies made here
TEXT_MAX: Final = 512  # a UUID has 36 characters; MQTT carries 65,535 octets of correlation data
_ONCE: Final = ("Verb", "Noun", "Source", "MessageID", "CorrelationID", "ReplyAddress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What stands on a message.  A FaultMessage has no header: its texts are empty.

    `octets` are the message itself, `print` tells it from others: a request's is the fingerprint
    for idempotency (`protocols.cim.digest`), a reply's that of its octets.
    """

    octets: bytes
    kind: Kind
    name: str  # of the message's element, e.g. CreateEndDeviceControls
    typed: str | None
    print: str
    verb: str = ""
    noun: str = ""
    source: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    reply_address: str | None = None
    result: str = ""  # of a reply: OK, PARTIAL, FAILED
    codes: tuple[str, ...] = ()

    @property
    def answers_to(self) -> tuple[str, ...]:
        """The ids under which a reply may refer to this request."""
        return tuple(name for name in (self.message_id, self.correlation_id) if name)

    @property
    def is_first_of_several(self) -> bool:
        """Whether a reply says that more follow: a page, or an acknowledgement."""
        return not MORE_TO_COME.isdisjoint(self.codes)


def octets_print(octets: bytes) -> str:
    """SHA-256 in hex of the octets as they stand: what a trace compares between hops."""
    return hashlib.sha256(octets).hexdigest()


def read(octets: bytes, bounds: Bounds = BOUNDS) -> Letter:
    """Read a message's outside.  Raises `NotAMessage` for what is no message of the envelope."""
    root = xml.parse(octets, bounds)
    kind, typed = envelope.identify(root)
    header = xml.child(root, "Header")
    if header is None and kind is not Kind.FAULT:
        raise NotAMessage(ReplyError("1.5", "CAMPO_FALTA: falta Header", xpath="Header"))
    text = {} if header is None else _texts(header)
    print_ = octets_print(octets) if kind is Kind.RESPONSE else digest.digest(root)
    return Letter(
        octets=octets,
        kind=kind,
        name=xml.local(root),
        typed=typed,
        print=print_,
        verb=text.get("Verb", ""),
        noun=text.get("Noun", ""),
        source=text.get("Source") or None,
        message_id=text.get("MessageID") or None,
        correlation_id=text.get("CorrelationID") or None,
        reply_address=text.get("ReplyAddress") or None,
        result=_result(root),
        codes=_codes(root),
    )


def _texts(header: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in header:
        name = xml.local(part)
        if xml.namespace(part) != ns.MESSAGE or name not in _ONCE:
            continue
        if name in found:
            details = f"CAMPO_REPETIDO: {name} figura dos veces en Header"
            raise NotAMessage(ReplyError("1.8", details, xpath=name))
        found[name] = xml.text_of(part) or ""
        if len(found[name]) > TEXT_MAX:
            details = f"CAMPO_DEMASIADO_LARGO: {name} tiene más de {TEXT_MAX} caracteres"
            raise NotAMessage(ReplyError("1.8", details, xpath=name))
    return found


def _result(root: Element) -> str:
    reply = xml.child(root, "Reply")
    found = None if reply is None else reply.find(f"{{{ns.MESSAGE}}}Result")
    return xml.text_of(found) or ""


def _codes(root: Element) -> tuple[str, ...]:
    reply = xml.child(root, "Reply")
    if reply is None:
        return ()
    errors = reply.findall(f"{{{ns.MESSAGE}}}Error")
    return tuple(xml.child_text(error, "code") or "" for error in errors)


def refusal(asked: Letter, error: ReplyError, *, by: str, at: datetime) -> bytes:
    """Reply FAILED to a request, in its own style (generic or typed), from the node called `by`.

    Its MessageID follows from the request and the reason, so that the same refusal made twice is
    known for one.
    """
    name = "/".join((by, asked.source or "", asked.message_id or asked.print, error.code))
    stamp = Stamp(
        source=by,
        message_id=str(uuid.uuid5(_OURS, name)),
        at=at,
        correlation_id=asked.correlation_id or asked.message_id,
    )
    answer = replies.reply(asked.noun, stamp, Result.FAILED, (error,), typed=False)
    return xml.serialize(envelope.write(replace(answer, typed=asked.typed)))


def fault(error: ReplyError) -> bytes:
    """A FaultMessage: the answer to what could not be read."""
    return xml.serialize(envelope.write_fault_reply(error))
