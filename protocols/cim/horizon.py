"""How far from now a time may lie that a message asks us to act on.

One bound for every such time.  It leaves room for whatever is reckoned from it later, in any zone
and with any grace added, and it stops a limit whose end is a "never" such as 9999-12-31: one that
nobody would see end.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.cim.errors import ReplyError, RequestRefused

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
YEARS_AHEAD_MAX: Final = 10
AHEAD_MAX: Final = timedelta(days=3653)  # ten years have two or three leap days


def within(value: datetime | None, now: datetime, xpath: str) -> datetime | None:
    """The time in UTC; None for none.

    Raises `RequestRefused` (1.8) for a time without zone, before `EARLIEST`, or more than
    `AHEAD_MAX` after `now`.
    """
    if value is None:
        return None
    if value.tzinfo is None:
        raise _refused("FECHA_SIN_ZONA: la hora debe llevar Z o su desfase", xpath)
    if not EARLIEST <= value <= now + AHEAD_MAX:
        raise _refused(
            f"FECHA_FUERA_DE_RANGO: se admite desde el año {EARLIEST.year} hasta"
            f" {YEARS_AHEAD_MAX} años desde hoy",
            xpath,
        )
    return value.astimezone(UTC)


def _refused(details: str, xpath: str) -> RequestRefused:
    return RequestRefused(ReplyError("1.8", details, xpath=xpath))
