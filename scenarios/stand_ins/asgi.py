"""A client of a web application in this process: requests in, answers out, by ASGI 3.0.

Under the simulated clock no socket can be waited for; the application's own door is called as its
server would call it, so that routes, tokens and bounds are the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
ADDRESS = ("192.0.2.7", 40_000)  # of documentation's network (RFC 5737)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes

    @property
    def told(self) -> Any:
        """The JSON in it; None where it has none."""
        return json.loads(self.body) if self.body else None


async def ask(
    app: Application,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask once, and wait for all of the answer."""
    status, parts = 0, []

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await app(_scope(method, path, headers), _receiver(body), send)
    return Answer(status, b"".join(parts))


async def lines(app: Application, path: str, headers: dict[str, str]) -> AsyncIterator[str]:
    """The lines of an answer that does not end, as they come."""
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            waiting.put_nowait(message.get("body", b""))

    async def answer() -> None:
        try:
            await app(_scope("GET", path, headers), _receiver(b""), send)
        finally:
            waiting.put_nowait(None)

    answering = asyncio.ensure_future(answer())
    rest = b""
    try:
        while (octets := await waiting.get()) is not None:
            *whole, rest = (rest + octets).split(b"\n")
            for line in whole:
                yield line.decode()
        await answering
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def _receiver(body: bytes) -> Callable[[], Awaitable[Message]]:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # the client stays until the answer is complete
        raise AssertionError

    return receive


def _scope(method: str, path: str, headers: dict[str, str] | None) -> Message:
    split = urlsplit(path)
    named = {"host": "head-end", "content-type": "application/json", **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": split.path,
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        "client": ADDRESS,
        "server": ("head-end", 80),
    }
