"""The REST door on a store with a few devices, asked without sockets, on the simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import httpx2
from fastapi import FastAPI

from headend.app.calendar import working_days
from headend.app.campaigns import desk_over
from headend.app.shipments_asked import ShipmentDesk
from headend.collection.asking import Reads
from headend.config import Config, OrderPolicy
from headend.config.warehouse import Party, WarehousePolicy
from headend.domain.account import Permission, Role
from headend.domain.meter import Concentrator, Meter
from headend.models import Shelf
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.ports import Transaction
from headend.registry.commissioning_asked import conclude_asked
from headend.rest.asking import Parts
from headend.rest.door import application, bounded
from headend.rest.feed import Feed
from headend.rest.metrics import Metrics
from headend.rest.placing import Placing
from headend.service_levels.definition import read
from headend.tasks.desk import TaskDesk
from headend.tasks.kinds import kinds
from headend.tasks.ours import OURS
from tests.access.making import BY, House

T = TypeVar("T")

ALL = "all"
"""An account that has every role."""


@cache
def _built() -> FastAPI:
    return application(cast(Parts, None))


def the_app(parts: Parts) -> FastAPI:
    """The application with these parts behind it: made once, as that takes a quarter second."""
    app = _built()
    app.state.parts = parts
    return app


@dataclass
class Door(House):
    """A house with the door in front of it."""

    config: Config = field(
        default_factory=lambda: Config(
            orders=OrderPolicy(waiting_max=20),
            warehouse=WarehousePolicy(party=(Party(name="everybody", account=ALL),)),
        )
    )
    healthy: dict[str, bool] = field(default_factory=lambda: {"broker": True, "work": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        policy = self.config.orders
        settling = Settling(self.desk.chance, policy, lambda: None, [conclude_asked])
        acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
        reads = Reads(self.store, self.clock, self.desk.chance, Shelf(None), acceptance)
        self.parts = Parts(
            guard=self.guard,
            read=self._read,
            placing=Placing(
                Inbox(self.store, self.clock, self.desk.chance),
                acceptance,
                Withdrawal(settling),
                reads,
                self.store,
                self.clock,
            ),
            campaigns=desk_over(reads, settling),
            clock=self.clock,
            config=self.config,
            metrics=Metrics(),
            healthy=lambda: self.healthy,
            feed=Feed(self._read, poll_s=60.0),
            levels=read(),
            outside=self._outside,
            shipments=ShipmentDesk(self.store, self.config),
            tasks=TaskDesk(self.store, self.clock, ZoneInfo(policy.zone), kinds(OURS)),
        )
        self._tokens: dict[tuple[Permission, ...], str] = {}

    async def open(self) -> Door:
        """Put devices and an account in place."""

        def work(tx: Transaction) -> None:
            tx.put_concentrators([Concentrator(f"C-{number}") for number in range(3)])
            tx.put_meters(
                Meter(f"M{number:03}", "C-1", commissioned=number != 13) for number in range(20)
            )

        await self.store.run(work)
        await self.account(ALL, *Role, password=None)
        return self

    async def ask(
        self,
        method: str,
        path: str,
        *scopes: Permission,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx2.Response:
        """One question, with a token of these scopes; with none where there are no scopes."""
        if scopes and token is None:
            if scopes not in self._tokens:
                made = await self.desk.create_token(ALL, BY, scopes=scopes)
                self._tokens[scopes] = made[1]
            token = self._tokens[scopes]
        app = the_app(self.parts)
        shown = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(
                app=bounded(app, self.parts), raise_app_exceptions=False,
                client=("192.0.2.7", 4711),
            ),
            base_url="http://headend",
        ) as http:  # fmt: skip
            return await http.request(method, path, headers=shown | (headers or {}), **rest)

    async def _outside(self, work: Callable[[], T]) -> T:
        return work()

    async def _read(self, query: Callable[[Any], T]) -> T:
        return self.store.read(query)
