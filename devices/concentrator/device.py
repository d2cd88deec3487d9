"""The concentrator: takes commands, carries them out, tells how they ended; also across reboots.

A thin shell over plain state.  What a command means is decided in `intake`, what happens at the
meter in `errand`; what must not be forgotten lies in `flash`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import simpy

from devices.chance import stream
from devices.concentrator import report
from devices.concentrator.client import Client
from devices.concentrator.errand import Errand, Patience
from devices.concentrator.flash import Attempt, Counters, Flash, Key, Stage
from devices.concentrator.intake import (
    Begin,
    Busy,
    DoneBefore,
    EndNow,
    Repeat,
    Stop,
    Underway,
    done_before,
    on_execute,
    on_withdraw,
)
from devices.concentrator.journal import ATTEMPTS_MAX, Journal
from devices.concentrator.online import Online
from devices.concentrator.outbox import Outbox
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.own_faults import FaultBook
from devices.concentrator.power_line import PowerLine
from devices.concentrator.table import EnginePolicy, Entry, alternating
from devices.deadlines import later
from devices.gateway.uplink import Uplink, Will
from devices.modem import Modem
from protocols.concentrator import messages, topics
from protocols.concentrator.messages import (
    Accepted,
    Execute,
    FaultLog,
    LinkChanged,
    Offline,
    ReadFaultLog,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    Result,
    Status,
    UnknownMessage,
    Upward,
    Withdraw,
    decode_downward,
    encode,
)

Log = Callable[..., None]
"""`log(kind, **fields)`: the world's own record, which no head-end reads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a concentrator is built.  Times in seconds."""

    firmware: str = "ami-concentrator 1.0.0"
    boot_s: float = 45.0  # from power to work (assumption: an embedded Linux)
    queue_max: int = 64  # commands stored and not done
    errands_max: int = 4  # at once, each at another meter
    attempts_max: int = ATTEMPTS_MAX
    patience: Patience = Patience()


