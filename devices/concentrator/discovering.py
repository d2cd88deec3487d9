"""Finds meters on the line that are not in the table, and asks what they are.

The public client asks for the name; then the association with the keys that came along with the
meter shows whether it is what it should be.  What was found is reported, and the head-end decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from random import Random
from typing import Any

import simpy

from devices.concentrator.client import Client, close
from devices.concentrator.conversing import Conversing, Record
from devices.concentrator.desk import Desk
from devices.concentrator.flash import Counters, Flash, Stranger
from devices.concentrator.power_line import PowerLine
from devices.concentrator.table import OWN, Entry
from devices.concentrator.turns import BULK
from protocols.concentrator.messages import Status, encode
from protocols.concentrator.registration import AdmitMeter, Discovered, RefuseMeter
from protocols.concentrator.upkeep import EventCode
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Answer, Outcome, Request
from protocols.dlms.procedures.steps import get_each, procedure, standard_name
from protocols.dlms.script import PUBLIC_CLIENT
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings

TRIES = 3  # before silence is told
AGAIN_S = 86_400.0  # until one that was refused is looked at again
NAME = re.compile(r"[A-Z]{3}[ -~]{1,13}")  # Blue Book 4.1.8.2
_NAME = AttributeDescriptor(1, LogicalName("0.0.42.0.0.255"), 2)
NEEDED = {
    "a clock": AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 2),
    "a load profile": AttributeDescriptor(7, LogicalName("1.0.99.1.0.255"), 3),
}
"""What every meter must let a concentrator read."""

Waits = Generator[simpy.Event, Any, None]


class Discovering:
    """See the module.  `on_line` are all meters whose modules this network can hold."""

    def __init__(
        self,
        line: PowerLine,
        desk: Desk,
        flash: Flash,
        table: dict[str, Entry],
        client: Client,
        *,
        on_line: Callable[[], Mapping[str, Entry]],
        every_s: float | None,
        challenges: Random,
        note: Callable[[EventCode, str], None],
    ) -> None:
        self._line = line
        self._env = line.env
        self._desk = desk
        self._flash = flash
        self._table = table
        self._client = client
        self._on_line = on_line
        self._every_s = every_s
        self._challenges = challenges
        self._note = note
        self._process: simpy.Process | None = None
        self._unanswered: dict[str, int] = {}  # tries in a row, by module

    def start(self) -> None:
        """Begin to look, where that is wanted at all."""
        for module, stranger in self._flash.strangers.items():
            if stranger.meter:
                self._table[stranger.meter] = self._on_line()[module]
        if self._every_s is not None:
            self._process = self._env.process(self._run(self._every_s))

    def halt(self) -> None:
        """The power is gone."""
        if self._process is not None and self._process.is_alive:
            self._process.interrupt("no power")
        self._process = None

    def decided(self, message: AdmitMeter | RefuseMeter) -> None:
        """The head-end has decided."""
        entry = self._on_line().get(message.module)
        stranger = self._flash.strangers.setdefault(message.module, Stranger(self._env.now))
        if isinstance(message, RefuseMeter):
            stranger.refused = message.why
            self._note(EventCode.METER_REFUSED, f"{message.module}: {message.why}")
        elif entry is not None and not stranger.meter:
            stranger.meter, stranger.refused = message.meter, ""
            self._table[message.meter] = entry
            self._note(EventCode.METER_ADMITTED, f"{message.module} as {message.meter}")

    # --- looking ---------------------------------------------------------------------------------

    def _run(self, every_s: float) -> Waits:
        try:
            while True:
                for module, entry in list(self._on_line().items()):
                    if module not in self._table and entry.leg.registered and self._due(module):
                        yield from self._look_at(module, entry)
                yield self._env.timeout(every_s)
        except simpy.Interrupt:
            return

    def _due(self, module: str) -> bool:
        known = self._flash.strangers.get(module)
        if known is None:
            return True
        return bool(known.refused) and self._env.now - known.found_at >= AGAIN_S

    def _look_at(self, module: str, entry: Entry) -> Waits:
        findings: list[str] = []
        identity = yield from self._named(entry, findings)
        if identity and not NAME.fullmatch(identity):
            findings.append(f"its logical device name {identity!r} is none")
        proved = False
        if identity:
            proved = yield from self._checked(entry, module, findings)
        if any(str(Status.NO_ANSWER) in finding for finding in findings):
            # The line may have lost it: silence is a finding once it lasts.
            self._unanswered[module] = self._unanswered.get(module, 0) + 1
            if self._unanswered[module] < TRIES:
                return
        self._flash.strangers[module] = Stranger(self._env.now)
        message = Discovered(
            id=self._desk.new_id(),
            at=self._desk.now(),
            module=module,
            identity=identity,
            title=entry.system_title.hex().upper() if proved else "",
            conforms=not findings,
            findings=tuple(findings),
        )
        self._note(EventCode.METER_DISCOVERED, f"{module}: {identity or 'tells no name'}")
        self._desk.outbox.owe(message.id, encode(message))

    def _named(self, entry: Entry, findings: list[str]) -> Generator[simpy.Event, Any, str]:
        """The name that it tells the public client."""
        told: list[object] = []
        engine = ClientConnection(
            ClientSettings(response_timeout_s=self._client.response_timeout_s)
        )
        session = Session(engine, _read(told, _NAME), client=PUBLIC_CLIENT)
        yield from self._converse(entry, session)
        outcome = session.result
        if outcome.status is not Status.DONE:
            findings.append(f"does not answer the public client: {_why(outcome)}")
            return ""
        name = told[0]
        if not isinstance(name, bytes):
            findings.append("tells no logical device name")
            return ""
        return bytes(name).decode("latin-1")

    def _checked(
        self, entry: Entry, module: str, findings: list[str]
    ) -> Generator[simpy.Event, Any, bool]:
        """Whether it proved itself; what it must have, and has not, goes into the findings."""
        told: list[object] = []
        counters = self._flash.counters.setdefault(module, Counters())
        session = self._client.open(
            entry,
            counters,
            _read(told, *NEEDED.values()),
            engine=OWN,
            challenge=lambda: self._challenges.randbytes(16),
            may_act=lambda now: False,
        )
        yield from self._converse(entry, session)
        close(session, counters)
        outcome = session.result
        if outcome.status is not Status.DONE:
            findings.append(f"does not prove itself: {_why(outcome)}")
            return False
        for what, value in zip(NEEDED, told, strict=True):
            if isinstance(value, DataAccessResult):
                findings.append(f"lacks {what}: {standard_name(value)}")
        return True

    def _converse(self, entry: Entry, session: Session) -> Waits:
        conversing = Conversing(self._line, entry.leg, Record(), 2, priority=BULK)
        yield from conversing.hold(session)


@procedure
def _read(
    told: list[object], *attributes: AttributeDescriptor
) -> Generator[Request, Answer, Outcome]:
    told += yield from get_each(*attributes)
    return Outcome(Status.DONE)


def _why(outcome: Outcome) -> str:
    refusal = "" if outcome.refusal is None else f" {outcome.refusal.name}"
    return f"{outcome.status}{refusal}"
