"""Messages that did not get where they should: kept to be looked at, and sent again.

The port, and a store in a folder: a file for each letter, so that it outlives the process and can
be read without a program of ours.  The newest are kept; a letter's content is the envelope as it
came, in base64 where it is no text.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from protocols.cim.bus.effects import DeadLetter, Why
from protocols.cim.bus.letter import octets_print
from protocols.mqtt import Packet, Properties

KEPT_MAX: Final = 1000
OCTETS_MAX: Final = 256 * 1024 * 1024
_AGAIN: Final = ".again-"  # begins the name of a mark beside the letters

_log = structlog.get_logger("bus")


class UnknownLetter(KeyError):
    """No dead letter has this name: sent again by somebody else, or gone to make room."""


class DeadLetters(Protocol):
    """Where dead letters go."""

    def add(self, letter: DeadLetter) -> str:
        """Keep a letter; the name by which it is asked for."""
        ...

    def names(self) -> list[str]:
        """Those that are kept, the oldest first."""
        ...

    def get(self, name: str) -> DeadLetter:
        """Raises `UnknownLetter`."""
        ...

    def remove(self, name: str) -> None:
        """Raises `UnknownLetter`."""
        ...


class _File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in a file."""

    at: datetime
    node: str
    why: Why
    details: str
    topic: str
    message_id: str | None = None
    source: str | None = None
    response_topic: str | None = None
    correlation: str | None = None  # base64
    text: str | None = None
    octets: str | None = None  # base64, where they are no UTF-8


class DeadLettersInFolder:
    """Implements `DeadLetters`.  A letter that cannot be written is logged and lost: trouble with a
    disk must not stop the bus."""

    def __init__(
        self, folder: Path, *, kept_max: int = KEPT_MAX, octets_max: int = OCTETS_MAX
    ) -> None:
        self._folder = folder
        self._kept_max = kept_max
        self._octets_max = octets_max

    def add(self, letter: DeadLetter) -> str:
        stamp = letter.at.strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{stamp}-{octets_print(letter.packet.payload)[:12]}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # customers are named
            partial = self._folder / f".{name}"
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(_written(letter))))
            os.replace(partial, self._path(name))
            self._make_room()
        except OSError as error:
            _log.error("a dead letter was not kept", name=name, why=str(error))
        return name

    def names(self) -> list[str]:
        return [path.stem for path in self._files()]

    def get(self, name: str) -> DeadLetter:
        try:
            return _read(msgspec.json.decode(self._path(name).read_bytes(), type=_File))
        except FileNotFoundError as error:
            raise UnknownLetter(name) from error

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink()
        except FileNotFoundError as error:
            raise UnknownLetter(name) from error

    def ask_again(self, name: str) -> None:
        """Leave word for the router's process to send a letter again.  Raises `UnknownLetter`."""
        if not self._path(name).is_file():
            raise UnknownLetter(name)
        (self._folder / f"{_AGAIN}{name}").touch()

    def asked_again(self) -> list[str]:
        """Letters that are to be sent again; each is told once."""
        marks = sorted(self._folder.glob(f"{_AGAIN}*")) if self._folder.is_dir() else []
        for mark in marks:
            mark.unlink(missing_ok=True)
        return [mark.name.removeprefix(_AGAIN) for mark in marks]

    def _path(self, name: str) -> Path:
        if Path(name).name != name or name.startswith("."):
            raise UnknownLetter(name)
        return self._folder / f"{name}.json"

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[!.]*.json")) if self._folder.is_dir() else []

    def _make_room(self) -> None:
        for path in self._too_many():
            path.unlink(missing_ok=True)
            _log.warning("a dead letter made room", name=path.stem)

    def _too_many(self) -> Iterator[Path]:
        """The oldest beyond the number and the size; the newest always stays."""
        octets = 0
        for number, path in enumerate(reversed(self._files())):
            octets += path.stat().st_size
            if number and (number >= self._kept_max or octets > self._octets_max):
                yield path


def _written(letter: DeadLetter) -> _File:
    packet = letter.packet
    correlation = packet.properties.correlation
    try:
        text, octets = packet.payload.decode(), None
    except UnicodeDecodeError:
        text, octets = None, base64.b64encode(packet.payload).decode()
    return _File(
        at=letter.at,
        node=letter.node,
        why=letter.why,
        details=letter.details,
        topic=packet.topic,
        message_id=letter.message_id,
        source=letter.source,
        response_topic=packet.properties.response_topic,
        correlation=None if correlation is None else base64.b64encode(correlation).decode(),
        text=text,
        octets=octets,
    )


def _read(file: _File) -> DeadLetter:
    correlation = None if file.correlation is None else base64.b64decode(file.correlation)
    payload = base64.b64decode(file.octets or "") if file.text is None else file.text.encode()
    properties = Properties(response_topic=file.response_topic, correlation=correlation)
    return DeadLetter(
        at=file.at,
        node=file.node,
        why=file.why,
        details=file.details,
        packet=Packet(file.topic, payload, properties),
        message_id=file.message_id,
        source=file.source,
    )
