"""A simulated field, built from a plain specification: transformers, meters, links, concentrators.

Everything is a function of specification and seed.  A meter comes into being when the first frame
reaches it, or a fault.  The field meets the head-end in bytes only, on each concentrator's uplink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

import simpy

from devices import pushing, recording
from devices.chance import octets, stream
from devices.channel.cast import Cast
from devices.channel.course import Transfer
from devices.channel.delivery import Delivered
from devices.channel.link import Link, Tap
from devices.channel.medium import Medium
from devices.channel.noise import residential
from devices.channel.route import AnyLink
from devices.clock import FieldDriver
from devices.concentrator.device import Concentrator
from devices.concentrator.flash import Flash
from devices.concentrator.power_line import PowerLine
from devices.concentrator.rekeying import seal_key
from devices.concentrator.table import CLIENT_SAP, Entry
from devices.deadlines import Deadlines
from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec
from devices.gateway.uplink import Uplink
from devices.grid.field_grid import FieldGrid
from devices.meter.device import Meter
from devices.meter.foreign import FOREIGN, FOREIGN_CLIENT, MAKER
from devices.meter.identity import MANUFACTURER, Identity, client_system_title
from devices.meter.load import ConstantLoad, DailyLoad, Load
from devices.meter.meter_type import MeterType
from devices.meter.models import model
from devices.meter.server import Endpoint
from devices.modem import Modem, StepChanged
from devices.network.build import Networks, networks_of
from devices.network.upkeep import Change
from devices.network.ways import Leg
from devices.own_lines import OwnLines
from devices.router import Router
from devices.wan import one_way_ms
from devices.world_log import WorldLog
from protocols.capture.recorder import Recorder
from protocols.dlms.broadcast import BROADCAST_CLIENT
from protocols.plc.frames import Direction

if TYPE_CHECKING:  # it needs a system with file locks, and few worlds have one
    from devices.gateway.field_memory import FieldMemory

T = TypeVar("T")

SETTLED_S = 3600.0
"""A field that is first met has been in service for so long: its modems are on line."""


LINE_CUT = "line cut"
"""What holds at a meter whose own line to the head-end carries nothing."""


class World:
    """The field and its record.

    `uplinks` gives each concentrator its way to the broker.  With a `driver`, asyncio code acts on
    the world through `enter`; with a `recorder`, what travels is written down; with a `memory`,
    meters outlive the process.  `loads` gives some meters what they measure; the others follow
    their specification.  Concentrators are other ones of the same names in each `run`.
    """

    def __init__(
        self,
        env: simpy.Environment,
        spec: FieldSpec,
        seed: int,
        *,
        uplinks: Callable[[str], Uplink],
        driver: FieldDriver | None = None,
        keep_log: bool = True,
        write_log: bool = True,
        recorder: Recorder | None = None,
        loads: Callable[[str], Load | None] = lambda meter: None,
        memory: FieldMemory | None = None,
        run: str = "",
    ) -> None:
        self.env = env
        self.spec = spec
        self.seed = seed
        self.log = WorldLog(lambda: env.now, keep=keep_log, write=write_log)
        self.concentrators: dict[str, Concentrator] = {}
        self._driver = driver
        self._uplinks = uplinks
        self._recorder = recorder
        self._loads = loads
        self._memory = memory
        self._run = run
        self._meters: dict[str, Meter] = {}
        self._deadlines: dict[str, Deadlines] = {}
        self.own_lines = OwnLines(env, seed, self.log, SETTLED_S)
        self._told: dict[str, int] = {}
        self._specs: dict[str, MeterSpec] = {}
        self._entries: dict[str, Entry] = {}
        self._home: dict[str, str] = {}
        self._lines: dict[str, PowerLine] = {}
        self._held: dict[tuple[str, str], int] = {}
        self.networks: dict[str, Networks] = {}
        self.grid = FieldGrid(seed, spec) if spec.grid else None
        for transformer in spec.transformers:
            self._build(transformer)

    def start(self) -> None:
        """Let every concentrator work, as of now."""
        for concentrator in self.concentrators.values():
            concentrator.start()

    def enter(self, action: Callable[[], T]) -> T:
        """Act on the world at its present time, from outside."""
        return action() if self._driver is None else self._driver.enter(action)

    def wan_delay_s(self, concentrator: str) -> Callable[[int], float]:
        """The time that a packet of so many octets takes one way, draw by draw."""
        rng = stream(self.seed, "wan", concentrator)
        technology = next(
            each.wan for each in self.spec.transformers if each.concentrator == concentrator
        )
        return lambda octets: one_way_ms(technology, rng) / 1000

    # --- meters ----------------------------------------------------------------------------------

    @property
    def meter_names(self) -> tuple[str, ...]:
        return tuple(self._specs)

    def identity(self, meter: str) -> Identity:
        """A meter's names and test keys.  Raises KeyError for a meter that there is not."""
        return _identity(self.seed, self._specs[meter])

    def meter(self, name: str) -> Meter:
        """The meter itself.  Raises KeyError for one that there is not."""
        found = self._meters.get(name)
        if found is None:
            spec = self._specs[name]
            found = self._meters[name] = Meter(
                self.identity(name),
                self._load(spec),
                _meter_type(spec.control_mode, spec.model, spec.foreign, spec.phases),
            )
            if self._memory is not None:
                self._memory.recall(found, now=self.env.now)
            self._deadlines[name] = Deadlines(self.env, found, lambda _: self._tell(name))
        return found

    def open_line(self, meter: str) -> Endpoint:
        """One more line straight to a meter, which is reached without a concentrator."""
        return self.meter(meter).open_link()

    def close_line(self, meter: str, line: Endpoint) -> None:
        """It is gone."""
        self.meter(meter).close_link(line)

    def ask(
        self, meter: str, line: Endpoint, apdu: bytes, *, client: int, server: int
    ) -> list[bytes]:
        """What the meter answers to an APDU that came over such a line."""
        ends = {"client": client, "server": server}
        answers = self.meter(meter).take(apdu, line, now=self.env.now, **ends)
        self._tell(meter)
        self._deadlines[meter].touch()
        return answers

    def touched(self, meter: str) -> None:
        """Somebody changed a meter: let it look at itself, and note what it did."""
        found = self.meter(meter)
        found.settle(self.env.now)
        self._tell(meter)
        self._deadlines[meter].touch()

    def link(self, meter: str) -> Link:
        """The power-line link of a meter."""
        return self._entries[meter].leg.link

    def line_of(self, meter: str) -> PowerLine:
        """What carries messages between a meter's modules and its transformer's concentrator."""
        return self._lines[self._home[meter]]

    def concentrator_of(self, meter: str) -> Concentrator:
        """The concentrator of a meter's transformer, whether it knows the meter or not."""
        return self.concentrators[self._home[meter]]

    def _on_line(self, concentrator: str) -> dict[str, Entry]:
        """The meters of a concentrator's transformer, whether it knows them or not."""
        return {
            name: entry for name, entry in self._entries.items() if self._home[name] == concentrator
        }

    def entry(self, meter: str) -> Entry:
        """What a concentrator's table holds of a meter."""
        return self._entries[meter]

    def links_of(self, name: str, bearer: str | None = None) -> tuple[AnyLink, ...]:
        """The links of one meter's modules, or of all modules of a concentrator; of one `bearer`
        ("plc", "rf") or of both.  Raises KeyError for another name."""
        meters = (
            [meter for meter, home in self._home.items() if home == name]
            if name in self.concentrators
            else [name]
        )
        return tuple(
            way.link
            for meter in meters
            for way in self._entries[meter].leg.ways
            if bearer in (None, way.network.bearer)
        )

    def links_touched(self, name: str) -> None:
        """Something about the links of a meter or a concentrator has changed just now."""
        for network in self.networks[self._home.get(name, name)].both:
            network.touch(name if name in self._home else None)

    def networks_lost(self, concentrator: str) -> None:
        """A concentrator has lost its power: who was where is known to nobody any more."""
        for network in self.networks[concentrator].both:
            self._links_changed(concentrator, network.forget(self.env.now))

    def modem(self, name: str) -> Modem:
        """The modem of a concentrator, or of the router of a meter that has a line of its own."""
        if name in self.concentrators:
            return self.concentrators[name].modem
        if name not in self._specs:
            raise KeyError(name)
        return self.own_lines.router(name)

    def modem_touched(self, name: str) -> None:
        """Somebody gave a modem a fault, or took power from it: let it see that now."""
        if name in self.concentrators:
            self._modem_moved(name, self.modem(name).advance(self.env.now))
            self._deadlines[name].touch()
        else:
            self.own_lines.touched(name)

    def set_port(self, name: str, up: bool) -> None:
        """Whether the port of an external router has a link to the device behind it.

        Raises TypeError for a concentrator whose modem is built in.
        """
        router = self.modem(name)
        if not isinstance(router, Router):
            raise TypeError(f"{name} has no external router")
        router.port_up = up
        if name in self.concentrators:
            self.concentrators[name].port_changed()

    def line_stands(self, meter: str) -> bool:
        """Whether the network reaches the far end of a meter's own line."""
        return not self.held(LINE_CUT, meter) and self.own_lines.stands(meter)

    def _load(self, spec: MeterSpec) -> Load:
        if (given := self._loads(spec.name)) is not None:
            return given
        if self.grid is not None:
            return self.grid.load_of(spec.name)
        if spec.load_w is not None:
            return ConstantLoad.of(*spec.load_w)
        units = tuple(4 + each % 12 for each in octets(self.seed, "household", spec.name, count=3))
        return DailyLoad(unit_w=units, unit_var=tuple(watts // 4 for watts in units))

    # --- faults that overlap ---------------------------------------------------------------------

    def hold(self, what: str, target: str) -> None:
        """One more reason for `what` to be so at `target`."""
        self._held[what, target] = self._held.get((what, target), 0) + 1

    def release(self, what: str, target: str) -> None:
        """One reason less."""
        self._held[what, target] -= 1

    def held(self, what: str, target: str) -> bool:
        """Whether there is any reason left."""
        return self._held.get((what, target), 0) > 0

    # --- building --------------------------------------------------------------------------------

    def _build(self, transformer: TransformerSpec) -> None:
        name = transformer.concentrator
        table: dict[str, Entry] = {}
        networks = self.networks[name] = networks_of(
            self.seed,
            transformer,
            residential(self.spec.zone),
            Medium(noise=self.spec.noise),
            now=self.env.now,
            asking=lambda: self.concentrators[name].running,
            tap=self._tap,
            radio_tap=self._radio_tap,
        )
        for node, meter in enumerate(transformer.modules, 1):
            entry = self._new_entry(networks, meter, node)
            self._specs[meter.name] = meter
            self._entries[meter.name] = entry
            self._home[meter.name] = name
            if meter.in_table:
                table[meter.name] = entry
        now = self.env.now
        rng = stream(self.seed, "modem", name)
        make = Router if transformer.router else Modem
        modem = make(rng, now=now - SETTLED_S, pace=self.spec.modem_pace)
        modem.advance(now)
        line = self._lines[name] = PowerLine(
            self.env,
            networks.both,
            self._carried,
            lambda changes: self._links_changed(name, changes),
            on_cast=lambda meters, sent: self._cast(name, meters, sent),
            chance=cache(partial(stream, self.seed, "broadcast")),
        )
        self.concentrators[name] = Concentrator(
            self.env,
            name,
            seed=self.seed,
            uplink=self._uplink(name),
            modem=modem,
            line=line,
            table=table,
            system_title=client_system_title(self.seed, CLIENT_SAP, name),
            seal_key=seal_key(self.seed, name),
            on_line=lambda: self._on_line(name),
            settings=self.spec.settings,
            engines=self.spec.engines,
            flash=Flash(run=self._run),
            log=self.log,
        )
        self._deadlines[name] = Deadlines(
            self.env, modem, lambda changes: self._modem_moved(name, changes)
        )
        for network in networks.both:
            Deadlines(self.env, network, lambda changes: self._links_changed(name, changes))

    def _uplink(self, concentrator: str) -> Uplink:
        uplink = self._uplinks(concentrator)
        if self._recorder is None:
            return uplink
        return recording.RecordingUplink(uplink, self._recorder, lambda: self.env.now)

    def _new_entry(self, networks: Networks, meter: MeterSpec, node: int) -> Entry:
        identity = _identity(self.seed, meter)
        client = FOREIGN_CLIENT if meter.foreign else CLIENT_SAP
        leg = Leg(
            meter.name,
            far_end=lambda octets, now: self._arrived(meter.name, octets, now),
            ways=networks.ways(self.seed, node),
        )
        return Entry(
            meter.name,
            leg,
            identity.keys(client),
            identity.system_title,
            client,
            None if meter.foreign else identity.master_key(BROADCAST_CLIENT),
        )

    def _tap(self, meter: str) -> Tap | None:
        if self._recorder is None:
            return None
        return recording.tap(self._recorder, meter, lambda: self.env.now)

    def _radio_tap(self, meter: str, received_cdbm: int) -> Tap | None:
        if self._recorder is None:
            return None
        return recording.radio_tap(self._recorder, meter, received_cdbm, lambda: self.env.now)

    # --- what happens ----------------------------------------------------------------------------

    def _arrived(self, meter: str, octets: bytes, now: float) -> list[bytes]:
        answers = self.meter(meter).receive(octets, now=now)
        self._tell(meter)
        self._deadlines[meter].touch()
        return answers

    def _carried(self, meter: str, carried: Transfer) -> None:
        if self._recorder is not None and carried.received is not None:
            self._recorder.wrapper(
                recording.microseconds(self.env.now),
                self._home[meter],
                meter,
                carried.received,
                up=carried.direction is Direction.UP,
            )
        if not self.log.writes:
            return
        self.log(
            "transfer",
            meter=meter,
            way="down" if carried.direction is Direction.DOWN else "up",
            link=carried.link,
            via=list(carried.via),
            acknowledged=carried.acknowledged,
            arrived=carried.received is not None,
            frames=[
                "delivered" if isinstance(delivery, Delivered) else delivery.cause.value
                for delivery in carried.deliveries
            ],
            hops=list(carried.hops),
            snr_cdb=[delivery.snr_cdb for delivery in carried.deliveries],
            airtime_us=[delivery.airtime_us for delivery in carried.deliveries],
        )

    def _cast(self, concentrator: str, meters: list[str], sent: Cast) -> None:
        """A message to all of them: one line, for it was on the power line once."""
        at, heard = recording.microseconds(self.env.now), []
        for meter, carried in zip(meters, sent.transfers, strict=True):
            if carried.received is not None:
                heard.append(meter)
                if self._recorder is not None:
                    self._recorder.wrapper(at, concentrator, meter, carried.received, up=False)
        self.log(
            "broadcast",
            concentrator=concentrator,
            frames=sent.frames,
            airtime_us=sent.airtime_us,
            heard=heard,
            lost=[meter for meter in meters if meter not in heard],
        )

    def _links_changed(self, concentrator: str, changes: tuple[Change, ...]) -> None:
        for change in changes:
            self.log(
                "link",
                concentrator=concentrator,
                meter=change.meter,
                link=change.bearer,
                turn=change.turn.value,
                level=change.level,
                via=list(change.via),
            )
            self.concentrators[concentrator].link_changed(change)

    def _tell(self, meter: str) -> None:
        """Write down what a meter has done since it was last asked."""
        history = self._meters[meter].history
        for deed in history[self._told.get(meter, 0) :]:
            self.log(
                "meter",
                meter=meter,
                done_at=round(deed.at * 1e6),
                deed=deed.deed.value,
                cause=deed.cause,
                detail=deed.detail,
                value=deed.value,
            )
        self._told[meter] = len(history)
        if self._meters[meter].pushes_wait:
            pushing.send(self, meter)
        if self._memory is not None:  # an answer leaves, and a push is under way, after this
            self._memory.keep(self._meters[meter], now=self.env.now)

    def _modem_moved(self, concentrator: str, changes: tuple[StepChanged, ...]) -> None:
        for change in changes:
            self.log(
                "modem",
                concentrator=concentrator,
                before=change.before.name,
                after=change.after.name,
            )
        if changes:
            self.concentrators[concentrator].online.modem_changed()


def _identity(seed: int, spec: MeterSpec) -> Identity:
    return Identity(seed, int(spec.name), MAKER if spec.foreign else MANUFACTURER)


@cache
def _meter_type(control_mode: int, name: str, foreign: bool, phases: int) -> MeterType:
    """One object for all meters that are alike."""
    found = FOREIGN if foreign else model(name)
    return replace(
        found, control_mode=control_mode, phases=min(found.phases, phases), push_by_module=True
    )
