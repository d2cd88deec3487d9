"""What a month brings to a fleet besides what always happens: long outages, and restarts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devices.chance import octets
from devices.faults import Fault, ModemFails, PowerCut
from devices.span import Span
from scenarios.fleet.city import City
from scenarios.fleet.district import DAY_S

TWO_DAYS_S = 2 * DAY_S


@dataclass(frozen=True, slots=True)
class Plot:
    """What happens besides what always does; times are seconds from the first midnight."""

    down: tuple[tuple[int, float], ...]
    """Concentrators without power for two days, and from when."""
    barred: tuple[tuple[int, float], ...]
    """Likewise, whose SIM is barred: they go on reading."""
    broker: tuple[tuple[float, float], ...]
    """Without a broker, from and until."""
    head_end: tuple[tuple[float, float], ...]
    """Without a head-end."""


def plot_of(city: City, days: int) -> Plot:
    """A tenth of the concentrators is down for two days, another tenth cut off; the broker is away
    for an hour each week, the head-end for a minute to some hours three times."""

    def some(what: str) -> tuple[tuple[int, float], ...]:
        count = max(1, city.concentrators // 10)
        ranked = sorted(range(city.concentrators), key=lambda each: draw(what, each))
        span = max(1, (days - 4) * DAY_S)
        return tuple((each, 3600.0 + draw(what, each) % span) for each in ranked[:count])

    def draw(what: str, number: int) -> int:
        return int.from_bytes(octets(city.seed, "month", what, number, count=6), "big")

    whole = days * DAY_S
    broker = tuple((float(at), at + 3600.0) for at in range(3 * DAY_S // 2, whole, 7 * DAY_S))
    away = ((0.25, 60.0), (0.5, 1800.0), (0.75, 4 * 3600.0))
    head_end = tuple((share * whole, share * whole + lasts) for share, lasts in away)
    return Plot(some("down"), some("barred"), broker, head_end)


def long_faults(plot: Plot, names: Sequence[str], start: float) -> Iterator[Fault]:
    """At concentrators of these names, at the world's times."""
    for number, at in plot.down:
        yield PowerCut(names[number], Span(start + at, start + at + TWO_DAYS_S))
    for number, at in plot.barred:
        yield ModemFails(names[number], Span(start + at, start + at + TWO_DAYS_S), "sim barred")
