"""One day of one meter's profile, looked at as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headend.collection.validation import checks
from headend.collection.validation.channels import Channel, Nature, Point, energies, series
from headend.collection.validation.estimates import estimated
from headend.domain.interval import Row
from headend.domain.validation import Estimate, Finding
from protocols.concentrator.collecting import Layout

SPIKE_FLOOR = 1000
"""Wh, varh or VAh in an interval: 4 kW over a quarter hour, a household's connection [ours]."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is known when a day is looked at.

    `around` are the rows of the days beside it as well, `before` those of the days a week before;
    `ends` are the intervals that are due of the day, `reads` what registers were read to show in
    it, in the profile's counts.
    """

    ends: tuple[range, ...]
    period_s: int
    own: Sequence[Row]
    around: Sequence[Row]
    before: Sequence[Row]
    layouts: Mapping[int, Layout]
    reads: Mapping[Channel, Sequence[Point]] = field(default_factory=dict)


def looked_at(given: Given) -> tuple[tuple[Finding, ...], tuple[Estimate, ...]]:
    """What is odd about the day, and what stands in for what it lacks, both in order of time."""
    findings = [*checks.odd_clocks(given.own), *checks.duplicates(given.own)]
    estimates: list[Estimate] = []
    own, before = series(given.own, given.layouts), series(given.before, given.layouts)
    for channel, points in series(given.around, given.layouts).items():
        nature = channel.nature
        if nature is None:
            continue
        findings += _found(given, channel, nature, points, own.get(channel, []))
        past = before.get(channel, [])
        like = past if nature is Nature.ENERGY else energies(past, given.period_s)
        estimates += (
            Estimate(at, channel.name, value, method)
            for at, value, method in estimated(points, nature, given.period_s, dict(like))
            if any(at in ends for ends in given.ends)
        )
    return (
        tuple(sorted(findings, key=lambda each: (each.at, each.check, each.channel))),
        tuple(sorted(estimates, key=lambda each: (each.at, each.channel))),
    )


def _found(
    given: Given, channel: Channel, nature: Nature, points: list[Point], own: list[Point]
) -> Iterator[Finding]:
    """What is odd about one channel, at times of the day itself."""
    mine = {row.at for row in given.own}
    name, period_s = channel.name, given.period_s
    for found in checks.negatives(points, nature, name):
        if found.at in mine:
            yield found
    if nature is Nature.INSTANT:
        return
    amounts = own if nature is Nature.ENERGY else energies(points, period_s)
    floor = SPIKE_FLOOR / 10**channel.scaler
    yield from checks.spikes([each for each in amounts if each.at in mine], floor, name)
    reads = given.reads.get(channel, ())
    if nature is Nature.REGISTER:
        yield from checks.against_register(points, reads, name)
    else:
        yield from checks.sum_against_register(points, reads, period_s, name)
