"""The one place that wires the head-end together, live or simulated.

`build` takes what differs between the two (clock, chance, broker, portal, callback) and joins it
with what does not.  `serving` is the live head-end: Mosquitto as a child where no broker is
configured, or the bus inside the process where there is no Mosquitto, the store on disk, the SOAP
door on HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays
import uvicorn
from fastapi import FastAPI

from headend import certificates, doors
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.collection.asking import BadRead, Reads
from headend.collection.gathered import GatheredIntake
from headend.collection.pushes import PushIntake
from headend.collection.schedule import Scheduling
from headend.collection.task_tables import BadTask, TaskTables
from headend.collection.uploads import UploadIntake
from headend.config import BadConfig, Config, OrderPolicy, Soap, Tls
from headend.domain.calendar import WorkingDays
from headend.domain.firmware import FirmwareUpdate
from headend.domain.meter import DIALS_IN, GATEWAY, Concentrator, Meter
from headend.domain.order import Order
from headend.field import mosquitto
from headend.field.admission import Admission
from headend.field.broker import Broker
from headend.field.broker import Will as BusWill
from headend.field.bus import Bus, BusClient
from headend.field.concentrators import Concentrators
from headend.field.direct.dialling import Dialler, line_to
from headend.field.direct.line import Arrivals, Line, LineLost, LineUnavailable
from headend.field.direct.listening import Listening
from headend.field.direct.performing import Dialling, DirectField
from headend.field.direct.tunnel_line import Tunnels
from headend.field.mosquitto import MosquittoFailed
from headend.field.mqtt import Address, MqttBroker
from headend.field.recording import RecordingBroker
from headend.field.ways import Ways
from headend.integration.legacy import LegacyDatabase
from headend.integration.outbox import Channel, Outbox
from headend.integration.queue import ResultQueue
from headend.key_storage import envelope_of
from headend.models import Shelf
from headend.orders.accept import Acceptance
from headend.orders.breakage import Breakages
from headend.orders.breaker import Breaker
from headend.orders.hearing import Hearing
from headend.orders.inbox import Inbox
from headend.orders.lanes import Lanes
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.orders.withdraw import Withdrawal
from headend.ports import CarrierPortal, Chance, Clock, Transaction
from headend.registry.discovery import Discoveries
from headend.registry.firmware import FirmwareDesk
from headend.registry.upkeep import Upkeep
from headend.soap.addresses import ReplyAddresses
from headend.soap.callback import Callback, CallbackFailed, SoapChannel
from headend.soap.orders import OrderDesk
from headend.soap.route import soap_router, uvicorn_options
from headend.soap.server import SoapServer
from headend.soap.zeep_callback import ClientTls, ZeepCallback
from headend.store.occupancy import Occupied, occupied
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.capture.recorder import Recorder
from protocols.commercial import messages as commercial
from protocols.concentrator.messages import (
    Discovered,
    FirmwareTold,
    MeterPushed,
    Offline,
    Online,
    State,
    TunnelAnswer,
    TunnelClosed,
    TunnelOpened,
    Upload,
    WantFirmware,
)
from protocols.dlms.keys import KeyPairs, Keys

__all__ = [
    "Address",
    "Arrivals",
    "BadRead",
    "Broker",
    "Bus",
    "BusClient",
    "BusWill",
    "CallbackFailed",
    "DoorTaken",
    "HeadEnd",
    "Line",
    "LineLost",
    "LineUnavailable",
    "MosquittoFailed",
    "Occupied",
    "MqttBroker",
    "Running",
    "SqlStore",
    "add_firmware",
    "add_meter",
    "build",
    "open_session",
    "place_read",
    "serving",
    "session_at",
]

STARTED_WITHIN_S = 15.0
OWN_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where we reach what listens everywhere
BROKER_WITHIN_S = 5.0  # to a broker that runs; a supervisor starts us again where it comes later


@dataclass(slots=True)
class HeadEnd:
    """A head-end, wired.  `run` serves until it is cancelled; `close` gives the databases back."""

    config: Config
    store: SqlStore
    legacy: LegacyDatabase
    broker: Broker
    field: Concentrators
    lanes: Lanes
    outbox: Outbox
    queue: ResultQueue
    hearing: Hearing
    settling: Settling
    soap: SoapServer
    vault: KeyVault | None  # None where no envelope key is configured
    shelf: Shelf
    reads: Reads
    pushes: PushIntake
    listening: Listening | None  # None where no meter calls us
    scheduling: Scheduling
    task_tables: TaskTables
    uploads: UploadIntake
    tunnels: Tunnels
    upkeep: Upkeep
    discoveries: Discoveries
    firmware: FirmwareDesk

    @property
    def errors(self) -> tuple[Exception, ...]:
        """What went wrong inside and should not have; each was logged when it happened."""
        return (
            *self.lanes.errors,
            *self.outbox.errors,
            *self.scheduling.errors,
            *self.task_tables.errors,
            *self.upkeep.errors,
            *self.discoveries.errors,
            *self.firmware.errors,
        )

    async def listen(self) -> None:
        """Subscribe to concentrators and receipts; before the broker's session is opened, so that
        nothing that waits in it is missed."""
        await self.lanes.take_over()
        self.field.listen(self.hearing)
        self.field.hear(Online, self.task_tables.online)
        self.field.hear(Upload, self.uploads.take)
        self.field.hear(MeterPushed, self.pushes.forwarded)
        self.field.hear(Online, self.upkeep.online)
        self.field.hear(Offline, self.upkeep.offline)
        self.field.hear(State, self.upkeep.told)
        self.field.hear(Discovered, self.discoveries.found)
        self.field.hear(WantFirmware, self.firmware.wanted)
        self.field.hear(FirmwareTold, self.firmware.told)
        self.field.hear(Online, self.tunnels.online)
        self.field.hear(TunnelOpened, self.tunnels.opened)
        self.field.hear(TunnelAnswer, self.tunnels.answered)
        self.field.hear(TunnelClosed, self.tunnels.closed)
        await self.field.start()
        receipts = commercial.receipts(self.config.delivery.topic_root)
        await self.broker.subscribe(receipts, self.queue.receipts(self.outbox.acknowledged))

    async def register(
        self, concentrators: Iterable[Concentrator], meters: Iterable[Meter]
    ) -> None:
        """Enter devices into the registry, or renew what it says of them."""

        def work(tx: Transaction) -> None:
            tx.put_concentrators(concentrators)
            tx.put_meters(meters)

        await self.store.run(work)

    async def run(self) -> None:
        """Carry out orders and deliver results, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.lanes.run(), name="lanes")
            group.create_task(self.outbox.run(), name="outbox")
            group.create_task(self.scheduling.run(), name="schedules")
            group.create_task(self.task_tables.run(), name="task tables")
            group.create_task(self.upkeep.run(), name="upkeep")
            group.create_task(self.discoveries.run(), name="discoveries")
            group.create_task(self.firmware.run(), name="firmware")

    async def close(self) -> None:
        await self.store.close()
        await self.legacy.close()


