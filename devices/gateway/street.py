"""Many simulated meters of one process on TCP: each on a port of its own, or all behind one port,
each a logical device (IEC 62056-47: the wrapper's destination wPort).

A meter that nobody talks with costs a listening socket at most, and no time.  For the live loop
only; each meter is its own, so that what one client switches at one, another sees there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from devices.gateway.meter_line import LiveMeter
from devices.gateway.sockets import allow_sockets
from devices.gateway.tcp import Listener, MeterListener
from devices.gateway.wrapper_line import WrapperLine
from devices.meter.device import Meter
from devices.meter.identity import SERVER_SAP
from devices.meter.server import Endpoint

FIRST_LOGICAL_DEVICE = 16
"""Addresses below are reserved (Green Book 4.3.3, annex on reserved server addresses)."""
LOGICAL_DEVICES_MAX = 0xFFFF - FIRST_LOGICAL_DEVICE
CONNECTIONS = 448
"""That are wanted beside the sockets that listen; fewer have to do where the system says so."""

Keep = Callable[[Meter], None]
"""Writes a meter's state down: before anything leaves that shows it."""


def forgetting(meter: Meter) -> None:
    """A meter whose state ends with the process."""


@asynccontextmanager
async def on_ports(
    meters: Sequence[Meter],
    host: str,
    ports: Sequence[int],
    *,
    now: Callable[[], float],
    keep: Keep = forgetting,
) -> AsyncIterator[list[int]]:
    """Each meter on a port of its own; where they are.  Port 0 takes a free one.  Raises OSError.

    The process may then open as many sockets as that needs.  Raises `TooFewSockets` where the
    system does not let it.
    """
    allow_sockets(len(meters), wanted=len(meters) + CONNECTIONS)
    async with AsyncExitStack() as stack:
        opened = []
        for meter, port in zip(meters, ports, strict=True):
            live = await stack.enter_async_context(
                LiveMeter(meter, now=now, keep=partial(keep, meter))
            )
            listener = await stack.enter_async_context(MeterListener(live))
            opened.append((await listener.listen(host, port))[1])
        yield opened


@asynccontextmanager
async def by_logical_device(
    meters: Sequence[Meter],
    host: str,
    port: int,
    *,
    now: Callable[[], float],
    keep: Keep = forgetting,
) -> AsyncIterator[tuple[int, range]]:
    """All meters behind one port: where it is, and the logical devices, in the meters' order.

    Raises OSError, and ValueError for more meters than a wPort can tell apart.
    """
    if len(meters) > LOGICAL_DEVICES_MAX:
        raise ValueError(f"{len(meters)} logical devices; a wPort tells {LOGICAL_DEVICES_MAX}")
    devices = range(FIRST_LOGICAL_DEVICE, FIRST_LOGICAL_DEVICE + len(meters))
    async with AsyncExitStack() as stack:
        street = {}
        for device, meter in zip(devices, meters, strict=True):
            street[device] = await stack.enter_async_context(
                LiveMeter(meter, now=now, keep=partial(keep, meter))
            )

        def line(transmit: Callable[[bytes], None]) -> WrapperLine:
            conversations = Conversations(street)
            return WrapperLine(conversations.ask, transmit, gone=conversations.close)

        listener = await stack.enter_async_context(Listener(line))
        _, found = await listener.listen(host, port)
        yield found, devices


class Conversations:
    """What one connection has with each meter that it talks to: associations of its own."""

    def __init__(self, street: Mapping[int, LiveMeter]) -> None:
        self._street = street
        self._endpoints: dict[int, Endpoint] = {}

    def ask(self, apdu: bytes, client: int, device: int) -> list[bytes]:
        """The answers of a logical device.  One that is nobody's is silent."""
        live = self._street.get(device)
        if live is None:
            return []
        endpoint = self._endpoints.get(device)
        if endpoint is None:
            endpoint = self._endpoints[device] = live.meter.open_link()
        answers = live.meter.take(apdu, endpoint, client=client, server=SERVER_SAP, now=live.now())
        live.arm()
        return answers

    def close(self) -> None:
        """The connection is gone."""
        for device, endpoint in self._endpoints.items():
            live = self._street[device]
            live.meter.close_link(endpoint)
            live.arm()
