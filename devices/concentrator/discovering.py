"""Finds meters on the line that are not in the table, and asks what they are.

The public client asks for the name; then the association with the keys that came along with the
meter shows whether it is what it should be.  What was found is reported, and the head-end decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Iterator, Mapping
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
from protocols.concentrator.on_demand import DiscoveryEnded
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
        self._asked = line.env.event()
        self._unanswered: dict[str, int] = {}  # tries in a row, by module

    def start(self) -> None:
        """Begin to look, where that is wanted at all, or go on with what was asked."""
        for module, stranger in self._flash.strangers.items():
            if stranger.meter:
                self._table[stranger.meter] = self._on_line()[module]
        if self._every_s is not None or self._flash.discoveries:
            self._process = self._env.process(self._run())

    def ask(self, message_id: str) -> None:
        """Look at all of them now, refused ones too; once for each message."""
        self._flash.discoveries.append(message_id)
        if self._process is None:
            self._process = self._env.process(self._run())
        else:
            self._asked.succeed()
            self._asked = self._env.event()

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

    def _run(self) -> Waits:
        every_s = self._every_s
        next_at = math.inf if every_s is None else self._env.now
        try:
            while True:
                if self._flash.discoveries:
                    yield from self._on_demand(self._flash.discoveries[0])
                elif every_s is not None and self._env.now >= next_at:
                    for module, entry in self._strangers():
                        if self._due(module):
                            yield from self._look_at(module, entry)
                    next_at = self._env.now + every_s
                elif every_s is None:
                    yield self._asked
                else:
                    yield self._env.timeout(next_at - self._env.now) | self._asked
        except simpy.Interrupt:
            return

    def _strangers(self) -> Iterator[tuple[str, Entry]]:
        """Modules in the network that belong to no meter of the table."""
        for module, entry in list(self._on_line().items()):
            if module not in self._table and entry.leg.registered:
                yield module, entry

    def _on_demand(self, message_id: str) -> Waits:
        """All of them, one that is silent as often as it takes to call that silence."""
        looked = found = 0
        for module, entry in self._strangers():
            looked += 1
            for _ in range(TRIES):
                if (yield from self._look_at(module, entry)):
                    found += 1
                    break
        self._flash.discoveries.remove(message_id)
        message = DiscoveryEnded(
            id=self._desk.new_id(),
            at=self._desk.now(),
            of=message_id,
            modules=looked,
            found=found,
        )
        self._desk.outbox.owe(message.id, encode(message))

    def _due(self, module: str) -> bool:
        known = self._flash.strangers.get(module)
        if known is None:
            return True
        return bool(known.refused) and self._env.now - known.found_at >= AGAIN_S

    def _look_at(self, module: str, entry: Entry) -> Generator[simpy.Event, Any, bool]:
        """Whether something was found that is told: silence is not before it lasts."""
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
                return False
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
        return True

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
