"""Changes of meters' keys in a story: ordered as `ami meter rekey` does, and what is so at the end.

The head-end's vault and the meter itself are looked at side by side; neither sees the other.
"""

from __future__ import annotations

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from headend.app.head_end import HeadEnd
from headend.app.rekeying import KeyDesk
from headend.ports import Chance, Clock, Vault
from protocols.dlms.keys import Keys

DELIVERED, CHANGED, UNDER_WAY, APART = "delivered", "changed", "under way", "apart"

_CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)


def delivered(meter: Meter) -> Keys:
    """What a meter came with, for the head-end's client, and the master key that changes it."""
    identity, size = meter.identity, len(keys_of(meter, _CLIENT).encryption)
    keys = identity.keys(MANAGEMENT_CLIENT, size=size)
    master = identity.master_key(MANAGEMENT_CLIENT, size=size)
    return Keys(keys.encryption, keys.authentication, master=master)


async def install(vault: Vault, meter: Meter, name: str) -> None:
    """Hand a meter's keys to the head-end, unless it has had them before."""
    if await vault.keys(name, MANAGEMENT_CLIENT) is None:
        await vault.install(name, MANAGEMENT_CLIENT, delivered(meter))


async def order(head_end: HeadEnd, clock: Clock, chance: Chance, meter: str, source: str) -> None:
    """Order new keys for a meter of a head-end that runs."""
    desk = KeyDesk(head_end.store, clock, chance, head_end.reads.acceptance, None)
    await desk.place(meter, source=source)


async def standing(vault: Vault, meter: Meter, name: str) -> str:
    """Whether head-end and meter agree, and on what: `DELIVERED`, `CHANGED`, `UNDER_WAY`, or
    `APART` where the head-end knows none that the meter takes."""
    known = await vault.keys(name, MANAGEMENT_CLIENT)
    own = keys_of(meter, _CLIENT)
    if known is None:
        return APART
    pending = None if known.pending is None else known.pending.keys
    if not any(_same(own, each) for each in (known.current.keys, pending) if each is not None):
        return APART
    if pending is not None:
        return UNDER_WAY
    return DELIVERED if _same(own, delivered(meter)) else CHANGED


def _same(one: Keys, other: Keys) -> bool:
    return (one.encryption, one.authentication) == (other.encryption, other.authentication)
