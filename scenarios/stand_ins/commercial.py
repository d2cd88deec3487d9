"""A stand-in of the commercial system ("Sistema Legacy", seed 004).

It sends orders as SOAP with CIM messages and stores each final reply and event once, by MessageID,
however often it arrives.  It knows of the head-end only what the messages say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from lxml import etree

from protocols.cim import end_device_controls, envelope, meter_config, replies, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.codes import Result
from protocols.cim.control_types import CODE_OF, ControlKind
from protocols.cim.end_device_controls import (
    POWER_LIMIT,
    POWER_LIMIT_UNIT,
    Attribute,
    EndDevice,
    EndDeviceControl,
    Timing,
)
from protocols.cim.envelope import Header, Kind, Message, Payload, Property, Request
from protocols.cim.errors import Identifier
from protocols.cim.replies import Stamp
from scenarios.stand_ins.said import Said

Post = Callable[[bytes], Awaitable[bytes]]
"""Carries a SOAP envelope to the head-end and brings back the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order as the commercial system wants to send it."""

    kind: ControlKind
    meters: tuple[str, ...]
    amount: str | None = None
    unit: str = "W"
    carrier: Literal["attribute", "option", "meter-config"] = "attribute"
    generic: bool = False
    message_id: str
    correlation_id: str
    any_day: bool = False
    until_pressed: bool = False
    deadline: datetime | None = None
    until: datetime | None = None
    reply_address: str | None = None
    wait: bool = False  # AsyncReplyFlag false: wait for the outcome


@dataclass(frozen=True, slots=True)
class Answered:
    """What the head-end answered at once."""

    text: str  # "OK 0.3", "FAILED 2.4", or "fault ..."
    transaction_id: str | None
    message: Message | None

    @property
    def taken(self) -> bool:
        return self.text.startswith(("OK", "PARTIAL"))


@dataclass(slots=True)
class CommercialSystem:
    """Sends and stores.  `post` is the way to the head-end's SOAP door."""

    name: str
    post: Post
    now: Callable[[], datetime]
    reachable: bool = True
    answers: list[Answered] = field(default_factory=list)
    replies: dict[str, Message] = field(default_factory=dict)
    events: dict[str, Message] = field(default_factory=dict)
    taken: dict[str, Wanted] = field(default_factory=dict)  # by the transaction it was given
    received: int = 0  # deliveries, repeated ones among them
    said: list[Said] = field(default_factory=list)

    async def send(self, wanted: Wanted) -> Answered:
        """Send an order and read the answer.  Without one, send the same again: the head-end knows
        it by its MessageID."""
        amount = "" if wanted.amount is None else f" {wanted.amount} {wanted.unit}"
        meters = ", ".join(wanted.meters)
        detail = f"{wanted.kind}{amount}: {meters}"
        device = wanted.meters[0] if len(wanted.meters) == 1 else None
        answered = await self._exchange(self.request(wanted), detail, device)
        if answered.transaction_id is not None:
            self.taken[answered.transaction_id] = wanted
        return answered

    async def cancel(self, *, correlation_id: str, message_id: str) -> Answered:
        """Ask that the waiting orders of an earlier message be given up."""
        header = Header(
            verb="cancel",
            noun=ns.CONTROLS,
            timestamp=self.now(),
            source=self.name,
            message_id=message_id,
            correlation_id=correlation_id,
        )
        message = Message(kind=Kind.REQUEST, typed=ns.CONTROLS, header=header)
        return await self._exchange(message)

    def request(self, wanted: Wanted) -> Message:
        """The CIM message for an order."""
        noun = ns.METER_CONFIG if wanted.carrier == "meter-config" else ns.CONTROLS
        options = []
        if wanted.carrier == "option" and wanted.amount is not None:
            options.append(Property(POWER_LIMIT, wanted.amount))
            options.append(Property(POWER_LIMIT_UNIT, wanted.unit))
        if wanted.any_day:
            options.append(Property("diaNoLaborable", "permitido"))
        if wanted.until_pressed:
            options.append(Property("esperaPulsador", "requerido"))
        request = None
        if options or wanted.deadline is not None:
            request = Request(end_time=wanted.deadline, options=tuple(options))
        return Message(
            kind=Kind.REQUEST,
            typed=None if wanted.generic else noun,
            header=Header(
                verb="change" if noun == ns.METER_CONFIG else "create",
                noun=noun,
                timestamp=self.now(),
                source=self.name,
                async_reply=not wanted.wait,
                reply_address=wanted.reply_address,
                message_id=wanted.message_id,
                correlation_id=wanted.correlation_id,
            ),
            request=request,
            payload=Payload(content=(self._content(wanted),)),
        )

    def receive(self, octets: bytes) -> bytes:
        """Store a reply or an event, and acknowledge it.  Raises `ConnectionError` while down."""
        if not self.reachable:
            raise ConnectionError("the commercial system is down")
        root = xml.parse(octets)
        schema.check(root)
        message = envelope.read(root)
        assert message.header is not None and message.header.message_id is not None
        self.received += 1
        stored = self.events if message.kind is Kind.EVENT else self.replies
        again = " ↻" if message.header.message_id in stored else ""
        stored[message.header.message_id] = message
        what = f"{message.header.verb} {message.header.noun}{again}"
        result = "" if message.reply is None else str(message.reply.result)
        self.said.append(Said(self.now(), "told", "CIM", what, result))
        stamp = Stamp(
            source=self.name,
            message_id=f"ack-{message.header.message_id}",
            at=self.now(),
            correlation_id=message.header.correlation_id,
        )
        answer = replies.reply(
            message.header.noun,
            stamp,
            Result.OK,
            ids=(Identifier(message.header.message_id, "uuid"),),
            typed=message.typed is not None,
        )
        return xml.serialize(envelope.write(answer))

    def _content(self, wanted: Wanted) -> etree._Element:
        if wanted.carrier == "meter-config":  # where further names of a Meter are other names
            limit = meter_config.LimitConfig(
                meters=tuple(EndDevice(names=(name,)) for name in wanted.meters),
                power_limit=None if wanted.amount is None else _watts(wanted),
                check=wanted.kind is ControlKind.SET_LIMIT,
            )
            return meter_config.write([limit])
        attributes: tuple[Attribute, ...] = ()
        if wanted.carrier == "attribute" and wanted.amount is not None:
            attributes = (
                Attribute(POWER_LIMIT, wanted.amount),
                Attribute(POWER_LIMIT_UNIT, wanted.unit),
            )
        control = EndDeviceControl(
            type=CODE_OF[wanted.kind],
            devices=(EndDevice(names=wanted.meters),),
            attributes=attributes,
            timing=None if wanted.until is None else Timing(end=wanted.until),
        )
        return end_device_controls.write([control])

    def envelope(self, wanted: Wanted) -> bytes:
        """The SOAP message for an order, as it goes out."""
        return _octets(self.request(wanted))

    async def _exchange(
        self, message: Message, detail: str = "", device: str | None = None
    ) -> Answered:
        assert message.header is not None
        what = f"{message.header.verb} {message.header.noun}"
        self.said.append(Said(self.now(), "asked", "SOAP", what, detail, device=device))
        answered = _read_answer(await self.post(_octets(message)))
        self.answers.append(answered)
        self.said.append(Said(self.now(), "answered", "SOAP", answered.text, device=device))
        return answered


def _octets(message: Message) -> bytes:
    return xml.serialize(replies.soap_envelope(envelope.write(message)))


def _watts(wanted: Wanted) -> str:
    assert wanted.amount is not None
    factor = 1000 if wanted.unit.startswith("k") else 1
    return format(Decimal(wanted.amount) * factor, "f")


def _read_answer(octets: bytes) -> Answered:
    root = xml.parse(octets)
    body = root.find(f"{{{ns.SOAP_11}}}Body")
    if body is None or len(body) == 0:
        return Answered("fault: no SOAP body", None, None)
    content = body[0]
    if content.tag == f"{{{ns.SOAP_11}}}Fault":
        return Answered(f"fault {content.findtext('faultstring')}", None, None)
    message = envelope.read(content)
    reply = message.reply
    if reply is None:
        return Answered("fault: an answer that is no reply", None, None)
    transaction = next((i.value for i in reply.ids if i.kind == "transaction"), None)
    code = reply.errors[0].code if reply.errors else "0.0"
    return Answered(f"{reply.result} {code}", transaction, message)
