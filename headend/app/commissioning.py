"""Wires commissioning for a command: the store, the keys in it, and a line to the meter.

    commissioned = await commission(config, "4711", who)

A head-end may run on the same database: counters of keys are leased from it, so that the two never
use one twice.  Where only its lanes lead to the meter, it must.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from headend.app.calendar import working_days
from headend.app.key_storage import envelope_of
from headend.app.rekeying import is_served
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.collection.asking import BadRead, Reads
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
from headend.orders.accept import Acceptance, Overloaded
from headend.orders.rules import COMMISSIONING
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, KeysUnreadable, StoreUnavailable
from headend.registry.asked_by_order import WORDS, examine
from headend.registry.commissioning import Examination, conclude
from headend.registry.lives import By, NotTaken, known
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault

__all__ = [
    "BadModel",
    "BadRead",
    "Check",
    "Commissioned",
    "KeysUnreadable",
    "NotTaken",
    "Overloaded",
    "StoreUnavailable",
    "Verdict",
    "commission",
]


WAIT_S = 300.0
"""For a read by way of a concentrator."""

LOOK_EVERY_S = 0.25


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
    wait_s: float = WAIT_S,
    dialling: Dialling | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
    live: bool = True,
) -> Commissioned:
    """Ask a meter, over its own line or another one, and commission it if all holds.  One that
    only a concentrator, or its own call, leads to is read by the head-end that runs here.

    Raises `NotTaken`, `BadConfig`, `BadModel`, `BadRead`, `Overloaded`, `KeysUnreadable`,
    `StoreUnavailable`.
    """
    clock = clock or WallClock()
    store = SqlStore(config.database, live=live)
    try:
        meter = await store.run(lambda tx: known(tx, name))
        _check(config, meter, line)
        examined = Examination(meter, By(who, clock.now(), why), clock)
        chance, shelf = chance or SystemChance(), Shelf(config.direct.models)
        if line is None and not reached_alone(meter):
            await _ask_by_order(examined, store, config, clock, chance, shelf, wait_s)
        else:
            there = meter if line is None else replace(meter, address=line, concentrator=None)
            own = OwnAccess(KeyVault(store, _envelope(config)), config.direct.title)
            await _examine(examined, there, own, shelf, dialling or Dialler(), clock, chance)
        after = await store.run(lambda tx: conclude(tx, examined))
        return Commissioned(after, examined.held, tuple(examined.checks))
    finally:
        await store.close()


def _envelope(config: Config) -> Envelope:
    envelope = envelope_of(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key opens them; set keys.envelope_file")
    return envelope


def _check(config: Config, meter: Meter, line: str | None) -> None:
    refused = taken(meter, Step.COMMISSION)
    if isinstance(refused, Refusal):
        raise NotTaken.of(refused)
    if line is None and meter.lane is None:
        raise NotTaken(
            f"meter {meter.name} is linked to no concentrator, and has no address of its own",
            f"link it: ami meter link {meter.name} CONCENTRATOR; or name a line to it, such as a"
            f" probe's: ami meter commission {meter.name} --line /dev/ttyUSB0",
            "no-line",
        )
    if line is None and not reached_alone(meter) and not is_served(config):
        raise NotTaken(
            f"meter {meter.name} is reached by way of {meter.lane}, and no head-end runs here",
            "start it: ami serve; or name a line to the meter: --line",
            "needs-head-end",
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


async def _ask_by_order(
    examined: Examination,
    store: SqlStore,
    config: Config,
    clock: Clock,
    chance: Chance,
    shelf: Shelf,
    wait_s: float,
) -> None:
    """Have the head-end that runs read the meter; look at what came, or why nothing did."""
    policy = config.orders
    settling = Settling(chance, policy, lambda: None)
    acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
    reads = Reads(store, clock, chance, shelf, acceptance)
    deadline = clock.now() + timedelta(seconds=wait_s)
    name = examined.meter.name
    order = await reads.place(name, WORDS, source=COMMISSIONING, deadline=deadline)
    number = order.number
    while not order.final and clock.now() < deadline:
        await asyncio.sleep(LOOK_EVERY_S)
        found = await store.run(lambda tx: tx.order(number))
        assert found is not None, "orders stay"
        order = found
    examine(examined, order)
