"""A transformer's grid as its meters see it: solved a day at a time, when somebody looks.

What every meter on it sees, and the transformer's head meter as well, comes from one solution, so
that energy closes.  A customer whose supply is cut draws
nothing from that moment on, and everybody's voltage changes.

Days are solved with who was connected in them, and kept while they are used; a load comes again
after four weeks, so energies since the origin are sums of few terms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from devices.grid.counted import (
    DAY_MS,
    DaySums,
    Flows,
    PeriodSums,
    day_sums,
    flows_of,
    period_sums,
    total,
    within,
)
from devices.grid.customers import PERIOD_DAYS, Integers, day_of
from devices.grid.errors import NotConverged
from devices.grid.solved_day import SolvedDay, solved
from devices.grid.street import Street, network_of
from devices.grid.zbus import LoadNetwork
from devices.meter.load import SLOT_S, SLOTS_PER_DAY, Energy, PhaseLoad, milliseconds

DAY_S = 86_400
DAYS_KEPT = 40
"""Of a feeder's solved days; each takes some 70 kB with sixty meters."""

COUNTED_DAYS_KEPT = 4
"""Of each customer's days quarter hour by quarter hour, those read last; a day takes 6 kB.  Today's
and yesterday's registers are read again and again, older ones once for a daily profile."""

