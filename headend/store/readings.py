"""The words for what meters were read to say, and what they said unasked.

Lines are only ever added: a reading that comes again is another line, and tells so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, func, insert, select

from headend.domain.group import Group
from headend.domain.meter import Meter
from headend.domain.reading import Push, Reading
from headend.store import schema
from headend.store.changes import ChangeWords
from headend.store.group_queries import members
from headend.store.prepared import Prepared
from headend.store.rows import METER, Form

READING = Form(Reading, schema.readings)
PUSH = Form(Push, schema.pushes)
VALUES = "values"
"""What has arrived where it is no profile."""
_meters = METER.table.c
_READ = Prepared(insert(schema.readings).inline(), READING.names)
_PUSH = Prepared(insert(schema.pushes).returning(schema.pushes.c.line), PUSH.names)
_SEEN = Prepared(
    select(func.count())
    .select_from(schema.pushes)
    .where(schema.pushes.c.digest == bindparam("of_digest"))
)
_BY_IDENTITY = Prepared(METER.select().where(_meters.identity == bindparam("of_identity")))
_BY_TITLE = Prepared(METER.select().where(_meters.title == bindparam("of_title")))
_DIRECT = Prepared(
    METER.select()
    .where(_meters.model == bindparam("of_model"), _meters.address.is_not(None))
    .order_by(_meters.name)
)
_EVERY_DIRECT = Prepared(METER.select().where(_meters.address.is_not(None)).order_by(_meters.name))


class ReadingWords(ChangeWords):
    """Readings, pushes, and the meters that are reached without a concentrator."""

    def add_readings(self, readings: Iterable[Reading]) -> None:
        kept = list(readings)
        self._change_many(_READ, map(READING.values, kept))
        of_meter: dict[str, list[Reading]] = defaultdict(list)
        for reading in kept:
            of_meter[reading.meter].append(reading)
        for meter, found in of_meter.items():
            times, now = [each.at for each in found], found[0].received_at
            self.arrived(meter, VALUES, len(found), min(times), max(times), now=now)

    def add_push(self, push: Push) -> int:
        number: int = self._value(_PUSH, PUSH.values(push))
        return number

    def push_was_here(self, digest: str) -> bool:
        return bool(self._value(_SEEN, {"of_digest": digest}))

    def meter_called(self, identity: str) -> Meter | None:
        found = self._one(METER, _BY_IDENTITY, {"of_identity": identity})
        return found or self.meter(identity)  # type: ignore[attr-defined]

    def meter_titled(self, title: str) -> Meter | None:
        return self._one(METER, _BY_TITLE, {"of_title": title})

    def direct_meters(self, model: str | None = None) -> list[Meter]:
        if model is None:
            return self._all(METER, _EVERY_DIRECT, {})
        return self._all(METER, _DIRECT, {"of_model": model})

    def group_members(
        self,
        group: Group,
        *,
        concentrator: str | None = None,
        among: Collection[str] | None = None,
        direct: bool = False,
    ) -> list[Meter]:
        return members(
            self._connection, group, concentrator=concentrator, among=among, direct=direct
        )
