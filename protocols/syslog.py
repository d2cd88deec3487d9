"""Syslog messages: RFC 5424, and their octet counting over TCP and TLS (RFC 6587, 3.4.1; RFC 5425).

`parse` takes what section 6 allows and nothing else, so that it can judge what others send us and
what we send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

AUTHPRIV = 10
"""The facility of security and authorization messages (table 1)."""
OCTETS_MAX = 2048  # 6.1: what every receiver of a relay should take
NIL = "-"
BOM = b"\xef\xbb\xbf"
SEQUENCE_MAX = 2_147_483_647  # 7.3.1
HOST_MAX, APP_MAX, PROCESS_MAX, ID_MAX, NAME_MAX = 255, 48, 128, 32, 32  # section 6

Elements = Mapping[str, Mapping[str, str]]


class BadSyslog(ValueError):
    """The octets are no message of RFC 5424; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """One message.  Times are aware; `elements` is the structured data by SD-ID."""

    facility: int
    severity: int
    at: datetime | None
    host: str
    app: str
    process: str
    id: str
    elements: Elements = field(default_factory=dict)
    text: str = ""


def encode(message: SyslogMessage) -> bytes:
    """The message as it travels.  Where it is too long its text is cut, between two characters."""
    at = NIL if message.at is None else _stamp(message.at)
    head = " ".join(
        (
            f"<{message.facility * 8 + message.severity}>1",
            at,
            _token(message.host, HOST_MAX),
            _token(message.app, APP_MAX),
            _token(message.process, PROCESS_MAX),
            _token(message.id, ID_MAX),
            _elements(message.elements),
        )
    ).encode()
    if not message.text:
        return head
    room = max(0, OCTETS_MAX - len(head) - 1 - len(BOM))
    text = message.text.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").encode()
    return head + b" " + BOM + text


def framed(octets: bytes) -> bytes:
    """With its length before it, as a stream needs it."""
    return b"%d %b" % (len(octets), octets)


def unframed(stream: bytes) -> list[bytes]:
    """The messages of a whole stream.  Raises `BadSyslog`."""
    found = []
    while stream:
        counted = re.match(rb"([1-9][0-9]{0,8}) ", stream)
        if counted is None:
            raise BadSyslog("no length before a message")
        begin, length = counted.end(), int(counted[1])
        if len(stream) < begin + length:
            raise BadSyslog("the stream ends within a message")
        found.append(stream[begin : begin + length])
        stream = stream[begin + length :]
    return found


# --- reading --------------------------------------------------------------------------------------

_PRINTABLE = r"[\x21-\x7e]"
_SD_NAME = r'[^\x00-\x20\x7f-\U0010ffff=\]"]{1,32}'
_PARAM = rf'{_SD_NAME}="(?:[^"\\\]]|\\.)*"'
_ELEMENT = rf"\[{_SD_NAME}(?: {_PARAM})*\]"
_HEAD = re.compile(
    rf"<(0|[1-9][0-9]{{0,2}})>1 "
    r"(-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    rf"({_PRINTABLE}{{1,{HOST_MAX}}}) ({_PRINTABLE}{{1,{APP_MAX}}})"
    rf" ({_PRINTABLE}{{1,{PROCESS_MAX}}}) ({_PRINTABLE}{{1,{ID_MAX}}}) (-|(?:{_ELEMENT})+)",
    re.DOTALL,
)


def parse(octets: bytes) -> SyslogMessage:
    """A message of section 6.  Raises `BadSyslog`."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadSyslog("no UTF-8") from error
    found = _HEAD.match(text)
    if found is None:
        raise BadSyslog("no header and structured data of RFC 5424")
    priority, at, host, app, process, id, data = found.groups()
    if int(priority) > 191:
        raise BadSyslog(f"no such priority: {priority}")
    rest = text[found.end() :]
    if rest and not rest.startswith(" "):
        raise BadSyslog("no space before the text")
    return SyslogMessage(
        int(priority) // 8,
        int(priority) % 8,
        _moment(at),
        host,
        app,
        process,
        id,
        _parsed_elements(data),
        rest[1:].removeprefix("\ufeff"),
    )


def _moment(text: str) -> datetime | None:
    if text == NIL:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadSyslog(f"no time: {text}") from error


def _parsed_elements(data: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if data == NIL:
        return found
    for element in re.finditer(_ELEMENT, data, re.DOTALL):
        inside = element[0][1:-1]
        name = re.match(_SD_NAME, inside)
        assert name is not None
        if name[0] in found:
            raise BadSyslog(f"structured data {name[0]} comes twice")
        found[name[0]] = {
            param[1]: re.sub(r'\\(["\\\]])', r"\1", param[2])
            for param in re.finditer(rf'({_SD_NAME})="((?:[^"\\\]]|\\.)*)"', inside, re.DOTALL)
        }
    return found


# --- writing --------------------------------------------------------------------------------------


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _token(text: str, most: int) -> str:
    """Printable US-ASCII without spaces, or the nil value."""
    return "".join(each if "!" <= each <= "~" else "?" for each in text)[:most] or NIL


def _elements(elements: Elements) -> str:
    if not elements:
        return NIL
    return "".join(f"[{name}{_params(params)}]" for name, params in elements.items())


def _params(params: Mapping[str, str]) -> str:
    return "".join(f' {name}="{_escaped(value)}"' for name, value in params.items())


def _escaped(value: str) -> str:
    """6.3.3; what is no character is none here either."""
    value = value.encode("utf-8", "replace").decode()
    return re.sub(r'(["\\\]])', r"\\\1", value)
