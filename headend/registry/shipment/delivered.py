"""One line of a shipment, examined: a meter's fields and its keys, or what is wrong with it.

Every flaw of a line is told, not the first alone; a value that is a key never stands in a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from headend.domain.meter import DIALS_IN, GATEWAY
from headend.registry.sheets import Flaw, Row
from headend.registry.shipment.transport import NotOpened, TransportKey
from protocols.dlms.keys import Keys

NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,63}")
_TITLE = re.compile(r"[0-9A-Fa-f]{16}")
_ADDRESS = re.compile(r"(tcp|udp)://[^/\s]+")
_SECRET = re.compile(r"(?:key-(\d{1,5})-(encryption|authentication|master))|(?:password-(\d{1,5}))")

PHASES = ("A", "B", "C", "ABC")
CLIENT_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a line says: fields of a `Meter` by their names, keys and passwords by client."""

    line: int
    fields: dict[str, Any]
    keys: dict[int, Keys] = field(default_factory=dict, repr=False)
    passwords: dict[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines lines.  `transport` None opens nothing; `models` are those that there are."""

    transport: TransportKey | None
    models: Collection[str]

    def examined(self, row: Row) -> Delivered | list[Flaw]:
        """A line's meter and its keys, or its flaws."""
        flaws: list[Flaw] = []
        fields: dict[str, Any] = {}
        secrets: dict[str, str] = {}
        for name, text in row.values.items():
            if name not in _FIELDS:
                secrets[name] = text
                continue
            attribute, read, advice = _FIELDS[name]
            try:
                fields[attribute] = read(text)
            except (ValueError, InvalidOperation):
                flaws.append(Flaw(row.line, name, f"{text[:40]!r} is none", advice))
        if "name" not in fields and not any(flaw.column == "meter" for flaw in flaws):
            flaws.append(Flaw(row.line, "meter", "it is empty", "write the meter's number"))
        model = fields.get("model")
        if model is not None and model not in self.models:
            known = ", ".join(sorted(self.models))
            flaws.append(Flaw(row.line, "model", f"there is no model {model}", f"one of {known}"))
        keys, passwords = self._opened(row.line, secrets, flaws)
        return flaws or Delivered(row.line, fields, keys, passwords)

    def _opened(
        self, line: int, secrets: dict[str, str], flaws: list[Flaw]
    ) -> tuple[dict[int, Keys], dict[int, bytes]]:
        parts: dict[int, dict[str, bytes]] = {}
        passwords: dict[int, bytes] = {}
        for name, text in secrets.items():
            found = _SECRET.fullmatch(name)
            assert found is not None, "columns are known"
            opened = self._secret(line, name, text, password=found[3] is not None)
            if isinstance(opened, Flaw):
                flaws.append(opened)
            elif found[3] is not None:
                passwords[int(found[3])] = opened
            else:
                parts.setdefault(int(found[1]), {})[found[2]] = opened
        keys: dict[int, Keys] = {}
        for client, some in () if flaws else parts.items():
            made = _keys(line, client, some)
            if isinstance(made, Flaw):
                flaws.append(made)
            else:
                keys[client] = made
        return keys, passwords

    def _secret(self, line: int, name: str, text: str, *, password: bool) -> bytes | Flaw:
        if self.transport is None:
            advice = "name the transport key: --transport-key FILE, or AMI_TRANSPORT_KEY"
            return Flaw(line, name, "it is wrapped, and no transport key is at hand", advice)
        try:
            wrapped = bytes.fromhex(text)
        except ValueError:
            return Flaw(line, name, "it is no hexadecimal number", "write wrapped octets so")
        try:
            if password:
                return self.transport.password_in(wrapped)
            return self.transport.key_in(wrapped)
        except NotOpened:
            why = f"it does not open with the transport key {self.transport.name}"
            return Flaw(line, name, why, "ask the manufacturer by which key it was wrapped")


def _keys(line: int, client: int, parts: dict[str, bytes]) -> Keys | Flaw:
    column = f"key-{client}-encryption"
    if "encryption" not in parts or "authentication" not in parts:
        missing = "encryption" if "encryption" not in parts else "authentication"
        why = "a client has an encryption and an authentication key, or none"
        return Flaw(line, f"key-{client}-{missing}", why, "add it, or leave both out")
    try:
        return Keys(parts["encryption"], parts["authentication"], master=parts.get("master"))
    except ValueError as error:
        return Flaw(line, column, str(error), "ask the manufacturer")


def known_column(name: str) -> bool:
    """Whether a shipment has such a column."""
    if name in _FIELDS:
        return True
    found = _SECRET.fullmatch(name)
    return found is not None and int(found[1] or found[3]) <= CLIENT_MAX


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError
        return text

    return read


def _watts(text: str) -> Decimal:
    watts = Decimal(text)
    if not watts.is_finite() or watts <= 0:
        raise ValueError
    return watts


def _phase(text: str) -> str:
    if text.upper() not in PHASES:
        raise ValueError
    return text.upper()


def _address(text: str) -> str:
    if text not in (DIALS_IN, GATEWAY) and _ADDRESS.fullmatch(text) is None:
        raise ValueError
    return text


def _short(text: str) -> str:
    if len(text) > 64 or not text.isprintable():
        raise ValueError
    return text


_NAME_ADVICE = "letters, digits and . _ / - (64 at most)"
# By column: the field of a meter, how its text is read, and what it takes.
_FIELDS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "meter": ("name", _matching(NAME), f"a meter's number has {_NAME_ADVICE}"),
    "model": ("model", _matching(NAME), f"a model's name has {_NAME_ADVICE}"),
    "identity": ("identity", _short, "the logical device name, 64 characters at most"),
    "title": ("title", lambda text: _matching(_TITLE)(text).upper(), "16 hexadecimal digits"),
    "concentrator": ("concentrator", _matching(NAME), f"a name has {_NAME_ADVICE}"),
    "address": ("address", _address, "tcp://HOST:PORT, udp://HOST:PORT, dials-in or gateway"),
    "segment": ("segment", _short, "64 characters at most"),
    "contracted_w": ("contracted_w", _watts, "a number of watts above 0"),
    "phase": ("recorded_phase", _phase, f"one of {', '.join(PHASES)}"),
}
COLUMNS = tuple(_FIELDS)
ABOUT = (
    f"the columns are {', '.join(COLUMNS)}, key-CLIENT-encryption, key-CLIENT-authentication,"
    " key-CLIENT-master and password-CLIENT; docs/registry.md explains them"
)
