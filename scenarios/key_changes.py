"""Changes of meters' keys in a story: ordered as `ami meter rekey` does, and what is so at the end.

The head-end's vault and the meter itself are looked at side by side; neither sees the other.
"""

from __future__ import annotations

from devices.concentrator.rekeying import seal_key
from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter
from devices.meter.identity import CONCENTRATOR_CLIENT, MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from headend.app.head_end import HeadEnd
from headend.app.rekeying import KeyDesk
from headend.domain.meter import Meter as Registered
from headend.ports import Chance, Clock, Vault
from headend.registry.seal_keys import install_seal_key
from protocols.dlms.keys import Keys

DELIVERED, CHANGED, UNDER_WAY, APART = "delivered", "changed", "under way", "apart"


def client_of(known: Registered) -> int:
    """By whose keys a meter is opened: the head-end's own, or its concentrator's."""
    return CONCENTRATOR_CLIENT if known.address is None else MANAGEMENT_CLIENT


def delivered(meter: Meter, client: int = MANAGEMENT_CLIENT) -> Keys:
    """What a meter came with for a client, and the master key that changes it."""
    identity, size = meter.identity, len(_own(meter, client).encryption)
    keys = identity.keys(client, size=size)
    master = identity.master_key(client, size=size)
    return Keys(keys.encryption, keys.authentication, master=master)


async def install(vault: Vault, meter: Meter, known: Registered, seed: int) -> None:
    """Hand a meter's keys to the head-end, unless it has had them before; and the key of the
    concentrator that speaks with it."""
    client = client_of(known)
    if await vault.keys(known.name, client) is None:
        await vault.install(known.name, client, delivered(meter, client))
        if client == CONCENTRATOR_CLIENT and known.concentrator is not None:
            key = seal_key(seed, known.concentrator)
            await install_seal_key(vault, known.concentrator, key)


async def order(head_end: HeadEnd, clock: Clock, chance: Chance, meter: str, source: str) -> None:
    """Order new keys for a meter of a head-end that runs."""
    desk = KeyDesk(head_end.store, clock, chance, head_end.ordering.reads.acceptance, None)
    await desk.place(meter, source=source)


async def standing(vault: Vault, meter: Meter, name: str, client: int = MANAGEMENT_CLIENT) -> str:
    """Whether head-end and meter agree, and on what: `DELIVERED`, `CHANGED`, `UNDER_WAY`, or
    `APART` where the head-end knows none that the meter takes."""
    known = await vault.keys(name, client)
    own = _own(meter, client)
    if known is None:
        return APART
    pending = None if known.pending is None else known.pending.keys
    if not any(_same(own, each) for each in (known.current.keys, pending) if each is not None):
        return APART
    if pending is not None:
        return UNDER_WAY
    return DELIVERED if _same(own, delivered(meter, client)) else CHANGED


def _own(meter: Meter, client: int) -> Keys:
    """What the meter itself has."""
    return keys_of(meter, next(each for each in STANDARD_CLIENTS if each.sap == client))


def _same(one: Keys, other: Keys) -> bool:
    return (one.encryption, one.authentication) == (other.encryption, other.authentication)
