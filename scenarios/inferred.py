"""Faults that explain what a database tells: inferred, never known.

A concentrator's session says from when until when it was away; its own log, read afterwards, says
why.  A meter's attempts say how it behaved.  Between the last sign of a fault and the first sign of
life after it the fault ended at some time: half-way is taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headend.domain.evidence import Evidence, Source
from headend.domain.order import LIMITS, LOADS, Kind, Order
from headend.domain.reason import REASON_OF_DLMS, ReasonCode
from headend.domain.upkeep import SessionChange
from protocols.concentrator.messages import Result, Status
from scenarios.cuts import spelled
from scenarios.recorded import Recorded, Tried

NOTICED_S = 90.0
"""A broker gives a silent session up so long after its last word: 1.5 keep-alives (MQTT 3.1.1)."""
NOTICED_MIN_S = 1.0
"""A field's brokers notice no sooner (`noticed_after`)."""
LOSS_SHARE_MIN = 0.1
"""Fewer frames lost than this are what any line loses, and no fault."""
EARLIER = timedelta(seconds=1)
_LOOK_BACK = timedelta(seconds=NOTICED_S + 5)

_BY_LOG = {
    ReasonCode.MODEM_FAULT: "modem",
    ReasonCode.SIM_FAULT: "sim",
    ReasonCode.APN_REFUSED: "apn",
    ReasonCode.CONCENTRATOR_UNREACHABLE: "network",
}
_CODES = {"sim": {103, 10, 11, 13}, "apn": {27, 29, 33}, "network": {30, 31, 32}}
_LOST_POWER = re.compile(r"it was lost at (\S+)Z")
_LINE = frozenset({ReasonCode.LINE_UNAVAILABLE, ReasonCode.LINE_LOST})


@dataclass(frozen=True, slots=True)
class Inferred:
    """A fault, and what it is concluded from.  `until` is None where nothing shows its end."""

    kind: str
    target: str
    at: datetime
    until: datetime | None
    why: str
    code: int | None = None
    share: float | None = None

    def values(self, target: str, start: datetime) -> dict[str, Any]:
        """The `[[fault]]`, at a device of the simulation."""
        told: dict[str, Any] = {
            "kind": self.kind,
            "target": target,
            "at": since(self.at, start),
        }
        if self.until is not None:
            told["until"] = since(self.until, start)
        if self.code is not None:
            told["code"] = self.code
        if self.share is not None:
            told["share"] = self.share
        return told


def since(at: datetime, start: datetime) -> str:
    """How long after the start, as a file has it; nothing comes before it."""
    return spelled(max(round((at - start).total_seconds(), 3), 0.0))


def faults(recorded: Recorded) -> list[Inferred]:
    """What must have been wrong, the earliest first."""
    found = [
        *(each for name in recorded.sessions for each in _of_concentrator(recorded, name)),
        *_of_meters(recorded),
    ]
    return sorted(found, key=lambda each: (each.at, each.target, each.kind))


# --- concentrators --------------------------------------------------------------------------------


def _of_concentrator(recorded: Recorded, name: str) -> Iterator[Inferred]:
    log = [each for each in recorded.logs.get(name, ()) if each.source is Source.FAULT_LOG]
    before: datetime | None = None
    for gone, back in _absences(recorded.sessions[name]):
        since = _not_before(gone - _LOOK_BACK, before)  # lines tell of one absence only
        before = back
        lines = [each for each in log if since <= each.at and (back is None or each.at <= back)]
        found = [*_told(recorded, name, lines, back)]
        known = {each.kind for each in found}
        said = _by_carrier(recorded, name, gone, back)
        found += [each for each in said if each.kind not in known]
        yield from found or [_unexplained(recorded, name, gone, back)]


def _absences(sessions: Sequence[SessionChange]) -> Iterator[tuple[datetime, datetime | None]]:
    """From when until when it was away.  A head-end that starts hears of an absence again."""
    gone: datetime | None = None
    for change in sessions:
        if change.online and gone is not None:
            yield gone, change.at
            gone = None
        elif not change.online and gone is None:
            gone = change.at
    if gone is not None:
        yield gone, None


def noticed_s(recorded: Recorded) -> Iterator[float]:
    """How soon absences were noticed that a concentrator's own log tells the begin of."""
    for name in recorded.sessions:
        log = [e for e in recorded.logs.get(name, ()) if e.source is Source.FAULT_LOG]
        for gone, _ in _absences(recorded.sessions[name]):
            before = [each.at for each in log if gone - _LOOK_BACK <= each.at <= gone]
            if before:
                yield (gone - min(before)).total_seconds()
            elif (sign := _last_sign(recorded, name, gone)) is not None:
                yield (gone - sign).total_seconds()  # at the most: it may have gone later


