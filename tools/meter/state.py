"""`--state FILE`: a simulated meter remembers what was written to it, and how far it counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.clock import wall_clock
from devices.gateway.meter_memory import MeterMemory, Unusable, facts_of
from devices.meter.device import Meter
from tools.terminal import complain, failed

Keep = Callable[[Callable[[], None]], None]
"""Writes the meter down; where that fails it calls what it is given, and raises OSError."""

ADVICE = "Name another --state, or start the meter with the options that the file was made with"


@contextmanager
def remembering(path: Path | None, meter: Meter, load: str) -> Iterator[Keep]:
    """What keeps the meter in this file, restored from it; nothing where there is none.

    Ends the command where the file cannot be used.
    """
    if path is None:
        yield lambda stop: None
        return
    drift_ppm = meter.timeline.latest.drift_ppm
    facts = {**facts_of(meter), "load": load}
    try:
        memory = MeterMemory.open(path, meter, facts, now=wall_clock())
    except Unusable as error:
        failed(f"--state {path}: {error}", ADVICE)
    except OSError as error:
        failed(f"--state {path}: {error.strerror}", ADVICE)
    meter.drift(drift_ppm, now=wall_clock())  # a fault is of this start, not of the memory

    def keep(stop: Callable[[], None]) -> None:
        try:
            memory.keep()
        except OSError as error:
            complain(f"--state {path}: {error.strerror}", "The meter stops: it would forget")
            stop()
            raise

    try:
        yield keep
    finally:
        memory.close()