class Concentrator:
    """See the module.  `table` may be changed while it runs; it is not in flash, because the world
    loads it again after a reboot."""

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        *,
        seed: int,
        uplink: Uplink,
        modem: Modem,
        line: PowerLine,
        table: dict[str, Entry],
        system_title: bytes,
        settings: Settings = Settings(),
        engines: EnginePolicy | None = None,
        flash: Flash | None = None,
        log: Log = lambda kind, **fields: None,
    ) -> None:
        self.env = env
        self.name = name
        self.modem = modem
        self.table = table
        self.settings = settings
        self.engines = engines or alternating()
        self.clock = OwnClock(since=env.now)
        self.flash = flash if flash is not None else Flash()
        self.busy = False  # a fault: takes no more work
        self.running = False
        self._line = line
        self._log = log
        self._client = Client(system_title, settings.patience.response_timeout_s)
        self._chance = partial(stream, seed, "concentrator", name)
        self._challenges = self._chance("challenges")
        self.online = Online(
            env, uplink, self, self._chance("reconnection"), modem_online=lambda: modem.online
        )
        self._faults = FaultBook(self.flash, modem)
        self._powers_up = 0
        self._errands: dict[str, simpy.Process] = {}
        self._recall()

    # --- power -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Be there and working, as of now, without the time that booting takes."""
        if not self.running:
            self._boot("")

    def reboot(self, why: str, *, boot_s: float | None = None) -> None:
        """Start anew, now.  While it boots nothing is heard and nothing done."""
        self.power_off()
        self.power_on(why, boot_s=boot_s)

    def power_off(self) -> None:
        """Everything stops where it is."""
        self._powers_up += 1
        if not self.running:
            return
        self.running = False
        self._log("concentrator-down", concentrator=self.name)
        for process in self._errands.values():
            process.interrupt("no power")
        self._errands = {}
        self._outbox.halt()
        self.online.power_off()

    def power_on(self, why: str, *, boot_s: float | None = None) -> None:
        """Begin to boot; `why` goes into the own fault log."""
        self._powers_up += 1
        this_time = self._powers_up
        later(
            self.env,
            self.settings.boot_s if boot_s is None else boot_s,
            lambda: self._boot(why) if self._powers_up == this_time else None,
        )

    def _boot(self, why: str) -> None:
        self.flash.boot += 1
        self.flash.messages = 0
        self.running = True
        self._log("concentrator-boot", concentrator=self.name, boot=self.flash.boot)
        if why:
            self._faults.write(self._now(), "concentrator", f"restarted: {why}")
        self._recall()
        for attempt in list(self._journal.unfinished()):
            if attempt.stage is Stage.ACTING:
                self._end_without_errand(attempt, Status.UNKNOWN, acted=True)
            elif attempt.withdrawn:
                self._end_without_errand(attempt, Status.CANCELLED)
            else:
                self._waiting.append(attempt)  # `_work` looks whether it is stale by now
        self.online.power_on()
        self._begin_errands()

    def _recall(self) -> None:
        """What is in memory only, made anew from flash."""
        self._journal = Journal(self.flash, attempts_max=self.settings.attempts_max)
        self._outbox = Outbox(
            self.env,
            self.flash,
            self._chance("outbox", self.flash.boot),
            send=lambda payload: self.online.publish(topics.up(self.name), payload),
        )
        self._waiting: list[Attempt] = []
        self._errands = {}
        self._registered: dict[str, bool] = {}

    # --- session with the head-end ---------------------------------------------------------------

    def will(self) -> Will:
        message = Offline(
            id=self._id(), at=self._now(), concentrator=self.name, boot=self.flash.boot
        )
        return Will(topics.status(self.name), encode(message))

    def session_begun(self) -> None:
        """Say so, and send what is owed."""
        self._log("session", concentrator=self.name)
        message = messages.Online(
            id=self._id(),
            at=self._now(),
            concentrator=self.name,
            boot=self.flash.boot,
            firmware=self.settings.firmware,
        )
        self.online.publish(topics.status(self.name), encode(message), retain=True)
        self._outbox.resume()
        entries = self._faults.news()
        if entries:
            self._owe(FaultLog(id=self._id(), at=self._now(), entries=entries))

    def received(self, payload: bytes) -> None:
        """A message on the `down` topic."""
        if not self.running:
            return
        try:
            message = decode_downward(payload)
        except UnknownMessage as error:
            self._log("not-understood", concentrator=self.name, why=str(error))
            return
        self.clock.heard(message.at, self.env.now)
        if isinstance(message, ReceiptToConcentrator):
            self._outbox.receipted(message.of)
            self._journal.receipted(message.of)
            return
        match message:
            case Execute():
                stored = self._execute(message)
            case Withdraw():
                stored = self._withdraw(message)
            case ReadFaultLog():
                entries = self._faults.since(message.since)
                self._owe(FaultLog(id=self._id(), at=self._now(), entries=entries))
                stored = True
        if stored:
            self._tell(ReceiptFromConcentrator(id=self._id(), at=self._now(), of=message.id))

    def _execute(self, command: Execute) -> bool:
        """Whether the command, or its answer, is stored now."""
        room = len(self._waiting) + len(self._errands) < self.settings.queue_max
        decision = on_execute(
            command,
            self._journal,
            in_table=command.meter in self.table,
            expired=self.clock.expires_in_s(command.not_after, self.env.now) <= 0,
            room=not self.busy and room and self._journal.has_room(self._now()),
        )
        match decision:
            case Begin():
                attempt = self._journal.store(command)
                self._note("stored", attempt)
                self._waiting.append(attempt)
                self._accept(attempt)
                self._begin_errands()
            case Underway(attempt):
                self._accept(attempt)
            case Repeat(attempt):
                self._outbox.owe(attempt.result_id, attempt.result)
            case DoneBefore(done):
                self._end_as_before(self._journal.store(command), done)
            case EndNow(status):
                self._end_without_errand(self._journal.store(command), status)
            case Busy():
                self._log("busy", concentrator=self.name, order=command.order)
                self._tell(self._busy(command))
                return False
        return True

    def _withdraw(self, command: Withdraw) -> bool:
        key = Key(command.order, command.attempt)
        decision = on_withdraw(
            command,
            self._journal,
            begun=not any(attempt.key == key for attempt in self._waiting),
            room=self._journal.has_room(self._now(), withdrawal=True),
        )
        match decision:
            case Repeat(attempt):
                self._outbox.owe(attempt.result_id, attempt.result)
            case Stop(attempt):
                attempt.withdrawn = True  # `_may_act` sees it
                self._note("withdrawn", attempt)
            case DoneBefore(done):
                self._end_as_before(self._known(command), done)
            case EndNow(status):
                attempt = self._known(command)
                self._waiting = [other for other in self._waiting if other is not attempt]
                self._end_without_errand(attempt, status)
            case Busy():
                return False  # no room to remember it: the head-end asks again
        return True

    def _known(self, command: Withdraw) -> Attempt:
        """The attempt, or a memory of one that may still be on its way and will not be begun."""
        found = self._journal.find(Key(command.order, command.attempt))
        if found is not None:
            return found
        return self._journal.store(
            Execute(
                id=command.id,
                order=command.order,
                attempt=command.attempt,
                meter=command.meter,
                action=command.action,
                not_after=self._now(),
            )
        )

    # --- work ------------------------------------------------------------------------------------

    def _begin_errands(self) -> None:
        """Start what can be started: one errand a meter, in the order of arrival."""
        for attempt in list(self._waiting):
            if len(self._errands) >= self.settings.errands_max:
                return
            if attempt.meter not in self._errands:
                self._waiting.remove(attempt)
                self._errands[attempt.meter] = self.env.process(self._work(attempt))

    def _work(self, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
        try:
            yield from self._carry_out(attempt)
        except simpy.Interrupt:
            return  # no power: what is not in flash is lost
        del self._errands[attempt.meter]
        self._begin_errands()

    def _carry_out(self, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(0)  # the command is receipted before anything else happens
        entry = self.table.get(attempt.meter)
        done = done_before(self._journal, attempt.key.order, attempt.meter)
        if done is not None:
            self._end_as_before(attempt, done)
        elif entry is None:
            self._end_without_errand(attempt, Status.NOT_IN_TABLE)
        elif (status := self._given_up(attempt)) is not None:
            self._end_without_errand(attempt, status)
        else:
            yield from self._go(attempt, entry)

    def _go(self, attempt: Attempt, entry: Entry) -> Generator[simpy.Event, Any, None]:
        engine = self.engines(*attempt.key)
        errand = Errand(
            self._line,
            self._client,
            entry,
            attempt,
            self.flash.counters.setdefault(attempt.meter, Counters()),
            engine=engine,
            patience=self.settings.patience,
            challenges=self._challenges,
            may_act=lambda now: self._may_act(attempt, errand.margin_s, now),
            given_up=lambda: self._given_up(attempt),
        )
        outcome = yield from errand.run()
        result = report.ended(
            attempt,
            outcome,
            message_id=self._id(),
            at=self._now(),
            ahead=timedelta(seconds=self.clock.error_s(self.env.now)),
            now=self.env.now,
            entry=entry,
            record=errand.record,
            engine=engine,
        )
        self._end(attempt, result, detail=outcome.detail)
        self._compare_link(result)

    def _given_up(self, attempt: Attempt) -> Status | None:
        """Why nothing more should be tried, before anything that acts was sent."""
        if attempt.withdrawn:
            return Status.CANCELLED
        if self.clock.expires_in_s(attempt.not_after, self.env.now) <= 0:
            return Status.STALE
        return None

    def _may_act(self, attempt: Attempt, margin_s: float, now: float) -> bool | Status:
        """The last word before something that acts is sent, and the note of it in flash."""
        if attempt.withdrawn:
            return Status.CANCELLED
        if self.clock.expires_in_s(attempt.not_after, now) <= margin_s:
            return Status.STALE
        self._journal.begin_acting(attempt)
        self._note("acting", attempt)
        return True

    # --- ends ------------------------------------------------------------------------------------

    def _end(self, attempt: Attempt, result: Result, *, detail: str = "") -> None:
        payload = encode(result)
        self._journal.end(attempt, result.id, payload, self._now())
        self._note("ended", attempt, status=result.status.value, acted=result.acted, detail=detail)
        self._outbox.owe(result.id, payload)

    def _end_without_errand(self, attempt: Attempt, status: Status, *, acted: bool = False) -> None:
        self._end(
            attempt,
            report.without_errand(
                attempt, status, acted=acted, message_id=self._id(), at=self._now()
            ),
        )

    def _end_as_before(self, attempt: Attempt, done: Result) -> None:
        self._end(attempt, report.as_before(attempt, done, message_id=self._id()))

    def _busy(self, command: Execute) -> Result:
        return Result(
            id=self._id(),
            at=self._now(),
            order=command.order,
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
            status=Status.BUSY,
            acted=False,
        )

    def _compare_link(self, result: Result) -> None:
        link = result.link
        assert link is not None
        if self._registered.get(result.meter, True) is not link.registered:
            self._tell(LinkChanged(id=self._id(), at=self._now(), link=link))
        self._registered[result.meter] = link.registered

    # --- small parts -----------------------------------------------------------------------------

    def _accept(self, attempt: Attempt) -> None:
        order, number = attempt.key
        self._tell(Accepted(id=self._id(), at=self._now(), order=order, attempt=number))

    def _owe(self, message: FaultLog) -> None:
        self._outbox.owe(message.id, encode(message))

    def _tell(self, message: Upward) -> None:
        """Send once: the head-end asks again for what it misses."""
        self.online.publish(topics.up(self.name), encode(message))

    def _id(self) -> str:
        self.flash.messages += 1
        return f"{self.name}.{self.flash.boot}.{self.flash.messages}"

    def _now(self) -> datetime:
        return self.clock.read(self.env.now)

    def _note(self, kind: str, attempt: Attempt, **fields: object) -> None:
        order, number = attempt.key
        self._log(
            kind,
            concentrator=self.name,
            order=order,
            attempt=number,
            meter=attempt.meter,
            action=attempt.action.value,
            **fields,
        )
