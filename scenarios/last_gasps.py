"""What meters said unasked: last gasps that were given, and those that the head-end has."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from devices.meter.events import Event
from devices.meter.push import ON_ALARM, ON_POWER
from devices.world_log import WorldLog
from headend.domain.reading import Push
from protocols.dlms.apdu import decode
from protocols.dlms.notification import DataNotification
from protocols.dlms.values import Structure

ALL = "all"


def last_gasps(log: WorldLog, pushes: Iterable[Push]) -> str:
    """Such as "9 of 12": heard, of those that meters gave; one that came twice counts once."""
    given = [
        line
        for line in log.of_kind("push")
        if line["setup"] == str(ON_POWER) and not line["powered"]
    ]
    heard = {push.digest for push in pushes if _is_last_gasp(push)}
    return f"{len(heard)} of {len(given)}"


def by_quality(pushes: Iterable[Push], words: Iterable[str]) -> dict[str, int]:
    """How many of the kept pushes carry each word of what is odd about them; "all": how many."""
    kept = [*pushes]
    found = Counter(word for push in kept for word in push.quality)
    return {word: len(kept) if word == ALL else found[word] for word in words}


def alarm_s(pushes: Iterable[Push], quantile: float) -> float | None:
    """What so many of the pushes of alarms did not exceed, from their own time to the head-end;
    None where none came."""
    took_s = sorted(
        (push.received_at - push.sent_at).total_seconds()
        for push in pushes
        if push.sent_at is not None and _setup(push) == bytes(ON_ALARM)
    )
    return took_s[math.ceil(quantile * len(took_s)) - 1] if took_s else None


def _setup(push: Push) -> bytes:
    """The logical name of the setup that sent it, which stands first in its body."""
    told = None if push.plain is None else decode(push.plain)
    body = told.body if isinstance(told, DataNotification) else None
    first = body[0] if isinstance(body, Structure) and body else None
    return bytes(first) if isinstance(first, bytes) else b""


def _is_last_gasp(push: Push) -> bool:
    """Whether its event code says that power goes."""
    if push.plain is None:
        return False
    told = decode(push.plain)
    body = told.body if isinstance(told, DataNotification) else None
    if not isinstance(body, Structure) or len(body) < 2 or body[0] != bytes(ON_POWER):
        return False
    return body[-1] == int(Event.POWER_DOWN)
