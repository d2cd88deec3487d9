"""Messages on the bus, for tests to vary, and an adapter that echoes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree

from protocols.cim import envelope, xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.letter import Letter
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Header, Kind, Message, Payload, Property, Reply, Request
from protocols.cim.errors import ReplyError

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
PROFILE = "http://utility.example/profile#"
RULES = """
[[route]]
noun = "Feeder"
verb = "get"
destination = "SIAD"
timeout_s = 20

[[route]]
noun = "Analog"
source = "TABLERO"
destination = "SIMOCE"

[[route]]
noun = "Analog"
destination = "SCADA"

[[route]]
noun = "EndDeviceControls"
destination = "AMI"

[[route]]
noun = "EndDeviceEvents"
verb = "created"
destination = "MDM"

[[permit]]
source = "TABLERO"
verbs = ["get"]

[[permit]]
source = "COMERCIAL"
nouns = ["EndDeviceControls", "Feeder", "Analog"]
destinations = ["AMI", "SIAD"]

[[permit]]
source = "AMI"
nouns = ["EndDeviceEvents"]

[[speaker]]
name = "PUERTA"
speaks_for = ["COMERCIAL", "TABLERO"]
"""


def get(
    noun: str = "Feeder",
    source: str | None = "TABLERO",
    message_id: str | None = "m-1",
    *,
    verb: str = "get",
    correlation_id: str | None = None,
    reply_address: str | None = None,
    kind: Kind = Kind.REQUEST,
    option: str = "Substation",
    pad: int = 0,
) -> bytes:
    """A generic request (or event) for instances of a class."""
    header = Header(
        verb=verb,
        noun=noun,
        source=source,
        message_id=message_id,
        correlation_id=correlation_id,
        reply_address=reply_address,
        timestamp=AT,
        comment="x" * pad or None,
    )
    request = Request(options=(Property(option, "ÑUÑOA-2"),)) if kind is Kind.REQUEST else None
    return xml.serialize(envelope.write(Message(kind=kind, header=header, request=request)))


def reply(
    asked: Letter,
    number: int = 1,
    *,
    by: str = "SIAD",
    code: str = "0.0",
    result: Result = Result.OK,
    correlated: bool = True,
) -> bytes:
    """What an adapter answers: the noun's class, and the question's print as its content."""
    content = etree.Element(f"{{{PROFILE}}}{asked.noun}", nsmap={"p": PROFILE})
    etree.SubElement(content, f"{{{PROFILE}}}name").text = asked.print
    header = Header(
        verb="reply",
        noun=asked.noun,
        source=by,
        message_id=f"{by}-{number}",
        correlation_id=(asked.correlation_id or asked.message_id) if correlated else None,
        timestamp=AT,
    )
    error = ReplyError(code, level=Level.INFORM)
    return xml.serialize(
        envelope.write(
            Message(
                kind=Kind.RESPONSE,
                header=header,
                reply=Reply(result=result, errors=(error,)),
                payload=Payload(content=(content,)),
            )
        )
    )


@dataclass
class EchoingAdapter:
    """Answers real envelopes, and remembers how often it was asked for each."""

    name: str = "SIAD"
    asked: list[bytes] = field(default_factory=list)

    async def __call__(self, asked: Letter, requester: str) -> bytes:
        self.asked.append(asked.octets)
        return reply(asked, len(self.asked), by=self.name)


def codes(octets: bytes) -> tuple[str, ...]:
    """The error codes of a reply."""
    return letters.read(octets).codes


def keys(octets: bytes) -> tuple[str, ...]:
    """The stable keys that begin the details of a reply's errors."""
    message = envelope.read(xml.parse(octets))
    assert message.reply is not None
    return tuple(error.key for error in message.reply.errors)
