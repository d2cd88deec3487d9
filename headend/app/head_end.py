"""The head-end, wired, live or simulated.

`build` takes what differs between the two (clock, chance, broker, portal, callback) and joins it
with what does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from headend.access import lines
from headend.access.guard import Guard
from headend.access.passwords import Passwords
from headend.access.watch import Watch
from headend.app.backup_duty import BackupDuty
from headend.app.calendar import working_days
from headend.app.campaigns import desk_over, duty_over
from headend.app.duties import Duties
from headend.app.key_storage import envelope_of, journal_of
from headend.app.months import Months
from headend.app.notices import raising, sending
from headend.app.own_name import OwnName
from headend.app.recovery import Recovery
from headend.app.security import security_events
from headend.app.service_levels import Measuring, defined
from headend.app.warehouse_duty import WarehouseDuty
from headend.campaigns.advancing import Advancing
from headend.campaigns.desk import CampaignDesk
from headend.changes.numbering import LIVE_POLL_S, SIMULATED_POLL_S, Numbering
from headend.collection.asking import Reads
from headend.collection.backfill import Backfill
from headend.collection.gathered import GatheredIntake
from headend.collection.pushes import PushIntake
from headend.collection.rolling import RollingUp
from headend.collection.schedule import Scheduling
from headend.collection.task_tables import TaskTables
from headend.collection.tasks import BadTask, periods_s
from headend.collection.uploads import UploadIntake
from headend.collection.validation.daily import DailyValidation
from headend.collection.validation.desk import Validation
from headend.config import BadConfig, Config
from headend.domain.meter import Concentrator, Meter
from headend.events.taking import EventIntake
from headend.events.watching import StatusWatch
from headend.field.broker import Broker
from headend.field.concentrators import Concentrators
from headend.field.direct.dialling import Dialler
from headend.field.direct.line import Arrivals, Line, LineLost, LineUnavailable
from headend.field.direct.listening import Listening
from headend.field.direct.performing import Dialling, DirectField
from headend.field.direct.tunnel_line import Tunnels
from headend.field.ways import Ways
from headend.integration.legacy import LegacyDatabase, delivering
from headend.integration.outbox import Channel, Outbox
from headend.integration.queue import ResultQueue
from headend.integration.security_events import SecurityEvents
from headend.models import Shelf
from headend.notify.raising import Raising
from headend.notify.sending import Sending
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
from headend.registry.activities import LIVE_LOOK_S, Activities
from headend.registry.activity_schedule import ActivitySchedule
from headend.registry.discovery import Discoveries
from headend.registry.firmware import FirmwareDesk
from headend.registry.meter_clocks import MeterClocks
from headend.registry.meter_tariffs import MeterTariffs
from headend.registry.upkeep import Upkeep
from headend.soap.addresses import ReplyAddresses
from headend.soap.callback import Callback, CallbackFailed, SoapChannel
from headend.soap.orders import OrderDesk
from headend.soap.server import SoapServer
from headend.store.engine import is_sqlite
from headend.store.occupancy import Duty, Name
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.commercial import messages as commercial
from protocols.concentrator.messages import (
    Discovered,
    FirmwareTold,
    LinkChanged,
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

__all__ = [
    "Arrivals",
    "CallbackFailed",
    "HeadEnd",
    "Line",
    "LineLost",
    "LineUnavailable",
    "SqlStore",
    "build",
]


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
    campaigns: CampaignDesk
    campaigning: Advancing
    soap: SoapServer
    vault: KeyVault | None  # None where no envelope key is configured
    shelf: Shelf
    reads: Reads
    pushes: PushIntake
    listening: Listening | None  # None where no meter calls us
    scheduling: Scheduling
    task_tables: TaskTables
    backfill: Backfill
    validating: DailyValidation
    rolling_up: RollingUp
    uploads: UploadIntake
    tunnels: Tunnels
    upkeep: Upkeep
    activities: Activities
    by_schedule: ActivitySchedule
    clocks: MeterClocks
    tariffs: MeterTariffs
    discoveries: Discoveries
    firmware: FirmwareDesk
    months: Months
    guard: Guard
    watch: Watch
    security: SecurityEvents | None  # None where the CERT has no syslog server
    duties: Duties
    own_name: OwnName
    warehouse: WarehouseDuty | None  # None where no data store is configured
    numbering: Numbering
    delivering: delivering.Delivering
    raising: Raising
    sending: Sending
    recovery: Recovery
    measuring: Measuring

    def refused_by_tls(self, why: str) -> None:
        """A client of the SOAP door has no certificate that counts."""
        now = self.guard.clock.now()
        self.watch.saw(lines.seen(now, "tls.refused", "the SOAP door", why))

    @property
    def errors(self) -> tuple[Exception, ...]:
        """What went wrong inside and should not have; each was logged when it happened."""
        return (
            *self.lanes.errors,
            *self.outbox.errors,
            *self.scheduling.errors,
            *self.task_tables.errors,
            *self.backfill.errors,
            *self.validating.errors,
            *self.rolling_up.errors,
            *self.upkeep.errors,
            *self.activities.errors,
            *self.by_schedule.errors,
            *self.clocks.errors,
            *self.discoveries.errors,
            *self.firmware.errors,
            *self.months.errors,
            *self.campaigning.errors,
            *self.watch.errors,
            *(() if self.security is None else self.security.errors),
            *self.duties.errors,
            *self.own_name.errors,
            *(() if self.warehouse is None else self.warehouse.errors),
            *self.numbering.errors,
            *self.delivering.errors,
            *self.raising.errors,
            *self.sending.errors,
            *self.recovery.errors,
            *self.measuring.errors,
        )

    async def listen(self) -> None:
        """Subscribe to concentrators and receipts; before the broker's session is opened, so that
        nothing that waits in it is missed."""
        self.lanes.stopped = await self.recovery.stopped()
        await self.lanes.take_over()
        self.field.listen(self.hearing)
        self.field.hear(Online, self.duties.online(self.task_tables.online))
        self.field.hear(Online, self.duties.on_duty(self.backfill.online))
        self.field.hear(LinkChanged, self.duties.on_duty(self.backfill.link_changed))
        self.field.hear(Upload, self.uploads.take)
        self.field.hear(MeterPushed, self.pushes.forwarded)
        self.field.hear(Online, self.duties.online(self.upkeep.online))
        self.field.hear(Offline, self.duties.on_duty(self.upkeep.offline))
        self.field.hear(Online, self.duties.online(self.activities.online))
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
        """Carry out orders and deliver results, until cancelled; after a restoration not before
        somebody lets us."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.watch.run(), name="watch")
            if self.lanes.stopped:
                await self.recovery.until_resumed()
                self.lanes.stopped = False
            group.create_task(self.lanes.run(), name="lanes")
            group.create_task(self.outbox.run(), name="outbox")
            group.create_task(self.duties.run(), name="duties")
            group.create_task(self.own_name.run(), name="own name")
            if self.config.channel:
                group.create_task(self.sending.run(), name="notices")

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
    duty: Duty | None = None,
    name: Name | None = None,
    live: bool = True,
) -> HeadEnd:
    """Join the parts.  `live` False keeps every transaction in the caller's thread, as the
    simulated clock demands; `dialling` is the way to directly reached meters, where it is not over
    real lines; `store` is one that somebody has opened on the configured database; `duty` is what
    several workers on it take turns at, `name` this worker's, where it can be lost."""
    envelope = envelope_of(config)
    store = store or SqlStore(config.database, live=live)
    legacy = LegacyDatabase(config.legacy_database, live=live)
    policy, days = config.orders, working_days(config.orders)
    field_ = Concentrators(broker, clock, chance, config.field, group=config.mqtt.share)
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
    vault = None if envelope is None else KeyVault(store, envelope, journal_of(config, clock))
    shelf = Shelf(config.direct.models)
    zone, late_after_s = ZoneInfo(policy.zone), config.collection.late_after_s
    events = EventIntake(config.events)
    pushes = PushIntake(store, clock, shelf, vault, config.direct.late_after_s, zone, events)
    listening = None
    if config.direct.listen_port is not None:
        listening = Listening(pushes.take, store, clock, chance, shelf, config.direct)
    tunnels = Tunnels(field_.tell, clock, chance)
    gathered = GatheredIntake(store, clock, zone, late_after_s, events)
    direct = DirectField(
        store, clock, chance, shelf, vault, dialling or Dialler(listening), config.direct, tunnels,
        gathered, zone,
    )  # fmt: skip
    ways = Ways(field_, direct, store)
    words = StatusWatch(shelf, events)
    stepping = Stepping(
        store,
        clock,
        chance,
        ways,
        portal,
        policy,
        config.field,
        days,
        settling,
        breaker,
        config.upkeep.state_every_s,
        words,
    )
    breakages = Breakages(store, clock, chance, policy, settling, config.worker)
    lanes = Lanes(store, clock, stepping, policy, config.worker, breakages)
    inbox = Inbox(store, clock, chance)
    withdrawal = Withdrawal(settling)
    acceptance = Acceptance(policy, days, settling, lanes.wake)
    reads = Reads(store, clock, chance, shelf, acceptance)
    task_tables = TaskTables(
        store, clock, chance, shelf, field_, config.collection, policy.zone,
        lambda: [name for name, _ in field_.present()],
    )  # fmt: skip
    try:
        direct.back.update(task_tables.reaches())
        profiles = periods_s(config.collection.task, shelf)
    except BadTask as error:
        raise BadConfig(f"collection: {error}") from error
    backfill = Backfill(
        store, clock, reads, config.collection, zone, profiles, task_tables.renew,
        lambda: [name for name, _ in field_.present()],
    )  # fmt: skip
    validating = DailyValidation(Validation(store, clock, zone), config.collection.validation)
    rolling_up = RollingUp(store, clock, zone, config.rollup)
    desk = OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)
    security = security_events(config, store, clock, chance)
    told = (lambda: None) if security is None else security.wake
    guard = Guard(store, clock, Passwords(chance, live=live), config.access, told)
    scheduling = Scheduling(reads, config.direct.read, zone, config.collection.task)
    upkeep = Upkeep(store, clock, chance, field_, config.upkeep)
    activities = Activities(
        store, clock, chance, field_, upkeep, field_.present, task_tables.renew,
        LIVE_LOOK_S if live else None,
    )  # fmt: skip
    by_schedule = ActivitySchedule(store, clock, config.concentrator, zone, activities.wake)
    clocks = MeterClocks(store, clock, chance, acceptance, config.clock, zone)
    tariffs = MeterTariffs(store, clock, chance, acceptance, zone)
    discoveries = Discoveries(store, clock, chance, field_)
    firmware = FirmwareDesk(store, clock, chance, field_)
    campaigning = duty_over(reads, live=live)
    works = [
        ("schedules", scheduling.run),
        ("task tables", task_tables.run),
        ("back-fill", backfill.run),
        ("validation", validating.run),
        ("upkeep", upkeep.run),
        ("activities", activities.run),
        ("clocks", clocks.run),
        ("discoveries", discoveries.run),
        ("firmware", firmware.run),
        ("campaigns", campaigning.run),
    ]
    if config.rollup.enabled:
        works.append(("roll-ups", rolling_up.run))
    if config.concentrator.activity:
        works.append(("scheduled activities", by_schedule.run))
    notices = sending(config, store, broker, clock, chance)
    raised = raising(config, store, clock, chance, notices.wake)
    poll_s = LIVE_POLL_S if live else SIMULATED_POLL_S
    numbering = Numbering(store, clock, config.notification.keep_s, poll_s, [raised.wake])
    store.telling, store.told = config.telling, numbering.wake
    if config.telling:
        works.append(("changes", numbering.run))
    poll_s = delivering.LIVE_POLL_S if live else delivering.SIMULATED_POLL_S
    filling = delivering.Delivering(store, legacy, clock, zone, config.legacy.measurements, poll_s)
    store.owed = filling.wake
    was_filled, store.owing = store.owing, filling.enabled
    if filling.enabled or was_filled:  # where it is no more, that is to be noted
        works.append(("legacy database", filling.run))
    if config.notify:
        works.append(("notices", raised.run))
    if security is not None:
        works.append(("security events", security.run))
    months = Months(store, clock)
    if not is_sqlite(config.database):  # which has no partitions
        works.append(("months", months.run))
    watch = Watch(guard.note, clock)
    backing_up = BackupDuty(config, clock, chance, watch)
    measuring = Measuring(store, clock, defined(config), zone, config.service_levels.look_s)
    if live:
        works.append(("service levels", measuring.run))
    if live and config.backup.place is not None:
        works.append(("backups", backing_up.run))
    warehouse = None
    if config.warehouse.place is not None:
        warehouse = WarehouseDuty(store, clock, config, live)
        works.append(("data store", warehouse.run))
    duties = Duties(duty, field_, works, may_end=name is not None)

    async def stand_down() -> None:
        duties.allow(False)
        await lanes.stand_down()

    async def stand_up() -> None:
        await lanes.stand_up()
        duties.allow(True)

    return HeadEnd(
        config=config,
        store=store,
        legacy=legacy,
        broker=broker,
        field=field_,
        lanes=lanes,
        outbox=outbox,
        queue=queue,
        hearing=Hearing(store, clock, stepping, settling, breaker, lanes.wake, config.worker),
        settling=settling,
        campaigns=desk_over(reads, settling, campaigning.wake),
        campaigning=campaigning,
        soap=SoapServer(desk, clock, chance, addresses, frozenset(config.soap.sources)),
        vault=vault,
        shelf=shelf,
        reads=reads,
        pushes=pushes,
        listening=listening,
        scheduling=scheduling,
        task_tables=task_tables,
        backfill=backfill,
        validating=validating,
        rolling_up=rolling_up,
        tunnels=tunnels,
        upkeep=upkeep,
        activities=activities,
        by_schedule=by_schedule,
        clocks=clocks,
        tariffs=tariffs,
        discoveries=discoveries,
        firmware=firmware,
        months=months,
        duties=duties,
        own_name=OwnName(name, stand_down, stand_up),
        recovery=Recovery(store, clock, direct),
        measuring=measuring,
        warehouse=warehouse,
        uploads=UploadIntake(store, clock, zone, late_after_s, words),
        guard=guard,
        watch=watch,
        security=security,
        numbering=numbering,
        delivering=filling,
        raising=raised,
        sending=notices,
    )
