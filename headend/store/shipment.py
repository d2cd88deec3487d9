"""What a shipment brings: many new meters with their keys, in few statements.

A shipment that was broken off is simply brought again.  Registry rows are renewed; keys that a
meter has already stay, because they may have been changed since it left the factory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.keys import KeyState
from headend.domain.meter import Concentrator, Meter
from headend.ports import KeyShared
from headend.store import schema
from headend.store.keys import KEYS
from headend.store.prepared import Prepared
from headend.store.registry import RegistryWords
from headend.store.sealing import Sealed

FIRST_GENERATION = 1

_ADD_NEW: dict[str, Prepared] = {
    dialect.dialect.name: Prepared(
        dialect.insert(schema.meter_keys).on_conflict_do_nothing(), KEYS.names
    )
    for dialect in (sqlite, postgresql)
}
_ours = schema.meter_keys.alias("ours")
_others = schema.meter_keys.alias("others")
_SHARED = Prepared(
    select(func.count())
    .select_from(_ours.join(_others, _ours.c.fingerprint == _others.c.fingerprint))
    .where(
        _ours.c.meter.between(bindparam("first"), bindparam("last")),
        (_ours.c.meter != _others.c.meter) | (_ours.c.client != _others.c.client),
    )
)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Meters as they were delivered, with the keys that one client shares with each."""

    concentrators: Sequence[Concentrator]
    meters: Sequence[Meter]
    client: int
    envelope: str  # name of the envelope key that sealed them
    sealed: Sequence[Sealed]  # one for each meter
    next_counter: int | None = 1
    """Of each meter; None leaves it to the meter to name the first."""


class ShipmentWords(RegistryWords):
    """The words of a transaction that takes a shipment in."""

    def take_shipment(self, shipment: Shipment) -> int:
        """Enter it; how many of the keys are new.  Raises KeyShared."""
        self.put_concentrators(shipment.concentrators)
        self.put_meters(shipment.meters)
        common = {
            "client": shipment.client,
            "generation": FIRST_GENERATION,
            "state": KeyState.CURRENT,
            "counted_by": FIRST_GENERATION,
            "envelope": shipment.envelope,
            "next_counter": shipment.next_counter,
            "peer_counter": 0,
        }
        taken = self.add_keys_in_bulk(
            (
                {"meter": meter.name, "fingerprint": fingerprint, "sealed": octets, **common}
                for meter, (fingerprint, octets) in zip(
                    shipment.meters, shipment.sealed, strict=True
                )
            ),
        )
        names = [meter.name for meter in shipment.meters]
        if names and self._value(_SHARED, {"first": min(names), "last": max(names)}):
            raise KeyShared("two meters of this shipment, or one of it and another, share a key")
        return taken

    def add_keys_in_bulk(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """First generations of keys, as rows; how many are new.  Where a client has one with a
        meter, that stays."""
        return self._change_many(_ADD_NEW[self._connection.dialect.name], rows)
