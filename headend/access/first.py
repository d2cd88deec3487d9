"""The first administrator: made where a head-end that has pages starts without any account."""

from __future__ import annotations

import base64

from headend.access.desk import AccessRefused, AccountDesk, By
from headend.domain.account import Role

FIRST = "admin"
SECRET_OCTETS = 15  # 120 bits in 24 letters and digits
GROUP = 4


async def first_administrator(desk: AccountDesk) -> str | None:
    """The one-time password of a new account `admin`, where there is no account at all.  It is
    kept nowhere, and must be changed at the first login."""
    if await desk.store.run(lambda tx: bool(tx.accounts())):
        return None
    password = one_time_password(desk)
    try:
        await desk.add(
            FIRST, [Role.ADMINISTRATOR], By("head-end", "serve"), password=password, one_time=True
        )
    except AccessRefused:  # another worker was first
        return None
    return password


def one_time_password(desk: AccountDesk) -> str:
    """One that can be read out and typed."""
    octets = desk.chance.octets("one-time password", SECRET_OCTETS)
    text = base64.b32encode(octets).decode().lower()
    return "-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))
