"""What a concentrator is asked besides its ordinary tasks: back-fill in waves.

A task of a name that a concentrator knows goes on where it was; so each wave has names of its own,
and its tasks begin `back_s` before they are carried out.  They come after all ordinary ones, and
are taken out of the table when the wave is over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from headend.config import BackfillPolicy
from headend.domain.backfill import Ask, Lacking, Wave, rest_of
from headend.domain.ledger import Gap
from headend.ports import Transaction
from protocols.concentrator.collecting import Kind, Task, TimeSpan
from protocols.concentrator.messages import ObjectWanted

DEPTHS_S = (2 * 86_400, 5 * 86_400)
"""Meters whose gaps reach about as far back share a task that reads from there to the present."""
SPANS_MAX = 16
"""Of one task; of more gaps all that lies behind is read in one piece."""
EARLIER_S = 300
"""A concentrator's clock may be behind ours, and its task must be due when it arrives."""
PROFILE = 7
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Due:
    """A meter's profile that is to be asked for, and how often it was before."""

    lacking: Lacking
    gaps: tuple[Gap, ...]
    asked: int = 0

    @property
    def since(self) -> int:
        """Begin of the earliest gap."""
        return self.gaps[0].begin

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """Who was asked less often comes first, then whose time is over sooner."""
        return self.asked, self.gaps[0].end, self.lacking.meter, self.lacking.profile

    @property
    def spans(self) -> tuple[TimeSpan, ...]:
        """What is read for its gaps.  With each gap comes the row behind it, which is here: it
        shows that the meter was read as far as that, where it holds none in between.

        Each second time no spans: a meter that dates its rows otherwise than it should has them
        elsewhere, and is read up to the present.
        """
        if self.asked % 2:
            return ()
        found: list[tuple[int, int]] = []
        for gap in self.gaps:
            end = gap.end + (gap.end - gap.begin) // max(1, gap.intervals)
            if found and (gap.begin <= found[-1][1] or len(found) == SPANS_MAX):
                found[-1] = found[-1][0], end
            else:
                found.append((gap.begin, end))
        return tuple(TimeSpan(_moment(begin), _moment(end)) for begin, end in found)

    def ask(self, task: str, since: int, now: datetime, policy: BackfillPolicy) -> Ask:
        """This time, written down."""
        asked = self.asked + 1
        rest = rest_of(asked, policy.rest_first_s, policy.rest_max_s)
        of = self.lacking
        return Ask(of.meter, of.profile, of.lane, asked, now, now + rest, task, since)


def begin_wave(
    tx: Transaction,
    lane: str,
    due: Sequence[Due],
    *,
    now: datetime,
    zone: ZoneInfo,
    policy: BackfillPolicy,
) -> bool:
    """Begin a concentrator's next wave, or end the last one; whether its tasks change."""
    before = tx.wave_of(lane)
    if before is not None and before.tasks and before.ends_at > now:
        return False
    chosen = chosen_of(before, due, now=now, zone=zone, policy=policy)
    if not chosen and (before is None or not before.tasks):
        return False
    number = 1 if before is None else before.number + 1
    tasks = []
    for place, group in enumerate(_groups(chosen, now)):
        since = min(each.since for each in group)
        task = _task(f"fill-{number}-{place + 1}", group, since, now, policy)
        tasks.append(task)
        for each in group:
            tx.put_ask(each.ask(task.name, since, now, policy))
    tx.put_wave(_counted(before, lane, len(chosen), now, zone, policy, number, tuple(tasks)))
    return True


def chosen_of(
    before: Wave | None,
    due: Sequence[Due],
    *,
    now: datetime,
    zone: ZoneInfo,
    policy: BackfillPolicy,
) -> list[Due]:
    """Whose turn it is: no more at once, and on one day, than the configuration says."""
    today = now.astimezone(zone).date()
    asks = before.asks if before is not None and before.day == today else 0
    most = max(0, min(policy.meters_at_once, policy.meters_a_day - asks))
    return sorted(due, key=lambda each: each.rank)[:most]


def count_direct(
    tx: Transaction, lane: str, asks: int, *, now: datetime, zone: ZoneInfo, policy: BackfillPolicy
) -> None:
    """Note how many were asked without a concentrator."""
    before = tx.wave_of(lane)
    number = 1 if before is None else before.number + 1
    tx.put_wave(_counted(before, lane, asks, now, zone, policy, number, ()))


def _counted(
    before: Wave | None,
    lane: str,
    asks: int,
    now: datetime,
    zone: ZoneInfo,
    policy: BackfillPolicy,
    number: int,
    tasks: tuple[Task, ...],
) -> Wave:
    today = now.astimezone(zone).date()
    earlier = before.asks if before is not None and before.day == today else 0
    ends_at = now + timedelta(seconds=policy.look_s)
    return Wave(lane, number, today, earlier + asks, ends_at, tasks)


def _groups(chosen: Sequence[Due], now: datetime) -> list[list[Due]]:
    """By profile, and by the gaps that they have: those that one outage left are the same; where
    they are read up to the present, by how far back they reach."""
    found: dict[tuple[str, tuple[TimeSpan, ...], int], list[Due]] = defaultdict(list)
    for each in chosen:
        depth = 0 if each.spans else bisect_left(DEPTHS_S, now.timestamp() - each.since)
        found[each.lacking.profile, each.spans, depth].append(each)
    return sorted(found.values(), key=lambda group: (group[0].lacking.profile, group[0].rank))


def _task(
    name: str, group: Sequence[Due], since: int, now: datetime, policy: BackfillPolicy
) -> Task:
    posix_s = round(now.timestamp())
    return Task(
        name=name,
        kind=Kind.PROFILE,
        objects=(ObjectWanted(PROFILE, group[0].lacking.profile),),
        every_s=DAY_S,
        after_s=(posix_s - EARLIER_S) % DAY_S,  # due once in the wave: when it arrives
        priority=policy.priority,
        meters=tuple(sorted(each.lacking.meter for each in group)),
        back_s=posix_s - since + round(policy.look_s),  # until the wave's end it is read from there
        spans=group[0].spans,
    )


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
