"""Wires commissioning for a command: the store, the keys in it, and a line to the meter.

    commissioned = await commission(config, "4711", who)

A head-end may run on the same database: counters of keys are leased from it, so that the two never
use one twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from headend.app.key_storage import envelope_of
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import BadConfig, Config
from headend.domain.commissioning import Check, Verdict
from headend.domain.failure import Failure
from headend.domain.life_cycle import Refusal, Step, reached_alone, taken
from headend.domain.meter import Meter
from headend.field.direct import failing
from headend.field.direct.conversation import Conversation
from headend.field.direct.dialling import Dialler
from headend.field.direct.line import LineError
from headend.field.direct.own_access import OwnAccess
from headend.field.direct.performing import Dialling
from headend.models import BadModel, Shelf
from headend.ports import Chance, Clock, KeysUnreadable, StoreUnavailable
from headend.registry.commissioning import Examination, conclude
from headend.registry.lives import By, NotTaken, known
from headend.store.store import SqlStore
from headend.store.vault import KeyVault

__all__ = [
    "BadModel",
    "Check",
    "Commissioned",
    "KeysUnreadable",
    "NotTaken",
    "StoreUnavailable",
    "Verdict",
    "commission",
]


@dataclass(frozen=True, slots=True)
class Commissioned:
    """What came of it: the meter as it stands now, and each check."""

    meter: Meter
    held: bool
    checks: tuple[Check, ...]


async def commission(
    config: Config,
    name: str,
    who: str,
    *,
    why: str = "",
    line: str | None = None,
    dialling: Dialling | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
    live: bool = True,
) -> Commissioned:
    """Ask a meter, over its own line or another one, and commission it if all holds.

    Raises `NotTaken`, `BadConfig`, `BadModel`, `KeysUnreadable`, `StoreUnavailable`.
    """
    clock = clock or WallClock()
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key opens them; set keys.envelope_file")
    store = SqlStore(config.database, live=live)
    try:
        meter = await store.run(lambda tx: known(tx, name))
        _check(meter, line)
        examined = Examination(meter, By(who, clock.now(), why), clock)
        there = meter if line is None else replace(meter, address=line, concentrator=None)
        own = OwnAccess(KeyVault(store, envelope), config.direct.title)
        shelf = Shelf(config.direct.models)
        ways = dialling or Dialler()
        await _examine(examined, there, own, shelf, ways, clock, chance or SystemChance())
        after = await store.run(lambda tx: conclude(tx, examined))
        return Commissioned(after, examined.held, tuple(examined.checks))
    finally:
        await store.close()


def _check(meter: Meter, line: str | None) -> None:
    refused = taken(meter, Step.COMMISSION)
    if isinstance(refused, Refusal):
        raise NotTaken.of(refused)
    if line is None and not reached_alone(meter):
        raise NotTaken(
            f"meter {meter.name} has no address at which this command reaches it",
            f"name a line to it, such as a probe's: ami meter commission {meter.name} --line"
            " /dev/ttyUSB0",
            "no-line",
        )


async def _examine(
    examined: Examination,
    meter: Meter,
    own: OwnAccess,
    shelf: Shelf,
    dialling: Dialling,
    clock: Clock,
    chance: Chance,
) -> None:
    """One conversation, as the client that may set the clock."""
    model = shelf.get(meter.model)
    role = model.acts_as
    try:
        line = await dialling.line_to(meter)
    except LineError as error:
        examined.failed("association", failing.of_line(error))
        return
    # Whoever answers is to say who it is: that it is another one is a finding, and no broken line.
    access = await own.to(replace(meter, title=None), model.association[role])
    talk = Conversation(line, model, access, clock=clock, chance=chance, role=role)
    async with talk:
        opened = await talk.open()
        if isinstance(opened, Failure):
            examined.failed("association", opened)
            return
        await examined.run(talk, opened.meter_title)
