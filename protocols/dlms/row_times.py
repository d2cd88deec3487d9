"""When the rows of a profile were captured, as far as a dirty meter says so.

A row whose time no calendar has follows from its neighbours; one that comes twice, or before the
row that it stands behind, is kept where it stands and flagged.  Nothing here raises for what a
meter said, and no row is left out.
"""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from protocols.dlms import axdr, tolerant
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.values import DateTimeValue, NullData, OctetString, Value

Times = list[Told[datetime.datetime | None]]
DATE_TIME_SIZE = 12
_HOUR = datetime.timedelta(hours=1)
_DEVIATION = slice(9, 11)
_NOT_SPECIFIED = b"\x80\x00"


def row_times(
    told: Sequence[bytes],
    period_s: float,
    *,
    zone: datetime.tzinfo | None = None,
    near: datetime.datetime | None = None,
    newest_first: bool | None = False,
) -> Times:
    """The time of each row, with its flaws; `told` are the octets that came, empty for none.

    `period_s` is the capture period; 0 where rows are captured on events, such as the end of a day:
    then most of them must lie equally apart before anything is concluded from it.  `newest_first`
    is None for rows that stand in no order of time.  `near` is when they were read: where the
    newest row lies further from it than a period, and another reading of the deviation does not,
    that is how all of them are meant.
    """
    found = [tolerant.moment(each, zone=zone) for each in told]
    period_s = period_s or _usual_period_s(found)
    if near is not None:
        found = _placed(told, found, period_s, zone, near)
    if newest_first is not None:
        step = datetime.timedelta(seconds=-period_s if newest_first else period_s)
        _fill(found, step)
        _judge(found, told, step)
    return found


def _usual_period_s(found: Times) -> float:
    """How far most rows lie apart; 0 where that differs."""
    known = sorted({each.value for each in found if each.value is not None})
    apart = Counter(after - before for before, after in itertools.pairwise(known))
    if not apart:
        return 0
    ((usual, count),) = apart.most_common(1)
    return usual.total_seconds() if 2 * count > len(known) else 0


def flaws_of(times: Sequence[Told[datetime.datetime | None]]) -> Flaw:
    """All flaws of some rows together.  That a time names no deviation is none of a row's own."""
    flaws = Flaw.NONE
    for each in times:
        local = each.raw[_DEVIATION] in (_NOT_SPECIFIED, b"")
        flaws |= each.flaws & ~Flaw.DEVIATION_DOUBTFUL if local else each.flaws
    return flaws


def _fill(found: Times, step: datetime.timedelta) -> None:
    """A row between two others, one period from each, can only have been at that moment.

    A time that was left out is no flaw where one stands before it: it follows from the previous one
    (DSMR P3 companion standard 4.2.2, 5.5 note 5).
    """
    for place, each in enumerate(found):
        if each.value is not None or not step:
            continue
        before = found[place - 1].value if place else None
        local = found[place - 1 if before is not None else min(place + 1, len(found) - 1)].flaws
        local &= Flaw.DEVIATION_DOUBTFUL
        if before is not None and not each.raw:
            found[place] = Told(before + step, b"", local)
            continue
        after = found[place + 1].value if place + 1 < len(found) else None
        meant = before + step if before is not None else after - step if after is not None else None
        if meant is not None and (before is None or after is None or after - before == 2 * step):
            found[place] = replace(each, value=meant, flaws=each.flaws | local)


def _judge(found: Times, told: Sequence[bytes], step: datetime.timedelta) -> None:
    """Flag what comes twice, and what comes before a row that stands before it."""
    if not step:
        return
    forwards = step > datetime.timedelta()
    seen: set[datetime.datetime] = set()
    latest: datetime.datetime | None = None
    for place, each in enumerate(found):
        if each.value is None:
            continue
        at = _ordered(each.value, told[place])
        if at in seen:
            found[place] = replace(each, flaws=each.flaws | Flaw.REPEATED)
        elif latest is not None and (at < latest if forwards else at > latest):
            found[place] = replace(each, flaws=each.flaws | Flaw.OUT_OF_ORDER)
        else:
            latest = at
        seen.add(at)