def build(
    config: Config,
    *,
    clock: Clock,
    chance: Chance,
    broker: Broker,
    callback: Callback,
    portal: CarrierPortal | None = None,
    dialling: Dialling | None = None,
    store: SqlStore | None = None,
    live: bool = True,
) -> HeadEnd:
    """Join the parts.  `live` False keeps every transaction in the caller's thread, as the
    simulated clock demands; `dialling` is the way to directly reached meters, where it is not over
    real lines; `store` is one that somebody has opened on the configured database."""
    envelope = envelope_of(config)
    store = store or SqlStore(config.database, live=live)
    legacy = LegacyDatabase(config.legacy_database, live=live)
    policy, days = config.orders, working_days(config.orders)
    field_ = Concentrators(broker, clock, chance, config.field)
    addresses = ReplyAddresses(config.delivery.reply_addresses)
    queue = ResultQueue(broker.publish, config.delivery.topic_root)
    channels: dict[str, Channel] = {
        "queue": queue,
        "legacy": legacy,
        "soap": SoapChannel(callback, addresses),
    }
    outbox = Outbox(store, clock, chance, config.delivery, channels)
    settling = Settling(chance, policy, outbox.wake)
    breaker = Breaker(policy)
    vault = None if envelope is None else KeyVault(store, envelope)
    shelf = Shelf(config.direct.models)
    pushes = PushIntake(store, clock, shelf, vault, config.direct.late_after_s)
    listening = None
    if config.direct.listen_port is not None:
        listening = Listening(pushes.take, store, clock, chance, shelf, config.direct)
    tunnels = Tunnels(field_.tell, clock, chance)
    zone, late_after_s = ZoneInfo(policy.zone), config.collection.late_after_s
    gathered = GatheredIntake(store, clock, zone, late_after_s)
    direct = DirectField(
        store, clock, chance, shelf, vault, dialling or Dialler(listening), config.direct, tunnels,
        gathered, zone,
    )  # fmt: skip
    ways = Ways(field_, direct, store)
    stepping = Stepping(
        store, clock, chance, ways, portal, policy, config.field, days, settling, breaker
    )
    breakages = Breakages(store, clock, chance, policy, settling, config.worker)
    lanes = Lanes(store, clock, stepping, policy, config.worker, breakages)
    inbox = Inbox(store, clock, chance)
    withdrawal = Withdrawal(settling)
    acceptance = Acceptance(policy, days, settling, lanes.wake)
    reads = Reads(store, clock, chance, shelf, acceptance)
    task_tables = TaskTables(
        store, clock, chance, shelf, field_, config.collection, zone=policy.zone
    )
    try:
        direct.back.update(task_tables.reaches())
    except BadTask as error:
        raise BadConfig(f"collection: {error}") from error
    desk = OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)
    return HeadEnd(
        config=config,
        store=store,
        legacy=legacy,
        broker=broker,
        field=field_,
        lanes=lanes,
        outbox=outbox,
        queue=queue,
        hearing=Hearing(store, clock, stepping, settling, breaker, lanes.wake),
        settling=settling,
        soap=SoapServer(desk, clock, chance, addresses, frozenset(config.soap.sources)),
        vault=vault,
        shelf=shelf,
        reads=reads,
        pushes=pushes,
        listening=listening,
        scheduling=Scheduling(reads, config.direct.read, zone, config.collection.task),
        task_tables=task_tables,
        tunnels=tunnels,
        upkeep=Upkeep(store, clock, chance, field_, config.upkeep),
        discoveries=Discoveries(store, clock, chance, field_),
        firmware=FirmwareDesk(store, clock, chance, field_),
        uploads=UploadIntake(store, clock, zone, late_after_s),
    )


