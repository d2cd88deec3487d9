"""What became of a message, hop by hop: the port, and bounded stores in memory and in a folder."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from headend.integration.lines_in_folder import LinesInFolder
from protocols.cim.bus.effects import Hop

_log = structlog.get_logger("bus")

MESSAGES_MAX: Final = 20_000  # with four hops each some 40 MB
HOPS_MAX: Final = 64  # of one message, the last ones
OCTETS_MAX: Final = 256 * 1024 * 1024  # in a folder: some 700,000 hops


class Traces(Protocol):
    """Where hops go.  One process may keep those of several nodes."""

    def add(self, hop: Hop) -> None: ...

    def of(self, message_id: str) -> tuple[Hop, ...]:
        """The hops of a request and its replies, by the request's MessageID, in their order."""
        ...


@dataclass(slots=True)
class TracesInMemory:
    """The newest messages' hops."""

    messages_max: int = MESSAGES_MAX
    hops_max: int = HOPS_MAX
    _kept: OrderedDict[str, deque[Hop]] = field(default_factory=OrderedDict)

    def add(self, hop: Hop) -> None:
        hops = self._kept.get(hop.about)
        if hops is None:
            hops = self._kept[hop.about] = deque(maxlen=self.hops_max)
        hops.append(hop)
        self._kept.move_to_end(hop.about)
        if len(self._kept) > self.messages_max:
            self._kept.popitem(last=False)

    def of(self, message_id: str) -> tuple[Hop, ...]:
        return tuple(self._kept.get(message_id, ()))


class TracesInFolder:
    """Implements `Traces`: a line of JSON for each hop, so that another process can read them.  A
    hop that cannot be written is logged and lost."""

    def __init__(self, folder: Path, *, octets_max: int = OCTETS_MAX) -> None:
        self._lines = LinesInFolder(folder, "hops", octets_max)

    def add(self, hop: Hop) -> None:
        try:
            self._lines.add(msgspec.json.encode(hop))
        except OSError as error:
            _log.error("a hop was not kept", about=hop.about, why=str(error))

    def of(self, message_id: str) -> tuple[Hop, ...]:
        wanted = msgspec.json.encode(message_id)
        hops = (_read(line) for line in self._lines.all() if wanted in line)
        return tuple(hop for hop in hops if hop is not None and hop.about == message_id)


def _read(line: bytes) -> Hop | None:
    """A hop; None where a process died while it wrote the line."""
    try:
        return msgspec.json.decode(line, type=Hop)
    except msgspec.DecodeError:
        return None


def told(hop: Hop) -> str:
    """A hop in a line: time, node, deed, way, octets and the beginning of their SHA-256."""
    way = f"{hop.came_from} -> {hop.goes_to}" if hop.goes_to else hop.came_from
    why = f"  {hop.why}" if hop.why else ""
    time = hop.at.isoformat(timespec="milliseconds")
    return f"{time}  {hop.node}  {hop.act}  {way}  {hop.octets} B  {hop.print[:12]}{why}"
