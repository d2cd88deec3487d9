"""When the head-end itself went and came back, as far as its database tells.

A start that finds orders under way writes so into their journals: when it came back is known, and
its last word before is all that tells when it went.  A start that finds none leaves one trace: the
broker tells it anew which concentrators are on line.  The broker's own start does so, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta

from scenarios.inferred import EARLIER, Inferred, halfway
from scenarios.recorded import Recorded

CRASH = "crash-head-end"
HEAD_END = "head-end"
TOGETHER = timedelta(seconds=60)
"""Of the words that follow a start so soon, the first of each concentrator belongs to it
(assumption: several times what a client takes to come back to Mosquitto)."""


def crashes(recorded: Recorded) -> Iterator[Inferred]:
    """Times without a head-end, from soon after its last word to its start."""
    for start in recorded.restarts:
        if start.last_word is None:
            continue  # nothing came before it
        begun = min(start.last_word + EARLIER, halfway(start.last_word, start.at))
        numbers = ", ".join(map(str, start.orders[:5])) + (", ..." if len(start.orders) > 5 else "")
        orders = "order" if len(start.orders) == 1 else "orders"
        why = f"it started again with {orders} {numbers} under way; its last word came before"
        yield Inferred(CRASH, HEAD_END, begun, start.at, why)


def unclear(recorded: Recorded) -> Iterator[str]:
    """Starts that nobody can place in a replay, told one by one."""
    known = [(start.at, "") for start in recorded.restarts]
    begun: datetime | None = None
    heard: set[str] = set()
    for at, name in sorted([*known, *_told_anew(recorded)]):
        if not name or begun is None or at - begun > TOGETHER or name in heard:
            begun, heard = at, set()
            if name:
                yield (
                    f"left out: a start of the head-end or of its broker at {at:%Y-%m-%d %H:%M:%S}"
                    " UTC with no order under way; which of them, and since when it was away, is"
                    " in no journal"
                )
        heard.add(name)


def _told_anew(recorded: Recorded) -> Iterator[tuple[datetime, str]]:
    """When the head-end heard what it knew: a concentrator on line that had never left."""
    for name, changes in recorded.sessions.items():
        for before, change in itertools.pairwise(changes):
            if before.online and change.online and before.boot == change.boot:
                yield change.at, name
