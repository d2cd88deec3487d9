"""Wires a head-end's database for a whole fleet at once: shipments in, keys out, profiles in.

    desk = fleet_desk(config)
    desk.take(Shipment(concentrators, meters, client, desk.envelope_name, sealed))
    leases = desk.lease(names, client, 4096)
    desk.take_upload("C-001", upload, at)           # as the head-end takes it from a broker
    desk.settle(used)                               # how far the counters came

Everything runs in the caller's thread: there is one writer, and nobody else to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from headend.app.key_storage import envelope_of
from headend.collection.uploads import UploadIntake
from headend.config import BadConfig, CollectionPolicy, Config
from headend.ports import IntervalRow, KeyShared, StoreUnavailable, Transaction
from headend.store.backfill_queries import Course, course_of
from headend.store.envelope import Envelope
from headend.store.intervals import QUANTITIES
from headend.store.intervals import intervals_of as intervals_between
from headend.store.key_leases import LeasedKeys
from headend.store.sealing import Sealed, seal, unseal
from headend.store.shipment import FIRST_GENERATION, Shipment
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import Upload
from protocols.dlms.keys import Keys

__all__ = [
    "Course",
    "FleetDesk",
    "QUANTITIES",
    "IntervalRow",
    "KeyBox",
    "KeyShared",
    "LeasedKeys",
    "Sealed",
    "Shipment",
    "StoreUnavailable",
    "course_of",
    "fleet_desk",
    "intervals_between",
    "keys_are_configured",
]

T = TypeVar("T")

UTC_ZONE = ZoneInfo("UTC")
"""Whose days a fleet's are."""


class KeyBox:
    """Seals and opens meters' keys, in any process that has the envelope's key."""

    def __init__(self, config: Config) -> None:
        """Raises `BadConfig` where there is no envelope key, or one that cannot be used."""
        self._envelope = _envelope(config)

    def sealed(self, meter: str, client: int, keys: Keys) -> Sealed:
        """A meter's first keys with this client."""
        return seal(self._envelope, keys, meter, client, FIRST_GENERATION)

    def opened(self, leased: LeasedKeys) -> Keys:
        """The keys themselves.  Raises `KeysUnreadable`."""
        return unseal(
            self._envelope,
            leased.envelope,
            leased.sealed,
            leased.meter,
            leased.client,
            leased.generation,
        )


class _Moment:
    """The field's time, as whoever brings an upload says it."""

    at: datetime = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        return self.at


class FleetDesk:
    """A database that takes fleets."""

    def __init__(
        self, store: SqlStore, envelope_name: str, policy: CollectionPolicy, zone: ZoneInfo
    ) -> None:
        self.store = store
        self.envelope_name = envelope_name
        self._moment = _Moment()
        self._intake = UploadIntake(store, self._moment, zone, policy.late_after_s)

    def take(self, shipment: Shipment) -> int:
        """Enter a shipment in one transaction; how many keys are new.

        Raises `KeyShared`, `StoreUnavailable`.
        """
        return self._run(lambda tx: tx.take_shipment(shipment))

    def lease(self, meters: Sequence[str], client: int, count: int) -> list[LeasedKeys]:
        """The current keys of each meter, sealed, with so many counters for one conversation.

        Raises `LookupError` for a meter without keys, or whose counters nobody knows.
        """
        return self._run(lambda tx: tx.lease_keys(meters, client, count))

    def take_upload(self, concentrator: str, upload: Upload, at: datetime) -> None:
        """Take a concentrator's upload that came at `at`: blocks, pages and intervals, by the code
        that takes those from a broker, in one transaction.  The same again changes nothing."""
        self._moment.at = at
        _at_once(self._intake.take(concentrator, upload))

    def settle(self, used: Iterable[LeasedKeys]) -> None:
        """Keep of each lease how far its counters came: `own` and `peer` as they are now."""
        self._run(lambda tx: tx.settle_leases(used))

    def intervals(self, first: str, last: str, *, after: int, until: int) -> list[IntervalRow]:
        """What is kept of the meters between two names: see `store.intervals.intervals_of`."""
        return self.store.read(
            lambda connection: intervals_between(connection, first, last, after=after, until=until)
        )

    def _run(self, work: Callable[[SqlTransaction], T]) -> T:
        def words(tx: Transaction) -> T:
            assert isinstance(tx, SqlTransaction)
            return work(tx)

        return _at_once(self.store.run(words))

    def close(self) -> None:
        """Give the database back."""
        _at_once(self.store.close())


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """What comes of work that waits for nobody.  A loop for each would take longer than some of the
    works do, and would take an interrupt for its own."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("a store that is not live waits for nobody")


def fleet_desk(config: Config, zone: ZoneInfo = UTC_ZONE) -> FleetDesk:
    """Open, and where necessary make, the database.  The days that it keeps are those of `zone`.
    Raises `BadConfig`, `StoreUnavailable`."""
    envelope = _envelope(config)
    store = SqlStore(config.database, live=False)
    return FleetDesk(store, envelope.name, config.collection, zone)


def keys_are_configured() -> bool:
    """Whether the environment names an envelope key.  Raises `BadConfig` for one that is none."""
    return envelope_of(Config()) is not None


def _envelope(config: Config) -> Envelope:
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    return envelope
