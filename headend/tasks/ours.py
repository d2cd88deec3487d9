"""The kinds of task that come with the product: those of the unbalance system."""

from __future__ import annotations

from typing import Any

from headend.tasks import customers, mapping_task, rollups, unbalance_hours
from headend.tasks.kinds import Kind

OURS: tuple[Kind[Any], ...] = (
    customers.KIND, mapping_task.KIND, unbalance_hours.KIND, rollups.KIND,
)  # fmt: skip
