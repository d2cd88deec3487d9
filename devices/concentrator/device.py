"""The concentrator: takes commands, carries them out, tells how they ended; also across reboots.

A thin shell.  What becomes of a command is the affair of `commands`, what happens at the meter that
of `errand`; what must not be forgotten lies in `flash`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import simpy

from devices.chance import stream
from devices.channel.course import Transfer
from devices.concentrator import self_report
from devices.concentrator.client import Client
from devices.concentrator.collecting import Collecting
from devices.concentrator.commands import Commands
from devices.concentrator.desk import Desk, Log
from devices.concentrator.discovering import Discovering
from devices.concentrator.errand import Patience
from devices.concentrator.execution import Execution
from devices.concentrator.flash import Flash
from devices.concentrator.image_store import ImageStore
from devices.concentrator.journal import ATTEMPTS_MAX
from devices.concentrator.memory import OCTETS_MAX, Memory
from devices.concentrator.meter_updating import MeterUpdating
from devices.concentrator.online import Online
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.own_events import note
from devices.concentrator.own_faults import FaultBook
from devices.concentrator.power_line import PowerLine
from devices.concentrator.rekeying import Rekeying
from devices.concentrator.restarting import Demands
from devices.concentrator.street_update import StreetUpdate
from devices.concentrator.table import EnginePolicy, Entry, alternating
from devices.concentrator.task_times import without_zone
from devices.concentrator.tunnels import Tunnels
from devices.concentrator.turns import Turns
from devices.concentrator.updating import WATCHDOG_S, Updating, starts
from devices.concentrator.uploading import Uploading
from devices.deadlines import later
from devices.gateway.uplink import Uplink, Will
from devices.modem import Modem
from devices.network.upkeep import Change
from protocols import wrapper
from protocols.concentrator import messages, topics
from protocols.concentrator.collecting import SetTasks
from protocols.concentrator.firmware import FirmwarePiece, OfferFirmware
from protocols.concentrator.gateway import CloseTunnel, OpenTunnel, TunnelFrame
from protocols.concentrator.keys import SEAL_KEY_OCTETS
from protocols.concentrator.messages import (
    Execute,
    FaultEntry,
    ReadFaultLog,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    UnknownMessage,
    Withdraw,
    decode_downward,
    encode,
)
from protocols.concentrator.on_demand import Discover, Restart
from protocols.concentrator.registration import AdmitMeter, RefuseMeter
from protocols.concentrator.upkeep import EventCode, ReadState, ShiftClock


@dataclass(frozen=True, slots=True)
class Settings:
    """How a concentrator is built.  Times in seconds."""

    firmware: str = "ami-concentrator 1.0.0"
    boot_s: float = 45.0  # from power to work (assumption: an embedded Linux)
    queue_max: int = 64  # commands stored and not done
    errands_max: int = 4  # at once, each at another meter
    attempts_max: int = ATTEMPTS_MAX
    patience: Patience = Patience()
    memory_octets: int = OCTETS_MAX  # for what is collected
    discover_every_s: float | None = None  # looks for meters that are not in the table


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
        seal_key: bytes = bytes(SEAL_KEY_OCTETS),
        on_line: Callable[[], Mapping[str, Entry]] = dict,
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
        self._on_line = on_line
        self._log = log
        self._client = Client(system_title, settings.patience.response_timeout_s)
        self._seal_key = seal_key
        self._chance = partial(stream, seed, "concentrator", name)
        self._challenges = self._chance("challenges")
        self._faults = FaultBook(self.flash, modem)
        self._power_changes = 0
        self._booted_uptime = 0.0
        self._up_since = self.clock.read(env.now)
        self.online = Online(
            env, uplink, self, self._chance("reconnection"), modem_online=lambda: modem.serves
        )
        self._recall()

    @property
    def firmware(self) -> str:
        """The version that runs."""
        return self.flash.firmware or self.settings.firmware

    def fault_log(self) -> tuple[FaultEntry, ...]:
        """The own fault log and the modem's, in order of time."""
        return self._faults.since(datetime.min.replace(tzinfo=UTC))

    # --- power -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Be there and working, as of now, without the time that booting takes.

        Whoever has lost its power already, or boots, works when that is over.
        """
        if not self.running and not self._power_changes:
            self._boot("")

    def reboot(self, why: str, *, boot_s: float | None = None) -> None:
        """Start anew, now.  While it boots nothing is heard and nothing done."""
        self.power_off()
        self.power_on(why, boot_s=boot_s)

    def power_off(self) -> None:
        """Everything stops where it is."""
        self._power_changes += 1
        if not self.running:
            return
        self.running = False
        self.flash.ran_until = self._desk.now()
        self._log("concentrator-down", concentrator=self.name)
        self._execution.halt()
        self._collecting.halt()
        self._uploading.halt()
        self._tunnels.halt()
        self._discovering.halt()
        self._demands.halt()
        self._updating.halt()
        self._meter_updating.halt()
        self._street_update.halt()
        self._images.halt()
        self._desk.outbox.halt()
        self.online.power_off()

    def power_on(self, why: str, *, boot_s: float | None = None) -> None:
        """Begin to boot; `why` goes into the own fault log."""
        self._power_changes += 1
        change = self._power_changes
        later(
            self.env,
            self.settings.boot_s if boot_s is None else boot_s,
            lambda: self._boot(why) if self._power_changes == change else None,
        )

    def _boot(self, why: str) -> None:
        if not starts(self.flash):
            self._log("concentrator-hangs", concentrator=self.name)
            self.power_on("the new firmware did not start", boot_s=WATCHDOG_S)
            return
        self.flash.boot += 1
        self.flash.messages = 0
        self.running = True
        self._booted_uptime = self.clock.uptime(self.env.now)
        self._log("concentrator-boot", concentrator=self.name, boot=self.flash.boot)
        self._recall()
        self._up_since = self._desk.now()
        if why:
            note(self.flash, self._desk.now(), EventCode.RESTARTED, why)
            told = f"restarted: {why}"
            self._faults.write(self._desk.now(), "concentrator", told, self.flash.ran_until)
        self.online.power_on()
        self._commands.find_unfinished()
        self._discovering.start()
        self._rekeying.recall()
        self._demands.start()
        self._updating.start()
        self._street_update.wake()
        self._collecting.start()

    def _recall(self) -> None:
        """What is in memory only, made anew from flash."""
        self._desk = Desk(
            self.env,
            self.name,
            self.flash,
            self.clock,
            self._chance("outbox", self.flash.boot),
            attempts_max=self.settings.attempts_max,
            send=lambda payload: self.online.publish(topics.up(self.name), payload),
            log=self._log,
        )
        self._turns = Turns(self.env)
        self._rekeying = Rekeying(self.name, self.flash, self.table, self._seal_key)
        self._execution = Execution(
            self._line,
            self._desk,
            self.flash,
            self.clock,
            self.table,
            self._client,
            keys=self._rekeying,
            turns=self._turns,
            engines=self.engines,
            patience=self.settings.patience,
            errands_max=self.settings.errands_max,
            challenges=self._challenges,
            bring=lambda attempt: self._meter_updating.add(attempt),
        )
        self._images = ImageStore(
            self.env,
            self._desk,
            self.flash.images,
            online=lambda: self.online.has_session,
            arrived=lambda: self._street_update.wake(),
        )
        self._street_update = StreetUpdate(
            self._line,
            self._desk,
            self.flash,
            self.table,
            self._client,
            self._turns,
            self._images,
            engines=self.engines,
            resends_max=self.settings.patience.resends_max,
            challenges=self._chance("images", self.flash.boot),
            secrets=self._chance("street keys", self.flash.run, self.flash.boot),
        )
        self._meter_updating = MeterUpdating(
            self._desk,
            self.flash.images,
            self.clock,
            self.table,
            self._images,
            self._street_update,
            given_up=self._execution.given_up,
        )
        self._memory = Memory(
            self.flash.collected,
            octets_max=self.settings.memory_octets,
            full=lambda why: self._note(EventCode.MEMORY_FULL, why),
        )
        self._uploading = Uploading(
            self.env,
            self._desk,
            self.flash,
            self._memory,
            online=lambda: self.online.has_session,
        )
        self._collecting = Collecting(
            self._line,
            self.flash,
            self.clock,
            self.table,
            self._client,
            self._turns,
            self._memory,
            keys=self._rekeying,
            engines=self.engines,
            challenges=self._chance("collecting", self.flash.boot),
            stored=self._uploading.news,
        )
        self._discovering = Discovering(
            self._line,
            self._desk,
            self.flash,
            self.table,
            self._client,
            on_line=self._on_line,
            every_s=self.settings.discover_every_s,
            challenges=self._chance("discovering", self.flash.boot),
            note=self._note,
        )
        self._updating = Updating(
            self.env,
            self._desk,
            self.flash,
            self.clock,
            online=lambda: self.online.has_session,
            restart=self.reboot,
            note=self._note,
        )
        self._demands = Demands(
            self.env,
            self._desk,
            self.flash,
            self.clock,
            discover=self._discovering.ask,
            restart=self.reboot,
        )
        self._tunnels = Tunnels(self._line, self._desk, self.clock, self.table, self._turns)
        self._commands = Commands(
            self.env,
            self._desk,
            self._execution,
            self.clock,
            self.table,
            queue_max=self.settings.queue_max,
            busy=lambda: self.busy,
            has_room=lambda image: image is None or self._images.has_room(image),
        )

    # --- session with the head-end: `online.Host` ------------------------------------------------

    def will(self) -> Will:
        """What the broker says of us when it hears nothing any more."""
        message = messages.Offline(
            id=self._desk.new_id(),
            at=self._desk.now(),
            concentrator=self.name,
            boot=self.flash.boot,
        )
        return Will(topics.status(self.name), encode(message))

    def port_changed(self) -> None:
        """The link to an external router came or went: the own log has it, and the session too."""
        if self.running:
            up, now = self.modem.serves or not self.modem.online, self._desk.now()
            told = "link to the router is back" if up else "no link to the router"
            since = self.flash.port_lost_at if up else None
            self.flash.port_lost_at = None if up else now
            self._faults.write(now, "network", f"Ethernet: {told}", since)
        self.online.modem_changed()

    def link_changed(self, change: Change) -> None:
        """A module of a meter came, went, or is reached another way: tell it, if there is a
        session."""
        entry = self.table.get(change.meter)
        if not self.running or entry is None:
            return
        at = self._desk.now()
        link = messages.LinkReport(
            meter=change.meter,
            at=at,
            registered=entry.leg.registered,
            link=change.bearer,
            level=change.level,
            via=change.via,
        )
        self._desk.tell(messages.LinkChanged(id=self._desk.new_id(), at=at, link=link))

    def pushed(self, meter: str, carried: Transfer) -> None:
        """A meter said something unasked: forward it, where the meter is one of ours."""
        if not self.running or meter not in self.table or carried.received is None:
            return
        for frame in wrapper.Decoder().feed(carried.received):
            self._desk.owe_push(
                messages.MeterPushed(
                    id=self._desk.new_id(),
                    at=self._desk.now(),
                    meter=meter,
                    heard_at=self._desk.now(),
                    octets=frame.apdu,
                    link=carried.link,
                    hops=len(carried.via) + 1,
                )
            )

    def session_begun(self) -> None:
        """Say so, and send what is owed."""
        self._log("session", concentrator=self.name)
        message = messages.Online(
            id=self._desk.new_id(),
            at=self._desk.now(),
            concentrator=self.name,
            boot=self.flash.boot,
            firmware=self.firmware,
            tasks=self.flash.collected.version,
        )
        self.online.publish(topics.status(self.name), encode(message), retain=True)
        if entries := self._faults.news():
            self._desk.owe_fault_log(entries, at_once=False)
        self._desk.outbox.resume()
        self._uploading.session_begun()
        self._updating.session_begun()
        self._images.go_on()

    def received(self, payload: bytes) -> None:
        """A message on the `down` topic."""
        if not self.running:
            return
        try:
            message = decode_downward(payload)
        except UnknownMessage as error:
            self._log("not-understood", concentrator=self.name, why=str(error))
            return
        match message:
            case ReceiptToConcentrator():
                self._desk.receipted(message.of)
                self._uploading.receipted(message.of)
                if self._commands.waiting and self._desk.is_of_this_boot(message.of):
                    uptime_s = self.clock.uptime(self.env.now) - self._booted_uptime
                    self._commands.go_on(message.at, uptime_s)
                return
            case Execute():
                stored = self._commands.execute(message)
            case Withdraw():
                stored = self._commands.withdraw(message)
            case ReadFaultLog():
                self._desk.owe_fault_log(self._faults.since(message.since))
                stored = True
            case SetTasks() if refused := without_zone(message.tasks):
                why = ", ".join(f"{task.name}: no time zone {task.zone!r}" for task in refused)
                self._log("not-understood", concentrator=self.name, why=why)
                return  # no receipt: the table is not stored, and the one before stays
            case SetTasks():
                if self._collecting.set_tasks(message):
                    told = f"version {message.version}, {len(message.tasks)} tasks"
                    self._note(EventCode.TASKS_SET, told)
                stored = True
            case ReadState():
                self._tell_state(message)
                return
            case OfferFirmware():
                self._updating.offered(message)
                stored = True
            case FirmwarePiece():
                self._updating.piece(message)
                self._images.piece(message)
                return
            case AdmitMeter() | RefuseMeter():
                self._discovering.decided(message)
                stored = True
            case Discover() | Restart():
                self._demands.take(message)
                stored = True
            case ShiftClock():
                self._shift_clock(message)
                stored = True
            case OpenTunnel() | TunnelFrame() | CloseTunnel():
                self._tunnels.received(message)
                return
        if stored:
            receipt = ReceiptFromConcentrator(
                id=self._desk.new_id(), at=self._desk.now(), of=message.id
            )
            self._desk.tell(receipt)

    def _note(self, code: EventCode, text: str) -> None:
        """Write into the own event log, and into the world's."""
        note(self.flash, self._desk.now(), code, text)
        self._log("concentrator-event", concentrator=self.name, code=code.value, text=text)

    def _tell_state(self, message: ReadState) -> None:
        now = self.env.now
        told = self_report.state(
            self.flash,
            self._memory,
            self.table,
            message_id=self._desk.new_id(),
            of=message.id,
            at=self._desk.now(),
            up_since=self._up_since,
            ahead=timedelta(seconds=self.clock.error_s(now)),
            since=message.since,
            now=now,
            firmware=self.firmware,
        )
        self._desk.tell(told)

    def _shift_clock(self, message: ShiftClock) -> None:
        """Shift the clock once, however often the message comes."""
        if message.id in self.flash.shifted:
            return
        self.flash.shifted = [*self.flash.shifted[-7:], message.id]
        self.shift_clock(message.by_s, "the head-end")

    def shift_clock(self, by_s: float, who: str) -> None:
        """Step the own clock ahead, or back where negative; the own event log has it."""
        self.clock.step(by_s)
        self._note(EventCode.CLOCK_SHIFTED, f"by {by_s:+.3f} s, by {who}")
