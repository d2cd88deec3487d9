"""Wires a head-end's database for a whole fleet at once: shipments of meters with their keys.

    desk = fleet_desk(config)
    desk.take(Shipment(concentrators, meters, client, desk.envelope_name, sealed))

Everything runs in the caller's thread: there is one writer, and nobody else to wait for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from headend.app import envelope_of
from headend.config import BadConfig, Config
from headend.ports import KeyShared, StoreUnavailable, Transaction
from headend.store.envelope import Envelope
from headend.store.sealing import Sealed, seal
from headend.store.shipment import FIRST_GENERATION, Shipment
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from protocols.dlms.keys import Keys

__all__ = [
    "FleetDesk",
    "KeyShared",
    "Sealed",
    "Sealer",
    "Shipment",
    "StoreUnavailable",
    "fleet_desk",
    "keys_are_configured",
]


class Sealer:
    """Seals the keys of new meters, in any process that has the envelope's key."""

    def __init__(self, config: Config) -> None:
        """Raises `BadConfig` where there is no envelope key, or one that cannot be used."""
        self._envelope = _envelope(config)

    def sealed(self, meter: str, client: int, keys: Keys) -> Sealed:
        """A meter's first keys with this client."""
        return seal(self._envelope, keys, meter, client, FIRST_GENERATION)


@dataclass(frozen=True, slots=True)
class FleetDesk:
    """A database that takes fleets."""

    store: SqlStore
    envelope_name: str

    def take(self, shipment: Shipment) -> int:
        """Enter a shipment in one transaction; how many keys are new.

        Raises `KeyShared`, `StoreUnavailable`.
        """

        def work(tx: Transaction) -> int:
            assert isinstance(tx, SqlTransaction)
            return tx.take_shipment(shipment)

        return asyncio.run(self.store.run(work))

    def close(self) -> None:
        """Give the database back."""
        asyncio.run(self.store.close())


def fleet_desk(config: Config) -> FleetDesk:
    """Open, and where necessary make, the database.  Raises `BadConfig`, `StoreUnavailable`."""
    envelope = _envelope(config)
    return FleetDesk(SqlStore(config.database, live=False), envelope.name)


def keys_are_configured() -> bool:
    """Whether the environment names an envelope key.  Raises `BadConfig` for one that is none."""
    return envelope_of(Config()) is not None


def _envelope(config: Config) -> Envelope:
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    return envelope
