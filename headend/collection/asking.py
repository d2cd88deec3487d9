"""A read becomes an order, like everything that is asked of a meter.

It takes the same lane, is tried again by the same rules and explained by the same journal, and
gives way to what a supply waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headend.domain.meter import Meter
from headend.domain.order import Kind, Order
from headend.domain.reading import WantedObject
from headend.models import BadModel, Model, Shelf
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.ports import Chance, Clock, Store, Transaction
from protocols.dlms.logical_name import LogicalName

REGISTER, PROFILE = 3, 7
OBJECTS_MAX = 64
"""Of one read; a long list keeps its lane's place from others."""


class BadRead(ValueError):
    """Nothing can be read so; the text says what to ask for instead."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Places reads."""

    store: Store
    clock: Clock
    chance: Chance
    shelf: Shelf
    acceptance: Acceptance

    async def place(
        self,
        meter: str,
        objects: Sequence[str],
        *,
        source: str,
        deadline: datetime | None = None,
        priority: int | None = None,
        correlation_id: str | None = None,
        rows: bool = False,
    ) -> Order:
        """Store an order to read these objects, named by words of the meter's model or by logical
        names of registers and profiles, with `rows` of nothing but profiles; rejected where the
        meter may not be read.

        Raises `BadRead`, `Overloaded`, `StoreUnavailable`.
        """

        def wanted(tx: Transaction) -> tuple[WantedObject, ...]:
            return self.wanted(tx.meter(meter), objects, rows=rows)

        return await self._place(meter, wanted, source, deadline, priority, correlation_id)

    async def place_rows(
        self,
        meter: str,
        profile: str,
        spans: Sequence[tuple[datetime, datetime]],
        *,
        source: str,
        deadline: datetime,
        priority: int,
        correlation_id: str,
    ) -> Order:
        """Store an order to read the rows of a profile within some spans of time: after the first
        moment of each, up to and with the second.  Raises as `place` does."""
        objects = tuple(WantedObject(PROFILE, profile, 2, "", *span) for span in spans)
        return await self._place(
            meter, lambda tx: objects, source, deadline, priority, correlation_id
        )

    async def _place(
        self,
        meter: str,
        objects: Callable[[Transaction], tuple[WantedObject, ...]],
        source: str,
        deadline: datetime | None,
        priority: int | None,
        correlation_id: str | None,
    ) -> Order:
        now, transaction = self.clock.now(), self.chance.uuid()

        def work(tx: Transaction) -> Accepted:
            wish = Wish(meter, Kind.READ, objects=objects(tx), priority=priority)
            submission = Submission(
                source,
                (wish,),
                correlation_id=correlation_id,
                noun="MeterReadings",
                deadline=deadline,
            )
            return self.acceptance.accept(tx, submission, transaction, at=now)

        accepted = await self.store.run(work)
        self.acceptance.announce(accepted)
        return accepted.orders[0]

    def wanted(
        self, meter: Meter | None, objects: Sequence[str], *, rows: bool = False
    ) -> tuple[WantedObject, ...]:
        """The objects that words name at this meter.  Raises `BadRead`."""
        if not 1 <= len(objects) <= OBJECTS_MAX:
            raise BadRead(f"one to {OBJECTS_MAX} objects can be read at once, not {len(objects)}")
        try:
            model = self.shelf.get("generic" if meter is None else meter.model)
        except BadModel as error:
            raise BadRead(str(error)) from error
        return tuple(_wanted(model, text, rows) for text in objects)


def _wanted(model: Model, text: str, rows: bool) -> WantedObject:
    if (known := model.objects.get(text)) is not None:
        return WantedObject(known.class_id, str(known.logical_name), known.attribute, text)
    try:
        name = LogicalName(text)
    except ValueError as error:
        words = ", ".join(model.objects)
        raise BadRead(
            f"{text!r} is neither a logical name nor a word of model {model.name}. Known: {words}"
        ) from error
    return WantedObject(PROFILE if rows else _class_of(model, name), str(name), 2, "")


def _class_of(model: Model, name: LogicalName) -> int:
    """What class an object is of that is asked for by its name alone: the model's, or a profile
    where the value group C is one of lists of rows, billing periods (98) or profiles and logs (99)
    (Blue Book 7.5.2, 7.2.3)."""
    for known in model.objects.values():
        if known.logical_name == name and known.attribute == 2:
            return known.class_id
    return PROFILE if name[2] in (98, 99) else REGISTER
