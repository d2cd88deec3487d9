"""Servers on a loop of their own, in a thread: tests come and go, and a server takes a second to
start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from asyncua.server.address_space import AttributeValue, NodeData
from asyncua.server.internal_server import InternalServer

T = TypeVar("T")

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)


@dataclass(slots=True)
class SetClock:
    """A clock that stands where it was put."""

    at: datetime = AT

    def now(self) -> datetime:
        return self.at


_load = InternalServer.load_standard_address_space
_made: dict[Any, NodeData] = {}


async def _loaded(server: InternalServer, *_: Any) -> None:
    """The standard's six thousand nodes take the library a second: they are made once for all the
    servers of a test process, and copied for each."""
    if not _made:
        await _load(server)
        _made.update({id: _copied(node) for id, node in server.aspace._nodes.items()})
        return
    server.aspace._nodes = {id: _copied(node) for id, node in _made.items()}


def _copied(node: NodeData) -> NodeData:
    fresh = NodeData(node.nodeid)
    fresh.attributes = {
        which: AttributeValue(deepcopy(each.value) if _changes(node) else each.value)
        for which, each in node.attributes.items()
    }
    fresh.references = [*node.references]
    return fresh


def _changes(node: NodeData) -> bool:
    """The Server object's own values are written to in place."""
    return any(it.NodeId.Identifier == _SERVER for it in node.references if not it.IsForward)


_SERVER = 2253  # OPC 10000-5: the Server object


InternalServer.load_standard_address_space = _loaded


class Host:
    """`do` runs something on the servers' loop and waits for it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="servers")
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60.0)

    @contextmanager
    def hold(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Inside of a context that lives on the servers' loop."""
        value = self.do(context.__aenter__())
        try:
            yield value
        finally:
            self.do(context.__aexit__(None, None, None))

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def host() -> Iterator[Host]:
    running = Host()
    try:
        yield running
    finally:
        running.close()
