"""A concentrator's own port on TCP, for any DLMS client: by the wrapper (IEC 62056-47).

For the live loop only.  What a connection brings enters the world at the world's present time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from devices.concentrator.local_port import LocalPort
from devices.gateway.tcp import Listener, wrapper_link
from protocols.link import ApduReceived, Down, LinkDown
from protocols.sans_io import NEED_DATA

Enter = Callable[[Callable[[], list[bytes]]], list[bytes]]
"""Lets what it is given happen in the world, now."""


class ConcentratorLine:
    """One connection to a concentrator."""

    def __init__(self, port: LocalPort, enter: Enter, transmit: Callable[[bytes], None]) -> None:
        self._port = port
        self._enter = enter
        self._transmit = transmit
        self._link = wrapper_link()
        self._associations = port.open_link()
        self._loop = asyncio.get_running_loop()
        self.broken = False
        """Whether the client speaks something else, so that the line is of no use any more."""

    def receive(self, octets: bytes) -> None:
        """Take in what the connection brought."""
        link = self._link
        link.receive_data(octets, now=self._loop.time())
        while (event := link.next_event()) is not NEED_DATA:
            match event:
                case ApduReceived(apdu, client, server):
                    self._ask(apdu, client, server)
                case LinkDown(reason):
                    self.broken = self.broken or reason is Down.BROKEN
                case _:
                    pass
        while (answer := link.data_to_send()) is not None:
            self._transmit(answer)

    def close(self) -> None:
        """The connection is gone."""
        self._associations.close()

    def _ask(self, apdu: bytes, client: int, server: int) -> None:
        world = self._port.concentrator.env

        def take() -> list[bytes]:
            return self._associations.take(apdu, client=client, server=server, now=world.now)

        for answer in self._enter(take):
            self._link.send(answer, client=client, server=server, now=self._loop.time())


@asynccontextmanager
async def ports(
    wanted: Mapping[str, int], local: Mapping[str, LocalPort], host: str, enter: Enter
) -> AsyncIterator[dict[str, int]]:
    """These concentrators' ports on TCP; where each listens.  Port 0 takes a free one.

    Raises OSError.
    """
    async with AsyncExitStack() as stack:
        opened = {}
        for name, number in wanted.items():
            make_line = partial(ConcentratorLine, local[name], enter)
            listener = await stack.enter_async_context(Listener(make_line))
            opened[name] = (await listener.listen(host, number))[1]
        yield opened