async def add_meter(
    config: Config,
    meter: Meter,
    keys: Mapping[int, Keys],
    passwords: Mapping[int, bytes] = MappingProxyType({}),
    pairs: Mapping[int, KeyPairs] = MappingProxyType({}),
) -> None:
    """Enter a meter into a head-end's registry, and its keys, passwords and key pairs, by client
    address, into the vault.

    Raises `BadConfig`, `StoreUnavailable`, `KeyShared`.
    """
    if meter.address not in (None, DIALS_IN, GATEWAY):
        assert meter.address is not None
        try:
            line_to(meter.address)
        except LineUnavailable as error:
            raise BadConfig(error.why) from error
    envelope = envelope_of(config)
    if (keys or passwords or pairs) and envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    store = SqlStore(config.database, live=True)
    try:
        await store.run(lambda tx: tx.put_meters([meter]))
        if envelope is not None:
            vault = KeyVault(store, envelope)
            for client, known in keys.items():
                await vault.install(meter.name, client, known)
            for client, password in passwords.items():
                await vault.install_password(meter.name, client, password)
            for client, pair in pairs.items():
                await vault.install_key_pairs(meter.name, client, pair)
    finally:
        await store.close()


async def add_firmware(
    database: str, concentrator: str, octets: bytes, version: str, at: datetime | None
) -> FirmwareUpdate:
    """Enter firmware for a concentrator, to be activated at a time, or at once.

    Raises `StoreUnavailable`; KeyError for a concentrator that there is not.
    """
    now = WallClock().now()
    image = hashlib.sha256(octets).hexdigest()
    update = FirmwareUpdate(concentrator, image, version, at or now, now, octets)
    store = SqlStore(database, live=True)

    def work(tx: Transaction) -> None:
        if tx.concentrator(concentrator) is None:
            raise KeyError(concentrator)
        tx.put_update(update)

    try:
        await store.run(work)
    finally:
        await store.close()
    return update


