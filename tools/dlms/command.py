"""`ami dlms`: octets of DLMS taken apart, from the command line, a file or a pipe."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from protocols.dissection import hex_text, report, xml
from protocols.dissection.apdu import Dissected
from protocols.dissection.lines import Framing
from protocols.dissection.opening import KeyRing
from protocols.dlms.gurux import EngineMissing
from protocols.dlms.gurux.translation import to_xml
from protocols.errors import ProtocolError
from tools.dlms import text as dlms_text
from tools.terminal import show, wrong_usage

app = typer.Typer(help="DLMS octets taken apart: dlms decode.", no_args_is_help=True)

LINE_MAX = 8 * hex_text.OCTETS_MAX
"""Characters of a line: each octet may be written `0xC4, ` and have a comment behind it."""


class As(enum.StrEnum):
    """What the octets are."""

    APDU = "apdu"
    DATA = "data"


class Dialect(enum.StrEnum):
    """Whose element names the XML has."""

    STANDARD = "standard"
    GURUX = "gurux"


@app.callback()
def _dlms() -> None:
    """DLMS octets taken apart."""


@app.command()
def decode(
    octets: Annotated[
        list[str] | None, typer.Argument(metavar="[HEX]", help="Octets; blanks may part them.")
    ] = None,
    file: Annotated[
        str, typer.Option(metavar="FILE", help="Hexadecimal lines, # for comments; - is stdin.")
    ] = "",
    framing: Annotated[Framing, typer.Option(help="What stands around the APDUs.")] = Framing.NONE,
    kind: Annotated[
        As, typer.Option("--as", help="data: a bare A-XDR value and no APDU.")
    ] = As.APDU,
    key: Annotated[
        str, typer.Option(metavar="HEX", help="Global unicast encryption key.", envvar="AMI_KEY")
    ] = "",
    auth_key: Annotated[
        str, typer.Option(metavar="HEX", help="Authentication key.", envvar="AMI_AUTH_KEY")
    ] = "",
    broadcast_key: Annotated[
        str, typer.Option(metavar="HEX", help="Global broadcast encryption key.")
    ] = "",
    dedicated_key: Annotated[
        str, typer.Option(metavar="HEX", help="Dedicated key, for ded- APDUs.")
    ] = "",
    master_key: Annotated[
        str, typer.Option(metavar="HEX", help="Master key, for keys that come along wrapped.")
    ] = "",
    system_title: Annotated[
        str, typer.Option(metavar="HEX", help="The sender's, where the APDU does not say it.")
    ] = "",
    dialect: Annotated[
        Dialect, typer.Option("--xml", help="Element names of the standard, or of gurux-dlms.")
    ] = Dialect.STANDARD,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The typed APDU, its XML, and the octets written again from what was understood.

    A line that cannot be read says where and why, and the next one goes on; then the exit code
    is 1.  With keys, ciphered APDUs are opened and their tags verified.

    Example: [bold]ami dlms decode C4 01 C1 00 06 00 00 05 ED[/]

    Example: [bold]ami dlms decode --file frames.txt --framing hdlc --json[/]
    """
    if bool(octets) == bool(file):
        wrong_usage("octets to decode, or --file FILE with lines of them, and not both")
    ring = _ring(key, auth_key, broadcast_key, dedicated_key, master_key, system_title)
    if kind is As.DATA and framing is not Framing.NONE:
        wrong_usage("--as data takes values without framing")
    xml_of = _xml_of(dialect)
    bad = False
    with _source(octets, file) as lines:
        for number, text in lines:
            told, found = _decode(text, framing, kind, ring, xml_of)
            bad = bad or "error" in told
            if json:
                _print({"line": number, **told})
            else:
                show(dlms_text.of_line(number if file else None, told, found))
    if bad:
        raise typer.Exit(1)


