"""A load known quarter hour by quarter hour, such as a solved feeder's day.

Before what is known nothing flowed; after it the last quarter hour holds.  Energy begins with what
the registers showed at first, and is an exact integer at any moment, like that of every load.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from devices.meter.load import MS_PER_S, SLOT_S, Energy, PhaseLoad, milliseconds

Integers = npt.NDArray[np.int64]

_SLOT_MS = SLOT_S * MS_PER_S


@dataclass(frozen=True, slots=True, eq=False)
class SteppedLoad:
    """Rows are phases, columns quarter hours from `first_slot` on (since 1970)."""

    first_slot: int
    watts: Integers
    vars: Integers
    voltage_dv: Integers
    before: Energy = Energy()
    """What had been counted when it began."""
    _flows: Integers = field(init=False, repr=False)
    _sums: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.watts.shape == self.vars.shape == self.voltage_dv.shape or not self.watts.size:
            raise ValueError("watts, vars and voltages are of the same phases and quarter hours")
        flows = np.stack(
            [
                np.maximum(part, 0).sum(axis=0)
                for part in (self.watts, -self.watts, self.vars, -self.vars)
            ]
        )
        sums = np.zeros((4, flows.shape[1] + 1), np.int64)
        np.cumsum(flows * _SLOT_MS, axis=1, out=sums[:, 1:])
        sums += np.array([_parts(self.before)], np.int64).T
        object.__setattr__(self, "_flows", flows)
        object.__setattr__(self, "_sums", sums)

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        """Each phase at a moment."""
        slot = int(now // SLOT_S) - self.first_slot
        if slot < 0:
            return tuple(PhaseLoad(0, 0, int(first)) for first in self.voltage_dv[:, 0])
        slot = min(slot, self.watts.shape[1] - 1)
        columns = (part[:, slot].tolist() for part in (self.watts, self.vars, self.voltage_dv))
        return tuple(map(PhaseLoad, *columns))

    def energy(self, now: float) -> Energy:
        """The integrals up to a moment."""
        (found,) = self.energies(np.array([milliseconds(now)], np.int64)).T.tolist()
        return Energy(*found)

    def energies(self, now_ms: Integers) -> Integers:
        """The integrals up to many moments, four rows as the fields of `Energy`."""
        since = np.maximum(now_ms - self.first_slot * _SLOT_MS, 0)
        slot = np.minimum(since // _SLOT_MS, self._flows.shape[1] - 1)
        found: Integers = self._sums[:, slot] + self._flows[:, slot] * (since - slot * _SLOT_MS)
        return found

    def powers(self, now_s: Integers) -> tuple[Integers, Integers, Integers]:
        """Watts, vars and tenths of volts at many moments, each phases x moments."""
        slot = now_s // SLOT_S - self.first_slot
        at = np.clip(slot, 0, self.watts.shape[1] - 1)
        flows = slot >= 0
        return self.watts[:, at] * flows, self.vars[:, at] * flows, self.voltage_dv[:, at]

    def next_change(self, now: float) -> float | None:
        """When `at` changes next: the end of this quarter hour, while there are more."""
        slot = max(int(now // SLOT_S) + 1, self.first_slot)
        last = self.first_slot + self.watts.shape[1] - 1
        return float(slot * SLOT_S) if slot <= last else None


def _parts(energy: Energy) -> tuple[int, int, int, int]:
    return (
        energy.active_import,
        energy.active_export,
        energy.reactive_import,
        energy.reactive_export,
    )