def _ordered(value: datetime.datetime, octets: bytes) -> datetime.datetime:
    """What rows are compared by: local time of no deviation loses the hour of daylight saving, or
    the night on which that ends would come twice."""
    saving = (
        len(octets) >= DATE_TIME_SIZE
        and octets[11] != 0xFF
        and octets[11] & ClockStatus.DAYLIGHT_SAVING
    )
    local = octets[_DEVIATION] == _NOT_SPECIFIED
    return (value - _HOUR if saving and local else value).astimezone(datetime.UTC)


def _placed(
    told: Sequence[bytes],
    found: Times,
    period_s: float,
    zone: datetime.tzinfo | None,
    near: datetime.datetime,
) -> Times:
    """The times as they are meant where they cannot be meant as they stand."""
    wrong_sign = [_signed(each) for each in told]
    fits, mirrored = _fits(found, period_s, near), _mirrored(wrong_sign, zone)
    if fits and not mirrored:
        return found
    readings = [(wrong_sign, Flaw.DEVIATION_SIGN)]
    if zone is not None:
        local = [_without(each) for each in told]
        readings.insert(0, (local, Flaw.DEVIATION_IGNORED))
    for octets, flaw in readings:
        if octets == list(told):
            continue
        other = [tolerant.moment(each, zone=zone) for each in octets]
        # After an outage the newest row is old however it is read: then the zone alone tells.
        past = mirrored and not fits and _not_ahead(other, near)
        if past or _fits(other, period_s, near):
            if flaw is Flaw.DEVIATION_IGNORED and wrong_sign != list(told):
                flaw = _wrong(wrong_sign, other, zone)
            return [
                Told(each.value, raw, each.flaws | (flaw if each.value is not None else Flaw.NONE))
                for each, raw in zip(other, told, strict=True)
            ]
    return found


def _wrong(signed: list[bytes], local: Times, zone: datetime.tzinfo | None) -> Flaw:
    """What is wrong with a deviation under which local time stands: its sign, where the other sign
    leads to the same."""
    other = [tolerant.moment(each, zone=zone).value for each in signed]
    same = other == [each.value for each in local]
    return Flaw.DEVIATION_SIGN if same else Flaw.DEVIATION_DOUBTFUL


def _mirrored(wrong_sign: list[bytes], zone: datetime.tzinfo | None) -> bool:
    """Whether the deviations are those of the zone, but for their sign: no period is needed then to
    tell what is meant, and that of a daily profile is too long to."""
    if zone is None:
        return False
    as_meant = [tolerant.moment(each).value for each in wrong_sign]
    as_local = [tolerant.moment(_without(each), zone=zone).value for each in wrong_sign]
    deviations = {each[_DEVIATION] for each in wrong_sign} - {b"", b"\0\0", _NOT_SPECIFIED}
    return bool(deviations) and as_meant == as_local


def _not_ahead(found: Times, near: datetime.datetime) -> bool:
    known = [each.value for each in found if each.value is not None]
    return bool(known) and (max(known) - near).total_seconds() <= tolerant.NEAR_S


def _fits(found: Times, period_s: float, near: datetime.datetime) -> bool:
    """Whether the newest row is of the period in which it was read, or the one before."""
    known = [each.value for each in found if each.value is not None]
    if not known:
        return True
    ahead_s = (max(known) - near).total_seconds()
    return -period_s - tolerant.NEAR_S <= ahead_s <= tolerant.NEAR_S


def _signed(octets: bytes) -> bytes:
    """With the other sign before the deviation, where there is one."""
    try:
        written = DateTime.from_octets(octets[:DATE_TIME_SIZE])
    except ValueError:
        return octets
    if written.deviation_min is None or not written.deviation_min:
        return octets
    return replace(written, deviation_min=-written.deviation_min).octets


def _without(octets: bytes) -> bytes:
    """As local time of the place where the meter hangs."""
    return octets[:9] + _NOT_SPECIFIED + octets[11:] if len(octets) >= DATE_TIME_SIZE else octets


def time_octets(cell: Value) -> bytes:
    """What stands in a row's cell for its time: none where it was left out."""
    if isinstance(cell, DateTimeValue):
        return cell.moment.octets
    if isinstance(cell, OctetString):
        return bytes(cell)
    return b"" if isinstance(cell, NullData) else axdr.encode(cell)
