"""In which encoding a table was saved: UTF-8, what spreadsheets call "Unicode text", or Windows'.

A byte order mark says so itself.  Without one a table is UTF-8, or else in Windows-1252 where each
octet beyond ASCII is a letter or sign there that names in Spanish and Portuguese are written with:
DOS's and Macintosh's encodings have theirs at other places.  All else is refused, never guessed.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO

PIECE = 1 << 20

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive, or a spreadsheet in one (.xlsx, .ods)"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet in Excel's old form (.xls)"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"%PDF-", "a PDF document"),
)
_LETTERS = frozenset("áéíóúüñçãõâêôàªº°¡¿ÁÉÍÓÚÜÑÇÕÊÔÀ".encode("cp1252"))
"""Without Â and Ã, as which the letters of a damaged file in UTF-8 would show."""
_ASCII = frozenset(range(0x80))


class NotText(ValueError):
    """Octets that are no text of ours: what they are, or where the first one is that is wrong."""

    def __init__(self, why: str, next_step: str, line: int = 1) -> None:
        super().__init__(why)
        self.line, self.next_step = line, next_step


def encoding_of(file: BinaryIO) -> str:
    """The codec by which a file's text is read; the file stands where it stood.  Raises
    `NotText`."""
    begin = file.tell()
    first = file.read(512)
    file.seek(begin)
    for mark, what in _OTHERS:
        if first.startswith(mark):
            raise NotText(
                f"the file is {what}, not text",
                "take the table out of it, and save it as CSV UTF-8",
            )
    codec = next((name for mark, name in _MARKS if first.startswith(mark)), "utf-8")
    line = _line_not_in(codec, file, begin)
    if line is None:
        return codec
    if codec == "utf-8" and _of_windows(file, begin):
        return "cp1252"
    name = codec.removesuffix("-sig").upper()
    raise NotText(f"an octet in it is no {name}", "save the file as UTF-8 (CSV UTF-8)", line)


def _line_not_in(codec: str, file: BinaryIO, begin: int) -> int | None:
    """The first line with something that this codec cannot read."""
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    try:
        while piece := file.read(PIECE):
            before = decoder.getstate()[0]  # of a character that the piece before began
            try:
                line += decoder.decode(piece).count("\n")
            except UnicodeDecodeError as error:
                good = (before + piece)[: error.start]
                return line + good.decode(codec.removesuffix("-sig"), "replace").count("\n")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return line
        return None
    finally:
        file.seek(begin)


def _of_windows(file: BinaryIO, begin: int) -> bool:
    """Whether each octet beyond ASCII is a letter that names have."""
    try:
        while piece := file.read(PIECE):
            if set(piece) - _ASCII - _LETTERS:
                return False
        return True
    finally:
        file.seek(begin)
