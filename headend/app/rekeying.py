"""Wires key changes for a command: placed as orders in a head-end's database.

    async with rekeying(config) as desk:
        order = await desk.place("4711")
        order = await desk.carry_out(order.number)      # where no head-end runs

A head-end that serves the database sees the order before long and carries it out.  Without one the
desk does, by the same steps: both lease an order before they touch it, so they never meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from headend.access import lines
from headend.app.access import by_command
from headend.app.calendar import working_days
from headend.app.key_storage import envelope_of, journal_of
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.domain.meter import DIALS_IN
from headend.domain.order import Kind, Order
from headend.field.direct.dialling import Dialler
from headend.field.direct.performing import Dialling, DirectField
from headend.models import Shelf
from headend.orders.accept import Acceptance, Accepted, Overloaded, Submission, Wish
from headend.orders.breaker import Breaker
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.ports import Chance, Clock, StoreUnavailable, Transaction
from headend.store.occupancy import Occupied, occupied
from headend.store.store import SqlStore
from headend.store.vault import KeyVault

__all__ = [
    "BadConfig",
    "KeyDesk",
    "NeedsHeadEnd",
    "Occupied",
    "Overloaded",
    "StoreUnavailable",
    "is_served",
    "rekeying",
]

WORKER = "rekey"
AGAIN_AFTER_S = 1.0  # where the meter is another order's at present


class NeedsHeadEnd(Exception):
    """Only a head-end that runs can carry this out."""


def is_served(config: Config) -> bool:
    """Whether a head-end runs on the configured database, under the configured worker's name."""
    try:
        with occupied(config.database, config.worker):
            return False
    except Occupied:
        return True


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """See the module."""

    store: SqlStore
    clock: Clock
    chance: Chance
    acceptance: Acceptance
    stepping: Stepping | None  # None where a head-end carries orders out

    async def place(self, meter: str, *, source: str) -> Order:
        """Store an order for new keys, or find the one that is under way; rejected where the keys
        cannot be changed from here.  Raises Overloaded, NeedsHeadEnd."""
        now, transaction, by = self.clock.now(), self.chance.uuid(), by_command()

        def work(tx: Transaction) -> Accepted:
            for order in tx.open_orders_of_meter(meter):
                if order.kind is Kind.CHANGE_KEYS:
                    return Accepted((order,))
            known = tx.meter(meter)
            if self.stepping is not None and known is not None and known.address == DIALS_IN:
                raise NeedsHeadEnd(f"meter {meter} calls the head-end, and none runs here")
            if self.stepping is not None and known is not None and known.address is None:
                if known.concentrator is not None:
                    behind = f"meter {meter} is behind concentrator {known.concentrator}"
                    raise NeedsHeadEnd(f"{behind}, and no head-end runs here that speaks with it")
            submission = Submission(source, (Wish(meter, Kind.CHANGE_KEYS),))
            accepted = self.acceptance.accept(tx, submission, transaction, at=now)
            told = f"order {accepted.orders[0].number}: {accepted.orders[0].state}"
            tx.add_audit(
                lines.done(
                    now, by.actor, Permission.KEY_CHANGE, f"meter {meter}", told, source=by.source
                )
            )
            return accepted

        accepted = await self.store.run(work)
        self.acceptance.announce(accepted)
        return accepted.orders[0]

    async def carry_out(self, number: int) -> Order:
        """Take the order's steps here until it has ended."""
        assert self.stepping is not None, "a head-end does"
        while not (order := await self.standing(number)).final:
            rest_s = (order.not_before - self.clock.now()).total_seconds()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            elif (held := await self.store.run(lambda tx: self._held(tx, number))) is None:
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                try:
                    await self.stepping.take(held)
                finally:
                    await self.store.run(lambda tx: tx.release(number, worker=WORKER))
        return order

    async def standing(self, number: int) -> Order:
        """The order as it is now."""
        order = await self.store.run(lambda tx: tx.order(number))
        assert order is not None, "orders stay"
        return order

    def _held(self, tx: Transaction, number: int) -> Order | None:
        """The order, leased to us; None while another process has it or one of its meter."""
        order, now = tx.order(number), self.clock.now()
        assert order is not None, "orders stay"
        if tx.meter_held(order.meter, now):
            return None
        # As a lane does: longer than a step.
        lease = timedelta(seconds=3 * self.acceptance.policy.attempt_window_s + 600)
        held = tx.hold_order(number, WORKER, now=now, until=now + lease, begun=True)
        return order if held else None


@asynccontextmanager
async def rekeying(
    config: Config,
    *,
    served: bool,
    dialling: Dialling | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
    live: bool = True,
) -> AsyncIterator[KeyDesk]:
    """The desk over a head-end's database; `served`: a head-end runs on it.

    Raises BadConfig where nothing opens the keys, Occupied where another command changes keys
    here, StoreUnavailable.
    """
    clock, chance = clock or WallClock(), chance or SystemChance()
    policy, days = config.orders, working_days(config.orders)
    settling = Settling(chance, policy, lambda: None)
    acceptance = Acceptance(policy, days, settling, lambda lanes: None)
    envelope = None if served else envelope_of(config)
    if envelope is None and not served:
        raise BadConfig(
            "no head-end runs here, and no key is configured that opens meters' keys."
            " Try: ami serve; or --config FILE with [keys] envelope_file, or AMI_ENVELOPE_KEY"
        )
    with nullcontext() if served else occupied(config.database, WORKER):
        store = SqlStore(config.database, live=live)
        try:
            stepping = None
            if envelope is not None:
                await store.run(lambda tx: tx.release_all(WORKER))  # of a command that was cut
                field = DirectField(
                    store,
                    clock,
                    chance,
                    Shelf(config.direct.models),
                    KeyVault(store, envelope, journal_of(config, clock)),
                    dialling or Dialler(),
                    config.direct,
                )
                stepping = Stepping(
                    store, clock, chance, field, None, policy, config.field, days, settling,
                    Breaker(policy),
                )  # fmt: skip
            yield KeyDesk(store, clock, chance, acceptance, stepping)
        finally:
            await store.close()
