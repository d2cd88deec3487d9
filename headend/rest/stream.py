"""/stream: events, incidents, orders' ends and readings as they come (server-sent events, HTML
Living Standard, 9.2), and on from where a listener left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import StreamingResponse

from headend.access.guard import Refused
from headend.domain.account import Caller, Permission
from headend.domain.change import Change, ChangeKind
from headend.rest.asking import HeadEnd, Parts, bearer, demand, known, source_of
from headend.rest.feed import LISTENERS_MAX
from headend.rest.problems import Problem, described
from headend.rest.within import restricted
from headend.store import change_queries as queries

router = APIRouter(prefix="/api/v1", tags=["stream"])

TEXT = "text/event-stream"
HEARTBEAT_S = 15.0
RETRY_MS = 3000
WAIT_MAX_S = 3600
NEEDS = {
    ChangeKind.EVENT: Permission.EVENT_READ,
    ChangeKind.INCIDENT: Permission.EVENT_READ,
    ChangeKind.ORDER: Permission.ORDER_READ,
    ChangeKind.READINGS: Permission.READING_READ,
}
"""What a listener needs besides, to be told of each kind."""


@router.get(
    "/stream",
    response_class=Response,
    responses={
        200: {"content": {TEXT: {}}, "description": "Events: id is a position, data is JSON."},
        **described(400, 401, 403, 410, 429, 503),
    },
)
async def listen(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.STREAM_READ])],
    kind: Annotated[
        list[ChangeKind] | None,
        Query(description="Only these; each needs its own scope. None: those that the token has."),
    ] = None,
    wait_s: Annotated[
        int,
        Query(ge=0, le=WAIT_MAX_S, description="Ends after it; 0 tells what there is and ends."),
    ] = WAIT_MAX_S,
    last: Annotated[
        int | None,
        Header(alias="Last-Event-ID", ge=0, le=2**53, description="Where a listener left."),
    ] = None,
) -> Response:
    """What changes, as it comes, each once and in one order for all workers. Come back with
    Last-Event-ID, as EventSource does by itself, and nothing is missed."""
    for each in kind or ():
        await demand(parts, request, caller, NEEDS[each], "GET /api/v1/stream")
    if parts.feed.listeners >= LISTENERS_MAX or parts.feed.closed:
        raise Problem(
            503, "too-many-listeners", "There is no room.", "others listen already",
            "Ask again in a minute.", {"Retry-After": "60"},
        )  # fmt: skip
    position = await _start(parts, last)
    shown = await bearer(request)
    listener = _Listener(
        parts,
        caller,
        frozenset(kind or ChangeKind),
        position,
        min(wait_s, parts.feed.stay_max_s),
        shown,
        source_of(request),
    )
    return StreamingResponse(listener.told(), media_type=TEXT, headers={"X-Accel-Buffering": "no"})


async def _start(parts: Parts, last: int | None) -> int:
    """The position to begin behind.  Raises `Problem` where what came after `last` is gone."""
    head, first = await parts.read(
        lambda connection: (queries.head(connection), queries.first(connection))
    )
    if last is None:
        return int(head)
    if last > head or (last < head and (first is None or first > last + 1)):
        raise Problem(
            410, "position-gone", "What came after this is not kept any more.",
            f"the position {last} is not among those from {first} to {head}",
            "Ask the lists for what you missed, and listen anew without Last-Event-ID.",
        )  # fmt: skip
    return last


@dataclass(slots=True)
class _Listener:
    parts: Parts
    caller: Caller
    kinds: frozenset[ChangeKind]
    position: int
    wait_s: float
    shown: HTTPAuthorizationCredentials | None
    source: str

    async def told(self) -> AsyncIterator[bytes]:
        """The stream's octets.  A page is taken only when the one before it has left."""
        feed, clock = self.parts.feed, self.parts.clock
        began = beat = clock.now()
        yield f"retry: {RETRY_MS}\nevent: start\nid: {self.position}\ndata: {{}}\n\n".encode()
        async with feed.listening():
            while True:
                while page := await feed.after(self.position):
                    self.position = page[-1].position
                    for change in await self._mine(page):
                        yield written(change)
                now = clock.now()
                left = self.wait_s - (now - began).total_seconds()
                if feed.closed or left <= 0:
                    yield f"id: {self.position}\n\n".encode()
                    return
                if (now - beat).total_seconds() >= HEARTBEAT_S:
                    beat = now
                    if (refused := await self._refused()) is not None:
                        yield f'event: end\ndata: {{"code":"{refused.code}"}}\n\n'.encode()
                        return
                    # An id without data: what was passed over need not be read again.
                    yield f":\nid: {self.position}\n\n".encode()
                await feed.wait(min(left, HEARTBEAT_S))

    async def _mine(self, page: list[Change]) -> list[Change]:
        """What this listener may be told of, and wants."""
        some = [
            change
            for change in page
            if change.kind in self.kinds and self.caller.may(NEEDS[change.kind])
        ]
        code = self.caller.place
        if code is None or not some:
            return some
        found: list[Change] = await self.parts.read(
            lambda connection: restricted(connection, some, code)
        )
        return found

    async def _refused(self) -> Refused | None:
        """Whether the token has ended meanwhile, or may less than it did."""
        assert self.shown is not None
        found = await self.parts.guard.show(self.shown.credentials, source=self.source)
        if isinstance(found, Refused):
            return found
        self.caller = found
        return await self.parts.guard.refuses(
            found, Permission.STREAM_READ, "GET /api/v1/stream", source=self.source
        )


def written(change: Change) -> bytes:
    """A change as an event.  JSON has no line ends, so its data is one line."""
    data = msgspec.json.encode(change)
    return f"event: {change.kind}\nid: {change.position}\ndata: ".encode() + data + b"\n\n"
