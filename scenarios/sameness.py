"""Whether a smaller story still fails in the way of the first one.

An invariant that is broken is told by its name.  What a file expects is told by how far it was
missed: a story from which an order was taken is expected to have one order less, and must miss the
rest by as much as before.  Otherwise every story would fail as soon as something is taken away.
And its orders must end as some of the first one's did: a story that is over before its orders are,
or has none that could be done, fails in a way of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.summary import Finding, Summary

COUNTS = frozenset({"orders", "done", "refused_messages", "replies", "events", "readings"})
BY_KEY = frozenset({"failed", "findings"})
OF_ORDERS = frozenset({"done", "replies"})  # no more than there are orders
AT_METER = frozenset({"limit", "supply", "load", "periods"})
SHRINKING = COUNTS | BY_KEY | AT_METER
"""Expectations whose values change as a story becomes smaller."""


@dataclass(frozen=True, slots=True)
class Failing:
    """How a story fails."""

    always: frozenset[str]  # invariants that are broken
    missed: dict[str, Finding]  # of the file's own, by name
    error: str | None = None  # what ended the run, where something did
    orders: int = 0
    endings: frozenset[str] = frozenset()  # of orders that are not done: reasons, and "open"

    @property
    def name(self) -> str:
        """In a few words."""
        return self.error or ", ".join(sorted(self.always | self.missed.keys()))

    def __bool__(self) -> bool:
        return bool(self.always or self.missed or self.error)


def failing(summary: Summary | str) -> Failing:
    """How a run failed; text is the error that ended it."""
    if isinstance(summary, str):
        return Failing(frozenset(), {}, summary)
    orders = summary.orders
    return Failing(
        frozenset(f.name for f in summary.failures if f.always),
        {f.name: f for f in summary.failures if not f.always},
        orders=orders.total,
        endings=frozenset(orders.failed) | ({"open"} if orders.open else set()),
    )


def same(first: Failing, now: Failing) -> dict[str, Any] | None:
    """What the smaller story must expect to fail as the first one does, or None where it does not.

    An invariant or an error outweighs the file's own expectations: those are dropped then.
    """
    if first.error is not None:
        return {} if now.error == first.error else None
    if now.error is not None:
        return None
    if first.always:
        return {} if first.always <= now.always else None
    if not now.endings <= first.endings:
        return None
    expect = {}
    for name, finding in first.missed.items():
        wanted = _wanted(finding, now.missed.get(name))
        if wanted is None:
            return None
        if name in OF_ORDERS:  # no more than there are orders, unless the first wanted as much more
            beyond = max(0, finding.expected - first.orders)
            if wanted > now.orders + beyond:
                return None
        expect[name] = wanted
    return expect


def _wanted(first: Finding, now: Finding | None) -> Any:
    """What an expectation must be now, or None where it is missed in another way."""
    if now is None:
        return None
    if first.name in COUNTS:
        wanted = now.value - (first.value - first.expected)
        return wanted if 0 <= wanted <= now.expected else None
    if first.name in BY_KEY:
        return _by_key(first, now)
    if first.name in AT_METER:
        missed = {k: v for k, v in first.expected.items() if first.value.get(k) != v}
        alike = all(now.value.get(name) == first.value[name] for name in missed)
        return missed if alike else None
    alike = (now.value is None) == (first.value is None)
    return now.expected if alike else None


def _by_key(first: Finding, now: Finding) -> dict[str, int] | None:
    keys = {*first.value, *first.expected, *now.value, *now.expected}
    wanted = {
        key: now.value.get(key, 0) - first.value.get(key, 0) + first.expected.get(key, 0)
        for key in sorted(keys)
    }
    fits = all(0 <= count <= now.expected.get(key, 0) for key, count in wanted.items())
    return {key: count for key, count in wanted.items() if count} if fits else None
