"""Faults of a meter that need more than a truth value: its clock, and a phase that is gone."""

from __future__ import annotations

from dataclasses import dataclass

from devices.faults import _Fault
from devices.meter.load import Coupled, Energy, Load, PhaseLoad, milliseconds, power_integral
from devices.world import LINE_CUT, World

_SETTLED_S = 3600.0  # after which an outage that is over leaves no trace in a registration


@dataclass(frozen=True, slots=True)
class MeterClockWrong(_Fault):
    """The meter's clock jumps by `step_s` and drifts; at the end it runs true again, as wrong as it
    has become: only somebody who sets it puts that right."""

    step_s: int = 0
    drift_ppm: int = 0

    def apply(self, world: World) -> None:
        meter, now = world.meter(self.target), world.env.now
        if self.step_s:
            meter.set_clock(meter.time(now) + self.step_s, now=now)
        meter.drift(self.drift_ppm, now=now)
        world.touched(self.target)

    def lift(self, world: World) -> None:
        world.meter(self.target).drift(0, now=world.env.now)
        world.touched(self.target)


@dataclass(frozen=True, slots=True)
class WithoutPhase:
    """An installation one of whose phases has no voltage: nothing is drawn there."""

    load: Load
    phase: int  # counted from 0
    origin: float

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        return tuple(
            PhaseLoad(0, 0, 0) if number == self.phase else there
            for number, there in enumerate(self.load.at(now))
        )

    def energy(self, now: float) -> Energy:
        """Since `origin`, piece by piece between changes of the load behind it."""
        total, at = Energy(0, 0, 0, 0), self.origin
        while at < now:
            change = self.load.next_change(at)
            until = now if change is None else min(now, change)
            total += power_integral(self.at(at), milliseconds(until) - milliseconds(at))
            at = until
        return total

    def next_change(self, now: float) -> float | None:
        return self.load.next_change(now)

    def switched(self, on: bool, *, now: float, without: int | None = None) -> None:
        """A grid behind it hears of the lost phase."""
        if isinstance(self.load, Coupled):
            self.load.switched(on, now=now, without=self.phase)


@dataclass(frozen=True, slots=True)
class PhaseLost(_Fault):
    """A fuse or a joint of one phase is gone: no voltage there, and what it fed draws nothing.

    A meter with one phase has lost its supply with it.
    """

    phase: int = 1

    def apply(self, world: World) -> None:
        meter, now = world.meter(self.target), world.env.now
        load = meter.metering.load
        if self.phase <= meter.type.phases:
            meter.replace_load(WithoutPhase(load, self.phase - 1, now), now=now)
        world.touched(self.target)

    def lift(self, world: World) -> None:
        meter, now = world.meter(self.target), world.env.now
        load = meter.metering.load
        if isinstance(load, WithoutPhase):
            meter.replace_load(load.load, now=now)
        world.touched(self.target)


@dataclass(frozen=True, slots=True)
class Outage(_Fault):
    """A meter that cannot be reached for a while, by whichever way; see `devices.outages`."""

    def apply(self, world: World) -> None:
        long_ago = world.env.now - _SETTLED_S
        for link in world.links_of(self.target):
            off = link.module_off
            off[:] = [span for span in off if span.end is None or span.end > long_ago]
            off.append(self.span)
        world.links_touched(self.target)
        world.hold(LINE_CUT, self.target)

    def lift(self, world: World) -> None:
        world.release(LINE_CUT, self.target)
        world.links_touched(self.target)
