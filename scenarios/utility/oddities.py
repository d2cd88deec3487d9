"""What is peculiar about some feeders of a utility: so that whoever looks for it finds
something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """From a moment on (POSIX seconds), laterals with a share of what one phase carries hang on
    another; phases are 0 to 2."""

    feeder: int
    since: int
    of: int
    to: int
    share: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A time (POSIX seconds) in which the historian heard nothing of a feeder."""

    feeder: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """A voltage transformer at a feeder's head that shows a phase too high or too low.  Powers are
    measured with it, currents are not."""

    feeder: int
    phase: int
    factor: float


@dataclass(frozen=True, slots=True)
class Oddities:
    """All of them; feeders by their numbers."""

    transfers: tuple[Transfer, ...] = ()
    silences: tuple[Silence, ...] = ()
    ratios: tuple[Ratio, ...] = ()
