"""The envelope of IEC 61968-100:2013: Header, Request, Reply and Payload, as dataclasses.

A message is generic (`RequestMessage`, any noun inside) or strongly typed
(`CreateEndDeviceControls`, in the noun's own namespace, where Header, Request, Reply and Payload
are in that namespace too and their children in schema/message).  Both become one `Message`; `typed`
says which it was, because an answer keeps its question's style.

The payload's content stays XML here: its profile reads it.  This module presumes a message that
its XSD accepts (see `schema`), and does not judge verbs, nouns or content.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.codes import Level, Result
from protocols.cim.errors import Identifier, IdKind, NotAMessage, ReplyError, RequestRefused
from protocols.cim.nouns import EVENT_VERBS, QUERIES, REQUEST_VERBS, is_question, subject
from protocols.cim.operations import OperationSet, read_operations, write_operations
from protocols.cim.xml import Element

LATER_EDITION: Final = ReplyError(
    "1.9", "EDICION_NO_ADMITIDA: se admite IEC 61968-100:2013, no la de 2022"
)


class Kind(enum.StrEnum):
    """What a message is, after its generic element."""

    REQUEST = "RequestMessage"
    RESPONSE = "ResponseMessage"
    EVENT = "EventMessage"
    FAULT = "FaultMessage"


@dataclass(frozen=True, slots=True)
class Property:
    """A name with an optional value: Header/Property or Request/Option."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """On whose behalf a message is sent."""

    user_id: str
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayDetection:
    """A nonce and the time it was made."""

    nonce: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Message header; the order of fields is that of the schema.

    Times may be naive when their sender left the offset out.
    """

    verb: str
    noun: str
    revision: str | None = None
    replay_detection: ReplayDetection | None = None
    context: str | None = None
    timestamp: datetime | None = None
    source: str | None = None
    async_reply: bool | None = None
    reply_address: str | None = None
    ack_required: bool | None = None
    user: User | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    comment: str | None = None
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What qualifies a request: a window of time, options, and the objects it is about.

    `content` are elements of other namespaces: what a question asks for, e.g. GetMeterReadings.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    options: tuple[Property, ...] = ()
    ids: tuple[Identifier, ...] = ()
    content: tuple[Element, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a request ended, or that it was taken.  `operation` is the operationId it is about."""

    result: Result
    errors: tuple[ReplyError, ...] = ()
    ids: tuple[Identifier, ...] = ()
    operation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payload:
    """The content: elements of a profile, or the IDs of what is cancelled, or several operations,
    or content that is compressed (see `compression`).

    `unread` names the last two, for readers who take neither.
    """

    content: tuple[Element, ...] = ()
    ids: tuple[Identifier, ...] = ()
    format: str | None = None
    operations: OperationSet | None = None
    compressed: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Message:
    """One message.  `typed` is the noun of a strongly typed message, None for a generic one."""

    kind: Kind
    typed: str | None = None
    header: Header | None = None
    request: Request | None = None
    reply: Reply | None = None
    payload: Payload | None = None
    name: str = field(default="")  # the root's local name; derived when empty

    def root_name(self) -> str:
        """The local name of the message's element, e.g. CreateEndDeviceControls."""
        if self.name:
            return self.name
        if self.typed is None:
            return str(self.kind)
        if self.kind in (Kind.RESPONSE, Kind.FAULT):
            return f"{subject(self.typed)}{self.kind}"
        if is_question(self.typed):
            return self.typed
        if self.header is None:
            raise ValueError("a typed request or event is named by its header's verb")
        return f"{self.header.verb.capitalize()}{self.typed}"


_OF_QUESTIONS: Final = frozenset(map(ns.typed, QUERIES))


def identify(root: Element) -> tuple[Kind, str | None]:
    """What a body element is: its kind, and its noun when strongly typed.

    Raises `NotAMessage` for an element that is no message of ours.
    """
    namespace, name = xml.namespace(root), xml.local(root)
    if namespace == ns.MESSAGE and name in set(Kind):
        return Kind(name), None
    noun = ns.noun_of(namespace)
    if noun is not None:
        about = subject(noun)
        if name in (f"{about}ResponseMessage", f"{about}FaultMessage"):
            return Kind(name.removeprefix(about)), noun
        if name == noun and is_question(noun):
            return Kind.REQUEST, noun
        verb = name.removesuffix(noun).lower()
        if not is_question(noun) and name == f"{verb.capitalize()}{noun}":
            if verb in REQUEST_VERBS:
                return Kind.REQUEST, noun
            if verb in EVENT_VERBS:
                return Kind.EVENT, noun
    if namespace == ns.MESSAGE_2022:
        raise NotAMessage(LATER_EDITION)
    raise NotAMessage(
        ReplyError("1.8", xml.clean(f"MENSAJE_DESCONOCIDO: {{{namespace}}}{name}", 300))
    )


def read(root: Element) -> Message:
    """A message from its element.  The element must have passed the schema.

    Raises `NotAMessage` when the element is no message of ours.
    """
    kind, noun = identify(root)
    header, request, reply, payload = (
        xml.child(root, name) for name in ("Header", "Request", "Reply", "Payload")
    )
    return Message(
        kind=kind,
        typed=noun,
        header=None if header is None else read_header(header),
        request=None if request is None else _read_request(request),
        reply=None if reply is None else _read_reply(reply),
        payload=None if payload is None else _read_payload(payload),
        name=xml.local(root),
    )


def read_header(element: Element) -> Header:
    """A Header element, whose children are in schema/message whatever its own namespace.

    Raises `RequestRefused` (1.8) for times and flags that are none.
    """
    text: dict[str, str] = {}
    properties: list[Property] = []
    replay: ReplayDetection | None = None
    user: User | None = None
    for part in element:
        if xml.namespace(part) != ns.MESSAGE:
            continue
        match xml.local(part):
            case "Property":
                properties.append(
                    Property(xml.child_text(part, "Name") or "", xml.child_text(part, "Value"))
                )
            case "ReplayDetection":
                created = xml.date_time(xml.child_text(part, "Created"))
                if created is None:
                    raise RequestRefused(
                        ReplyError("1.8", "CAMPO_FALTA: falta Created", xpath="ReplayDetection")
                    )
                replay = ReplayDetection(xml.child_text(part, "Nonce") or "", created)
            case "User":
                user = User(
                    xml.child_text(part, "UserID") or "", xml.child_text(part, "Organization")
                )
            case name:
                text[name] = (part.text or "").strip()
    return Header(
        verb=text.get("Verb", ""),
        noun=text.get("Noun", ""),
        revision=text.get("Revision"),
        replay_detection=replay,
        context=text.get("Context"),
        timestamp=xml.date_time(text.get("Timestamp")),
        source=text.get("Source") or None,
        async_reply=xml.boolean(text.get("AsyncReplyFlag")),
        reply_address=text.get("ReplyAddress") or None,
        ack_required=xml.boolean(text.get("AckRequired")),
        user=user,
        message_id=text.get("MessageID") or None,
        correlation_id=text.get("CorrelationID") or None,
        comment=text.get("Comment"),
        properties=tuple(properties),
    )


def glimpse(root: Element) -> Header:
    """What can be said of a message that its schema refused, never failing: verb, noun, ids, and
    whether an acknowledgement is wanted."""
    header = xml.child(root, "Header")
    text = {} if header is None else {xml.local(part): xml.text_of(part) or "" for part in header}
    return Header(
        verb=text.get("Verb", ""),
        noun=text.get("Noun", ""),
        source=text.get("Source") or None,
        message_id=text.get("MessageID") or None,
        correlation_id=text.get("CorrelationID") or None,
        ack_required=_BOOLEANS.get(text.get("AckRequired", "")),
    )


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def _of_message(parent: Element, name: str) -> list[Element]:
    found: list[Element] = parent.findall(f"{{{ns.MESSAGE}}}{name}")
    return found


def _message_text(parent: Element, name: str) -> str | None:
    return xml.text_of(parent.find(f"{{{ns.MESSAGE}}}{name}"))


def _read_request(element: Element) -> Request:
    """Its children are in schema/message; those of a typed question in its own namespace."""
    space = xml.namespace(element)
    if space not in _OF_QUESTIONS:
        space = ns.MESSAGE
    return Request(
        start_time=xml.date_time(xml.text_of(element.find(f"{{{space}}}StartTime"))),
        end_time=xml.date_time(xml.text_of(element.find(f"{{{space}}}EndTime"))),
        options=tuple(
            Property(_message_text(option, "name") or "", _message_text(option, "value"))
            for option in element.findall(f"{{{space}}}Option")
        ),
        ids=tuple(map(_read_id, element.findall(f"{{{space}}}ID"))),
        content=tuple(part for part in element if xml.namespace(part) not in (space, ns.MESSAGE)),
    )


def _read_reply(element: Element) -> Reply:
    return Reply(
        result=Result(_message_text(element, "Result") or ""),
        errors=tuple(map(_read_error, _of_message(element, "Error"))),
        ids=tuple(map(_read_id, _of_message(element, "ID"))),
        operation=xml.integer(_message_text(element, "operationId")),
    )


def _read_error(element: Element) -> ReplyError:
    level = xml.child_text(element, "level")
    identifier, related = xml.child(element, "ID"), xml.child(element, "relatedID")
    return ReplyError(
        code=xml.child_text(element, "code") or "",
        details=xml.child_text(element, "details"),
        level=None if level is None else Level(level),
        reason=xml.child_text(element, "reason"),
        id=None if identifier is None else _read_id(identifier),
        related_id=None if related is None else _read_id(related),
        xpath=xml.child_text(element, "xpath"),
        operation=xml.integer(xml.child_text(element, "operationId")),
    )


def _read_id(element: Element) -> Identifier:
    return Identifier(
        value=(element.text or "").strip(),
        kind=cast("IdKind | None", element.get("kind")),
        object_type=element.get("objectType"),
        id_type=element.get("idType"),
        id_authority=element.get("idAuthority"),
    )


def _read_payload(element: Element) -> Payload:
    own = {ns.MESSAGE, xml.namespace(element)}
    content: list[Element] = []
    ids: list[Identifier] = []
    unread: list[str] = []
    form: str | None = None
    operations: OperationSet | None = None
    compressed: str | None = None
    for part in element:
        if xml.namespace(part) not in own:
            content.append(part)
            continue
        match xml.local(part):
            case "ID":
                ids.append(_read_id(part))
            case "Format":
                form = xml.text_of(part)
            case name:
                unread.append(name)
                if name == "OperationSet":
                    operations = read_operations(part)
                elif name == "Compressed":
                    compressed = part.text or ""
    return Payload(
        content=tuple(content),
        ids=tuple(ids),
        format=form,
        operations=operations,
        compressed=compressed,
        unread=tuple(unread),
    )


def write(message: Message) -> Element:
    """The message's element.  Payload content is moved into it (lxml elements have one parent)."""
    outer = ns.MESSAGE if message.typed is None else ns.typed(message.typed)
    nsmap = {None: outer} if message.typed is None else {None: outer, "m": ns.MESSAGE}
    root = etree.Element(f"{{{outer}}}{message.root_name()}", nsmap=nsmap)
    if message.header is not None:
        _write_header(xml.add(root, "Header"), message.header)
    if message.request is not None:
        _write_request(xml.add(root, "Request"), message.request)
    if message.reply is not None:
        _write_reply(xml.add(root, "Reply"), message.reply)
    if message.payload is not None:
        payload = xml.add(root, "Payload")
        payload.extend(message.payload.content)
        for identifier in message.payload.ids:
            _write_id(payload, "ID", identifier)
        if message.payload.operations is not None:
            write_operations(xml.add(payload, "OperationSet"), message.payload.operations)
        xml.add_text(payload, "Compressed", message.payload.compressed, limit=None)
        xml.add_text(payload, "Format", message.payload.format)
    return root


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    element = etree.SubElement(parent, f"{{{ns.MESSAGE}}}{name}")
    if text is not None:
        element.text = xml.clean(text)
    return element


def _add_text(parent: Element, name: str, text: str | None) -> None:
    if text is not None:
        _add(parent, name, text)


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _time(value: datetime | None) -> str | None:
    return None if value is None else xml.date_time_text(value)


def _write_header(parent: Element, header: Header) -> None:
    _add(parent, "Verb", header.verb)
    _add(parent, "Noun", header.noun)
    _add_text(parent, "Revision", header.revision)
    if header.replay_detection is not None:
        replay = _add(parent, "ReplayDetection")
        _add(replay, "Nonce", header.replay_detection.nonce)
        _add(replay, "Created", _time(header.replay_detection.created))
    _add_text(parent, "Context", header.context)
    _add_text(parent, "Timestamp", _time(header.timestamp))
    _add_text(parent, "Source", header.source)
    _add_text(parent, "AsyncReplyFlag", _flag(header.async_reply))
    _add_text(parent, "ReplyAddress", header.reply_address)
    _add_text(parent, "AckRequired", _flag(header.ack_required))
    if header.user is not None:
        user = _add(parent, "User")
        _add(user, "UserID", header.user.user_id)
        _add_text(user, "Organization", header.user.organization)
    _add_text(parent, "MessageID", header.message_id)
    _add_text(parent, "CorrelationID", header.correlation_id)
    _add_text(parent, "Comment", header.comment)
    for item in header.properties:
        element = _add(parent, "Property")
        _add(element, "Name", item.name)
        _add_text(element, "Value", item.value)


def _write_request(parent: Element, request: Request) -> None:
    add = xml.add if xml.namespace(parent) in _OF_QUESTIONS else _add
    for name, value in (("StartTime", request.start_time), ("EndTime", request.end_time)):
        if value is not None:
            add(parent, name, xml.date_time_text(value))
    for option in request.options:
        element = add(parent, "Option")
        _add(element, "name", option.name)
        _add_text(element, "value", option.value)
    for identifier in request.ids:
        _describe(add(parent, "ID", identifier.value), identifier)
    parent.extend(request.content)


def _write_reply(parent: Element, reply: Reply) -> None:
    _add(parent, "Result", reply.result)
    for error in reply.errors:
        _write_error(parent, error)
    for identifier in reply.ids:
        _write_id(parent, "ID", identifier)
    _add_text(parent, "operationId", None if reply.operation is None else str(reply.operation))


def _write_error(parent: Element, error: ReplyError) -> None:
    element = _add(parent, "Error")
    _add(element, "code", error.code)
    _add_text(element, "level", error.level)
    _add(element, "reason", error.reason_text)
    _add_text(element, "details", error.details)
    _add_text(element, "xpath", error.xpath)
    if error.id is not None:
        _write_id(element, "ID", error.id)
    if error.related_id is not None:
        _write_id(element, "relatedID", error.related_id)
    if error.operation is not None:
        _add(element, "operationId", str(error.operation))


def _write_id(parent: Element, name: str, identifier: Identifier) -> None:
    _describe(_add(parent, name, identifier.value), identifier)


def _describe(element: Element, identifier: Identifier) -> None:
    for attribute, value in (
        ("idType", identifier.id_type),
        ("idAuthority", identifier.id_authority),
        ("kind", identifier.kind),
        ("objectType", identifier.object_type),
    ):
        if value is not None:
            element.set(attribute, xml.clean(value))


def write_fault_reply(error: ReplyError, noun: str | None = None) -> Element:
    """The detail of a SOAP fault: a FaultMessage, typed when the noun is known."""
    reply = Reply(result=Result.FAILED, errors=(error,))
    return write(Message(kind=Kind.FAULT, typed=noun, reply=reply))
