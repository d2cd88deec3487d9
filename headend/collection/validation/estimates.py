"""What stands in for values that are not there.

A register's estimates lie between the value before and the one after, so that no energy is won or
lost; where either is not known yet there is no estimate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from headend.collection.validation.channels import Nature, Point
from headend.domain.validation import Method

LINEAR_MAX_S = 7_200
"""A gap up to two hours is filled evenly; over a longer one people's habits show [ours]."""
LIKE_S = 7 * 86_400
"""A week before: the same day of the week."""

Filled = tuple[int, int, Method]
"""When, how much, and how it was made."""


def estimated(
    points: Sequence[Point], nature: Nature, period_s: int, like: Mapping[int, int]
) -> Iterator[Filled]:
    """The values of the intervals that are missing between known ones.

    `like` are amounts of intervals at least a week ago, by their end.  Of what is as it is at a
    moment (a voltage) nobody can tell what it was.
    """
    if nature is Nature.INSTANT:
        return
    for before, after in itertools.pairwise(points):
        ends = range(before.at + period_s, after.at, period_s)
        if not ends or (after.at - before.at) % period_s:
            continue
        if nature is Nature.REGISTER:
            yield from _between(before, after, ends, period_s, like)
        else:
            yield from _of_intervals(before, after, ends, period_s, like)


def _between(
    before: Point, after: Point, ends: range, period_s: int, like: Mapping[int, int]
) -> Iterator[Filled]:
    """A register's gain over a gap, spread over its intervals."""
    gained = after.value - before.value
    if gained < 0:
        return
    weights: list[int] = [1] * (len(ends) + 1)
    method = Method.LINEAR
    if len(ends) * period_s > LINEAR_MAX_S:
        shape = [like.get(at - LIKE_S, -1) for at in (*ends, after.at)]
        if min(shape) >= 0 and sum(shape) > 0:
            weights, method = shape, Method.LIKE_DAY
    total = sum(weights)
    for at, so_far in zip(ends, itertools.accumulate(weights), strict=False):
        yield at, before.value + gained * so_far // total, method


def _of_intervals(
    before: Point, after: Point, ends: range, period_s: int, like: Mapping[int, int]
) -> Iterator[Filled]:
    if len(ends) * period_s <= LINEAR_MAX_S:
        steps, rise = len(ends) + 1, after.value - before.value
        for place, at in enumerate(ends, 1):
            yield at, before.value + rise * place // steps, Method.LINEAR
        return
    for at in ends:
        amount = like.get(at - LIKE_S, -1)
        if amount >= 0:
            yield at, amount, Method.LIKE_DAY
