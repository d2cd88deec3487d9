"""A message as it goes out."""

from __future__ import annotations

from protocols.cim import compression, envelope, xml
from protocols.cim.envelope import Message


def octets(message: Message, gzip: bool = False) -> bytes:
    """Serialized; its payload, where it has one, compressed for who takes it so."""
    if gzip and message.payload is not None:
        message = compression.compressed(message)
    return xml.serialize(envelope.write(message))
