"""Where meters call us: TCP for those that dial in and for pushes, UDP beside it for pushes.

A caller may say who it is by a push; one that says nothing is asked, by the public client, for its
logical device name.  Until then it is a stranger, and there is room for few.  Afterwards its line
is kept for orders to the meter, and what it pushes meanwhile is taken in.  A name proves nothing:
orders go out only inside an association in which the meter proves its key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from headend.config import DirectPolicy
from headend.domain.failure import Failure
from headend.domain.meter import Meter
from headend.field.direct.access import Access
from headend.field.direct.caller import FRAME_MAX, PUSH_TAGS, Caller, KeptLine
from headend.field.direct.conversation import Conversation
from headend.field.direct.line import Line, LineError, NotConnected
from headend.field.direct.tcp_line import TcpLine
from headend.models import Shelf
from headend.ports import Chance, Clock, Store
from protocols import wrapper
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures.identify import text_of
from protocols.dlms.services import AttributeDescriptor

NAME = AttributeDescriptor(1, LogicalName("0.0.42.0.0.255"), 2)
DATAGRAMS_WAITING_MAX = 1000

Take = Callable[[bytes, str, str | None], Awaitable[Meter | None]]
"""Keeps a push: its octets, where it came from, and whose connection it was."""

_log = structlog.get_logger("field")


@dataclass(slots=True)
class Listening:
    """See the module.  Implements `dialling.Callers`."""

    take: Take
    store: Store
    clock: Clock
    chance: Chance
    shelf: Shelf
    policy: DirectPolicy
    _server: asyncio.Server | None = None
    _datagrams: asyncio.DatagramTransport | None = None
    _callers: dict[str, Caller] = field(default_factory=dict)
    _strangers: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _waiting: asyncio.Queue[tuple[bytes, str]] = field(
        default_factory=lambda: asyncio.Queue(DATAGRAMS_WAITING_MAX)
    )

    async def start(self, port: int) -> int:
        """Listen on both transports; the port.  Raises OSError."""
        host = self.policy.listen_host
        self._server = await asyncio.start_server(self._accept, host, port)
        port = int(self._server.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._waiting), local_addr=(host, port)
        )
        self._keep(self._take_datagrams())
        return port

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def connected(self) -> tuple[str, ...]:
        """The meters whose lines are kept, by name."""
        return tuple(sorted(self._callers))

    async def line_of(self, meter: Meter) -> Line:
        """See `dialling.Callers`."""
        try:
            async with asyncio.timeout(self.policy.call_wait_s), self._came:
                await self._came.wait_for(lambda: meter.name in self._callers)
        except TimeoutError as error:
            raise NotConnected(
                f"meter {meter.name} has no connection",
                f"it did not call within {self.policy.call_wait_s:g} s",
                "wait for its next call, or look at its router",
            ) from error
        return KeptLine(self._callers[meter.name])

    # --- a connection ----------------------------------------------------------------------------

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._strangers >= self.policy.strangers_max:
            _log.warning("too many strangers", came_from=str(writer.get_extra_info("peername")))
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        caller = Caller(TcpLine.accepted(reader, writer))
        try:
            await self._serve(caller)
        except (LineError, asyncio.CancelledError):
            pass  # it hung up, or we stop
        except Exception as error:
            _log.error("a caller's connection broke", came_from=caller.line.name, why=repr(error))
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(LineError):
                await caller.line.close()
            if caller.meter is not None and self._callers.get(caller.meter) is caller:
                del self._callers[caller.meter]

    async def _serve(self, caller: Caller) -> None:
        self._strangers += 1
        try:
            async with asyncio.timeout(self.policy.identify_s):
                meter = await self._who(caller)
        except TimeoutError:
            meter = None
        finally:
            self._strangers -= 1
        if meter is None:
            _log.warning("hung up on a stranger", came_from=caller.line.name)
            return
        await self._attend(caller, meter)

    async def _who(self, caller: Caller) -> str | None:
        """Whose connection it is: by what it pushes, or else by its name."""
        until = asyncio.get_running_loop().time() + self.policy.hello_s
        while await self._heard(caller, until):
            if (meter := await self._take_pushes(caller)) is not None:
                await self._stays(caller)
                return meter
        conversation = Conversation(
            KeptLine(caller),
            self.shelf.get("generic"),
            Access(),
            clock=self.clock,
            chance=self.chance,
            role="public",
            probing_timeout_s=self.policy.framing_s,
        )
        async with conversation:
            opened = await conversation.open()
            read = opened if isinstance(opened, Failure) else await conversation.read(NAME)
        if isinstance(read, Failure):
            # It may have said it all, and hung up, when we had begun to ask.
            if (meter := await self._take_pushes(caller)) is None:
                _log.warning("nobody known", came_from=caller.line.name, why=str(read))
                return None
            await self._stays(caller)
            return meter
        name = text_of(read[0])
        if name is None:
            return None
        known = await self.store.run(lambda tx: tx.meter_called(name))
        return None if known is None else known.name

    async def _stays(self, caller: Caller) -> None:
        """Many connect for one push and hang up, which must not displace a line that is kept.

        Raises `LineLost`.
        """
        until = asyncio.get_running_loop().time() + self.policy.hello_s
        while await self._heard(caller, until):
            await self._take_pushes(caller)

    async def _heard(self, caller: Caller, until: float) -> bool:
        """Whether it said something before a moment of the loop's time.  Only hearing ends then: a
        push that the store is slow to keep is kept.  Raises `LineLost`."""
        try:
            async with asyncio.timeout_at(until):
                await caller.read()
        except TimeoutError:
            return False
        return True

    async def _attend(self, caller: Caller, meter: str) -> None:
        """Keep the line: lend it to orders, and take in what it pushes between them."""
        caller.meter = meter
        older = self._callers.get(meter)
        if older is not None:
            await older.line.close()
        async with self._came:
            self._callers[meter] = caller
            self._came.notify_all()
        _log.info("a meter has called", meter=meter, came_from=caller.line.name)
        while caller.lost is None:
            await caller.listen()
            await self._take_pushes(caller)

    async def _take_pushes(self, caller: Caller) -> str | None:
        """Take in what was laid aside; the meter that said it."""
        found: str | None = None
        while caller.pushes:
            apdu = caller.pushes.pop(0)
            meter = await self.take(apdu, caller.line.name, caller.meter)
            found = found or (None if meter is None else meter.name)
        return found

    async def _take_datagrams(self) -> None:
        while True:
            octets, came_from = await self._waiting.get()
            try:
                for frame in wrapper.Decoder(FRAME_MAX).feed(octets):
                    if frame.apdu[:1] and frame.apdu[0] in PUSH_TAGS:
                        await self.take(frame.apdu, came_from, None)
            except wrapper.BrokenStream:
                pass  # noise
            except Exception as error:  # the next one may be taken all the same
                _log.error("a datagram was not taken", came_from=came_from, why=repr(error))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, waiting: asyncio.Queue[tuple[bytes, str]]) -> None:
        self._waiting = waiting

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # dropped, as a network would
            self._waiting.put_nowait((data, f"udp://{addr[0]}:{addr[1]}"))
