"""How large a question may be, and how long it may take to come; and headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headend.rest.problems import Problem

BODY_TIMEOUT_S = 30.0
SECURED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Bounded:
    """An ASGI application around another.  `instead` says, by path, what to do with what is too
    large for it."""

    app: ASGIApp
    body_max: int
    instead: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURED.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            body = await _read(receive, self.body_max, self.instead.get(scope["path"]))
        except Problem as problem:
            await problem.answer()(scope, receive, secured)
            return
        given = False

        async def read() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, read, secured)


async def _read(receive: Receive, most: int, instead: str | None) -> bytes:
    """The whole body.  Raises `Problem`."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise Problem(
                        413, "too-large", "The question is too large.",
                        f"more than {most} octets", instead or "Ask for less at once.",
                        {"Connection": "close"},
                    )  # fmt: skip
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise Problem(
            408, "too-slow", "The question did not come whole.",
            f"within {BODY_TIMEOUT_S:.0f} s", "Send it again.", {"Connection": "close"},
        ) from error  # fmt: skip
    return b"".join(parts)
