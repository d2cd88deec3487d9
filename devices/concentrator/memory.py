"""The memory for what was collected: bounded, the oldest gives way, and every loss is counted.

A block lies here until it goes into an upload, and the upload lies in the outbox until its receipt:
both are flash, so a reboot loses neither.  Of one meter and task no more than the task's
`blocks_max` are kept; of all together no more than `octets_max`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from devices.concentrator.flash import Collected, Kept
from protocols.concentrator.collecting import Batch, Block, Layout, Task

OCTETS_MAX = 16 << 20  # assumption: a small part of the flash of an embedded Linux
BATCH_OCTETS = 48 << 10  # uncompressed; deflated and in base64 some 20 kB, a second over LTE


class Memory:
    """The blocks in flash, with an index by task and meter.  `full` hears of the first loss since
    the memory was last empty of losses."""

    def __init__(
        self,
        collected: Collected,
        *,
        octets_max: int = OCTETS_MAX,
        full: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._collected = collected
        self.octets_max = octets_max
        self._full = full
        self._of: dict[tuple[str, str], deque[int]] = {}
        self.octets = 0
        for serial, kept in collected.kept.items():
            self._index(serial, kept)

    def __len__(self) -> int:
        return len(self._collected.kept)

    @property
    def half_full(self) -> bool:
        """Whether no more of the past should be asked for until some of it was uploaded."""
        return 2 * self.octets >= self.octets_max

    def keep(self, kept: Kept, task: Task) -> None:
        """Store a block; others may have to go for it."""
        collected = self._collected
        collected.serial += 1
        collected.kept[collected.serial] = kept
        self._index(collected.serial, kept)
        ring = self._of[kept.block.task, kept.block.meter]
        while len(ring) > task.blocks_max:
            self._drop(ring[0], f"{task.blocks_max} blocks of {kept.block.task} are kept a meter")
        while self.octets > self.octets_max and len(collected.kept) > 1:
            self._drop(next(iter(collected.kept)), f"{self.octets_max} octets are kept")

    def take(self, octets_max: int = BATCH_OCTETS) -> Batch:
        """Blocks for an upload, the oldest first; they are its own from now on."""
        layouts: dict[Layout, int] = {}
        blocks: list[Block] = []
        octets = 0
        for serial, kept in list(self._collected.kept.items()):
            if blocks and octets + kept.octets > octets_max:
                break
            octets += kept.octets
            self._remove(serial)
            block = kept.block
            if kept.layout is not None:
                at = layouts.setdefault(kept.layout, len(layouts))
                block = block.at_layout(at)
            blocks.append(block)
        return Batch(tuple(layouts), tuple(blocks))

    def _index(self, serial: int, kept: Kept) -> None:
        self._of.setdefault((kept.block.task, kept.block.meter), deque()).append(serial)
        self.octets += kept.octets

    def _remove(self, serial: int) -> None:
        kept = self._collected.kept.pop(serial)
        self._of[kept.block.task, kept.block.meter].remove(serial)
        self.octets -= kept.octets

    def _drop(self, serial: int, why: str) -> None:
        self._remove(serial)
        if not self._collected.dropped:
            self._full(why)
        self._collected.dropped += 1
        self._collected.dropped_ever += 1
