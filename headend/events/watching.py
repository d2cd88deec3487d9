"""Status words among values that were asked for, whichever way they came: each meter by its model.

A concentrator's upload, an order and a technician's device all bring values of the same registers;
what a bit of them tells must not depend on who has read it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from headend.domain.reading import Reading
from headend.events.taking import EventIntake
from headend.models import BadModel, Shelf
from headend.ports import Transaction

_log = structlog.get_logger("events")


@dataclass(frozen=True, slots=True)
class StatusWatch:
    """Looks for status words, inside the transaction that keeps the readings."""

    shelf: Shelf = field(default_factory=Shelf)
    events: EventIntake = EventIntake()

    def look(self, tx: Transaction, readings: Iterable[Reading], now: datetime) -> None:
        """Bits that rose become events.  A model that cannot be read costs its meters' events, and
        never the values themselves."""
        of_meter: dict[str, list[Reading]] = defaultdict(list)
        for reading in readings:
            of_meter[reading.meter].append(reading)
        for name, found in of_meter.items():
            meter = tx.meter(name)
            try:
                status = {} if meter is None else self.shelf.get(meter.model).status
            except BadModel as error:
                _log.error("a meter's status words have no model", meter=name, why=str(error))
                continue
            self.events.read(tx, found, status, now)