Connected = npt.NDArray[np.bool_]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class Feeder:
    """One street, with its seed.  `fixed` gives customers constant watts on each of their
    phases."""

    seed: int
    street: Street
    utc_offset_min: int = 0
    fixed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    network: LoadNetwork = field(init=False)
    _places: dict[str, list[int]] = field(init=False)
    _since: list[float] = field(default_factory=list)
    _connected: list[Connected] = field(default_factory=list)
    _solved: OrderedDict[tuple[int, bytes], SolvedDay] = field(default_factory=OrderedDict)
    _drawn: OrderedDict[tuple[str, int], tuple[Integers, Integers]] = field(
        default_factory=OrderedDict
    )
    _of_days: dict[str, PeriodSums] = field(default_factory=dict)
    _counted: OrderedDict[tuple[str, int], DaySums] = field(default_factory=OrderedDict)
    _everyone: Connected = field(init=False)
    _head_sums: PeriodSums | None = None
    _head_until: list[Flows] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.network = network_of(self.street)
        self._everyone = np.ones(len(self.network.names), dtype=bool)
        self._places = {customer.meter: [] for customer in self.street.customers}
        for row, (customer, _) in enumerate(self.street.connections):
            self._places[self.street.customers[customer].meter].append(row)

    def connections(self, meter: str) -> int:
        """How many phases a customer has.  Raises KeyError for one that is not on this street."""
        return len(self._places[meter])

    def places(self, meter: str) -> list[int]:
        """Where a customer's phases stand among the columns of a solved day.  Raises KeyError for
        one that is not on this street."""
        return self._places[meter]

    # Who is connected.

    def switched(self, meter: str, phases: tuple[bool, ...], *, now: float) -> None:
        """From now on a customer draws on these of its phases only."""
        before = self._connected_at(now)
        after = before.copy()
        after[self._places[meter]] = phases
        if (after == before).all():
            return
        if self._since and self._since[-1] > now:
            raise ValueError("the grid's time does not go back")
        if self._since and self._since[-1] == now:
            self._connected[-1] = after
            return
        if self._since:
            self._head_until.append(self._head_piece(self._since[-1], now, self._connected[-1]))
        self._since.append(now)
        self._connected.append(after)

    def _connected_at(self, now: float) -> Connected:
        place = bisect_right(self._since, now)
        if place:
            return self._connected[place - 1]
        return self._everyone

    # What is drawn, and what comes of it.

    def drawn(self, meter: str, day: int) -> tuple[Integers, Integers]:
        """A customer's watts and vars on a day, 96 x phases, as if it were connected."""
        key = (meter, day % PERIOD_DAYS)
        found = self._drawn.get(key)
        if found is None:
            count = len(self._places[meter])
            if meter in self.fixed:
                watts = np.array([self.fixed[meter]] * SLOTS_PER_DAY, dtype=np.int64)
                found = watts, np.zeros_like(watts)
            else:
                offset = self.utc_offset_min
                watts, vars_ = day_of(self.seed, meter, count, key[1], utc_offset_min=offset)
                found = watts.T, vars_.T
            _keep(self._drawn, key, found, DAYS_KEPT * len(self._places))
        else:
            self._drawn.move_to_end(key)
        return found

    def day(self, day: int, connected: Connected) -> SolvedDay:
        """A day with these connected throughout.  Raises NotConverged."""
        key = (day % PERIOD_DAYS, connected.tobytes())
        found = self._solved.get(key)
        if found is None:
            parts = [self.drawn(customer.meter, day) for customer in self.street.customers]
            watts = np.hstack([watts for watts, _ in parts]) * connected
            vars_ = np.hstack([vars_ for _, vars_ in parts]) * connected
            try:
                found = solved(self.network, watts, vars_)
            except NotConverged as error:
                raise error.of(self.street.name) from None
            _keep(self._solved, key, found, DAYS_KEPT)
        else:
            self._solved.move_to_end(key)
        return found

    def at(self, now: float) -> tuple[SolvedDay, int]:
        """The solution that holds at a moment: its day, and the quarter hour in it."""
        day, second = divmod(now, DAY_S)
        return self.day(int(day), self._connected_at(now)), int(second // SLOT_S)

    def phases(self, meter: str, now: float) -> tuple[PhaseLoad, ...]:
        """What a customer draws while connected, at the voltage that there is."""
        found, slot = self.at(now)
        watts, vars_ = (part[slot].tolist() for part in self.drawn(meter, int(now // DAY_S)))
        volts = found.voltage_dv[slot, self._places[meter]].tolist()
        return tuple(map(PhaseLoad, watts, vars_, volts))

    # Energies.

    def energy(self, meter: str, now: float) -> Energy:
        """A customer's, as if it had always been connected; its meter knows when it was not."""
        sums = self._of_days.get(meter)
        if sums is None:
            days = [flows_of(*self.drawn(meter, day)) for day in range(PERIOD_DAYS)]
            sums = self._of_days[meter] = period_sums(days)
        return Energy(*total(sums, now, partial(self._counted_on, meter)))

    def _counted_on(self, meter: str, day: int) -> DaySums:
        """A customer's day; of the last days that anybody looked at."""
        key = (meter, day)
        found = self._counted.get(key)
        if found is None:
            found = day_sums(flows_of(*self.drawn(meter, day)))
            _keep(self._counted, key, found, COUNTED_DAYS_KEPT * (1 + len(self._places)))
        else:
            self._counted.move_to_end(key)
        return found

    @property
    def head_was_read(self) -> bool:
        """Whether anybody has asked for what the head meter counted: all days are solved then."""
        return self._head_sums is not None

    def head_totals(self, now: float) -> tuple[Energy, int]:
        """What the head meter has counted since the origin, and what was lost behind it, W ms."""
        if self._head_sums is None:
            days = [_head_flows(self.day(day, self._everyone)) for day in range(PERIOD_DAYS)]
            self._head_sums = period_sums(days)
        place = bisect_right(self._since, now)
        whole = now if not place else self._since[0]
        counted = total(self._head_sums, whole, self._head_counted_on)
        if place:
            begin, connected = self._since[place - 1], self._connected[place - 1]
            since = sum(self._head_until[: place - 1], self._head_piece(begin, now, connected))
            counted = [
                before + after for before, after in zip(counted, since.tolist(), strict=True)
            ]
        *energies, lost = counted
        return Energy(*energies), lost

    def _head_counted_on(self, day: int) -> DaySums:
        key = ("", day)  # no customer's name
        found = self._counted.get(key)
        if found is None:
            found = day_sums(_head_flows(self.day(day, self._everyone)))
            _keep(self._counted, key, found, COUNTED_DAYS_KEPT * (1 + len(self._places)))
        else:
            self._counted.move_to_end(key)
        return found

    def _head_piece(self, begin: float, end: float, connected: Connected) -> Flows:
        """What flowed from one moment to another, W ms."""
        flowed = np.zeros(5, dtype=np.int64)
        at, last = milliseconds(begin), milliseconds(end)
        while at < last:
            day = at // DAY_MS
            until = min(last, (day + 1) * DAY_MS)
            flows = _head_flows(self.day(day, connected))
            flowed += within(flows, until - day * DAY_MS) - within(flows, at - day * DAY_MS)
            at = until
        return flowed


def _head_flows(day: SolvedDay) -> Flows:
    flows = flows_of(day.head_watts.astype(np.int64), day.head_vars.astype(np.int64))
    return np.hstack([flows, day.losses_w[:, None].astype(np.int64)])


def _keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)