async def place_read(
    database: str, meter: str, objects: Sequence[str], source: str, *, models: Path | None = None
) -> Order:
    """Place a read in the database of a head-end that runs elsewhere, and sees it before long.

    Raises `BadRead`, `StoreUnavailable`.
    """
    config = Config(database=database)
    clock, chance, policy = WallClock(), SystemChance(), config.orders
    store = SqlStore(database, live=True)
    try:
        settling = Settling(chance, policy, lambda: None)
        acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
        reads = Reads(store, clock, chance, Shelf(models), acceptance)
        return await reads.place(meter, objects, source=source)
    finally:
        await store.close()


def working_days(policy: OrderPolicy) -> WorkingDays:
    """The utility's calendar.  Raises `BadConfig` for a country or zone that is not known."""
    try:
        days = holidays.country_holidays(policy.country, subdiv=policy.subdivision)
        return WorkingDays(ZoneInfo(policy.zone), days)
    except (NotImplementedError, KeyError, ValueError) as error:
        raise BadConfig(f"orders: {error}") from error


# --- live ----------------------------------------------------------------------------------------


class DoorTaken(RuntimeError):
    """The SOAP port cannot be had."""


@dataclass(frozen=True, slots=True)
class Running:
    """A head-end that serves: where to reach it.

    `broker` is an address, or the bus where no other process can reach it.  `work` ends only with
    the error that stopped the head-end.
    """

    head_end: HeadEnd
    soap_url: str
    broker: Address | Bus
    work: asyncio.Task[None]
    meters_port: int | None = None  # where meters call


@asynccontextmanager
async def serving(
    config: Config, *, portal: CarrierPortal | None = None, recorder: Recorder | None = None
) -> AsyncIterator[Running]:
    """A live head-end for as long as the context lasts.

    With a `recorder`, messages to and from concentrators are written down.

    Without a configured broker it starts a Mosquitto, and where none is installed it has a bus
    inside the process, which no concentrator outside of it can reach.

    Raises `UnsafeBind` or `BadConfig` for a door that would be open to the network without mutual
    TLS, or for certificates that cannot be used; `Occupied` when another process works on the
    database under the same name, `StoreUnavailable` when there is no database, `DoorTaken` when the
    SOAP port cannot be had, `MosquittoFailed` when an installed Mosquitto does not start, and
    `ConnectionError` when a configured broker does not answer.
    """
    clock = WallClock()
    doors.check(config, clock.now())
    async with AsyncExitStack() as stack:
        stack.enter_context(occupied(config.database, config.worker))
        where = await _find_broker(config, stack)
        callback = ZeepCallback(config.delivery.callback_timeout_s, _client_tls(config.soap.tls))
        stack.callback(callback.close)
        session = session_at(where, f"head-end-{config.worker}")
        broker: Broker = session
        if recorder is not None:
            broker = RecordingBroker(session, recorder, clock.now)
        head_end = build(
            config,
            clock=clock,
            chance=SystemChance(),
            broker=broker,
            callback=callback,
            portal=portal,
        )
        stack.push_async_callback(head_end.close)
        await head_end.listen()
        await stack.enter_async_context(open_session(session))
        work = asyncio.create_task(head_end.run(), name="head-end")
        stack.push_async_callback(_end, work)
        port = await _serve_http(head_end, stack)
        scheme = "http" if config.soap.tls is None else "https"
        host = config.soap.host.strip("[]")
        place = f"[{host}]" if ":" in host else host
        meters_port = await _listen_for_meters(head_end, stack)
        yield Running(head_end, f"{scheme}://{place}:{port}/soap", where, work, meters_port)


