"""What a concentrator tells of itself when asked: network, tasks, memory, events.

Only what its own link layer and flash know goes in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from devices.concentrator.flash import Flash
from devices.concentrator.memory import Memory
from devices.concentrator.table import Entry
from devices.network.availability import HOUR_S
from devices.network.ways import Leg
from protocols.concentrator.upkeep import (
    HeardInHour,
    MemoryTold,
    MeterPlace,
    State,
    TaskBehind,
)


def state(
    flash: Flash,
    memory: Memory,
    table: Mapping[str, Entry],
    *,
    message_id: str,
    of: str,
    at: datetime,
    up_since: datetime,
    ahead: timedelta,
    since: datetime,
    now: float,
    firmware: str,
) -> State:
    """The answer to `read-state`.  `ahead` is by how much the own clock is ahead of the world."""
    asked_from = since.timestamp() - ahead.total_seconds()
    collected = flash.collected
    return State(
        id=message_id,
        at=at,
        of=of,
        boot=flash.boot,
        up_since=up_since,
        firmware=firmware,
        memory=MemoryTold(len(memory), memory.octets, memory.octets_max, collected.dropped_ever),
        tasks=collected.version,
        behind=tuple(
            TaskBehind(task, meter, progress.failed, progress.trouble, _date(progress.read_at))
            for (task, meter), progress in sorted(collected.progress.items())
            if progress.failed and meter in table
        ),
        meters=tuple(place(entry, asked_from, now, ahead) for entry in table.values()),
        hours=_hours(table, asked_from, now),
        events=tuple(entry for entry in flash.events if entry.at >= since),
    )


def place(entry: Entry, since: float, now: float, ahead: timedelta) -> MeterPlace:
    """Its place in the network, with the changes since a time of the world; `ahead` as above."""
    leg = entry.leg
    way = leg.choose(now)
    route = None if way is None else way.route
    heard = max(
        (at for each in leg.ways if (at := each.network.last_heard(leg.meter)) is not None),
        default=None,
    )
    ratio_cdb = None if way is None else way.network.ratio_cdb(leg.meter, now)
    by_radio = leg.radio if way is not None and way.network.bearer == "rf" else None
    return MeterPlace(
        meter=entry.meter,
        registered=leg.registered,
        link=None if way is None or route is None else way.network.bearer,
        level=0 if route is None else len(route.hops),
        via=() if route is None else route.via,
        snr_db=None if ratio_cdb is None else ratio_cdb / 100,
        rssi_dbm=None if by_radio is None else by_radio.received_cdbm / 100,
        last_heard=None if heard is None else datetime.fromtimestamp(heard, UTC) + ahead,
        changes=sum(each.network.changes_since(leg.meter, since) for each in leg.ways),
    )


def _hours(table: Mapping[str, Entry], since: float, now: float) -> tuple[HeardInHour, ...]:
    """The hours that are over, by the power line's keep-alives: every module has one there."""
    legs = [entry.leg for entry in table.values()]
    if not legs:
        return ()
    network = legs[0].ways[0].network
    over = now // HOUR_S * HOUR_S
    return tuple(_hour(legs, hour) for hour in network.availability.hours(since - HOUR_S, over))


def _hour(legs: list[Leg], hour: int) -> HeardInHour:
    counts = {leg.meter: leg.ways[0].network.available(leg.meter, hour) for leg in legs}
    asked = max((of for _, of in counts.values()), default=0)
    heard = {meter: count for meter, (count, _) in counts.items()}
    return HeardInHour(datetime.fromtimestamp(hour * HOUR_S, UTC), asked, heard)


def _date(posix_s: float | None) -> datetime | None:
    return None if posix_s is None else datetime.fromtimestamp(posix_s, UTC)
