"""A shipment meets the store: what becomes of each meter of it, and, where wanted, that it does.

A preview and an import ask by the same code; the import does so within its own transaction, so what
it does is what it has said.  Registry rows of meters in stock are renewed; keys and passwords that
a client has with a meter stay, because they may have been changed since it left the factory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from headend.domain.keys import KeyState
from headend.domain.life_cycle import LifeLine, Refusal, Step
from headend.domain.meter import Meter, Stage
from headend.domain.shipment import Appraised, Fate, weighed
from headend.store import schema
from headend.store.rows import METER
from headend.store.sealing import Sealed
from headend.store.secrets import PASSWORDS, SecretRow
from headend.store.shipment import FIRST_GENERATION
from headend.store.spool import Packed
from headend.store.transaction import SqlTransaction

AT_ONCE = 1_000  # meters looked up together

_keys, _passwords = schema.meter_keys.c, schema.meter_passwords.c
Place = tuple[str, int]
"""Meter, client."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One meter, weighed.  `again` are keys of clients whose earlier ones are all retired."""

    packed: Packed
    appraised: Appraised
    after: Meter | None
    new: dict[int, Sealed] = field(default_factory=dict)
    again: dict[int, Sealed] = field(default_factory=dict)
    kept: int = 0


@dataclass(slots=True)
class Tally:
    """How many of each."""

    meters: int = 0
    entered: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    keys_new: int = 0
    keys_kept: int = 0

    def add(self, each: Weighed) -> None:
        """One more."""
        self.meters += 1
        fate = each.appraised.fate
        setattr(self, fate, getattr(self, fate) + 1)
        if fate is not Fate.REFUSED:
            self.keys_new += len(each.new) + len(each.again)
            self.keys_kept += each.kept


def weigh(connection: Connection, batch: Sequence[Packed]) -> list[Weighed]:
    """What becomes of these."""
    names = [each.name for each in batch]
    known = {
        row.name: METER.read(row)
        for row in connection.execute(METER.select().where(METER.table.c.name.in_(names)))
    }
    states: dict[Place, set[KeyState]] = {}
    for meter, client, state in connection.execute(
        select(_keys.meter, _keys.client, _keys.state).where(_keys.meter.in_(names))
    ):
        states.setdefault((meter, client), set()).add(state)
    prints = [sealed.fingerprint for each in batch for sealed in each.keys.values()]
    holders: dict[str, set[Place]] = {}
    for print_, meter, client in connection.execute(
        select(_keys.fingerprint, _keys.meter, _keys.client).where(_keys.fingerprint.in_(prints))
    ):
        holders.setdefault(print_, set()).add((meter, client))
    return [_weighed(each, known.get(each.name), states, holders) for each in batch]


def _weighed(
    packed: Packed,
    known: Meter | None,
    states: dict[Place, set[KeyState]],
    holders: dict[str, set[Place]],
) -> Weighed:
    fate, after, changes = weighed(known, fields_of(packed))
    line, name = packed.line, packed.name
    if isinstance(after, Refusal):
        told = Appraised(line, name, fate, after.why, after.next_step, "meter")
        return Weighed(packed, told, None)
    found = Weighed(packed, Appraised(line, name, fate, changes), after)
    kept = 0
    for client, sealed in packed.keys.items():
        place = (name, client)
        others = holders.get(sealed.fingerprint, set()) - {place}
        if others:
            column = f"key-{client}-encryption"
            why = f"meter {min(others)[0]} has this key already"
            next_step = "ask the manufacturer for a key of its own"
            return Weighed(
                packed, Appraised(line, name, Fate.REFUSED, why, next_step, column), None
            )
        there = states.get(place, set())
        if there - {KeyState.RETIRED}:
            kept += 1
        else:
            (found.again if there else found.new)[client] = sealed
    return Weighed(packed, found.appraised, after, found.new, found.again, kept)


def fields_of(packed: Packed) -> dict[str, Any]:
    """The fields of a meter that a shipment tells."""
    fields: dict[str, Any] = msgspec.msgpack.decode(packed.fields)
    if "contracted_w" in fields:
        fields["contracted_w"] = Decimal(fields["contracted_w"])
    return fields


@dataclass(frozen=True, slots=True)
class Intake:
    """Enters what was weighed.  `again` installs keys of a client whose earlier ones are retired:
    their counters go on where the same key comes back."""

    words: SqlTransaction
    connection: Connection
    envelope: str
    again: Callable[[SqlTransaction, str, int, Sealed], None]
    who: str
    at: datetime
    why: str

    def enter(self, found: Sequence[Weighed]) -> None:
        """Meters, the lines of their lives, their keys and passwords."""
        touched = [each for each in found if each.appraised.fate in (Fate.ENTERED, Fate.CHANGED)]
        self.words.put_meters(each.after for each in touched if each.after is not None)
        self.words.add_life(map(self._line, touched))
        self.words.add_keys_in_bulk(self._key_rows(found))
        for each in found:
            for client, sealed in each.again.items():
                self.again(self.words, each.packed.name, client, sealed)
        self._enter_passwords(found)

    def _line(self, each: Weighed) -> LifeLine:
        entered = each.appraised.fate is Fate.ENTERED
        why = self.why if entered else f"{self.why}: {each.appraised.why}"
        step, was = (Step.RECEIVE, None) if entered else (Step.CORRECT, Stage.IN_STOCK)
        return LifeLine(each.packed.name, self.at, step, was, Stage.IN_STOCK, self.who, why)

    def _key_rows(self, found: Iterable[Weighed]) -> Iterable[dict[str, Any]]:
        common = {
            "generation": FIRST_GENERATION,
            "state": KeyState.CURRENT,
            "counted_by": FIRST_GENERATION,
            "envelope": self.envelope,
            "next_counter": None,  # the meter is asked for it
            "peer_counter": 0,
        }
        for each in found:
            for client, sealed in each.new.items():
                yield {
                    "meter": each.packed.name,
                    "client": client,
                    "fingerprint": sealed.fingerprint,
                    "sealed": sealed.octets,
                    **common,
                }

    def _enter_passwords(self, found: Iterable[Weighed]) -> None:
        new = [each.packed for each in found if each.packed.passwords]
        if not new:
            return
        names = [each.name for each in new]
        there = {
            (meter, client)
            for meter, client in self.connection.execute(
                select(_passwords.meter, _passwords.client).where(_passwords.meter.in_(names))
            )
        }
        for each in new:
            for client, sealed in each.passwords.items():
                if (each.name, client) not in there:
                    row = SecretRow(each.name, client, self.envelope, sealed)
                    self.words.put_secret(PASSWORDS, row)
