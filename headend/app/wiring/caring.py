"""How devices are looked after: clocks, tariffs, firmware, states, activities, campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from headend.app.campaigns import desk_over, duty_over
from headend.app.duties import Duties
from headend.app.months import Months
from headend.app.retaining import Retaining, refuse_too_short
from headend.app.wiring.collecting import Collecting
from headend.app.wiring.ground import Ground, Hears, Works
from headend.app.wiring.ordering import Ordering
from headend.campaigns.advancing import Advancing
from headend.campaigns.desk import CampaignDesk
from headend.registry.activities import LIVE_LOOK_S, Activities
from headend.registry.activity_schedule import ActivitySchedule
from headend.registry.discovery import Discoveries
from headend.registry.firmware import FirmwareDesk
from headend.registry.meter_clocks import MeterClocks
from headend.registry.meter_tariffs import MeterTariffs
from headend.registry.upkeep import Upkeep
from headend.store.engine import is_sqlite
from protocols.concentrator.messages import (
    Discovered,
    DiscoveryEnded,
    FirmwareTold,
    Offline,
    Online,
    Restarted,
    State,
    WantFirmware,
)


@dataclass(frozen=True, slots=True)
class Caring:
    """What keeps concentrators, meters and the store itself in order."""

    ground: Ground
    upkeep: Upkeep
    activities: Activities
    by_schedule: ActivitySchedule
    clocks: MeterClocks
    tariffs: MeterTariffs
    discoveries: Discoveries
    firmware: FirmwareDesk
    campaigns: CampaignDesk
    campaigning: Advancing
    months: Months
    retaining: Retaining

    def works(self) -> Works:
        """One worker's, for all."""
        config = self.ground.config
        scheduled = (
            {"scheduled activities": self.by_schedule} if config.concentrator.activity else {}
        )
        # SQLite has no partitions.
        months = {} if is_sqlite(config.database) else {"months": self.months}
        return {
            "upkeep": self.upkeep,
            "activities": self.activities,
            "clocks": self.clocks,
            "discoveries": self.discoveries,
            "firmware": self.firmware,
            "campaigns": self.campaigning,
            **scheduled,
            **months,
            **({"retention": self.retaining} if config.retention.enabled else {}),
        }

    def hears(self, duties: Duties) -> Hears:
        """What concentrators ask for and tell comes to every worker, their coming and going to
        whose duty it is."""
        return (
            (Online, duties.online(self.upkeep.online)),
            (Offline, duties.on_duty(self.upkeep.offline)),
            (Online, duties.online(self.activities.online)),
            (State, self.upkeep.told),
            (Discovered, self.discoveries.found),
            (DiscoveryEnded, self.activities.discovered),
            (Restarted, self.activities.restarted),
            (WantFirmware, self.firmware.wanted),
            (FirmwareTold, self.firmware.told),
        )


def caring(ground: Ground, orders: Ordering, collected: Collecting) -> Caring:
    """Join them.  Raises `BadConfig`."""
    config, store, clock, chance = ground.config, ground.store, ground.clock, ground.chance
    field, zone, reads = ground.field, ground.zone, orders.reads
    refuse_too_short(config)
    upkeep = Upkeep(store, clock, chance, field, config.upkeep)
    activities = Activities(
        store, clock, chance, field, upkeep, field.present, collected.task_tables.renew,
        LIVE_LOOK_S if ground.live else None,
    )  # fmt: skip
    campaigning = duty_over(reads, live=ground.live)
    return Caring(
        ground,
        upkeep,
        activities,
        ActivitySchedule(store, clock, config.concentrator, zone, activities.wake),
        MeterClocks(store, clock, chance, reads.acceptance, config.clock, zone),
        MeterTariffs(store, clock, chance, reads.acceptance, zone),
        Discoveries(store, clock, chance, field),
        FirmwareDesk(store, clock, chance, field),
        desk_over(reads, orders.settling, campaigning.wake),
        campaigning,
        Months(store, clock),
        Retaining(store, clock, config, ground.live),
    )
