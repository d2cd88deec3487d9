"""Meters' keys at a concentrator: those that it uses, new ones that it carries, and which hold.

A change is carried out by the steps of `protocols.dlms.key_change`.  What a step wants remembered
is in flash before the next one, so whatever cuts a change leaves both sets of keys; before anything
else is said to that meter, the new ones are tried and then the old.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any, Literal, assert_never

import simpy

from devices.chance import octets
from devices.concentrator.flash import Attempt, Counters, Flash, NewKeys
from devices.concentrator.table import Entry
from protocols.concentrator.keys import (
    SEAL_KEY_OCTETS,
    KeysTold,
    KeysWanted,
    NotSealed,
    unseal,
)
from protocols.concentrator.messages import Status
from protocols.dlms.key_change import (
    Begin,
    Forget,
    Generation,
    KeyChange,
    Promote,
    Remember,
    Talk,
    carry_keys,
    settle_keys,
)
from protocols.dlms.keys import Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome
from protocols.dlms.procedures.security_setup import carry_transfer

Waits = Generator[simpy.Event, Any, Outcome]
Converse = Callable[[Entry, Counters, Begin], Waits]
"""Holds sessions with a meter by an entry's keys and these counters, until one ends well."""


def seal_key(seed: int, name: str) -> bytes:
    """The TEST KEY that a simulated concentrator comes with, for what the head-end seals for it."""
    return octets(seed, "concentrator", name, "seal key", count=SEAL_KEY_OCTETS)


class Rekeying:
    """See the module.  `seal_key` opens what the head-end has sealed for this concentrator."""

    def __init__(self, name: str, flash: Flash, table: dict[str, Entry], seal_key: bytes) -> None:
        self._name = name
        self._flash = flash
        self._table = table
        self._seal_key = seal_key

    def recall(self) -> None:
        """After a start the table is as delivered: meters that were given other keys have those."""
        for meter, keys in self._flash.keys.items():
            if meter in self._table:
                self._table[meter].keys = keys

    def change(
        self, attempt: Attempt, entry: Entry, converse: Converse
    ) -> Generator[simpy.Event, Any, tuple[Outcome, KeysTold | None]]:
        """Bring a meter to the keys that an attempt names; how that ended, and what is proven."""
        meter, wanted = attempt.meter, attempt.keys
        if wanted is None:
            return Outcome(Status.KEY_REJECTED, detail="the command brings no keys"), None
        try:
            old, new = unseal(
                self._seal_key,
                wanted.sealed,
                concentrator=self._name,
                meter=meter,
                order=attempt.key.order,
            )
        except NotSealed as error:
            return Outcome(Status.KEY_REJECTED, detail=str(error)), None
        pending = self._flash.new_keys.get(meter)
        if pending is not None and pending.keys != new:
            settled = yield from self._settled(entry, converse)
            if meter in self._flash.new_keys:
                return settled, KeysTold(wanted.generation, "neither")
            pending = None
        if meter not in self._flash.keys and entry.keys != new:
            entry.keys = old  # the head-end knows better than whoever delivered this device
        transfer = partial(carry_transfer, _wrapped(wanted), LogicalName(wanted.setup))
        steps = carry_keys(entry.keys, pending is not None, new, transfer)
        outcome = yield from self._carry_out(steps, entry, converse)
        return outcome, KeysTold(wanted.generation, self._proven(meter, entry, new, outcome))

    def settle(self, entry: Entry, converse: Converse) -> Generator[simpy.Event, Any, None]:
        """Before anything else is said to a meter: find out which keys it has, where that is not
        known.  What this does not find out, the session itself will meet."""
        if entry.meter in self._flash.new_keys:
            yield from self._settled(entry, converse)

    def _settled(self, entry: Entry, converse: Converse) -> Waits:
        pending = self._flash.new_keys[entry.meter]
        steps = settle_keys(entry.keys, pending.keys)
        return (yield from self._carry_out(steps, entry, converse))

    def _carry_out(self, steps: KeyChange, entry: Entry, converse: Converse) -> Waits:
        meter = entry.meter
        try:
            step = next(steps)
            while True:
                answer: Outcome | None = None
                match step:
                    case Remember(keys):
                        self._flash.new_keys[meter] = NewKeys(keys)
                    case Promote():
                        self._promote(entry)
                    case Forget():
                        del self._flash.new_keys[meter]
                    case Talk(Generation.CURRENT, begin):
                        own = self._flash.counters.setdefault(meter, Counters())
                        answer = yield from converse(entry, own, begin)
                    case Talk(_, begin):
                        new = self._flash.new_keys[meter]
                        by = replace(entry, keys=new.keys)
                        answer = yield from converse(by, new.counters, begin)
                    case _:
                        assert_never(step)
                step = steps.send(answer)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome

    def _promote(self, entry: Entry) -> None:
        """The meter has shown that it has the new keys: from now on they are the ones."""
        new = self._flash.new_keys.pop(entry.meter)
        self._flash.keys[entry.meter] = entry.keys = new.keys
        self._flash.counters[entry.meter] = new.counters

    def _proven(
        self, meter: str, entry: Entry, new: Keys, outcome: Outcome
    ) -> Literal["new", "old", "neither"]:
        if entry.keys == new and outcome.status is Status.DONE:
            return "new"
        refused = outcome.status is Status.REFUSED and meter not in self._flash.new_keys
        return "old" if refused else "neither"


def _wrapped(wanted: KeysWanted) -> dict[int, bytes]:
    return {each.id: each.wrapped for each in wanted.transfer}
