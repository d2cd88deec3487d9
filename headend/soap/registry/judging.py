"""A message about the registry, judged by itself alone: its header, objects, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from headend.soap.registry.acts import Act
from headend.soap.registry.refusals import refused
from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.envelope import Header, Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.record import Record

ID_LENGTH_MAX: Final = 255


class Clerk(Protocol):
    """Knows one noun."""

    def acts(self, verb: str, record: Record) -> Iterator[Act]:
        """What a record asks for, object by object.  Raises `RequestRefused`."""
        ...


def acts_of(clerk: Clerk, verb: str, record: Record, errors: list[ReplyError]) -> Iterator[Act]:
    """The acts of a record, object by object; what is refused already goes to `errors`."""
    for part in parts(record):
        try:
            yield from clerk.acts(verb, part)
        except RequestRefused as refused_:
            errors += refused_.errors


def check_header(message: Message, header: Header) -> None:
    """Raises `RequestRefused`: 2.5 for another noun than the message is named by, 2.9 for another
    verb, 1.8 for a field that is too long."""
    if message.typed is not None and message.typed != header.noun:
        raise refused("2.5", "SUSTANTIVO_DISTINTO: Noun no es el del mensaje", xpath="Noun")
    named = f"{header.verb.capitalize()}{header.noun}"
    if message.typed is not None and message.name and message.name != named:
        raise refused("2.9", "VERBO_DISTINTO: Verb no es el del mensaje", xpath="Verb")
    for name, text in (
        ("MessageID", header.message_id),
        ("CorrelationID", header.correlation_id),
        ("Source", header.source),
    ):
        if text is not None and len(text) > ID_LENGTH_MAX:
            raise refused("1.8", f"CAMPO_DEMASIADO_LARGO: {name}", xpath=name)


def parts(record: Record) -> Iterator[Record]:
    """A record for each of its objects, with all that they may refer to; a linkage as it is."""
    field = _OBJECTS.get(type(record).__name__)
    if field is None:
        yield record
        return
    for item in getattr(record, field):
        yield msgspec.structs.replace(record, **{field: (item,)})


_OBJECTS: Final = {
    "MeterConfig": "meter",
    "EndDeviceConfig": "end_device",
    "UsagePointConfig": "usage_point",
}


def is_order(message: Message) -> bool:
    """Whether a `change MeterConfig` carries a function that connects, disconnects or limits: that
    is an order."""
    header, payload = message.header, message.payload
    if header is None or (header.verb, header.noun) != ("change", ns.METER_CONFIG):
        return False
    elements = () if payload is None else payload.content
    return any(xml.children(each, "ConnectDisconnectFunction") for each in elements)
