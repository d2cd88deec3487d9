"""The registry at the SOAP door: the Config nouns, told and asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from headend.app.wiring.ground import Ground
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.soap.desks import Desk
from headend.soap.registry.asking import NOUNS, AskingDesk
from headend.soap.registry.desk import VERBS, RegistryDesk
from headend.soap.registry.devices import Devices
from headend.soap.registry.judging import Clerk
from headend.soap.registry.linkages import Linkages
from headend.soap.registry.points import Points
from headend.store.transaction import SqlTransaction
from protocols.cim.nouns import (
    END_DEVICE_CONFIG,
    LINKAGE_CONFIG,
    METER_CONFIG,
    USAGE_POINT_CONFIG,
)

T = TypeVar("T")


def registry_asked(ground: Ground) -> dict[str, AskingDesk]:
    """Who answers questions about the registry, by noun."""
    asking = AskingDesk(Committed(ground.read), ground.clock, ground.chance)
    return dict.fromkeys(NOUNS, asking)


def registry_told(
    ground: Ground,
    inbox: Inbox,
    settling: Settling,
    orders: Desk,
    posted: Callable[[], None],
) -> dict[tuple[str, str], Desk]:
    """Who takes what is told of the registry, by verb and noun; `posted` is told when a reply is
    to leave."""
    clock, chance = ground.clock, ground.chance
    devices = Devices(settling, frozenset(ground.shelf.names()), clock.now)
    clerks: dict[str, Clerk] = {
        METER_CONFIG: devices,
        END_DEVICE_CONFIG: devices,
        USAGE_POINT_CONFIG: Points(),
        LINKAGE_CONFIG: Linkages(settling, clock.now),
    }
    desk = RegistryDesk(inbox, clerks, settling, clock, chance, orders, posted)
    return {(verb, noun): desk for verb in VERBS for noun in clerks}


@dataclass(frozen=True, slots=True)
class Committed:
    """Asks in the store's words what is committed."""

    read: Callable[[Callable[[Any], Any]], Awaitable[Any]]

    async def __call__(self, query: Callable[[Transaction], T]) -> T:
        found: T = await self.read(lambda connection: query(SqlTransaction(connection)))
        return found
