"""Pages that show what changes as it comes (server-sent events).

An element with `data-live="/live?kind=order"` has the script `live.js` listen there, and with each
`changed` fetch the page anew and put in the parts that have `data-part`.  A page that follows
something else gives it a route of its own with `followed`.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response, Security
from starlette.responses import StreamingResponse

from headend.domain.account import Permission
from headend.domain.change import ChangeKind
from headend.rest.feed import LISTENERS_MAX
from headend.rest.problems import Problem
from headend.rest.stream import NEEDS
from headend.store import change_queries as queries
from headend.web.visit import Visit, visiting

EVERY_S = 1.0  # how often what has no feed is looked at
HEARTBEAT_S = 15.0
RETRY_MS = 3000
TEXT = "text/event-stream"

router = APIRouter(include_in_schema=False)


@router.get("/live")
async def live(
    visit: Annotated[Visit, Security(visiting, scopes=[Permission.STREAM_READ])],
    kind: Annotated[list[ChangeKind], Query()] = [],  # noqa: B006
) -> Response:
    """A word with each change of these kinds that the visitor may see."""
    feed = visit.parts.feed
    kinds = {each for each in kind or ChangeKind if visit.may(NEEDS[each])}
    behind, count = None, 0

    async def changes() -> object:
        nonlocal behind, count
        if behind is None:
            behind = await visit.parts.read(queries.head)
        while page := await feed.after(behind):
            behind = page[-1].position
            count += sum(change.kind in kinds for change in page)
        return count

    return followed(visit, changes)


def marked(seen: object) -> str:
    """A mark of what was seen, short enough for a page's address of its stream."""
    return str(zlib.crc32(repr(seen).encode()))


def followed(
    visit: Visit,
    look: Callable[[], Awaitable[object]],
    *,
    known: object = None,
    every_s: float = EVERY_S,
) -> StreamingResponse:
    """A stream that says `changed` whenever what `look` sees is another than before, until the
    visitor leaves or the session ends.  `known` is what the page has seen, so that nothing is lost
    between the page and its stream.  Raises `Problem` where too many listen."""
    feed = visit.parts.feed
    if feed.listeners >= LISTENERS_MAX or feed.closed:
        raise Problem(
            503, "too-many-listeners", "There is no room.", "others listen already",
            "Load the page again in a minute.", {"Retry-After": "60"},
        )  # fmt: skip
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(_told(visit, look, known, every_s), media_type=TEXT, headers=headers)


async def _told(
    visit: Visit, look: Callable[[], Awaitable[object]], known: object, every_s: float
) -> AsyncIterator[bytes]:
    feed, clock = visit.parts.feed, visit.parts.clock
    began = beat = clock.now()
    async with feed.listening():
        seen = await look() if known is None else known
        yield f"retry: {RETRY_MS}\nevent: start\ndata: {{}}\n\n".encode()
        while not feed.closed and (clock.now() - began).total_seconds() < feed.stay_max_s:
            await feed.wait(every_s)
            found = await look()
            if found != seen:
                seen = found
                yield b"event: changed\ndata: {}\n\n"
            if (clock.now() - beat).total_seconds() >= HEARTBEAT_S:
                beat = clock.now()
                text = visit.request.cookies.get(visit.web.session_cookie, "")
                if await visit.web.sessions.known(text, asks=False) is None:
                    yield b"event: end\ndata: {}\n\n"
                    return
                yield b":\n\n"
