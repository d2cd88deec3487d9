"""Messages of every noun and pattern, with records for their content.

Requests, questions, answers and events are built and read here, in both styles: generic, or typed
by the noun's own namespace.  What goes with which verb is for the nouns' table; what a record means
is for the modules of each noun.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocols.cim import codec, compression, envelope, extensions, schema
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Header, Kind, Message, Payload, Property, Reply, Request
from protocols.cim.errors import Identifier, ReplyError, RequestRefused
from protocols.cim.nouns import NOUNS, QUERIES, subject
from protocols.cim.record import Record
from protocols.cim.replies import Stamp
from protocols.cim.xml import BOUNDS, Bounds, Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a sender writes: typed or generic, and with which marks of the exchange."""

    typed: bool = False
    extensions: bool = False
    async_reply: bool | None = None
    reply_address: str | None = None
    ack_required: bool | None = None


GENERIC = Style()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that its schema accepts, opened where it was compressed; `set_aside` names what of
    other namespaces it carried."""

    message: Message
    set_aside: tuple[str, ...] = ()


def receive(root: Element, bounds: Bounds = BOUNDS) -> Received:
    """A message from its element, as `xml.parse` gives it.

    Raises `NotAMessage` for what is none of ours, `RequestRefused` for what its schema refuses.
    """
    envelope.identify(root)
    found = extensions.set_aside(root)
    schema.check(root)
    return Received(message=compression.opened(envelope.read(root), bounds), set_aside=found)


def request(
    verb: str,
    noun: str,
    stamp: Stamp,
    record: Record | None = None,
    style: Style = GENERIC,
    *,
    options: Iterable[Property] = (),
    ids: Iterable[Identifier] = (),
) -> Message:
    """A request: create, change, delete, cancel or close of a noun.

    Raises `ValueError` for a verb that the noun has not, and a record of another noun.
    """
    if verb not in NOUNS[noun].requests:
        raise ValueError(f"{noun} has no {verb}")
    asked = Request(options=tuple(options), ids=tuple(ids))
    return Message(
        kind=Kind.REQUEST,
        typed=noun if style.typed else None,
        header=_header(verb, noun, stamp, style),
        request=asked if asked.options or asked.ids else None,
        payload=_payload(noun, record, style),
    )


def question(record: Record, stamp: Stamp, style: Style = GENERIC, *,
             asked: Request | None = None) -> Message:  # fmt: skip
    """A `get`: the record of a GetN goes into the Request, beside what `asked` has of times,
    options and IDs.  Raises `ValueError` for a record of no question."""
    query = type(record).__name__
    if query not in QUERIES:
        raise ValueError(f"{query} asks nothing")
    asked = Request() if asked is None else asked
    content = codec.element(record, extensions=style.extensions)
    return Message(
        kind=Kind.REQUEST,
        typed=query if style.typed else None,
        header=_header("get", subject(query), stamp, style),
        request=Request(
            start_time=asked.start_time,
            end_time=asked.end_time,
            options=asked.options,
            ids=asked.ids,
            content=(content,),
        ),
    )


def answer(
    to: Message,
    stamp: Stamp,
    result: Result,
    errors: Iterable[ReplyError] = (),
    record: Record | None = None,
    *,
    ids: Iterable[Identifier] = (),
    extensions: bool = False,
) -> Message:
    """A `reply` in the style of what it answers.  OK without errors gets the code 0.0."""
    if to.header is None:
        raise ValueError("a message without header is not answered")
    noun = subject(to.header.noun)
    errors = tuple(errors)
    if result is Result.OK and not errors:
        errors = (ReplyError("0.0", level=Level.INFORM),)
    style = Style(typed=to.typed is not None, extensions=extensions)
    return Message(
        kind=Kind.RESPONSE,
        typed=to.typed,
        header=_header("reply", noun, stamp, style),
        reply=Reply(result=result, errors=errors, ids=tuple(ids)),
        payload=_payload(noun, record, style),
    )


def event(verb: str, record: Record, stamp: Stamp, style: Style = GENERIC) -> Message:
    """An event: created, changed, deleted …  Raises `ValueError` for a verb that the record's noun
    has not."""
    noun = type(record).__name__
    if verb not in NOUNS[noun].events:
        raise ValueError(f"{noun} has no {verb}")
    return Message(
        kind=Kind.EVENT,
        typed=noun if style.typed else None,
        header=_header(verb, noun, stamp, style),
        payload=_payload(noun, record, style),
    )


def content(message: Message) -> tuple[Record, ...]:
    """The payload's records.  Raises `RequestRefused`: 2.5 for one of another noun than the
    header's, 1.8 for what `envelope` left unread."""
    payload = message.payload
    if payload is None:
        return ()
    if payload.unread:
        details = f"CONTENIDO_NO_ADMITIDO: {', '.join(payload.unread)}"
        raise RequestRefused(ReplyError("1.8", details, xpath="Payload"))
    records = tuple(map(codec.decode, payload.content))
    noun = "" if message.header is None else subject(message.header.noun)
    for record in records:
        if type(record).__name__ != noun:
            details = f"CONTENIDO_DISTINTO: {type(record).__name__} en {noun}"
            raise RequestRefused(ReplyError("2.5", details, xpath="Payload"))
    return records


def asked_for(message: Message) -> Record:
    """The record of a question.  Raises `RequestRefused`: 2.9 where the verb is not get, 2.5 for a
    noun that is not asked for, 1.6 where the Request has not exactly one GetN of its noun."""
    header = message.header
    if message.kind is not Kind.REQUEST or header is None or header.verb != "get":
        verb = "" if header is None else header.verb
        details = f"VERBO_NO_ADMITIDO: se espera get, no {verb!r}"
        raise RequestRefused(ReplyError("2.9", details, xpath="Verb"))
    noun = NOUNS.get(subject(header.noun))
    if noun is None or noun.query is None or message.typed not in (None, noun.query):
        details = f"SUSTANTIVO_NO_ADMITIDO: no se pregunta por {header.noun[:60]}"
        raise RequestRefused(ReplyError("2.5", details, xpath="Noun"))
    records = [] if message.request is None else [*map(codec.decode, message.request.content)]
    if [type(record).__name__ for record in records] != [noun.query]:
        details = f"PREGUNTA_FALTA: se espera un {noun.query} en Request"
        raise RequestRefused(ReplyError("1.6", details, xpath="Request"))
    return records[0]


def _payload(noun: str, record: Record | None, style: Style) -> Payload | None:
    if record is None:
        return None
    if type(record).__name__ != noun:
        raise ValueError(f"{type(record).__name__} in {noun}")
    return Payload(content=(codec.element(record, extensions=style.extensions),))


def _header(verb: str, noun: str, stamp: Stamp, style: Style) -> Header:
    return Header(
        verb=verb,
        noun=noun,
        timestamp=stamp.at,
        source=stamp.source,
        async_reply=style.async_reply,
        reply_address=style.reply_address,
        ack_required=style.ack_required,
        message_id=stamp.message_id,
        correlation_id=stamp.correlation_id,
    )
