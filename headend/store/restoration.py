"""The words for coming back from a backup: counters that jump, orders that are looked at, and what
the field tells of a life that is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.keys import KeyState
from headend.domain.order import Order
from headend.domain.restoration import Raised, Restoration, RestoredKey, Standing, Stray
from headend.store import restoration_schema as tables
from headend.store import schema
from headend.store.prepared import Locked, Prepared
from headend.store.rows import ORDER, Form
from headend.store.words import Words
from protocols.dlms.keys import COUNTER_MAX

RESTORATION = Form(Restoration, tables.restorations)
KEY = Form(RestoredKey, tables.restored_keys)
STRAY = Form(Stray, tables.stray_results)

_r, _k, _s = RESTORATION.table.c, KEY.table.c, STRAY.table.c
_looked = tables.restored_orders.c
_counters, _keys, _orders = schema.counters.c, schema.meter_keys.c, ORDER.table.c

_LAST = Prepared(RESTORATION.select().order_by(_r.number.desc()).limit(1))
_ADD = Prepared(insert(RESTORATION.table), RESTORATION.names)
_RESUME = Prepared(
    update(RESTORATION.table)
    .where(_r.number == bindparam("of_number"), _r.standing == Standing.RESTORED)
    .values(standing=Standing.RESUMED, resumed_at=bindparam("at"), resumed_by=bindparam("who"))
)
_ORDER_NUMBER = Prepared(select(_counters.value).where(_counters.name == schema.ORDER_NUMBER))
_SET_ORDER_NUMBER = Prepared(
    update(schema.counters)
    .where(_counters.name == schema.ORDER_NUMBER, _counters.value < bindparam("least"))
    .values(value=bindparam("least"))
)
_RELEASE_EVERYBODY = Prepared(
    update(ORDER.table)
    .where(_orders.lease_owner.is_not(None))
    .values(lease_owner=None, lease_until=None)
)
# Counters belong to the generation that counts; one that is retired but still counts for a later
# one, which has the same encryption key, is among them.
_COUNTING = Prepared(
    select(
        _keys.meter,
        _keys.client,
        _keys.generation,
        _keys.next_counter,
    )
    .where(
        select(func.count())
        .select_from(in_use := schema.meter_keys.alias("in_use"))
        .where(
            in_use.c.meter == _keys.meter,
            in_use.c.client == _keys.client,
            in_use.c.counted_by == _keys.generation,
            in_use.c.state != KeyState.RETIRED,
        )
        .scalar_subquery()
        > 0
    )
    .order_by(_keys.meter, _keys.client, _keys.generation)
)
_JUMP = Prepared(
    update(schema.meter_keys)
    .where(
        _keys.meter == bindparam("of_meter"),
        _keys.client == bindparam("of_client"),
        _keys.generation == bindparam("of_generation"),
    )
    .values(next_counter=bindparam("least"))
)
_FORGET_KEYS = Prepared(delete(KEY.table))
_ADD_KEY = Prepared(insert(KEY.table), KEY.names)
_KEYS = Prepared(KEY.select().order_by(_k.meter, _k.client, _k.generation))
_SAVE_KEY = Prepared(
    update(KEY.table).where(
        _k.meter == bindparam("of_meter"),
        _k.client == bindparam("of_client"),
        _k.generation == bindparam("of_generation"),
    ),
    ("standing", "told", "asked_at"),
)
_OPEN = Locked(ORDER.select().where(_orders.unfinished.is_(True)).order_by(_orders.number))
_FORGET_LOOKS = Prepared(delete(tables.restored_orders))
_LOOK = Prepared(insert(tables.restored_orders), ("order", "commanded"))
_LOOKED = Prepared(
    select(func.count())
    .select_from(tables.restored_orders)
    .where(_looked.order == bindparam("of_number"), _looked.commanded == bindparam("of_attempt"))
)
_ADD_STRAY = {
    d.dialect.name: Prepared(d.insert(STRAY.table).on_conflict_do_nothing(), STRAY.names)
    for d in (sqlite, postgresql)
}
_STRAYS = Prepared(STRAY.select().order_by(_s.line))


class RestorationWords(Words):
    """What a restored head-end has to know."""

    def restoration(self) -> Restoration | None:
        """The last one."""
        return self._one(RESTORATION, _LAST, {})

    def add_restoration(self, restoration: Restoration) -> None:
        self._change(_ADD, RESTORATION.values(restoration))

    def resume(self, number: int, *, at: datetime, who: str) -> bool:
        """Let sending begin; False where it has already."""
        return bool(self._change(_RESUME, {"of_number": number, "at": at, "who": who}))

    def raise_order_number(self, by: int) -> tuple[int, int]:
        """Give out none of the next numbers; the last before them, and the last of them."""
        before: int = self._value(_ORDER_NUMBER)
        self._change(_SET_ORDER_NUMBER, {"least": before + by})
        return before, before + by

    def release_everybody(self) -> int:
        """Nobody who had a lease when the backup was made lives."""
        return self._change(_RELEASE_EVERYBODY)

    def jump_counters(self, by: int) -> int:
        """Use none of the next counters of any key; how many keys there are.  Counters are raised,
        never lowered."""
        self._change(_FORGET_KEYS)
        found = self._rows(_COUNTING)
        for meter, client, generation, following in found:
            least = min((following or 0) + by, COUNTER_MAX + 1)
            standing = Raised.USED_UP if least > COUNTER_MAX else Raised.WAITING
            at = {"of_meter": meter, "of_client": client, "of_generation": generation}
            self._change(_JUMP, {**at, "least": least})
            row = RestoredKey(meter, client, generation, following, least, standing)
            self._change(_ADD_KEY, KEY.values(row))
        return len(found)

    def restored_keys(self) -> list[RestoredKey]:
        return self._all(KEY, _KEYS)

    def save_restored_key(self, key: RestoredKey) -> None:
        at = {"of_meter": key.meter, "of_client": key.client, "of_generation": key.generation}
        values = {"standing": key.standing, "told": key.told, "asked_at": key.asked_at}
        self._change(_SAVE_KEY, {**at, **values})

    def all_open_orders(self) -> list[Order]:
        """The earliest first."""
        return self._all(ORDER, _OPEN)

    def look_at_meters(self, orders: Sequence[Order]) -> None:
        """Ask no concentrator for the effect of these, as they stand: the meter alone knows."""
        self._change(_FORGET_LOOKS)
        for order in orders:
            self._change(_LOOK, {"order": order.number, "commanded": order.commanded})

    def meter_alone_knows(self, number: int, attempt: int) -> bool:
        where = {"of_number": number, "of_attempt": attempt}
        return bool(self._value(_LOOKED, where))

    def add_stray(self, stray: Stray) -> None:
        """Keep a result of the lost life, once."""
        self._change(_ADD_STRAY[self._connection.dialect.name], STRAY.values(stray))

    def strays(self) -> list[Stray]:
        return self._all(STRAY, _STRAYS)


def with_standing(key: RestoredKey, standing: Raised, told: str, at: datetime) -> RestoredKey:
    """What came of asking a meter."""
    return replace(key, standing=standing, told=told, asked_at=at)
