"""What concentrators collect: task tables, layouts, blocks and the days they fill."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from headend.domain.collecting import TaskTable, UploadTaken
from headend.domain.interval import CollectedBlock, IntervalDay
from protocols.concentrator.collecting import Layout


class CollectedWords(Protocol):
    """What concentrators collect: task tables, layouts, blocks and the days they fill."""

    def task_table(self, concentrator: str) -> TaskTable | None: ...
    def put_task_table(self, table: TaskTable) -> None: ...
    def layout_number(self, layout: Layout) -> int:
        """The number under which a layout is kept; the same for the same columns."""
        ...

    def layout(self, number: int) -> Layout: ...
    def add_block(self, block: CollectedBlock) -> bool:
        """Keep a block; False where it was here already."""
        ...

    def interval_day(self, meter: str, profile: str, day: date) -> IntervalDay | None: ...
    def interval_days(
        self, meter: str, profile: str, first: date, last: date
    ) -> list[IntervalDay]: ...
    def newest_days(self, meter: str, profile: str, until: date, count: int) -> list[IntervalDay]:
        """The last pages up to that day, the newest first."""
        ...

    def put_interval_day(self, page: IntervalDay) -> None: ...
    def add_upload(self, upload: UploadTaken) -> bool:
        """Keep what an upload brought; False where it was here already."""
        ...
