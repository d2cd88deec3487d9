"""The memory of many meters in a folder, each in files of its own (`devices.gateway.meter_memory`).

    with FieldMemory(folder) as memory:
        memory.recall(meter, now=now)       # a meter as delivered becomes what it was
        memory.keep(meter)                  # before anything leaves that shows it

A meter that nobody ever spoke with has no file and is as delivered: a city's folder holds the few
that were touched.  One process at a time has a folder.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from devices.gateway.meter_memory import MeterMemory, Unusable, facts_of
from devices.meter.accounts import Counts
from devices.meter.device import Meter
from devices.meter.overlay import overlay

LOCK = "lock"
OWNER_ONLY = 0o600


class _Delivered(NamedTuple):
    """What a meter without a file holds, as long as nothing was written to it."""

    counts: Counts
    overlay: dict[str, Any]


class FieldMemory:
    """See the module.  What it raises beside OSError, `Unusable`, names the meter in its text."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and Unusable where another process has the folder."""
        self.folder = folder
        self._delivered: dict[str, _Delivered] = {}
        self._kept: dict[str, MeterMemory] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Unusable("another process has it open") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for memory in self._kept.values():
            memory.close()
        os.close(self._lock)

    def has(self, number: str) -> bool:
        """Whether a meter of that number has anything to remember."""
        return (self.folder / number).exists()

    def recall(self, meter: Meter, *, now: float) -> None:
        """Give a meter, as delivered, what is remembered of it; faults and cuts of the supply are
        of the present run, and not remembered.  Raises OSError and Unusable."""
        number = meter.identity.number
        if not self.has(number):
            self._delivered[number] = _Delivered(meter.counts, overlay(meter))
            return
        drift_ppm = meter.timeline.latest.drift_ppm
        self._open(meter, now)
        meter.drift(drift_ppm, now=now)
        meter.power_on(now=now)

    def keep(self, meter: Meter, *, now: float) -> None:
        """Write down what is new.  Raises OSError, and then nothing may leave."""
        number = meter.identity.number
        if (memory := self._kept.get(number)) is not None:
            memory.keep()
        elif self._delivered[number] != (meter.counts, overlay(meter)):
            self._open(meter, now)
            del self._delivered[number]

    def _open(self, meter: Meter, now: float) -> None:
        number = meter.identity.number
        path = self.folder / number
        try:
            self._kept[number] = MeterMemory.open(path, meter, facts_of(meter), now=now)
        except Unusable as error:
            raise Unusable(f"{number}: {error}") from error
