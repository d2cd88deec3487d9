"""The door of REST and the pages on a loopback port, over a small store that is filled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import APIRouter

from headend.access.sessions import Sessions
from headend.app.http import open_door
from headend.app.oidc import provider_login
from headend.clock import LoopClock, WallClock
from headend.config.web import Web
from headend.domain.account import Role
from headend.ports import Clock
from headend.ports.adapters import Adapters
from headend.qa.desk import QaDesk
from headend.rest.door import bounded, uvicorn_options
from headend.web.board import Board
from headend.web.consulta.asking import Unconfigured
from headend.web.consulta.realtime import RealTime
from headend.web.door import application, beside
from headend.web.visit import WebParts
from tests.conftest import SIMULATED_START
from tests.rest.house import ALL, Door, the_app


@dataclass
class Ground(Door):
    """What a browser meets.  `url` is where; accounts are made as they log in."""

    web: Web = field(default_factory=Web)
    url: str = ""
    people: set[str] = field(default_factory=set)
    adapters: Adapters = field(default_factory=Unconfigured)
    qa: QaDesk | None = None
    wall: bool = False  # the machine's own time, where another program's tokens tell it
    board: Board = field(default_factory=Board)

    def __post_init__(self) -> None:
        super().__post_init__()
        # Today is always the same day, however long this machine is up.
        began = timedelta(seconds=asyncio.get_running_loop().time())
        self.clock: Clock = WallClock() if self.wall else LoopClock(SIMULATED_START - began)
        parts = self.parts
        for part in (self.desk, self.guard, parts, parts.placing, parts.tasks):
            object.__setattr__(part, "clock", self.clock)
        self.store.telling = True
        self.realtime = RealTime(self.adapters, self.clock)
        self.sessions = Sessions(self.store, self.clock, self.desk.chance, self.web)
        oidc = self.config.oidc
        self.provider = None if oidc is None else provider_login(oidc, self.guard, self.sessions)

    async def numbered(self) -> None:
        """Changes have their places, and who listens hears of them."""
        await self.store.run(lambda tx: tx.number_changes(1000))
        self.parts.feed.wake()

    async def someone(self, *roles: Role) -> str:
        """The text of a session of an account with these roles, all of them where none is named."""
        name = "-".join(roles) or ALL
        if name != ALL and name not in self.people:
            await self.account(name, *roles)
            self.people.add(name)
        return await self.sessions.open(name, source="127.0.0.1")


@contextlib.asynccontextmanager
async def opened(ground: Ground | None = None, *more: APIRouter) -> AsyncIterator[Ground]:
    """A ground that serves, as the live head-end would serve it; `more` are pages of a test."""
    ground = ground or Ground()
    await ground.open()
    rest = the_app(ground.parts)
    web = WebParts(
        ground.parts, ground.desk, ground.sessions, secure=False, rest_description=rest.openapi,
        soap_url="http://127.0.0.1:8000/soap", realtime=ground.realtime,
        qa=ground.qa, provider=ground.provider, board=ground.board,
    )  # fmt: skip
    pages = application(web)
    for router in more:
        pages.include_router(router)
    app = bounded(beside(rest, pages), ground.parts)
    async with AsyncExitStack() as stack:
        port = await open_door(app, uvicorn_options(ground.config.rest), "127.0.0.1", 0, stack)
        stack.callback(ground.parts.feed.close)
        if ground.provider is not None:
            stack.push_async_callback(ground.provider.provider.close)
        if ground.qa is not None:
            ground.qa.open()
            stack.push_async_callback(ground.qa.close)
        ground.url = f"http://127.0.0.1:{port}"
        yield ground
