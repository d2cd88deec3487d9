"""A form that brings a file, multipart/form-data (RFC 7578), as its octets came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

TYPE = "multipart/form-data"
PARTS_MAX = 100


class BadMultipart(ValueError):
    """What came is no such form; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `file` where it is a file's octets."""

    name: str
    octets: bytes
    file: bool


def parts(content_type: str, body: bytes) -> Iterator[Part]:
    """The fields of a form, as they stand in it.  Raises `BadMultipart`."""
    about = Message()
    about["Content-Type"] = content_type
    boundary = about.get_boundary("")
    if about.get_content_type() != TYPE or not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise BadMultipart("its content type names no boundary")
    # The first boundary may stand at the very beginning, without the line break before it.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), PARTS_MAX + 2)
    if len(pieces) > PARTS_MAX + 2:
        raise BadMultipart(f"it has more than {PARTS_MAX} fields")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadMultipart("it has no end")
    for piece in pieces[1:-1]:
        yield _part(piece)


def _part(piece: bytes) -> Part:
    head, blank, octets = piece.partition(b"\r\n\r\n")
    said = BytesHeaderParser().parsebytes(head.lstrip(b" \t").removeprefix(b"\r\n"))
    name = said.get_param("name", None, "content-disposition")
    if not blank or not isinstance(name, str):
        raise BadMultipart("a field has no name")
    return Part(name, octets, said.get_param("filename", None, "content-disposition") is not None)