def _last_sign(recorded: Recorded, name: str, before: datetime) -> datetime | None:
    """When a concentrator was last heard of: by an attempt's result, or as it came on line."""
    ended = [
        tried.attempt.ended_at
        for order in recorded.orders
        if order.concentrator == name
        for tried in recorded.tries[order.number]
        if tried.result is not None and tried.attempt.ended_at is not None
    ]
    came = [change.at for change in recorded.sessions.get(name, ()) if change.online]
    return max((at for at in (*ended, *came) if at <= before), default=None)


def _not_before(begun: datetime, sign: datetime | None) -> datetime:
    """A begin, or the last sign of life, where that came later."""
    return begun if sign is None else max(begun, sign)


def _told(
    recorded: Recorded, name: str, lines: Sequence[Evidence], back: datetime | None
) -> Iterator[Inferred]:
    """What a concentrator's own log says of one absence."""
    lost_power = [each for each in lines if _LOST_POWER.search(each.text)]
    for line in lost_power:
        match = _LOST_POWER.search(line.text)
        assert match is not None
        begun = datetime.fromisoformat(match[1]).replace(tzinfo=line.at.tzinfo)
        # Behind a router without supply it worked on, and nothing passed.
        kind = "silence" if line.text.startswith("router") else "power-cut"
        yield Inferred(kind, name, begun, line.at, f"its log: {line.text}")
    restarted = [each for each in lines if each.suggests is ReasonCode.CONCENTRATOR_RESTARTED]
    if restarted and not lost_power:
        line = restarted[0]
        yield Inferred("reboot", name, line.at - EARLIER, None, f"its log: {line.text}")
    for kind in _BY_LOG.values():
        others = [each for each in lines if each not in lost_power]
        same = [each for each in others if each.suggests and _BY_LOG.get(each.suggests) == kind]
        if same:
            last = same[-1]
            until = None if back is None else max(halfway(last.at, back), last.at)
            sign = _last_sign(recorded, name, same[0].at)
            begun = _not_before(same[0].at - EARLIER, sign)
            yield Inferred(kind, name, begun, until, f"its log: {last.text}", _code(kind, last))


def _code(kind: str, line: Evidence) -> int | None:
    numbers = [int(each) for each in re.findall(r"\d+", line.text)]
    return next((each for each in numbers if each in _CODES.get(kind, ())), None)


def _by_carrier(
    recorded: Recorded, name: str, gone: datetime, back: datetime | None
) -> Iterator[Inferred]:
    """What the mobile operator said of one absence."""
    said: dict[str, list[Evidence]] = {}
    for order in recorded.orders:
        for each in order.evidence if order.concentrator == name else ():
            during = gone <= each.at and (back is None or each.at <= back)
            kind = None if each.suggests is None else _BY_LOG.get(each.suggests)
            if each.source is Source.CARRIER_PORTAL and kind is not None and during:
                said.setdefault(kind, []).append(each)
    for kind, statements in said.items():
        first, last = min(s.at for s in statements), max(s.at for s in statements)
        begun = min(first - EARLIER, _noticed(recorded, name, gone))
        until = None if back is None else halfway(last, back)
        yield Inferred(kind, name, begun, until, f"the carrier: {statements[0].text}")


def _noticed(recorded: Recorded, name: str, gone: datetime) -> datetime:
    """When one went whose absence the broker noticed then."""
    soon = min(noticed_s(recorded), default=NOTICED_S)
    begun = gone - timedelta(seconds=min(max(soon, NOTICED_MIN_S), NOTICED_S))
    return _not_before(begun, _last_sign(recorded, name, gone))


def _unexplained(recorded: Recorded, name: str, gone: datetime, back: datetime | None) -> Inferred:
    """An absence of which nobody tells."""
    begun = _noticed(recorded, name, gone)
    until = None if back is None else back - EARLIER
    return Inferred("silence", name, begun, until, "its session broke, and nothing says why")


# --- meters ---------------------------------------------------------------------------------------


def _of_meters(recorded: Recorded) -> Iterator[Inferred]:
    by_meter: dict[str, list[tuple[Order, Tried]]] = {}
    for order in recorded.orders:
        for tried in recorded.tries[order.number]:
            by_meter.setdefault(order.meter, []).append((order, tried))
    for meter, tries in by_meter.items():
        tries.sort(key=lambda each: each[1].attempt.started_at)
        yield from _spans(meter, tries)
        yield from _loss(meter, [tried.result for _, tried in tries])


