"""Orders that the division's commercial system sends once the field is there: most are carried
out, some meet what is wrong in the field, and one is more than the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from devices.chance import octets
from protocols.cim.control_types import ControlKind
from scenarios.division.troubles import Troubles
from scenarios.stand_ins.commercial import Wanted
from scenarios.utility.model import Utility

SOURCE = "COMERCIAL"
DEADLINE = timedelta(minutes=10)
"""For those that meet what is wrong: they have failed, with their reason, before anybody waits
long."""


def orders(utility: Utility, troubles: Troubles, now: datetime) -> Iterator[Wanted]:
    """In the order in which they are sent."""
    behind_silent = [
        str(each.index)
        for each in utility.meters
        if each.transformer.concentrator == troubles.silent
    ]
    odd = {*behind_silent, *troubles.dark, *troubles.unreachable, *troubles.mute}
    well = [str(each.index) for each in utility.meters if str(each.index) not in odd]
    step = max(1, len(well) // 12)
    chosen = well[::step]
    kinds: list[tuple[ControlKind, str, str | None]] = [
        (ControlKind.SET_LIMIT, meter, amount)
        for meter, amount in zip(
            chosen[:6], ("2500", "2800", "1900", "2200", "2600", "30000"), strict=False
        )
    ]
    kinds += [(ControlKind.DISCONNECT, meter, None) for meter in chosen[6:8]]
    kinds += [(ControlKind.CONNECT, meter, None) for meter in chosen[7:8]]
    wrong = (*troubles.unreachable[:1], *troubles.mute[:1], *behind_silent[:1])
    kinds += [(ControlKind.SET_LIMIT, meter, "2000") for meter in wrong]
    for number, (kind, meter, amount) in enumerate(kinds, 1):
        yield Wanted(
            kind=kind,
            meters=(meter,),
            amount=amount,
            any_day=True,
            message_id=_uuid(utility.seed, now, number, "message"),
            correlation_id=_uuid(utility.seed, now, number, "correlation"),
            deadline=now + DEADLINE if meter in wrong else None,
        )


def _uuid(seed: int, now: datetime, number: int, what: str) -> str:
    drawn = octets(seed, "division order", int(now.timestamp()), number, what, count=16).hex()
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-8{drawn[17:20]}-{drawn[20:]}"
