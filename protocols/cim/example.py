"""An example message: its name, what it shows, and its text; with ids that are always the same."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from lxml import etree

from protocols.cim import envelope, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message, Reply
from protocols.cim.errors import ReplyError
from protocols.cim.example_records import AT
from protocols.cim.replies import Stamp

ASKER: Final = "COMERCIAL"
HEAD_END: Final = "HES"

_SPACE: Final = uuid.UUID("0b6e4c1a-5f0e-5a35-9a51-61968a100e01")  # names the ids of examples


@dataclass(frozen=True, slots=True)
class Example:
    """A message.  `name` is that of its file, `NOUN/pattern`."""

    name: str
    about: str
    octets: bytes


def example(name: str, about: str, message: Message) -> Example:
    element = envelope.write(message)
    etree.indent(element)
    return Example(name, about, xml.serialize(element) + b"\n")


def _id(name: str) -> str:
    return str(uuid.uuid5(_SPACE, name))


def stamp(name: str, to: str | None = None) -> Stamp:
    """Of a request, or of the answer to the message called `to`."""
    if to is None:
        return Stamp(source=ASKER, message_id=_id(name), at=AT, correlation_id=_id(f"{name}/c"))
    return Stamp(source=HEAD_END, message_id=_id(name), at=AT, correlation_id=_id(f"{to}/c"))


def fault(folder: str, typed: str) -> Example:
    """The detail of a SOAP fault."""
    error = ReplyError("1.5", "CAMPO_FALTA: falta Header", xpath="Header")
    reply = Reply(result=Result.FAILED, errors=(error,))
    message = Message(kind=Kind.FAULT, typed=typed, reply=reply)
    about = "The detail of a SOAP fault, typed: what came could not be read."
    return example(f"{folder}/fault", about, message)