def session_at(where: Address | Bus, client_id: str) -> MqttBroker | BusClient:
    """A session with a broker, not opened yet: subscribe first, and nothing in it is missed."""
    if isinstance(where, Bus):
        return BusClient(where, client_id)
    return MqttBroker(where, client_id=client_id)


@asynccontextmanager
async def open_session(session: MqttBroker | BusClient) -> AsyncIterator[None]:
    """Open a session for as long as the context lasts.  Raises `ConnectionError`."""
    if isinstance(session, BusClient):
        await session.connect()
        try:
            yield
        finally:
            await session.disconnect()
        return
    await session.start()
    try:
        await session.until_connected(BROKER_WITHIN_S)
        yield
    finally:
        await session.stop()


async def _find_broker(config: Config, stack: AsyncExitStack) -> Address | Bus:
    """The configured broker, or one of our own."""
    mqtt, tls = config.mqtt, config.mqtt.tls
    if mqtt.host is not None:
        port = mqtt.port or (1883 if tls is None else 8883)  # as registered with IANA
        return Address(mqtt.host, port, tls=None if tls is None else certificates.to_servers(tls))
    if mosquitto.find() is None:
        return Bus()
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-mosquitto-")))
    listen = mqtt.listen.strip("[]")
    child = mosquitto.Mosquitto(
        directory,
        port=mqtt.port or None,
        host=listen,
        admission=None if tls is None else _admission(config, tls),
    )
    await child.start()
    stack.push_async_callback(child.stop)
    return Address(
        OWN_HOST.get(listen, listen),
        child.port,
        tls=None if tls is None else certificates.to_ourselves(tls),
    )


def _admission(config: Config, tls: Tls) -> Admission:
    """Whom our own broker lets in."""
    return Admission(
        certificate=tls.certificate,
        key=tls.key,
        client_authority=tls.client_authority,
        head_end=certificates.user_name(tls, "mqtt.tls"),
        queue_root=config.delivery.topic_root,
        queue_readers=config.mqtt.queue_readers,
        revoked=tls.revoked,
    )


def _client_tls(tls: Tls | None) -> ClientTls | None:
    """The SOAP door's certificate serves for callbacks as well."""
    return None if tls is None else ClientTls(tls.certificate, tls.key, tls.authority_of_servers)


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the loop: the head-end is more than its HTTP door."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_http(head_end: HeadEnd, stack: AsyncExitStack) -> int:
    """Open the SOAP door; its port."""
    soap = head_end.config.soap
    http = FastAPI(title="ami-headend", openapi_url=None)
    http.include_router(soap_router(head_end.soap, body_max_bytes=soap.body_max_bytes))
    options = uvicorn.Config(http, log_level="warning", access_log=False, **uvicorn_options(soap))
    server = _Server(options)
    door = _listen(soap)
    task = asyncio.create_task(server.serve(sockets=[door]), name="http")

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    async with asyncio.timeout(STARTED_WITHIN_S):
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
    return int(door.getsockname()[1])


async def _listen_for_meters(head_end: HeadEnd, stack: AsyncExitStack) -> int | None:
    """Open the port that meters call; where it is.  Raises `DoorTaken`."""
    listening, policy = head_end.listening, head_end.config.direct
    if listening is None or policy.listen_port is None:
        return None
    stack.push_async_callback(listening.stop)
    try:
        return await listening.start(policy.listen_port)
    except OSError as error:
        where = f"{policy.listen_host}:{policy.listen_port}"
        raise DoorTaken(f"cannot listen for meters on {where}: {error.strerror}") from error


def _listen(soap: Soap) -> socket.socket:
    """The door's socket.  uvicorn would end the process where it cannot have it.  Raises
    `DoorTaken`."""
    host = soap.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, soap.port), family=family)
    except OSError as error:
        where = f"{soap.host}:{soap.port}"
        raise DoorTaken(f"cannot listen on {where}: {error.strerror}") from error


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
