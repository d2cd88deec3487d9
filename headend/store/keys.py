"""Keys of meters, sealed, and the invocation counters used with each.

A client has one current generation of keys with a meter, and at most one pending.  Counters belong
to a generation: under a new encryption key they begin anew, under the same one they go on.

Counters only grow, and every word here is one statement that says so itself: `lease_counters` gives
two workers that ask at once two blocks that do not touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, insert, select, update

from headend.domain.keys import KeyState
from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words
from protocols.dlms.keys import COUNTER_MAX


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One generation of the keys that a client shares with a meter."""

    meter: str
    client: int
    generation: int
    state: KeyState
    counted_by: int  # the generation whose counters it uses: the first with its encryption key
    envelope: str  # name of the envelope key
    fingerprint: str  # of the encryption key: equal for equal ones
    sealed: bytes = field(repr=False)
    next_counter: int | None = None  # the next of ours; None while nobody knows it
    peer_counter: int = 0  # the lowest that is accepted from the meter


Place = tuple[str, int, int]
"""Meter, client, generation."""

KEYS = Form(KeyRow, schema.meter_keys)
_k = schema.meter_keys.c
_ONE = (
    _k.meter == bindparam("of_meter"),
    _k.client == bindparam("of_client"),
    _k.generation == bindparam("of_generation"),
)
_OF_METER = Prepared(
    KEYS.select()
    .where(_k.meter == bindparam("of_meter"), _k.client == bindparam("of_client"))
    .order_by(_k.generation)
)
_ALL = Prepared(KEYS.select().order_by(_k.meter, _k.client, _k.generation))
_ADD = Prepared(insert(schema.meter_keys), KEYS.names)
_STATE = Prepared(update(schema.meter_keys).where(*_ONE).values(state=bindparam("to")))
_RETIRE = Prepared(
    update(schema.meter_keys)
    .where(_k.meter == bindparam("of_meter"), _k.state != KeyState.RETIRED)
    .values(state=KeyState.RETIRED)
)
_RESEAL = Prepared(
    update(schema.meter_keys)
    .where(*_ONE)
    .values(
        sealed=bindparam("new_sealed"),
        envelope=bindparam("new_envelope"),
        fingerprint=bindparam("new_fingerprint"),
    )
)
_SHARED = Prepared(
    select(func.count())
    .select_from(schema.meter_keys)
    .where(
        _k.fingerprint == bindparam("of_fingerprint"),
        (_k.meter != bindparam("of_meter")) | (_k.client != bindparam("of_client")),
    )
)
_END = _k.next_counter + bindparam("count")
_LEASE = Prepared(
    update(schema.meter_keys)
    .where(*_ONE, _END <= COUNTER_MAX + 1)
    .values(next_counter=_END)
    .returning(_k.next_counter)
)
_COUNTERS = Prepared(select(_k.next_counter, _k.peer_counter).where(*_ONE))
_START = Prepared(
    update(schema.meter_keys)
    .where(*_ONE, _k.next_counter.is_(None))
    .values(next_counter=bindparam("to"))
)
_RAISE = Prepared(
    update(schema.meter_keys)
    .where(*_ONE, (_k.next_counter.is_(None)) | (_k.next_counter < bindparam("least")))
    .values(next_counter=bindparam("least"))
)
_EXTEND = Prepared(
    update(schema.meter_keys)
    .where(*_ONE, _k.next_counter == bindparam("seen"))
    .values(next_counter=bindparam("to"))
)
_HEAR = Prepared(
    update(schema.meter_keys)
    .where(*_ONE, _k.peer_counter < bindparam("lowest"))
    .values(peer_counter=bindparam("lowest"))
)


class KeyWords(Words):
    """Key records and their counters."""

    def key_rows(self, meter: str, client: int) -> list[KeyRow]:
        """All generations, the oldest first."""
        return self._all(KEYS, _OF_METER, {"of_meter": meter, "of_client": client})

    def all_key_rows(self) -> list[KeyRow]:
        """Those of every meter."""
        return self._all(KEYS, _ALL)

    def add_keys(self, row: KeyRow) -> None:
        """Keep a new generation.  Raises AlreadyStored for one that there is."""
        self._change(_ADD, KEYS.values(row))

    def set_key_state(self, row: KeyRow, state: KeyState) -> None:
        """Move a generation on."""
        self._change(_STATE, {**_place(row), "to": state})

    def retire_keys(self, meter: str) -> int:
        """Of every client."""
        return self._change(_RETIRE, {"of_meter": meter})

    def key_is_shared(self, row: KeyRow) -> bool:
        """Whether another meter, or another client of this one, has the same encryption key."""
        where = {"of_fingerprint": row.fingerprint, "of_meter": row.meter, "of_client": row.client}
        return bool(self._value(_SHARED, where))

    def reseal_keys(self, row: KeyRow, resealed: KeyRow) -> None:
        """The same keys under another envelope key."""
        new = {
            "new_envelope": resealed.envelope,
            "new_fingerprint": resealed.fingerprint,
            "new_sealed": resealed.sealed,
        }
        self._change(_RESEAL, {**_place(row), **new})

    def counters(self, at: Place) -> tuple[int | None, int]:
        """The next of ours, None while nobody knows it, and the lowest accepted from the meter."""
        ((following, lowest),) = self._rows(_COUNTERS, _at(at))
        return following, lowest

    def lease_counters(self, at: Place, count: int) -> int | None:
        """Reserve a block of `count`; where it ends.  None while the next counter is not known, or
        where fewer are left: then only a new key helps."""
        for (end,) in self._rows(_LEASE, {**_at(at), "count": count}):
            return int(end)
        return None

    def extend_counters(self, at: Place, seen: int, end: int) -> bool:
        """Move the end of the last block, or, once a session is over, back to what was used.

        False where another block was given out since: then nothing changes.
        """
        return bool(self._change(_EXTEND, {**_at(at), "seen": seen, "to": end}))

    def start_counter(self, at: Place, end: int) -> bool:
        """The first block ends here.  False where somebody else has begun to count."""
        return bool(self._change(_START, {**_at(at), "to": end}))

    def raise_counter(self, at: Place, least: int) -> None:
        """Nothing below `least` is given out any more."""
        self._change(_RAISE, {**_at(at), "least": least})

    def raise_peer_counter(self, at: Place, lowest: int) -> None:
        """Nothing below `lowest` is accepted from the meter any more."""
        self._change(_HEAR, {**_at(at), "lowest": lowest})


def _at(place: Place) -> dict[str, object]:
    meter, client, generation = place
    return {"of_meter": meter, "of_client": client, "of_generation": generation}


def _place(row: KeyRow) -> dict[str, object]:
    return _at((row.meter, row.client, row.generation))
