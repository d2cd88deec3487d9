"""Carries a live meter's pushes: by a connection, a datagram, or UI frames on its serial line.

The transports are those of a push setup's `transport_service_type` (Blue Book 4.4.8): here TCP, UDP
and HDLC.  What cannot be carried is told to the meter, which tries again as its setup says.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from devices.meter.identity import SERVER_SAP
from devices.meter.push import Push
from protocols import wrapper

TCP, UDP, HDLC = 0, 1, 5

CONNECT_TIMEOUT_S = 10.0
"""After which a receiver is not there."""

_DESTINATION = re.compile(rb"\[?([^\]\s]+?)\]?:(\d{1,5})")

PushOnLine = Callable[[bytes, int], bool]
"""Transmit an APDU to a client on a serial line; False where there is none that could."""


async def carry(push: Push, push_on_line: PushOnLine) -> bool:
    """Whether the push left."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if push.transport == TCP:
                await _by_connection(*_address(push.destination), framed(push))
            elif push.transport == UDP:
                await _by_datagram(*_address(push.destination), framed(push))
            else:
                return push.transport == HDLC and push_on_line(push.apdu, push.client)
    except (OSError, TimeoutError, ValueError):
        return False
    return True


def framed(push: Push) -> bytes:
    """The push as it travels by TCP and UDP."""
    return wrapper.encode(SERVER_SAP, push.client, push.apdu)


def _address(destination: bytes) -> tuple[str, int]:
    """Raises ValueError."""
    found = _DESTINATION.fullmatch(destination)
    if found is None:
        raise ValueError(f"{destination!r} is not HOST:PORT")
    return found[1].decode("ascii"), int(found[2])


async def _by_connection(host: str, port: int, octets: bytes) -> None:
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(octets)
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


async def _by_datagram(host: str, port: int, octets: bytes) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=(host, port)
    )
    try:
        transport.sendto(octets)
    finally:
        transport.close()
