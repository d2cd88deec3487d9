"""Who is let in at a SOAP door, as its configuration says."""

from __future__ import annotations

from headend.config import Config
from headend.config.adapters import AdapterDoor
from headend.config.bus import BusDoor
from headend.ports import Clock, Store
from headend.soap.door.admission import Admission
from headend.soap.door.freshness import Identity
from headend.soap.orders.desk import ANONYMOUS
from headend.soap.outbound.addresses import ReplyAddresses


def admission(config: Config, store: Store, clock: Clock) -> Admission:
    """The rules; what was taken before is what the inbox keeps."""

    async def known(identity: Identity) -> bool:
        message_id = identity.message_id
        if message_id is None:
            return False
        seen = await store.run(lambda tx: tx.inbound(identity.source or ANONYMOUS, message_id))
        return seen is not None and seen.digest == identity.digest

    soap = config.soap
    return Admission(
        clock=clock,
        sources=frozenset(soap.sources),
        users=soap.user,
        permits=soap.permit,
        replay=soap.replay,
        reply_addresses=ReplyAddresses(config.delivery.reply_addresses),
        known=known,
    )


def door_admission(door: BusDoor | AdapterDoor, name: str, clock: Clock) -> Admission:
    """The rules of a door behind which nothing is kept.  Who may ask for what is said by the rules
    of the bus, and where replies go by whoever replies."""
    return Admission(
        clock=clock,
        door=name,
        sources=frozenset(door.sources),
        users=door.user,
        replay=door.replay,
        reply_addresses=None,
    )
