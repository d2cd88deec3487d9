"""Wires shipments that come by REST: read from memory, weighed or taken in by a store that is open.

What commands do with a file, in the transaction of who asks.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from headend.app.shipment_reading import Delivery, read_open, sealing_envelope
from headend.app.shipments import NotTakenIn, enter, weigh_all
from headend.config import BadConfig, Config
from headend.domain.shipment import Appraised, Fate, Receipt
from headend.ports import Transaction
from headend.registry.shipment.by_request import EMPTY, LINES_TOLD, NotReadable, Refused, Weighing
from headend.registry.shipment.transport import BadTransportKey, TransportKey
from headend.store.intake import Tally
from headend.store.store import SqlStore


class _Lines(list[Appraised]):
    """The first lines that are told of."""

    def __call__(self, line: Appraised) -> None:
        told = line.fate in (Fate.REFUSED, Fate.CHANGED)
        if told and len(self) < LINES_TOLD:
            self.append(line)


@dataclass(frozen=True, slots=True)
class ReadShipment:
    """A shipment in its spool."""

    store: SqlStore
    config: Config
    delivery: Delivery
    until_the_end: ExitStack

    def enter(self, tx: Transaction, who: str, at: datetime) -> tuple[Receipt, bool]:
        """See `Waiting`."""
        there = tx.receipt_with(self.delivery.digest)
        if there is not None:
            return there, True
        lines = _Lines()
        try:
            return enter(tx, self.store, self.config, self.delivery, who, at, lines), False
        except NotTakenIn as error:
            raise Refused(_weighing(error.tally, lines)) from error

    def close(self) -> None:
        """See `Waiting`."""
        self.until_the_end.close()


@dataclass(frozen=True, slots=True)
class ShipmentDesk:
    """See the module, and `registry.shipment.by_request.Shipments`."""

    store: SqlStore
    config: Config

    def weigh(self, octets: bytes, file: str, transport: str | None) -> Weighing:
        """See `Shipments`."""
        read, lines = self.read(octets, file, transport), _Lines()
        try:
            return _weighing(weigh_all(self.store, read.delivery, lines), lines)
        finally:
            read.close()

    def read(self, octets: bytes, file: str, transport: str | None) -> ReadShipment:
        """See `Shipments`."""
        key = self._transport(transport)
        with ExitStack() as stack:
            try:
                sealing_envelope(self.config)  # one that cannot be read is told before any work
                reading = read_open(io.BytesIO(octets), file, self.config, key)
                delivery = stack.enter_context(reading)
            except BadConfig as error:
                next_step = "Set [keys] envelope_file in the head-end's configuration."
                raise NotReadable("no-envelope-key", str(error), next_step) from error
            if delivery.empty:
                raise NotReadable("empty-shipment", f"{file} holds no meter", EMPTY)
            return ReadShipment(self.store, self.config, delivery, stack.pop_all())

    def _transport(self, name: str | None) -> TransportKey | None:
        files = {each.name: each.file for each in self.config.keys.transport}
        if name is not None and name not in files:
            raise NotReadable(
                "no-such-transport-key",
                "the head-end has no transport key of that name",
                "Name one of [[keys.transport]] in the head-end's configuration.",
            )
        try:
            return TransportKey.found(None if name is None else files[name])
        except BadTransportKey as error:
            why = "the head-end cannot read its transport key"
            next_step = "Put 32, 48 or 64 hexadecimal digits into its file, on the head-end."
            raise NotReadable("transport-key-away", why, next_step) from error


def _weighing(tally: Tally, lines: list[Appraised]) -> Weighing:
    first = sorted(lines, key=lambda line: line.line)
    return Weighing(
        tally.meters, tally.entered, tally.changed, tally.unchanged, tally.refused,
        tally.keys_new, tally.keys_kept, first,
    )  # fmt: skip
