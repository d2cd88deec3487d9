"""The words for how concentrators fare."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.discovery import Discovery
from headend.domain.firmware import OFFERED, FirmwareUpdate
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange
from headend.store import upkeep_schema as tables
from headend.store.collected import put_over
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

STATE = Form(KnownState, tables.concentrator_states)
CLOCK = Form(ClockMeasured, tables.concentrator_clocks)
HOUR = Form(HourHeard, tables.hours_heard)
SESSION = Form(SessionChange, tables.concentrator_sessions)
DISCOVERY = Form(Discovery, tables.discoveries)
UPDATE = Form(FirmwareUpdate, tables.firmware_updates)

_states = STATE.table.c
_PUT = {
    (dialect.dialect.name, form.table.name): put_over(dialect, form.table, form.names)
    for dialect in (sqlite, postgresql)
    for form in (STATE, CLOCK, HOUR, SESSION, DISCOVERY, UPDATE)
}
_STATE = Locked(STATE.select().where(_states.concentrator == bindparam("of_concentrator")))

_updates = UPDATE.table.c
_UPDATE = Prepared(
    UPDATE.select().where(
        _updates.concentrator == bindparam("of_concentrator"),
        _updates.image == bindparam("of_image"),
    )
)
_OPEN = Prepared(
    UPDATE.select()
    .where(_updates.progress == OFFERED)
    .order_by(_updates.made_at, _updates.concentrator)
)


class UpkeepWords(Words):
    """What concentrators told of themselves."""

    def state_of(self, concentrator: str) -> KnownState | None:
        return self._one(STATE, _STATE, {"of_concentrator": concentrator})

    def put_state(self, state: KnownState) -> None:
        self._change(self._over(STATE.table.name), STATE.values(state))

    def add_session(self, change: SessionChange) -> None:
        self._change(self._over(SESSION.table.name), SESSION.values(change))

    def put_discovery(self, discovery: Discovery) -> None:
        self._change(self._over(DISCOVERY.table.name), DISCOVERY.values(discovery))

    def put_update(self, update: FirmwareUpdate) -> None:
        self._change(self._over(UPDATE.table.name), UPDATE.values(update))

    def firmware_update(self, concentrator: str, image: str) -> FirmwareUpdate | None:
        return self._one(UPDATE, _UPDATE, {"of_concentrator": concentrator, "of_image": image})

    def open_updates(self) -> list[FirmwareUpdate]:
        return self._all(UPDATE, _OPEN)

    def add_clock(self, measured: ClockMeasured) -> None:
        self._change(self._over(CLOCK.table.name), CLOCK.values(measured))

    def put_hours(self, hours: Iterable[HourHeard]) -> None:
        self._change_many(self._over(HOUR.table.name), map(HOUR.values, hours))

    def _over(self, table: str) -> Prepared:
        return _PUT[self._connection.dialect.name, table]
