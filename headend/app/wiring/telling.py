"""What others hear: feeds, notices, the legacy database, the data store, the CERT."""

from __future__ import annotations

from dataclasses import dataclass

from headend.access.watch import Watch
from headend.app.backup_duty import BackupDuty
from headend.app.notices import raising, sending
from headend.app.service_levels import Measuring, defined
from headend.app.warehouse_duty import WarehouseDuty
from headend.app.wiring.ground import Ground, Works
from headend.changes.numbering import LIVE_POLL_S, SIMULATED_POLL_S, Numbering
from headend.config import BadConfig
from headend.integration.legacy import LegacyDatabase, delivering
from headend.integration.legacy.delivering import Delivering
from headend.integration.outbox import Outbox
from headend.integration.security_events import SecurityEvents
from headend.notify.raising import Raising
from headend.notify.sending import Sending
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.outbound.news import BadSubscriber, interest
from headend.soap.outbound.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Telling:
    """Each changes nothing of the field."""

    ground: Ground
    numbering: Numbering
    delivering: Delivering
    raising: Raising
    sending: Sending
    security: SecurityEvents | None  # None where the CERT has no syslog server
    measuring: Measuring
    warehouse: WarehouseDuty | None  # None where no data store is configured
    backing_up: BackupDuty
    subscriptions: Subscriptions | None  # None where nobody is to be told by CIM
    was_owing: bool  # the legacy database was filled before: that it is no more is to be noted

    def works(self) -> Works:
        """One worker's, for all: those that are configured."""
        config, live = self.ground.config, self.ground.live
        wanted = (
            (config.telling, "changes", self.numbering),
            (self.delivering.enabled or self.was_owing, "legacy database", self.delivering),
            (config.notify, "notices", self.raising),
            (True, "security events", self.security),
            (live, "service levels", self.measuring),
            (live and config.backup.place is not None, "backups", self.backing_up),
            (True, "data store", self.warehouse),
            (True, "subscribers", self.subscriptions),
        )
        return {name: work for needed, name, work in wanted if needed and work is not None}


def subscriptions(ground: Ground, mail: Outbox) -> Subscriptions | None:
    """Who is told of readings and events by CIM.  Raises `BadConfig`."""
    try:
        interests = [interest(each) for each in ground.config.subscriber]
    except BadSubscriber as error:
        raise BadConfig(str(error)) from error
    if not interests:
        return None
    addresses = ReplyAddresses(ground.config.delivery.reply_addresses)
    for each in ground.config.subscriber:
        if each.address is not None and not addresses.permits(each.address):
            raise BadConfig(f"subscriber {each.name}: {each.address} is not on the allow-list")
    made = Subscriptions(
        ground.store, ground.read, ground.clock, ground.chance, ground.zone, interests, mail.wake
    )
    mail.settled.append(made.wake)
    return made


def telling(
    ground: Ground,
    legacy: LegacyDatabase,
    security: SecurityEvents | None,
    watch: Watch,
    mail: Outbox,
) -> Telling:
    """Join them, and let the store wake them at each change."""
    config, store, clock, chance = ground.config, ground.store, ground.clock, ground.chance
    live, zone = ground.live, ground.zone
    notices = sending(config, store, ground.broker, clock, chance)
    raised = raising(config, store, clock, chance, notices.wake)
    poll_s = LIVE_POLL_S if live else SIMULATED_POLL_S
    numbering = Numbering(store, clock, config.notification.keep_s, poll_s, [raised.wake])
    store.telling, store.told = config.telling, numbering.wake
    poll_s = delivering.LIVE_POLL_S if live else delivering.SIMULATED_POLL_S
    filling = Delivering(store, legacy, clock, zone, config.legacy.measurements, poll_s)
    store.owed = filling.wake
    was_owing, store.owing = store.owing, filling.enabled
    placed = config.warehouse.place is not None
    told = subscriptions(ground, mail)
    if told is not None:
        numbering.numbered.append(told.wake)
    return Telling(
        ground,
        numbering,
        filling,
        raised,
        notices,
        security,
        Measuring(store, clock, defined(config), zone, config.service_levels.look_s),
        WarehouseDuty(store, clock, config, live) if placed else None,
        BackupDuty(config, clock, chance, watch),
        told,
        was_owing,
    )
