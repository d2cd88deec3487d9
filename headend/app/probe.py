"""Wires the technician's probe: lines, conversations, meter models and the kit, without a server.

    probe = build_probe()
    probe.unlock("a passphrase")                       # where keys are needed
    async with probe.talk("/dev/ttyUSB0", meter="4711", role="management") as conversation:
        opened = await conversation.open()             # Opened or Failure
        found = await conversation.find(identify())    # what it found, or Failure

Beside `app`, so that a laptop's command need not import the whole head-end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.domain.failure import Failure
from headend.domain.reason import REASONS, ReasonCode
from headend.field.direct.access import Access, Credentials, MemoryCounters
from headend.field.direct.address import (
    Address,
    BadAddress,
    SerialAddress,
    TcpAddress,
    UdpAddress,
    parse,
)
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.dialogue import Notification, Progress, Withheld
from headend.field.direct.failing import of_line, of_outcome
from headend.field.direct.line import Line, LineError, LineLost, LineUnavailable
from headend.field.direct.readout import ReadOut, read_out
from headend.field.direct.serial_line import SerialLine
from headend.field.direct.tcp_line import TcpLine
from headend.field.direct.trace import Entry, Layer, Trace
from headend.field.direct.udp_line import UdpLine
from headend.field.direct.wire import Wire
from headend.models import BadModel, Framing, Model, Shelf
from headend.ports import Chance, Clock
from headend.store.envelope import BadEnvelope
from headend.store.kit.counters import FileCounters
from headend.store.kit.folder import BadKit, default_folder
from headend.store.kit.identity import system_title
from headend.store.kit.journal import Journal
from headend.store.kit.journal import Line as JournalLine
from headend.store.kit.keyring import Keyring, Secret, WrongPassphrase
from protocols.dlms.keys import Keys

__all__ = [
    "REASONS",
    "Address",
    "BadAddress",
    "BadEnvelope",
    "BadKit",
    "BadModel",
    "Conversation",
    "Entry",
    "Failure",
    "Framing",
    "Journal",
    "JournalLine",
    "Keyring",
    "Layer",
    "Line",
    "LineError",
    "LineLost",
    "LineUnavailable",
    "Model",
    "Opened",
    "Probe",
    "Progress",
    "ReadOut",
    "ReasonCode",
    "Secret",
    "SerialAddress",
    "TcpAddress",
    "Trace",
    "UdpAddress",
    "Wire",
    "Withheld",
    "WrongPassphrase",
    "build_probe",
    "line_to",
    "of_line",
    "of_outcome",
    "parse",
    "read_out",
]


def line_to(where: str | Address) -> Line:
    """The line that an address names, not opened yet.  Raises `BadAddress`."""
    match parse(where) if isinstance(where, str) else where:
        case SerialAddress() as address:
            return SerialLine(address)
        case TcpAddress() as address:
            return TcpLine(address)
        case UdpAddress() as address:
            return UdpLine(address)


@dataclass(slots=True)
class Probe:
    """A technician's laptop.  `keyring` is None until `unlock`."""

    folder: Path
    shelf: Shelf
    clock: Clock
    chance: Chance
    journal: Journal
    keyring: Keyring | None = field(default=None)

    @property
    def title(self) -> bytes:
        """Our system title; made at its first use, and kept.  Raises `BadKit`."""
        return system_title(self.folder, self.chance)

    def counters(self, keys: Keys, *, trusting: bool = False) -> FileCounters:
        """What is remembered of a key's invocation counters; where `trusting`, not the meter's."""
        return FileCounters.under(self.folder, keys, trusting=trusting)

    @property
    def locked(self) -> bool:
        """Whether there is a keyring that nobody has opened."""
        return self.keyring is None and Keyring.is_there(self.folder)

    def unlock(self, secret: str | Path) -> Keyring:
        """Open the keyring with a passphrase, or a key file's path; a new one where there is none.

        Raises `WrongPassphrase`, `BadKit`, `BadEnvelope`.
        """
        self.keyring = Keyring.open(self.folder, secret, self.chance)
        return self.keyring

    def talk(
        self,
        where: str | Line,
        *,
        meter: str | None = None,
        model: str | Model = "generic",
        role: str | None = None,
        framing: Framing | None = None,
        secret: Secret | None = None,
        dry_run: bool = False,
        trace: Trace | None = None,
        told: Callable[[Entry], None] | None = None,
        notified: Callable[[Notification], None] | None = None,
        was_reset: bool = False,
    ) -> Conversation:
        """A conversation that has not begun: with the meter at `where`, as `role` of its model.

        `meter` names it in the keyring; without a name it can be spoken with only where no key is
        needed, or with the `secret` given.  One that `was_reset` is believed though its counters
        went back.  Raises `BadAddress`, `BadModel`, `BadKit`.
        """
        kind = self.shelf.get(model) if isinstance(model, str) else model
        association = kind.association.get(role or kind.reads_as)
        if association is None:
            known = ", ".join(sorted(kind.association))
            raise BadModel(f"model {kind.name} has no association {role!r}. Known: {known}")
        client = association.client
        if secret is None and meter is not None and self.keyring is not None:
            secret = self.keyring.get(meter, client)
        secret = secret or Secret()
        keys = secret.keys
        peers = None if keys is None else self.counters(keys, trusting=was_reset)
        return Conversation(
            line_to(where) if isinstance(where, str) else where,
            kind,
            Access(
                self.title if association.titled else b"",
                Credentials(secret.password, keys, secret.pairs, secret.meter_title),
                peers or MemoryCounters(),
                peers,
            ),
            clock=self.clock,
            chance=self.chance,
            role=role,
            framing=framing,
            trace=trace or Trace(self.clock, told),
            dry_run=dry_run,
            notified=notified,
        )


def build_probe(
    folder: Path | None = None,
    *,
    models: Path | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> Probe:
    """The probe of this user, or of a kit in another folder; `models` holds own meter models."""
    folder = folder or default_folder()
    clock = clock or WallClock()
    return Probe(folder, Shelf(models), clock, chance or SystemChance(), Journal(folder, clock))
