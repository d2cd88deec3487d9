"""A message in a file: by itself, or in a SOAP envelope."""

from __future__ import annotations

from pathlib import Path

from protocols.cim import validation, xml
from protocols.cim.errors import NotAMessage
from protocols.cim.soap_octets import unwrap
from protocols.cim.xml import Element
from tools.cim.advice import advice
from tools.terminal import wrong_usage


def octets_of(file: Path) -> bytes:
    """What is in a file.  Ends the command where there is none."""
    try:
        return file.read_bytes()
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")


def message_of(file: Path) -> tuple[bytes, Element]:
    """The message's octets without SOAP around them, and its element.  Ends the command for what
    holds none."""
    octets = octets_of(file)
    try:
        root = xml.parse(octets)
        element = validation.message_in(root)
    except NotAMessage as refused:
        error = refused.error
        wrong_usage(f"{file}: {error.code} {error.details}", advice(error), code="no-message")
    return (octets if element is root else unwrap(octets, element)), element
