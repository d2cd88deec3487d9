"""`ami probe clock`: how far the meter's clock is off, and setting it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from headend.app.probe import Failure
from protocols.dlms import tolerant
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.flaws import Flaw
from protocols.dlms.objects.clock import Clock
from protocols.dlms.procedures import ClockSet, read_clock, set_clock, shift_clock
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.periods import BadPeriod
from tools.probe.report import Fact, Report
from tools.probe.talk import Stopped, Talk
from tools.probe.values import date_time_text
from tools.terminal import wrong_usage

SHIFTED_MAX_S = 60
"""Beyond this a clock is set: a shift keeps the profile whole only where it is short."""
GOOD_S, BAD_S = 5.0, 60.0  # IEC 62054-21 lets a crystal clock drift 0.5 s a day

_ODD = {
    Flaw.DEVIATION_SIGN: "its deviation from UTC has the wrong sign",
    Flaw.DEVIATION_IGNORED: "it shows local time and calls it UTC",
    Flaw.HUNDREDTHS_TOO_MANY: "its hundredths are none",
}


@verb("clock")
async def clock(
    desk: Desk,
    sync: Annotated[
        bool, typer.Option("--sync", help="Take this machine's time: shift if it is little.")
    ] = False,
    to: Annotated[
        str, typer.Option("--set", help="now, or a time with its zone: 2026-11-23T18:00-03:00.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the bytes; set nothing.")
    ] = False,
) -> Report:
    """Show how far the meter's clock is off; --sync or --set sets it.

    Example: [bold]ami probe clock --sync --dry-run[/]
    """
    if sync and to:
        wrong_usage("--sync and --set are two ways to say it. Try one of them")
    wanted = _moment(to)
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT if sync or to else Purpose.READ) as talk:
        before, drift_s = await read_drift(talk)
        facts = (*_facts(before, drift_s), *oddities(before, talk.desk.now()))
        if not (sync or to):
            return desk.report("", facts=facts, journal={"drift_s": drift_s})
        if sync and drift_s is not None and abs(drift_s) < 1:
            note = "less than a second: left as it is"
            return desk.report("", facts=facts, notes=(note,), journal={"drift_s": drift_s})
        done, how = await _set(talk, before, None if sync else drift_s, drift_s, wanted)
        after, left_s = await read_drift(talk)
    told = (
        *facts,
        Fact("how", "done by", how),
        Fact("sent", "sent", date_time_text(done.sent)),
        Fact("after", "the meter shows now", date_time_text(after.time)),
        Fact("drift_after_s", "still ahead by", _rounded(left_s), "s"),
    )
    return desk.report("", facts=told, journal={"drift_s": drift_s, "after_s": left_s, "by": how})


async def read_drift(talk: Talk) -> tuple[Clock, float | None]:
    """The clock, and by how many seconds it is ahead of this machine's, in the middle of the
    question's way; None where it does not say its zone."""
    begin = talk.desk.now()
    clock = await talk.do(read_clock())
    end = talk.desk.now()
    return clock, clock.drift_s(begin + (end - begin) / 2)


async def _set(
    talk: Talk, before: Clock, absolute: float | None, drift_s: float | None, to: datetime | None
) -> tuple[ClockSet, str]:
    """Shift where that serves, else set."""
    if absolute is None and drift_s is not None and abs(drift_s) <= SHIFTED_MAX_S:
        try:
            return await talk.act(shift_clock(-round(drift_s))), "shifting"
        except Stopped as refused:
            if refused.failure.acted or not _was_refused(refused.failure):
                raise
    zone = _zone(before)

    def moment() -> DateTime:
        now = to or talk.desk.now()
        status = ClockStatus.OK
        if before.time.status is not None:
            status = before.time.status & ClockStatus.DAYLIGHT_SAVING
        return DateTime.from_datetime(now.astimezone(zone), status)

    return await talk.act(set_clock(moment)), "setting"


def _was_refused(failure: Failure) -> bool:
    return str(failure.reason).startswith("refused")


def _zone(clock: Clock) -> timezone:
    """The meter's own; UTC where it says none, as then nobody can know what it means."""
    deviation = clock.time.deviation_min
    if deviation is None:
        deviation = clock.time_zone_min or 0
    return timezone(timedelta(minutes=-deviation))


def _moment(text: str) -> datetime | None:
    if text in ("", "now"):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadPeriod(f"{text!r} is no time. Try: now, or 2026-11-23T18:00-03:00") from error
    if moment.tzinfo is None:
        raise BadPeriod(f"{text} names no zone. Try: {text}-03:00, or {text}Z")
    return moment


def _facts(clock: Clock, drift_s: float | None) -> tuple[Fact, ...]:
    status = clock.time.status
    words = ["not specified"]
    if status is not None:
        set_bits = [each for each in ClockStatus if each and each in status]
        words = [(each.name or "").lower().replace("_", " ") for each in set_bits]
    return (
        Fact("time", "the meter shows", date_time_text(clock.time)),
        Fact("status", "status", ", ".join(words) or "ok"),
        Fact("drift_s", "ahead of this machine by", _rounded(drift_s), "s", drift_style(drift_s)),
        Fact("daylight_saving", "daylight saving", clock.daylight_enabled),
    )


def oddities(clock: Clock, now: datetime) -> tuple[Fact, ...]:
    """What is wrong with how the meter says its time, where it can be known from the time here."""
    told = tolerant.moment(clock.time.octets, near=now)
    known = [text for flaw, text in _ODD.items() if flaw in told.flaws]
    if not known or told.value is None:
        text = "; ".join(known)
    else:
        off_s = (told.value - now).total_seconds()
        text = f"{'; '.join(known)}; meant so, it is ahead by {round(off_s)} s"
    if clock.dirty:
        text += "; " * bool(text) + "octets trail its answer: it says the time twice"
    return (Fact("odd", "but", text, "", "warn"),) if text else ()


def drift_style(drift_s: float | None) -> str:
    """How bad a drift is."""
    if drift_s is None:
        return "warn"
    return "good" if abs(drift_s) <= GOOD_S else "warn" if abs(drift_s) <= BAD_S else "bad"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1) + 0.0
