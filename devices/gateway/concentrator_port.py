"""A concentrator's own port on TCP, for any DLMS client: by the wrapper (IEC 62056-47).

For the live loop only.  What a connection brings enters the world at the world's present time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from devices.concentrator.local_port import LocalPort
from devices.gateway.tcp import Listener
from devices.gateway.wrapper_line import WrapperLine

Enter = Callable[[Callable[[], list[bytes]]], list[bytes]]
"""Lets what it is given happen in the world, now."""


def line_of(port: LocalPort, enter: Enter, transmit: Callable[[bytes], None]) -> WrapperLine:
    """One connection to a concentrator."""
    associations, world = port.open_link(), port.concentrator.env

    def ask(apdu: bytes, client: int, server: int) -> list[bytes]:
        return enter(lambda: associations.take(apdu, client=client, server=server, now=world.now))

    return WrapperLine(ask, transmit, gone=associations.close)


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
            make_line = partial(line_of, local[name], enter)
            listener = await stack.enter_async_context(Listener(make_line))
            opened[name] = (await listener.listen(host, number))[1]
        yield opened
