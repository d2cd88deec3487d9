"""Scheduled tasks, and the utility's other systems that they ask."""

from __future__ import annotations

from dataclasses import dataclass

from headend.app.associations import ConfiguredAdapters
from headend.app.wiring.ground import Ground, Works
from headend.ports import Transaction
from headend.tasks.desk import TaskDesk, make_standard, standard_tasks
from headend.tasks.kinds import kinds
from headend.tasks.ours import OURS
from headend.tasks.running import TaskRunner


@dataclass(frozen=True, slots=True)
class Associating:
    """Who runs tasks, where they are made, and who is asked."""

    ground: Ground
    runner: TaskRunner
    desk: TaskDesk
    adapters: ConfiguredAdapters

    def works(self) -> Works:
        """One worker's, for all.  Under the simulated clock nobody has tasks that ask real
        systems."""
        wanted = self.ground.live and self.ground.config.tasks.enabled
        return {"tasks": self.runner} if wanted else {}


def associating(ground: Ground) -> Associating:
    """Join them."""
    config, zone, known = ground.config, ground.zone, kinds(OURS)
    adapters = ConfiguredAdapters(config.associations, ground.clock, ground.chance, ground.live)

    def prepare(tx: Transaction) -> None:
        asked = config.associations
        if asked.siad is not None and asked.simoce is not None:
            make_standard(tx, standard_tasks(known, asked, zone, ground.clock.now()))

    runner = TaskRunner(
        ground.store,
        ground.clock,
        zone,
        config.tasks,
        known,
        adapters,
        config.worker,
        config.analysis,
        prepare,
    )
    desk = TaskDesk(ground.store, ground.clock, zone, known, runner.wake)
    return Associating(ground, runner, desk, adapters)
