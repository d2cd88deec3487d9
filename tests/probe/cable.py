"""A serial cable between the probe and a meter's pty, which can be cut and mended."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOOK_S = 0.1  # how soon the cable notices that the test is over


@dataclass
class Cable:
    """Carries octets both ways until `cut_after` of them have gone to the meter; then neither end
    hears the other, and neither is told."""

    path: str
    cut_after: int | None = None
    to_meter: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def cut(self) -> bool:
        return self.cut_after is not None and self.to_meter >= self.cut_after

    def mend(self) -> None:
        self.cut_after = None

    def carry(self, probe: int, meter: int) -> None:
        while not self._over.is_set():
            for end in select.select([probe, meter], [], [], LOOK_S)[0]:
                octets = os.read(end, 4096)
                if self.cut:
                    continue
                if end == meter:
                    os.write(probe, octets)
                    continue
                if self.cut_after is not None:
                    octets = octets[: self.cut_after - self.to_meter]
                self.to_meter += len(octets)
                os.write(meter, octets)


@contextmanager
def cable(meter_path: str, *, cut_after: int | None = None) -> Iterator[Cable]:
    """A port for the probe, with the meter's pty at its other end."""
    near, far = os.openpty()
    meter = os.open(meter_path, os.O_RDWR | os.O_NOCTTY)
    for end in (far, meter):
        tty.setraw(end)
    laid = Cable(os.ttyname(far), cut_after)
    thread = threading.Thread(target=laid.carry, args=(near, meter), daemon=True)
    thread.start()
    try:
        yield laid
    finally:
        laid._over.set()
        thread.join(30)
        for end in (near, far, meter):
            os.close(end)
