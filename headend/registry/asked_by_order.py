"""Commissioning by a read: what a meter says to its concentrator, where no line of ours reaches it.

The read takes the lane that orders will take, so that it proves this way as well.  It shows less
than a conversation: the concentrator speaks by its own keys and tells no system title, nothing can
be set, and how long the clock's time was under way is not known.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from headend.domain.commissioning import Verdict
from headend.domain.failure import Failure
from headend.domain.order import Order, State
from headend.domain.place import RegisterRead
from headend.domain.reading import Reading
from headend.domain.reason import ReasonCode
from headend.registry.commissioning import Examination
from protocols.dlms import axdr
from protocols.dlms.objects.clock import Clock as MeterClock
from protocols.dlms.objects.clock import read_time
from protocols.errors import ProtocolError

WORDS = ("logical-device-name", "serial-number", "firmware", "clock", "active-energy-import")
"""What is read, by the words of meter models."""

CLOCK_LIMIT_S = 60.0
"""Beyond this a clock that was read by way of a concentrator is wrong, however slow the way was:
an answer is some seconds under way over power line and mobile network."""


def examine(examined: Examination, order: Order) -> None:
    """Make the checks that a read which has ended, or has not in time, allows."""
    if order.state is not State.DONE:
        reason = ReasonCode.EXPIRED if order.reason is None else order.reason
        next_step = f"ami explain order {order.number}"
        why = "" if order.final else "the read has not ended yet"
        examined.failed("association", Failure(reason, why, next_step))
        return
    by = f"read by order {order.number}, in the lane of {order.concentrator}"
    examined.note("association", Verdict.HELD, None, by)
    examined.note("system title", Verdict.NOTED, examined.meter.title, None, "not told by this way")
    told = {reading.word: reading for reading in order.readings}
    texts = {word: reading.value for word, reading in told.items()}
    examined.named(texts.get("logical-device-name"), texts.get("serial-number"))
    examined.note("firmware", Verdict.NOTED, None, texts.get("firmware"))
    _clock(examined, told.get("clock"))
    _energy(examined, told.get("active-energy-import"))


def _clock(examined: Examination, read: Reading | None) -> None:
    limit = f"at most {CLOCK_LIMIT_S:g} s off, as it came"
    drift_s = None if read is None else _drift_s(read)
    if drift_s is None:
        why = "it gives no time" if read is None or read.error is None else read.error
        examined.note("clock", Verdict.FAILED, limit, None, why)
    elif abs(drift_s) > CLOCK_LIMIT_S:
        why = "it cannot be set by this way: its concentrator sets it, or a probe"
        examined.note("clock", Verdict.FAILED, limit, f"{drift_s:+.0f} s", why)
    else:
        examined.note("clock", Verdict.HELD, limit, f"{drift_s:+.0f} s")


def _drift_s(read: Reading) -> float | None:
    """Seconds that the meter was ahead of us when its answer came."""
    if not read.raw:
        return None
    try:
        time, _ = read_time(axdr.decode(read.raw))
    except (ValueError, ProtocolError):
        return None
    return MeterClock(time).drift_s(read.received_at)


def _energy(examined: Examination, read: Reading | None) -> None:
    what = "active energy import"
    number = None if read is None else _number(read.value)
    if read is None or number is None:
        why = "it gives no value" if read is None or read.error is None else read.error
        examined.note("register", Verdict.FAILED, what, None, why)
        return
    unit = read.unit or ""
    examined.register = RegisterRead(number, unit, read.received_at, read.source)
    examined.note("register", Verdict.HELD, what, f"{number} {unit}".rstrip())


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
