"""How measurements come in: schedules, task tables, uploads, back-fill; what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

from headend.app.duties import Duties
from headend.app.wiring.ground import Ground, Hears, Works
from headend.app.wiring.ordering import Ordering
from headend.app.wiring.reaching import Reaching
from headend.collection.backfill import Backfill
from headend.collection.rolling import RollingUp
from headend.collection.schedule import Scheduling
from headend.collection.task_tables import TaskTables
from headend.collection.tasks import BadTask, periods_s
from headend.collection.uploads import UploadIntake
from headend.collection.validation.daily import DailyValidation
from headend.collection.validation.desk import Validation
from headend.config import BadConfig
from protocols.concentrator.messages import LinkChanged, Online, Upload


@dataclass(frozen=True, slots=True)
class Collecting:
    """Profiles, billing registers and events, until they are complete and checked."""

    ground: Ground
    scheduling: Scheduling
    task_tables: TaskTables
    backfill: Backfill
    uploads: UploadIntake
    validating: DailyValidation
    rolling_up: RollingUp

    def works(self) -> Works:
        """One worker's, for all."""
        rolling = {"roll-ups": self.rolling_up} if self.ground.config.rollup.enabled else {}
        return {
            "schedules": self.scheduling,
            "task tables": self.task_tables,
            "back-fill": self.backfill,
            "validation": self.validating,
            **rolling,
        }

    def hears(self, duties: Duties) -> Hears:
        """Uploads come to every worker, the rest to whose duty it is."""
        return (
            (Online, duties.online(self.task_tables.online)),
            (Online, duties.on_duty(self.backfill.online)),
            (LinkChanged, duties.on_duty(self.backfill.link_changed)),
            (Upload, self.uploads.take),
        )


def collecting(ground: Ground, ways: Reaching, orders: Ordering) -> Collecting:
    """Join them.  Raises `BadConfig` where a task is for what no model measures."""
    store, clock, chance, zone = ground.store, ground.clock, ground.chance, ground.zone
    policy, reads = ground.config.collection, orders.reads
    task_tables = TaskTables(
        store, clock, chance, ground.shelf, ground.field, policy, zone.key, ground.present
    )
    try:
        ways.direct.back.update(task_tables.reaches())
        profiles = periods_s(policy.task, ground.shelf)
    except BadTask as error:
        raise BadConfig(f"collection: {error}") from error
    return Collecting(
        ground,
        Scheduling(reads, ground.config.direct.read, zone, policy.task),
        task_tables,
        Backfill(
            store, clock, reads, policy, zone, profiles, task_tables.renew, ground.present
        ),
        UploadIntake(store, clock, zone, policy.late_after_s, orders.words),
        DailyValidation(Validation(store, clock, zone), policy.validation),
        RollingUp(store, clock, zone, ground.config.rollup),
    )  # fmt: skip
