"""A simulated concentrator's day beside a real one's: python -m tools.availability

The real one had 117 meters and reported for 24 hours [public concentrator reports].  Only some of
its quantiles are known, so the distance of Kolmogorov and Smirnov is taken at those: it is a lower
bound of the true one.  Nothing is fitted; docs/models.md holds what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

from devices.channel.medium import Medium
from devices.channel.noise import residential
from devices.channel.place import along_streets
from devices.field_spec import FIRST_METER, ZONE, MeterSpec, TransformerSpec
from devices.network.build import networks_of
from devices.outages import USUAL

METERS = 117
DAY_S = 86_400.0
START = datetime(2026, 7, 6, 4, tzinfo=UTC).timestamp()  # midnight in Santiago
CRITICAL = 1.36 / METERS**0.5  # of the distance, one sample against a law, 5 %

# Share of meters at or below a value: what is known of the real concentrator.
REAL_AVAILABILITY = ((0.0, 2 / METERS), (0.73, 0.05), (0.84, 0.10), (0.9993, 0.50))
REAL_CHANGES = ((1.0, 0.50), (8.0, 0.90), (28.0, 1.0))


@dataclass(frozen=True, slots=True)
class Day:
    """What one concentrator counted."""

    by_meter: list[float]  # availability over the day, sorted
    by_hour: list[float]  # mean over the meters, sorted
    changes: list[int]  # of each meter's link, sorted
    depth: int
    repeaters: float  # share of the registered meters
    registered: float  # share of the meters, at the day's end


def day_of(seed: int, *, spacing_m: int = 8, meters: int = METERS, outages: bool = True) -> Day:
    """One day of a transformer whose meters come and go as usual."""
    spec = TransformerSpec(
        "T-001",
        "C-001",
        tuple(
            MeterSpec(str(FIRST_METER + index), along_streets(index, spacing_m=spacing_m))
            for index in range(meters)
        ),
    )
    noise = residential(ZONE)
    networks = networks_of(seed, spec, noise, Medium(), now=START, asking=lambda: True)
    network = networks.power_line
    if outages:
        for link in networks.links.values():
            spans = USUAL.spans(seed, link.meter, START)
            link.module_off += takewhile(lambda span: (span.start or 0) < START + DAY_S, spans)
    network.touch()
    network.advance(START + DAY_S)
    hours = network.availability.hours(START, START + DAY_S)
    counts = {name: [network.available(name, hour) for hour in hours] for name in network.meters}
    by_meter = [sum(h for h, _ in each) / sum(a for _, a in each) for each in counts.values()]
    by_hour = [
        sum(each[number][0] / each[number][1] for each in counts.values()) / meters
        for number in range(len(hours))
    ]
    tree = network.tree
    registered = len(tree.parents)
    return Day(
        sorted(by_meter),
        sorted(by_hour),
        sorted(network.changes_since(name, START) for name in network.meters),
        max(tree.level(node) for node in tree.parents),
        len(tree.repeaters()) / registered,
        registered / meters,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return values[max(0, -(-int(share * 1e9) * len(values) // 10**9) - 1)]


def distance(values: Sequence[float], known: Sequence[tuple[float, float]]) -> float:
    """The greatest gap between a sample and what is known of a law."""
    return max(
        abs(sum(each <= value for each in values) / len(values) - share) for value, share in known
    )


def main(seeds: Sequence[int] = (1, 2, 3, 4, 5)) -> None:
    """Print a line for each seed."""
    for seed in seeds:
        day = day_of(seed)
        by_meter, changes = day.by_meter, day.changes
        hours, mean = day.by_hour, sum(day.by_hour) / len(day.by_hour)
        print(f"seed {seed}; hourly {hours[0]:.1%} to {hours[-1]:.1%}, mean {mean:.1%}")
        p50, p10, p5 = (quantile(by_meter, share) for share in (0.5, 0.1, 0.05))
        dead, gap = sum(each == 0 for each in by_meter), distance(by_meter, REAL_AVAILABILITY)
        print(f"  meters: median {p50:.2%}, p10 {p10:.1%}, p5 {p5:.1%}, dead {dead}, KS {gap:.2f}")
        mean, gap = sum(changes) / len(changes), distance(changes, REAL_CHANGES)
        middle, high = quantile(changes, 0.5), quantile(changes, 0.9)
        most = f"p90 {high}, max {changes[-1]}"
        print(f"  changes: mean {mean:.1f}, median {middle}, {most}, KS {gap:.2f}")
        print(
            f"  depth {day.depth}, repeaters {day.repeaters:.0%}, registered {day.registered:.1%}"
        )
    print(f"5 % critical distance {CRITICAL:.2f}")


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or (1, 2, 3, 4, 5))
