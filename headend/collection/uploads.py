"""What concentrators upload: kept as it came, then decoded, each interval once.

One upload is one transaction, and only then receipted: a crash in between brings it again, and what
comes again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from structlog.contextvars import bound_contextvars

from headend.collection.decoding import Undecodable, rows_of
from headend.collection.filling import fill
from headend.collection.intervals import Taken
from headend.domain.collecting import UploadTaken
from headend.domain.interval import CollectedBlock, Row
from headend.domain.reading import Reading
from headend.events.watching import StatusWatch
from headend.ports import Clock, Store, Transaction
from protocols.concentrator.collecting import BadBatch, Batch, Block, Layout, Upload, unpacked

_log = structlog.get_logger("collection")


@dataclass(frozen=True, slots=True)
class UploadIntake:
    """Takes uploads in.  `zone` is the utility's: days are its days."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    late_after_s: float
    watch: StatusWatch = field(default_factory=StatusWatch)

    async def take(self, concentrator: str, upload: Upload) -> bool:
        """Keep an upload; True: it need not be sent again."""
        with bound_contextvars(concentrator=concentrator, upload=upload.id):
            return await self._keep(concentrator, upload)

    async def _keep(self, concentrator: str, upload: Upload) -> bool:
        now = self.clock.now()
        trouble, batch = "", Batch((), ())
        try:
            batch = unpacked(upload.packed)
        except BadBatch as error:
            # It would be no better the next time, and would hold up what comes after it.
            trouble = f"unreadable: {error}"
            _log.error("an upload cannot be read", concentrator=concentrator, why=str(error))

        def work(tx: Transaction) -> Taken:
            known = [b for b in batch.blocks if self._concerns(tx, concentrator, b)]
            strangers = len(batch.blocks) - len(known)
            told = f"{strangers} blocks of meters that are not its own" if strangers else trouble
            taken = self._take(tx, concentrator, batch.layouts, known, now)
            tx.add_upload(
                UploadTaken(
                    concentrator,
                    upload.id,
                    now,
                    octets=len(upload.packed),
                    blocks=len(batch.blocks),
                    waiting=upload.waiting,
                    dropped=upload.dropped,
                    new=taken.new,
                    again=taken.again,
                    changed=taken.changed,
                    trouble=told,
                )
            )
            return taken

        await self.store.run(work)
        return True

    def _concerns(self, tx: Transaction, concentrator: str, block: Block) -> bool:
        """Whether a meter is linked to this concentrator: nobody speaks for another's."""
        meter = tx.meter(block.meter)
        return meter is not None and meter.concentrator == concentrator

    def _take(
        self,
        tx: Transaction,
        concentrator: str,
        layouts: Sequence[Layout],
        blocks: Iterable[Block],
        now: datetime,
    ) -> Taken:
        numbers = [tx.layout_number(layout) for layout in layouts]
        rows: dict[tuple[str, int], list[Row]] = defaultdict(list)  # by meter and layout's place
        readings: list[Reading] = []
        for block in blocks:
            trouble = ""
            if block.layout is not None:
                layout, number = layouts[block.layout], numbers[block.layout]
                try:
                    rows[block.meter, block.layout] += rows_of(
                        block.buffer,
                        layout,
                        number=number,
                        now=now,
                        late_after_s=self.late_after_s,
                        read_at=block.read_at,
                        zone=self.zone,
                    )
                except Undecodable as error:
                    trouble = str(error)
                    _log.error(
                        "a buffer cannot be decoded",
                        concentrator=concentrator,
                        meter=block.meter,
                        why=trouble,
                    )
            number_of = None if block.layout is None else numbers[block.layout]
            if tx.add_block(_kept(concentrator, block, number_of, now, trouble)):
                readings += _readings(concentrator, block, now)
        tx.add_readings(readings)
        self.watch.look(tx, readings, now)
        taken = Taken(new=len(readings))
        for (meter, place), found in rows.items():
            taken += fill(
                tx, meter, layouts[place], found, zone=self.zone, now=now, events=self.watch.events
            )
        return taken


def _kept(
    concentrator: str, block: Block, layout: int | None, now: datetime, trouble: str
) -> CollectedBlock:
    return CollectedBlock(
        source=concentrator,
        meter=block.meter,
        task=block.task,
        number=block.number,
        read_at=block.read_at,
        received_at=now,
        layout=layout,
        rows=block.rows,
        octets=block.buffer,
        trouble=trouble,
    )


def _readings(concentrator: str, block: Block, now: datetime) -> list[Reading]:
    return [
        Reading(
            meter=block.meter,
            name=read.name,
            attribute=read.attribute,
            at=block.read_at,
            received_at=now,
            source=f"{concentrator} {block.task} {block.number}",
            value=read.value,
            unit=read.unit,
            error=read.error,
            raw=read.raw,
            quality=read.quality,
        )
        for read in block.readings
    ]
