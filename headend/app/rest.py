"""The REST door of a live head-end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from starlette.types import ASGIApp

from headend.access.desk import AccountDesk
from headend.access.first import first_administrator
from headend.access.oidc.login import ProviderLogin
from headend.access.sessions import Sessions
from headend.app.head_end import HeadEnd
from headend.app.http import address, open_door
from headend.app.oidc import provider_login
from headend.app.shipments_asked import ShipmentDesk
from headend.changes.numbering import SIMULATED_POLL_S
from headend.config import BadConfig
from headend.orders.inbox import Inbox
from headend.orders.withdraw import Withdrawal
from headend.qa.desk import QaDesk
from headend.rest.asking import Parts
from headend.rest.door import application, bounded, uvicorn_options
from headend.rest.feed import POLL_S, Feed
from headend.rest.metrics import Metrics
from headend.rest.placing import Placing
from headend.web import door as web_door
from headend.web.consulta.realtime import RealTime
from headend.web.visit import WebParts

T = TypeVar("T")


def rest_parts(
    head_end: HeadEnd, healthy: Callable[[], dict[str, bool]], *, live: bool = True
) -> Parts:
    """What the routes need, of a head-end.  `live` False keeps all in the caller's thread, as the
    simulated clock demands."""
    reads = head_end.ordering.reads

    async def outside(work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work) if live else work()

    async def read(query: Callable[[Any], T]) -> T:
        return await outside(lambda: head_end.store.read(query))

    return Parts(
        guard=head_end.guard,
        read=read,
        placing=Placing(
            Inbox(reads.store, reads.clock, reads.chance),
            reads.acceptance,
            Withdrawal(head_end.ordering.settling),
            reads,
            reads.store,
            reads.clock,
        ),
        campaigns=head_end.caring.campaigns,
        clock=reads.clock,
        config=head_end.config,
        metrics=Metrics(),
        healthy=healthy,
        feed=Feed(read, poll_s=POLL_S if live else SIMULATED_POLL_S),
        outside=outside,
        shipments=ShipmentDesk(head_end.store, head_end.config),
        levels=head_end.telling.measuring.levels,
        tasks=head_end.associating.desk,
    )


def simulated_door(head_end: HeadEnd) -> ASGIApp:
    """The door's application under the simulated clock, to be asked without sockets."""
    parts = rest_parts(head_end, lambda: {"broker": True, "work": True}, live=False)
    head_end.telling.numbering.numbered.append(parts.feed.wake)
    return bounded(application(parts, version=_version()), parts)


def web_parts(head_end: HeadEnd, parts: Parts, soap_url: str | None = None) -> WebParts:
    """What the pages need, beside what the routes do."""
    return WebParts(
        parts,
        account_desk(head_end),
        _sessions(head_end),
        secure=head_end.config.rest.tls is not None,
        soap_url=soap_url,
        realtime=RealTime(head_end.associating.adapters, head_end.guard.clock),
        board=head_end.board,
    )


def _sessions(head_end: HeadEnd) -> Sessions:
    clock, chance = head_end.guard.clock, head_end.ground.chance
    return Sessions(head_end.store, clock, chance, head_end.config.web)


def account_desk(head_end: HeadEnd) -> AccountDesk:
    """Where the head-end's own accounts are kept."""
    guard, chance = head_end.guard, head_end.ground.chance
    return AccountDesk(head_end.store, guard.clock, chance, guard.passwords, head_end.config.access)


def qa_desk(head_end: HeadEnd, stack: AsyncExitStack) -> QaDesk | None:
    """The QA console's desk, which ends what it has started when the stack is left; None where it
    is not configured.  Raises `BadConfig`."""
    config = head_end.config.qa
    if config is None:
        return None
    desk = QaDesk(config, head_end.guard.clock)
    try:
        desk.open()
    except OSError as error:
        raise BadConfig(f"qa.folder: {config.folder}: {error.strerror}") from error
    stack.push_async_callback(desk.close)
    return desk


def identity_provider(head_end: HeadEnd, stack: AsyncExitStack) -> ProviderLogin | None:
    """Logins by the utility's identity provider, which is asked nothing any more when the stack is
    left; None where it is not configured.  Raises `BadConfig`."""
    config = head_end.config.oidc
    if config is None:
        return None
    login = provider_login(config, head_end.guard, _sessions(head_end))
    stack.push_async_callback(login.provider.close)
    return login


async def make_first_administrator(head_end: HeadEnd) -> str | None:
    """The one-time password of the first administrator, where it was made now: at the first start
    of a head-end that has pages."""
    config = head_end.config
    if config.rest.port is None or not config.web.enabled:
        return None
    return await first_administrator(account_desk(head_end))


def whole_door(
    head_end: HeadEnd,
    parts: Parts,
    soap_url: str | None = None,
    qa: QaDesk | None = None,
    provider: ProviderLogin | None = None,
) -> ASGIApp:
    """What answers at the door: the routes, and the pages where they are enabled."""
    routes = application(parts, version=_version())
    if not head_end.config.web.enabled:
        return bounded(routes, parts)
    web = replace(
        web_parts(head_end, parts, soap_url),
        rest_description=routes.openapi, qa=qa, provider=provider,
    )  # fmt: skip
    return bounded(web_door.beside(routes, web_door.application(web)), parts)


async def open_rest(
    head_end: HeadEnd,
    healthy: Callable[[], dict[str, bool]],
    stack: AsyncExitStack,
    soap_url: str | None = None,
) -> str | None:
    """Open the door; its URL, None where none is configured.  Raises `DoorTaken`, and
    `BadConfig` for a QA console's folder, or an identity provider's secret, that cannot be
    used."""
    rest = head_end.config.rest
    if rest.port is None:
        return None
    parts = rest_parts(head_end, healthy)
    head_end.telling.numbering.numbered.append(parts.feed.wake)
    pages = head_end.config.web.enabled
    qa = qa_desk(head_end, stack) if pages else None
    provider = identity_provider(head_end, stack) if pages else None
    app = whole_door(head_end, parts, soap_url, qa, provider)
    port = await open_door(app, uvicorn_options(rest), rest.host, rest.port, stack)
    stack.callback(parts.feed.close)  # before the door, which waits for its answers to end
    return f"{address(rest.host, port, tls=rest.tls is not None)}/api/v1"


def _version() -> str:
    try:
        return version("ami-headend")
    except PackageNotFoundError:
        return "0"