def _spans(meter: str, tries: Sequence[tuple[Order, Tried]]) -> Iterator[Inferred]:
    """Runs of attempts that one fault explains, each up to the next attempt that shows another."""
    open_: Inferred | None = None
    last = None
    for order, tried in tries:
        at = tried.attempt.started_at
        sign = _sign(order, tried)
        if sign is None:
            continue
        kind, code, why = sign
        if open_ is not None and last is not None and (open_.kind, open_.code) != (kind, code):
            yield _until(open_, halfway(last, at))
            open_ = None
        if kind and open_ is None:
            open_ = Inferred(kind, meter, at - EARLIER, None, why, code)
        last = tried.attempt.ended_at or at
    if open_ is not None:
        yield open_


def _sign(order: Order, tried: Tried) -> tuple[str, int | None, str] | None:
    """What an attempt says of its meter: a fault's kind ("" for none), its code, and why."""
    result = tried.result
    said = f"order {order.number}: {tried.attempt.result or order.reason}"
    if result is None:
        line = any(e.source is Source.LINE and e.suggests in _LINE for e in order.evidence)
        return ("line-cut", None, said) if line else None
    if order.concentrator is None and result.status is Status.UNREACHABLE:
        return "line-cut", None, said
    match result.status:
        case Status.DONE:
            return "", None, said
        case Status.REFUSED if result.refusal is not None and order.kind in LIMITS:
            code = result.refusal.code
            return ("meter-refuses", code, said) if code in REASON_OF_DLMS else None
        case Status.EMERGENCY:
            return "meter-emergency", None, said
        case Status.KEY_REJECTED:
            return "meter-wrong-key", None, said
        case Status.NOT_APPLIED:
            if order.kind is Kind.RESET_DEMAND:
                return None
            if order.kind in LOADS:
                return "meter-stuck-load-relay", None, said
            return "meter-ignores" if order.kind in LIMITS else "meter-stuck-relay", None, said
        case Status.UNREACHABLE:
            return "meter-unreachable", None, said
        case Status.NO_ANSWER | Status.UNKNOWN if _acknowledged(result):
            return "meter-silent", None, said
    return None


def _acknowledged(result: Result) -> bool:
    """Whether the meter's module took the frames, so that it was the meter that said nothing."""
    link = result.link
    return link is not None and link.link_acks > 0 and 2 * link.frames_lost < link.frames_sent


def silences_s(recorded: Recorded) -> Iterator[float]:
    """How long concentrators went on with meters that acknowledged and did not answer."""
    for tries in recorded.tries.values():
        for tried in tries:
            result = tried.result
            if result is None or not result.frames or result.status is not Status.NO_ANSWER:
                continue
            if _acknowledged(result):
                yield (result.at - result.frames[0].at).total_seconds()


def _loss(meter: str, results: Sequence[Result | None]) -> Iterator[Inferred]:
    """A line that lost more than lines do, from the first such attempt to the last.

    A frame counts as lost where no acknowledgement came: it or its acknowledgement was lost, so
    that of frames by themselves 1 - sqrt(1 - share) are, where both ways are alike (assumption).
    """
    seen = [r for r in results if r is not None and r.link is not None and r.frames]
    lossy = [r for r in seen if _share_lost(r) >= LOSS_SHARE_MIN]
    if not lossy:
        return
    first, last = seen.index(lossy[0]), seen.index(lossy[-1])
    among = seen[first : last + 1]
    share = sum(_share_lost(each) for each in among) / len(among)
    after = seen[last + 1].frames[0].at if last + 1 < len(seen) else None
    until = None if after is None else halfway(lossy[-1].frames[-1].at, after)
    yield Inferred(
        "packet-loss",
        meter,
        among[0].frames[0].at - EARLIER,
        until,
        f"of the frames of {len(among)} attempts {share:.0%} were not acknowledged",
        share=round(1 - math.sqrt(1 - min(share, 0.9999)), 3),
    )


def _share_lost(result: Result) -> float:
    link = result.link
    assert link is not None
    return link.frames_lost / link.frames_sent if link.frames_sent else 0.0


def halfway(one: datetime, other: datetime) -> datetime:
    """The middle of two times."""
    return one + (other - one) / 2


def _until(fault: Inferred, until: datetime) -> Inferred:
    return Inferred(fault.kind, fault.target, fault.at, until, fault.why, fault.code, fault.share)