def _decode(
    text: str | None, framing: Framing, kind: As, ring: KeyRing, xml_of: report.XmlOf
) -> tuple[dict[str, Any], report.Findings | None]:
    """What to say of one line; None is a line too long to look at."""
    if text is None:
        cause = f"more than {LINE_MAX} characters in one line"
        return report.problems_as_json([ProtocolError(hex_text.OCTETS_MAX, cause)]), None
    spell = report.spelled_like(text)
    try:
        octets = hex_text.parse(text)
    except ProtocolError as error:
        return {"input": text[:200], **report.problems_as_json([error])}, None
    if kind is As.DATA:
        return report.value_as_json(octets, spell), None
    found = report.find(octets, framing, ring)
    told = report.as_json(found, spell, xml_of)
    if "error" in told and (hint := _hint(octets, framing)):
        told["hint"] = hint
    return told, found


def _hint(octets: bytes, framing: Framing) -> str | None:
    """What the octets look like, where they are not what they were said to be."""
    if framing is not Framing.NONE:
        return None
    match octets[:2]:
        case b"\x00\x01":
            return "it begins like the wrapper: --framing wrapper"
        case bytes(head) if head[:1] == b"\x7e":
            return "it begins like an HDLC frame: --framing hdlc"
        case bytes(head) if head[:1] == b"\x68" and octets[3:4] == b"\x68":
            return "it begins like an M-Bus frame: --framing mbus"
        case b"\xe6\xe6" | b"\xe6\xe7":
            return "it begins with the LLC header of HDLC: leave those three octets out"
    if "value" in report.value_as_json(octets, bytes.hex):
        return "it is a value: --as data"
    return None


def _xml_of(dialect: Dialect) -> report.XmlOf:
    if dialect is Dialect.STANDARD:
        return lambda dissected: xml.text_of(dissected.element)
    try:
        to_xml(b"\xc4\x01\xc1\x00\x00")
    except EngineMissing as error:
        wrong_usage(f"--xml gurux: {error}")

    def gurux_xml(dissected: Dissected) -> str:
        try:
            return to_xml(dissected.octets)
        except ProtocolError as error:
            return f"<!-- {error.cause.replace('--', '- -')} -->"

    return gurux_xml


def _ring(
    key: str, auth_key: str, broadcast_key: str, dedicated_key: str, master_key: str, title: str
) -> KeyRing:
    try:
        return KeyRing(
            encryption=_secret("--key", key),
            authentication=_secret("--auth-key", auth_key),
            broadcast=_secret("--broadcast-key", broadcast_key),
            dedicated=_secret("--dedicated-key", dedicated_key),
            master=_secret("--master-key", master_key),
            system_title=_secret("--system-title", title) or b"",
        )
    except ValueError as error:
        wrong_usage(str(error))


def _secret(option: str, text: str) -> bytes | None:
    """Octets of an option; what was typed is not repeated, because it may be a key."""
    if not text:
        return None
    try:
        return hex_text.parse(text)
    except ProtocolError as error:
        wrong_usage(f"{option} is not hexadecimal at octet {error.offset}")


# --- lines ---------------------------------------------------------------------------------------


@contextmanager
def _source(octets: list[str] | None, file: str) -> Iterator[Iterator[tuple[int, str | None]]]:
    """Numbered lines with something on them."""
    if octets:
        yield iter([(1, " ".join(octets))])
    elif file == "-":
        yield _lines(sys.stdin.buffer)
    else:
        try:
            stream = Path(file).open("rb")
        except OSError as error:
            wrong_usage(f"--file {file}: {error.strerror}")
        with stream:
            yield _lines(stream)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str | None]]:
    """Each line without its comment, empty ones left out; None for one that is too long."""
    for number, line in enumerate(_pieces(stream.readline), start=1):
        text = None if line is None else hex_text.without_comment(line.decode("utf-8", "replace"))
        if text != "":
            yield number, text


def _pieces(readline: Callable[[int], bytes]) -> Iterator[bytes | None]:
    """Lines of at most LINE_MAX, read no further than that at a time."""
    while line := readline(LINE_MAX + 1):
        if len(line) <= LINE_MAX or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = readline(LINE_MAX)
        yield None


def _print(told: dict[str, Any]) -> None:
    """One object, one line, also on a terminal."""
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
